"""Media messages through the door: what is checked, stored, uploaded, sent and answered."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from rasl.db.pool import Database
from rasl.graph import client as graph_client
from rasl.graph.upload_form import UploadForm
from tests import samples
from tests.api.v2.media_calls import PHONE, form, send_file, sent_bodies, uploads
from tests.serving import Api

PATH = "/api/v2/messages/media"


async def count(database: Database, table: str) -> int:
    async with database.connection() as db:
        return int(await db.fetchval(f"select count(*) from {table}"))


async def test_a_file_is_stored_uploaded_and_sent(api: Api) -> None:
    answer = await send_file(api.acme, samples.PNG, caption="The menu")
    assert answer.status == 200, answer.body
    assert list(answer.data) == [
        "message_id", "contact_id", "phone", "media_type", "media_url", "caption", "filename", "status", "sent_at",
        "chat_id", "chat_message_id",
    ]  # fmt: skip
    assert {key: answer.data[key] for key in ("phone", "media_type", "caption", "filename", "status")} == {
        "phone": "442079460011", "media_type": "image", "caption": "The menu", "filename": None, "status": "sent",
    }  # fmt: skip
    (body,) = await sent_bodies(api)
    assert (body["type"], body["image"]["caption"]) == ("image", "The menu")
    assert body["image"]["id"].isdigit()
    assert len(await uploads(api)) == 1


async def test_the_address_in_the_answer_leads_to_the_file(api: Api) -> None:
    url = (await send_file(api.acme, samples.PNG)).data["media_url"]
    path = url.removeprefix(api.settings.base_url)
    async with api.acme.session.get(api.base_url + path) as loaded:
        assert await loaded.read() == samples.PNG
        assert loaded.headers["content-type"] == "image/png"


@pytest.mark.parametrize(("kind", "name", "content", "mime_type"), samples.GOOD, ids=samples.NAMES)
async def test_every_format_reaches_meta(
    api: Api, kind: str, name: str, content: bytes, mime_type: str
) -> None:
    answer = await send_file(api.acme, content, name, media_type=kind)
    assert (answer.status, answer.data["status"]) == (200, "sent"), answer.body
    (body,) = await sent_bodies(api)
    assert body["type"] == kind
    assert body[kind].get("voice", False) is (content == samples.opus(1))
    assert body[kind].get("filename") == (name if kind == "document" else None)
    assert mime_type


async def test_a_webp_goes_out_as_what_whatsapp_shows_as_an_image(api: Api, database: Database) -> None:
    await send_file(api.acme, samples.picture("WEBP"), "menu.webp")
    await send_file(api.acme, samples.picture("WEBP", mode="RGBA"), "logo.webp")
    async with database.connection() as db:
        rows = await db.fetch("select mime_type, filename from media order by id")
    assert [tuple(row) for row in rows] == [("image/jpeg", "menu.jpg"), ("image/png", "logo.png")]


async def test_one_file_is_stored_and_uploaded_once(api: Api, database: Database) -> None:
    for name in ("a.png", "b.png"):
        assert (await send_file(api.acme, samples.PNG, name)).status == 200
    assert len(await uploads(api)) == 1
    assert len(await sent_bodies(api)) == 2
    assert (await count(database, "media"), await count(database, "media_uploads")) == (1, 1)


async def test_parallel_sends_of_one_file_share_what_is_stored(api: Api, database: Database) -> None:
    answers = await asyncio.gather(*(send_file(api.acme, samples.JPEG, "a.jpg") for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert (await count(database, "media"), await count(database, "media_uploads")) == (1, 1)
    assert len(await uploads(api)) == 1
    assert len({body["image"]["id"] for body in await sent_bodies(api)}) == 1


async def test_tenants_do_not_share_files(api: Api, database: Database) -> None:
    await send_file(api.acme, samples.PNG)
    await send_file(api.globex, samples.PNG)
    assert (await count(database, "media"), await count(database, "media_uploads")) == (2, 2)


async def test_a_file_meta_has_dropped_is_uploaded_again(api: Api, database: Database) -> None:
    await send_file(api.acme, samples.PNG)
    error = {"kind": "error", "code": 100}
    await api.simulator.post(
        "/_control/faults", {"when": {"next": 1}, "match": {"endpoint": "messages"}, "effect": error}
    )
    answer = await send_file(api.acme, samples.PNG)
    assert (answer.status, answer.data["status"]) == (200, "sent")
    assert len(await uploads(api)) == 2
    ids = [body["image"]["id"] for body in await sent_bodies(api)]
    assert ids[0] == ids[1] != ids[2]
    assert await count(database, "media_uploads") == 1


async def test_an_id_that_expired_at_meta_before_its_time_is_renewed(api: Api, database: Database) -> None:
    await send_file(api.acme, samples.PNG)
    await api.simulator.post("/_control/clock", {"advance": 31 * 86_400})
    answer = await send_file(api.acme, samples.PNG)
    assert (answer.status, answer.data["status"]) == (200, "sent"), answer.body
    assert len(await uploads(api)) == 2
    assert await count(database, "media_uploads") == 1


async def test_an_upload_that_is_too_old_is_not_used(api: Api, database: Database) -> None:
    await send_file(api.acme, samples.PNG)
    async with database.connection() as db:
        await db.execute("update media_uploads set expires_at = now() - interval '1 second'")
    await send_file(api.acme, samples.PNG)
    assert len(await uploads(api)) == 2


@pytest.mark.parametrize(
    ("effect", "status", "outcomes"),
    [
        ("html_502", "sent", ["not_sent", "accepted"]),
        ("drop_after_accept", "sent", ["not_sent", "accepted"]),
        ({"kind": "error", "code": 131000}, "sent", ["refused", "accepted"]),
        ({"kind": "error", "code": 131005}, "failed", ["refused"]),
    ],
)
async def test_a_failed_upload_is_never_ambiguous(
    api: Api, effect: object, status: str, outcomes: list[str]
) -> None:
    fault = {"when": {"next": 1}, "match": {"endpoint": "media"}, "effect": effect}
    assert (await api.simulator.post("/_control/faults", fault)).status == 200
    answer = await send_file(api.acme, samples.PNG)
    message_id = answer.details["chat_message_id"] if status == "failed" else answer.data["chat_message_id"]
    message = (await api.acme.get(f"/api/v2/messages/{message_id}?include=timeline")).data
    assert message["status"] in {status, "delivered", "read"}
    assert not message["is_ambiguous"]
    assert [step["outcome"] for step in message["timeline"] if step["step"] == "attempt"] == outcomes
    assert len(await sent_bodies(api)) == (status == "sent")


async def test_a_program_named_like_a_picture_is_refused(api: Api, database: Database) -> None:
    answer = await send_file(api.acme, samples.EXE, "photo.png")
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert answer.details == {"media_file": ["The media_file field does not hold what it should: a png file"]}
    assert await count(database, "media") == 0


async def test_all_wrong_fields_are_named_at_once_and_nothing_is_stored(api: Api, database: Database) -> None:
    answer = await send_file(
        api.acme, samples.EXE, "photo.png", phone="123", caption="x" * 1025, mood="x",
        **{"contact[email]": "no", "dry_run": "perhaps"},
    )  # fmt: skip
    assert answer.status == 422
    assert set(answer.details) == {"media_file", "phone", "caption", "contact.email", "dry_run"}
    assert answer.body["meta"]["ignored"] == [{"field": "mood"}]
    assert await count(database, "media") == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"phone": "+44 20 7946"}, "phone"),
        ({"phone": "+44 20 7946 0011 2233 44"}, "phone"),
        ({"media_type": "audio", "caption": "no"}, "caption"),
        ({"media_type": "song"}, "media_type"),
        ({"filename": "x" * 256}, "filename"),
        ({"media_url": "http://127.0.0.1/a.png"}, "media_url"),
        ({"contact.email": "nobody"}, "contact.email"),
        ({"contact[groups]": "1,b"}, "contact.groups"),
        ({"contact[groups]": "999999"}, "contact.groups"),
        ({"contact[mood]": "good", "dry_run": "true"}, "contact.mood"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, fields: dict[str, str], field: str) -> None:
    answer = await send_file(api.acme, samples.PNG, **fields)
    assert answer.status == 422, answer.body
    assert field in answer.details


async def test_a_source_is_required_and_only_one(api: Api) -> None:
    none = await send_file(api.acme, None)
    assert (none.status, set(none.details)) == (422, {"media_file", "media_url"})
    both = await send_file(api.acme, samples.PNG, media_url="http://127.0.0.1/a.png", media_id="1")
    assert (both.status, set(both.details)) == (422, {"media_file", "media_url", "media_id"})


async def test_a_file_over_its_limit_is_refused(api: Api) -> None:
    answer = await send_file(api.acme, samples.PNG + bytes(5 * 1024 * 1024), "a.png")
    assert answer.details == {"media_file": ["The media_file field must not be larger than 5 MB"]}


async def test_a_new_contact_gets_its_profile(api: Api) -> None:
    group = (await api.acme.post("/api/v2/groups", {"name": "Guests"})).data["id"]
    fields = {
        "contact[firstname]": "Priya",
        "contact.lastname": "Nair",
        "contact[email]": "priya@harbour.test",
        "contact[country]": "India",
        "contact[assigned_id]": "7",
        "contact[groups]": f"{group}, {group}",
    }
    answer = await send_file(api.acme, samples.PNG, caption="Hi @{contact_first_name}", **fields)
    assert answer.data["caption"] == "Hi Priya"
    contact = (await api.acme.get(f"/api/v2/contacts/{answer.data['contact_id']}?include=groups")).data
    assert {key: contact[key] for key in ("firstname", "lastname", "email", "assigned_id")} == {
        "firstname": "Priya", "lastname": "Nair", "email": "priya@harbour.test", "assigned_id": 7,
    }  # fmt: skip
    assert contact["attributes"] == {"country": "India"}
    assert [item["id"] for item in contact["groups"]] == [group]
    again = await send_file(api.acme, samples.PNG, **(fields | {"contact[firstname]": "Other"}))
    assert again.data["contact_id"] == answer.data["contact_id"]
    assert (await api.acme.get(f"/api/v2/contacts/{answer.data['contact_id']}")).data["firstname"] == "Priya"


async def test_a_new_contact_cannot_have_anothers_email_or_group(api: Api) -> None:
    group = (await api.globex.post("/api/v2/groups", {"name": "Theirs"})).data["id"]
    await send_file(api.acme, samples.PNG, **{"contact[email]": "priya@harbour.test"})
    taken = await send_file(
        api.acme, samples.PNG, phone="+442079460012", **{"contact[email]": "Priya@Harbour.test"}
    )
    assert (taken.status, taken.details) == (422, {"contact.email": ["This email address already exists"]})
    foreign = await send_file(api.acme, samples.PNG, **{"contact[groups]": str(group)})
    assert (foreign.status, list(foreign.details)) == (422, ["contact.groups"])


async def test_a_dry_run_checks_the_file_and_stores_nothing(api: Api, database: Database) -> None:
    answer = await send_file(api.acme, samples.PNG, dry_run="true", caption="x")
    assert (answer.status, answer.data["would_send"]) == (200, True)
    assert answer.data["payload"]["image"]["caption"] == "x"
    assert (await send_file(api.acme, samples.EXE, dry_run="true")).status == 422
    assert [await count(database, table) for table in ("media", "messages", "contacts")] == [0, 0, 0]
    assert await uploads(api) == []


async def test_a_repeated_form_is_answered_again_and_sent_once(api: Api) -> None:
    first = await send_file(api.acme, samples.PNG, key="order-1", caption="x")
    second = await send_file(api.acme, samples.PNG, key="order-1", caption="x")
    assert second.body == first.body
    assert second.headers["idempotent-replayed"] == "true"
    other = await send_file(api.acme, samples.JPEG, "a.jpg", key="order-1", caption="x")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(await sent_bodies(api)) == 1


async def test_a_repeated_form_that_meta_refused_is_refused_again(api: Api) -> None:
    fault = {
        "when": {"next": 1},
        "match": {"endpoint": "messages"},
        "effect": {"kind": "error", "code": 131005},
    }
    await api.simulator.post("/_control/faults", fault)
    first = await send_file(api.acme, samples.PNG, key="order-2")
    second = await send_file(api.acme, samples.PNG, key="order-2")
    assert (first.status, first.code) == (500, "MESSAGE_SEND_FAILED")
    assert second.body == first.body
    assert len(await sent_bodies(api)) == 1


async def test_a_form_that_was_refused_frees_its_key(api: Api) -> None:
    assert (await send_file(api.acme, samples.EXE, key="order-3")).status == 422
    assert (await send_file(api.acme, samples.PNG, key="order-3")).status == 200


async def test_forms_with_one_key_at_the_same_time_send_once(api: Api) -> None:
    answers = await asyncio.gather(*(send_file(api.acme, samples.PNG, key="order-4") for _ in range(5)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert len(await sent_bodies(api)) == 1


async def test_a_sticker_has_a_path_of_its_own(api: Api) -> None:
    answer = await api.acme.post("/api/v2/messages/sticker", data=form(samples.WEBP, "a.webp", phone=PHONE))
    assert (answer.status, answer.data["media_type"]) == (200, "sticker"), answer.body
    (body,) = await sent_bodies(api)
    assert set(body["sticker"]) == {"id"}
    png = await api.acme.post("/api/v2/messages/sticker", data=form(samples.PNG, "a.png", phone=PHONE))
    assert (png.status, list(png.details)) == (422, ["media_file"])


async def test_a_stored_file_can_be_sent_by_its_id_as_json(api: Api) -> None:
    stored = await api.acme.post(
        "/api/v2/media", data=form(samples.PDF, "Über uns.pdf", media_type="document")
    )
    assert stored.status == 201, stored.body
    media_id = stored.data["id"]
    body = {"phone": PHONE, "media_type": "document", "media_id": media_id, "context": None}
    assert (await api.acme.post(PATH, body)).data["filename"] == "Über uns.pdf"
    assert (await api.acme.post(PATH, body | {"media_type": "image"})).details == {
        "media_id": ["The file cannot be sent as image: it is application/pdf"]
    }
    for client in (api.globex,):
        answer = await client.post(PATH, body)
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
        assert (await client.get(f"/api/v2/media/{media_id}")).status == 404
    found = (await api.reader.get(f"/api/v2/media/{media_id}")).data
    assert (found["mime_type"], found["size"]) == ("application/pdf", len(samples.PDF))


async def test_a_message_leads_to_its_file(api: Api) -> None:
    sent = (await send_file(api.acme, samples.PNG)).data
    message = (await api.acme.get(f"/api/v2/messages/{sent['chat_message_id']}")).data
    assert re.fullmatch(r"http://[^/]+/media/[\w-]+=*", message["url"])
    text = (await api.acme.send(PHONE)).data
    assert (await api.acme.get(f"/api/v2/messages/{text['chat_message_id']}")).data["url"] is None


async def test_a_media_message_can_quote_another_and_be_left_to_the_worker(api: Api) -> None:
    first = (await api.acme.send(PHONE)).data
    data = form(
        samples.PNG, phone=PHONE, media_type="image", **{"context[message_id]": str(first["chat_message_id"])}
    )
    answer = await api.acme.post(PATH, data=data)
    assert answer.status == 200, answer.body
    assert (await sent_bodies(api))[-1]["context"] == {"message_id": first["message_id"]}
    later = await api.acme.post(
        PATH, data=form(samples.PNG, phone=PHONE, media_type="image"), headers={"prefer": "respond-async"}
    )
    assert (later.status, later.data["status"]) == (202, "queued")


NAMED: tuple[tuple[str, str, bytes, str], ...] = (
    ("audio", "note.opus", samples.opus(1), "note.ogg"),
    ("audio", "note", samples.opus(1), "note.ogg"),
    ("document", "Invoice No. 7", samples.PDF, "Invoice No. 7.pdf"),
    ("document", "Invoice.PDF", samples.PDF, "Invoice.PDF"),
    ("video", "clip.3gp", samples.film(), "clip.mp4"),
    ("image", "menu.webp", samples.WEBP, "menu.jpg"),
)


@pytest.mark.parametrize(
    ("kind", "name", "content", "uploaded"),
    NAMED,
    ids=[f"{name}-{uploaded}" for _, name, _, uploaded in NAMED],
)
async def test_meta_gets_the_name_of_the_true_kind_and_the_recipient_the_callers(
    api: Api, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, content: bytes, uploaded: str
) -> None:
    heads: list[bytes] = []

    class Watched(UploadForm):
        async def body(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            async for chunk in super().body(chunks):
                heads.append(chunk)
                yield chunk

    monkeypatch.setattr(graph_client, "UploadForm", Watched)
    assert (await send_file(api.acme, content, name, media_type=kind)).status == 200
    assert f'filename="{uploaded}"'.encode() in heads[0]
    (body,) = await sent_bodies(api)
    assert body[kind].get("filename") == (name if kind == "document" else None)
