"""Every kind of event is caused through its door, and is as the catalogue says; one that nobody causes is missed."""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from rasl import clock
from rasl.db.pool import Database
from rasl.domain.events.catalogue import CATALOGUE
from rasl.domain.events.formats import Stored
from rasl.sealing import Sealer
from rasl.services.otp import guard
from tests.api.v2.codes import AUTH, connect_templates, send_otp, verify
from tests.api.v2.contact_calls import create, delete, patch
from tests.api.v2.templated import ORDER, have
from tests.hearing import hear, heard, told, types
from tests.ingest import posts
from tests.ingest.posts import Post, body, status, text
from tests.serving import Api
from tests.world import Person, World

ID = "1689556908129832"
# Caused where they belong, by tests of their own: an endpoint is disabled where deliveries are.
ELSEWHERE = {"webhook.disabled"}
caused: set[str] = set()


@pytest.fixture(autouse=True)
async def all_is_heard(database: Database, world: World) -> None:
    await hear(database, world.acme.tenant_id, "*", "meta")


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


async def events(database: Database, pattern: str = "%") -> list[dict[str, Any]]:
    found = await heard(database, pattern)
    caused.update(types(found))
    return found


@pytest.mark.parametrize("noun", ["source", "status", "group"])
async def test_labels(api: Api, database: Database, noun: str) -> None:
    url = {"source": "/api/v2/sources", "status": "/api/v2/statuses", "group": "/api/v2/groups"}[noun]
    given = {"color": "#10B981"} if noun == "status" else {}
    made = (await api.acme.post(url, {"name": "Won", **given})).data
    shown = (await api.acme.get(f"{url}/{made['id']}")).data
    for name in ("Done", "Done"):
        assert (await api.acme.call("PATCH", f"{url}/{made['id']}", json={"name": name})).status == 200
    assert (await api.acme.call("DELETE", f"{url}/{made['id']}")).status == 200
    created, updated, gone = await events(database, f"{noun}.%")
    assert types([created, updated, gone]) == [f"{noun}.{word}" for word in ("created", "updated", "deleted")]
    assert created["data"]["resource"]["attributes"] == shown == created["changes"]["current"]
    assert updated["changes"] == {
        "previous": {"name": "Won"},
        "current": {"name": "Done"},
        "modified_fields": ["name"],
    }
    assert gone["changes"]["previous"]["name"] == "Done"
    assert all(event["metadata"]["request_id"] for event in (created, updated, gone))


async def test_a_label_that_stays_is_not_told_as_gone(api: Api, database: Database) -> None:
    await create(api)
    answer = await api.acme.call("DELETE", f"/api/v2/sources/{api.world.acme.source_id}")
    assert answer.status == 409
    assert await events(database, "source.%") == []


async def test_contacts(api: Api, database: Database) -> None:
    made = await create(api)
    await patch(api.acme, made["id"], city="York")
    await delete(api.acme, made["id"])
    assert types(await events(database)) == ["contact.created", "contact.updated", "contact.deleted"]


async def test_a_message_on_its_way(api: Api, database: Database, post: Post) -> None:
    acme = api.world.acme
    answer = await api.acme.send("+16505551234", "Hello")
    shown = (await api.acme.get(f"/api/v2/messages/{answer.data['chat_message_id']}")).data
    (sent,) = await events(database, "message.%")
    attributes = sent["data"]["resource"]["attributes"]
    assert attributes == {name: shown[name] for name in attributes if name in shown} | {
        "phone": "16505551234"
    }
    assert sent["metadata"]["request_id"] == answer.body["meta"]["request_id"]
    for word in ("sent", "delivered", "delivered", "read", "played"):
        raw = posts.statuses(acme, status(shown["message_id"], word, 5))
        await post.deliver(acme, raw)
    found = await events(database, "message.%")
    assert types(found) == ["message.sent", "message.delivered", "message.read", "message.played"]
    assert found[-1]["data"]["resource"]["attributes"]["is_read"] is True
    assert await originals(database, "message.delivered") == [
        {
            "object": "whatsapp_business_account",
            "entry": [
                {
                    "id": acme.waba_id,
                    "changes": [
                        {
                            "value": posts.value(
                                acme, statuses=[status(shown["message_id"], "delivered", 5)]
                            ),
                            "field": "messages",
                        }
                    ],
                }
            ],
        }
    ]


async def originals(database: Database, type_: str) -> list[Any]:
    """Return what Meta posted, as endpoints of that format are told of it."""
    async with database.connection() as db:
        rows = await db.fetch("select * from events where type = $1 order by id", type_)
    stored = [Stored(row["key"], row["type"], row["created_at"], row["payload"]) for row in rows]
    return [told(item, "meta")["whatsapp"]["original_payload"] for item in stored]


async def test_messages_that_end_badly(api: Api, database: Database, post: Post) -> None:
    for effect in ("drop_after_accept", "error_500_before_accept"):
        await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": effect})
    await api.acme.send("+16505551234", "Hello")
    acme = api.world.acme
    late = (await api.acme.send("+16505551235", "Hello")).data
    row = await post.row("select wamid from messages where id = $1", late["chat_message_id"])
    if row["wamid"]:
        failed = status(row["wamid"], "failed", 5, errors=posts.failure())
        await post.deliver(acme, posts.statuses(acme, failed))
    found = {event["event"]["type"]: event for event in await events(database, "message.%")}
    assert "message.unknown" in found
    assert found["message.failed"]["data"]["resource"]["attributes"]["error_code"] == 131047


def now_text(wamid: str, words: str, **more: Any) -> dict[str, Any]:
    return text(wamid, words, **more) | {"timestamp": str(int(clock.now().timestamp()))}


async def test_a_person_writes(api: Api, database: Database, post: Post) -> None:
    acme = api.world.acme
    raw = posts.messages(acme, now_text("wamid.1", "Hello ☕"), now_text("wamid.2", "stop"))
    await post.deliver(acme, raw, raw)
    await post.deliver(acme, posts.messages(acme, now_text("wamid.3", "start")))
    found = await events(database)
    assert sorted(types(found)) == [
        "consent.given",
        "consent.withdrawn",
        "contact.created",
        "contact.updated",
        "contact.updated",
        "conversation.opened",
        "message.received",
        "message.received",
        "message.received",
    ]
    first = next(event for event in found if event["event"]["type"] == "message.received")
    assert first["data"]["resource"]["attributes"]["message"] == "Hello ☕"
    (opened,) = [event for event in found if event["event"]["type"] == "conversation.opened"]
    assert opened["data"]["resource"]["attributes"]["phone_number_id"] == acme.phone_number_id
    one, other, _ = await originals(database, "message.received")
    assert one == other, "it is the change that Meta posted, whole"
    assert len(one["entry"][0]["changes"][0]["value"]["messages"]) == 2


def notice(person: Person, field: str, **value: Any) -> bytes:
    told_of = {"message_template_id": int(ID), "message_template_name": "order_update", **value}
    raw = body((person, told_of), field=field)
    moment = int((clock.now() + dt.timedelta(seconds=1)).timestamp())
    return raw.replace(b'"changes"', b'"time": %d, "changes"' % moment)


async def test_a_template(api: Api, database: Database, post: Post) -> None:
    acme = api.world.acme
    await have(api, {**ORDER, "id": ID})
    for word in ("REJECTED", "APPROVED", "PAUSED", "DISABLED", "IN_APPEAL"):
        await post.deliver(acme, notice(acme, "message_template_status_update", event=word, reason="NONE"))
    await post.deliver(acme, notice(acme, "message_template_quality_update", new_quality_score="YELLOW"))
    raw = notice(acme, "template_category_update", new_category="MARKETING", previous_category="UTILITY")
    await post.deliver(acme, raw, raw)
    components = [{"type": "BODY", "text": "Hello {{1}}, order {{2}} left"}]
    await have(api, {**ORDER, "id": ID, "components": components, "status": "APPROVED"})
    found = await events(database, "template.%")
    assert types(found)[:8] == [
        f"template.{word}"
        for word in ("created", "rejected", "approved", "paused", "disabled", "status", "quality", "category")
    ]
    assert "template.updated" in types(found)
    quality = found[6]
    assert quality["changes"]["current"] == {"quality": "YELLOW"}
    assert (await originals(database, "template.paused"))[0]["entry"][0]["changes"][0]["value"][
        "event"
    ] == "PAUSED"
    row = await post.row("select id from templates")
    assert (await api.acme.call("DELETE", f"/api/v2/templates/{row['id']}")).status == 200
    assert types(await events(database, "template.%"))[-1] == "template.deleted"


async def test_a_number(api: Api, database: Database, post: Post) -> None:
    acme = api.world.acme
    async with database.connection() as db:
        await db.execute("update whatsapp_numbers set display_phone_number = '+44 20 7946 0000'")
    named = {"display_phone_number": "442079460000"}
    limit = {"event": "FLAGGED", "current_limit": "TIER_10K", **named}
    name = {"decision": "APPROVED", "requested_verified_name": "Harbour Books", **named}
    for _ in range(2):
        await post.deliver(acme, body((acme, limit), field="phone_number_quality_update"))
        await post.deliver(acme, body((acme, name), field="phone_number_name_update"))
    url = f"/api/v2/numbers/{acme.phone_number_id}"
    answer = await api.acme.call("DELETE", url)
    assert answer.status == 200, answer.body
    found = await events(database, "number.%")
    assert types(found) == ["number.limit", "number.quality", "number.name", "number.state"]
    assert found[-1]["changes"]["current"]["state"] == "disconnected"
    assert len(await originals(database, "number.limit")) == 1


async def test_what_changes_nothing_here(api: Api, database: Database, post: Post) -> None:
    acme, value = api.world.acme, {"event": "VERIFIED_ACCOUNT", "z": 1.0}
    raw = body((acme, value), field="account_update")
    await post.deliver(acme, raw)
    (event,) = await events(database)
    assert event["data"]["resource"]["attributes"]["value"] == value
    assert (await originals(database, "whatsapp.other"))[0]["entry"][0]["changes"] == [
        {"value": value, "field": "account_update"}
    ]
    await post.deliver(api.world.globex, raw)
    assert len(await events(database)) == 1, "another's app does not speak for acme"


async def test_codes(api: Api, database: Database, post: Post) -> None:
    acme = api.world.acme
    await connect_templates(api)
    few: Any = {"otp_alarm_sends": 1, "otp_alarm_ratio": 0.9}
    arrived = (await send_otp(api.acme)).data
    await post.deliver(acme, posts.statuses(acme, status(arrived["message_id"], "delivered")))
    await verify(api.acme)
    lost = (await send_otp(api.acme, phone="+44 20 7946 0012")).data
    failed = status(lost["message_id"], "failed", errors=posts.failure())
    await post.deliver(acme, posts.statuses(acme, failed))
    while (await send_otp(api.acme, phone="+44 20 7946 0013")).status == 200:
        pass
    await post.rows("update otps set expires_at = now() where verified_at is null")
    assert await guard.raise_alarms(database, dataclasses.replace(api.settings, **few))
    challenge = (await api.acme.post(f"{AUTH}/challenge", {"purpose": "login"})).data
    await post.deliver(acme, posts.messages(acme, now_text("wamid.9", challenge["text"])))
    assert set(types(await events(database, "otp.%"))) == {
        f"otp.{word}" for word in ("sent", "delivered", "verified", "failed", "blocked", "alarm")
    }
    assert types(await events(database, "challenge.%")) == ["challenge.verified"]


def test_no_kind_is_missed() -> None:
    """The last test of this file: the others have run before it."""
    assert caused | ELSEWHERE == CATALOGUE.keys()
