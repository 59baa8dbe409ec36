"""/comments/{mobile}."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from rasl.db.pool import Database
from tests.serving import Api, Client

PHONE = "+442079460011"
COMMENTS = "/api/v2/comments"


async def comment(client: Client, mobile: str = PHONE, **body: Any) -> Any:
    return await client.post(f"{COMMENTS}/{quote(mobile, safe='')}", {"comment": "hello", **body})


async def listed(client: Client, mobile: str = PHONE, query: str = "") -> Any:
    return await client.get(f"{COMMENTS}/{quote(mobile, safe='')}?{query}")


async def test_a_comment_is_stored_with_what_was_given(api: Api) -> None:
    chat = (await api.acme.send(PHONE)).data["chat_id"]
    given = {
        "comment": "<b>Call</b> after five &amp; <script>alert(1)</script>",
        "status_message": "Escalated",
        "media_url": "https://files.example.com/a/photo.jpg?x=1#y",
        "message_id": "wamid.abc",
        "ref_message_id": "ref-1",
    }
    added = await comment(api.acme, **given)
    assert (added.status, added.body["message"]) == (200, "Comment added successfully")
    assert added.data == {
        "tenant_id": api.world.acme.tenant_id,
        "interaction_id": chat,
        "sender_id": "15550783881",
        "status_message": "Escalated",
        "url": given["media_url"],
        "message_id": "wamid.abc",
        "ref_message_id": "ref-1",
        "chat_message_id": added.data["chat_message_id"],
    }
    [item] = (await listed(api.acme)).data
    assert item.pop("created_at")
    assert item == {
        "id": added.data["chat_message_id"],
        "interaction_id": chat,
        "sender_id": "15550783881",
        "type": "text",
        "message": given["comment"],
        "status_message": "Escalated",
        "url": given["media_url"],
        "message_id": "wamid.abc",
        "ref_message_id": "ref-1",
    }


async def test_what_is_left_out_has_its_default(api: Api) -> None:
    await api.acme.send(PHONE)
    data = (await comment(api.acme, status_message=None, media_url="")).data
    assert data["status_message"] == "Internal comment"
    assert (data["url"], data["message_id"], data["ref_message_id"]) == (None, None, None)


async def test_the_list_has_the_newest_first_in_pages(api: Api) -> None:
    await api.acme.send(PHONE)
    for n in range(5):
        await comment(api.acme, comment=f"note {n}")
    pages = [await listed(api.acme, query=f"per_page=2&page={page}") for page in (1, 2, 3)]
    assert [[item["message"] for item in page.data] for page in pages] == [
        ["note 4", "note 3"],
        ["note 2", "note 1"],
        ["note 0"],
    ]
    assert pages[0].body["meta"]["pagination"]["total"] == 5
    assert [item["message"] for item in (await listed(api.acme, query="search=note 3")).data] == ["note 3"]
    assert len((await listed(api.acme, query="filter[interaction_id]=1&filter[message]=x")).data) == 5
    assert [set(item) for item in (await listed(api.acme, query="fields=message&per_page=1")).data] == [
        {"id", "message"}
    ]


@pytest.mark.parametrize("query", ["page=0", "per_page=x", "search=%00"])
async def test_a_wrong_list_parameter_is_named(api: Api, query: str) -> None:
    await api.acme.send(PHONE)
    answer = await listed(api.acme, query=query)
    assert (answer.status, list(answer.details)) == (422, [query.partition("=")[0]])


@pytest.mark.parametrize(
    "spelling", ["+44 20 7946-0011", "00442079460011", "442079460011", "(+44) 2079460011"]
)
async def test_any_spelling_of_the_number_leads_to_the_conversation(api: Api, spelling: str) -> None:
    await api.acme.send(PHONE)
    assert (await comment(api.acme, spelling)).status == 200
    assert len((await listed(api.acme, spelling)).data) == 1


async def test_a_number_at_home_is_read_with_the_default_country(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update tenants set default_country = 'GB'")
    await api.acme.send(PHONE)

    assert (await comment(api.acme, PHONE)).status == 200
    for _ in range(100):  # the tenant's settings are known for a moment
        answer = await listed(api.acme, "020 7946 0011")
        if answer.status == 200:
            break
    assert len(answer.data) == 1


async def test_both_spellings_of_a_brazilian_line_are_one_conversation(api: Api) -> None:
    await api.acme.send("+5511987654321")
    assert (await comment(api.acme, "+551187654321")).status == 200


@pytest.mark.parametrize(
    "mobile",
    ["+442079460012", "2079460011", "abc", "0", "+", " ", "9" * 40, "\x00", "ä", "US.13491208655302741918"],
)
async def test_without_a_conversation_there_is_nothing_to_comment(api: Api, mobile: str) -> None:
    await api.acme.send(PHONE)
    for answer in (await comment(api.acme, mobile), await listed(api.acme, mobile)):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
        assert answer.body["error"]["message"] == "Conversation not found"


async def test_a_contact_without_a_conversation_cannot_be_commented(api: Api, database: Database) -> None:
    sent = (await api.acme.send(PHONE)).data
    async with database.transaction() as db:
        await db.execute("delete from messages")
        await db.execute("delete from conversations")
    assert sent["contact_id"]
    assert (await comment(api.acme)).status == 404


async def test_a_strangers_conversation_is_as_if_it_were_not_there(api: Api) -> None:
    await api.globex.send(PHONE)
    assert (await comment(api.globex)).status == 200
    for answer in (await comment(api.acme), await listed(api.acme)):
        assert (answer.status, answer.body["error"]["message"]) == (404, "Conversation not found")
    await api.acme.send(PHONE)
    assert (await listed(api.acme)).data == []


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"comment": None}, {"comment": ["Comment is required"]}),
        ({"comment": " "}, {"comment": ["Comment is required"]}),
        ({"comment": ["x"]}, {"comment": ["The comment field must be a string"]}),
        (
            {"comment": "x" * 5001},
            {"comment": ["The comment field must not be greater than 5000 characters"]},
        ),
        ({"comment": "\x00"}, {"comment": ["The comment field must not contain NUL characters"]}),
        (
            {"status_message": "x" * 256},
            {"status_message": ["The status_message field must not be greater than 255 characters"]},
        ),
        (
            {"message_id": "x" * 256, "ref_message_id": "x" * 256},
            {
                "message_id": ["The message_id field must not be greater than 255 characters"],
                "ref_message_id": ["The ref_message_id field must not be greater than 255 characters"],
            },
        ),
    ],
)
async def test_a_wrong_body_is_refused(api: Api, body: dict[str, Any], details: dict[str, Any]) -> None:
    await api.acme.send(PHONE)
    answer = await comment(api.acme, **body)
    assert (answer.status, answer.code, answer.details) == (422, "VALIDATION_ERROR", details)
    assert (await listed(api.acme)).data == []


@pytest.mark.parametrize(
    "url",
    [
        "photo.jpg",
        "ftp://example.com/x",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "http://user:password@example.com/",
        "https://example.com/a b",
        "https://example.com/\n/a",
        "https://example.com:port/",
        "https://example.com/" + "x" * 2048,
        7,
    ],
)
async def test_a_wrong_address_is_refused(api: Api, url: Any) -> None:
    await api.acme.send(PHONE)
    answer = await comment(api.acme, media_url=url)
    assert (answer.status, list(answer.details)) == (422, ["media_url"])


@pytest.mark.parametrize(
    "url", ["http://example.com", "HTTPS://ex-ample.com:8443/ä?q=1", "https://[2001:db8::1]/x"]
)
async def test_a_web_address_is_kept_as_a_link(api: Api, url: str) -> None:
    await api.acme.send(PHONE)
    assert (await comment(api.acme, media_url=url)).data["url"] == url


async def test_the_longest_comment_is_kept(api: Api) -> None:
    await api.acme.send(PHONE)
    assert (await comment(api.acme, comment="😀" * 5000)).status == 200
    assert (await listed(api.acme)).data[0]["message"] == "😀" * 5000


async def test_a_comment_is_never_sent_and_never_a_message(api: Api) -> None:
    await api.acme.send(PHONE)
    messages = (await api.acme.get("/api/v2/messages")).data
    requests = (await api.simulator.get("/_control/requests?limit=1000")).body["data"]
    await comment(api.acme, comment="secret")
    assert (await api.acme.get("/api/v2/messages")).data == messages
    assert (await api.acme.get("/api/v2/messages?search=secret")).data == []
    assert (await api.simulator.get("/_control/requests?limit=1000")).body["data"] == requests


async def test_a_repeated_comment_with_a_key_is_stored_once(api: Api) -> None:
    await api.acme.send(PHONE)
    url = f"{COMMENTS}/{quote(PHONE)}"
    answers = await asyncio.gather(
        *(api.acme.post(url, {"comment": "x"}, headers={"idempotency-key": "note-1"}) for _ in range(5))
    )
    assert {answer.status for answer in answers} <= {200, 409}
    assert len((await listed(api.acme)).data) == 1


async def test_the_comments_of_all_conversations_with_a_person_are_listed(
    api: Api, database: Database
) -> None:
    first = (await api.acme.send(PHONE)).data
    await comment(api.acme, comment="first")
    async with database.transaction() as db:
        second = await db.fetchval(
            """
            with number as (
                insert into whatsapp_numbers (tenant_id, app_id, waba_id, phone_number_id, access_token_sealed,
                                              verify_token_digest)
                select tenant_id, app_id, waba_id, '777', access_token_sealed, verify_token_digest
                from whatsapp_numbers where tenant_id = $1 returning id
            )
            insert into conversations (tenant_id, number_id, contact_id) select $1, id, $2 from number returning id
            """,
            api.world.acme.tenant_id,
            first["contact_id"],
        )
    added = (await comment(api.acme, comment="second")).data
    assert (added["interaction_id"], added["sender_id"]) == (second, None)
    items = (await listed(api.acme)).data
    assert [(item["message"], item["interaction_id"]) for item in items] == [
        ("second", second),
        ("first", first["chat_id"]),
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_any_valid_token_will_do_and_no_other(api: Api, method: str) -> None:
    await api.acme.send(PHONE)
    url = f"{COMMENTS}/{quote(PHONE)}"
    body = {"json": {"comment": "x"}} if method == "POST" else {}
    assert (await api.reader.call(method, url, **body)).status == 200
    assert (await api.nobody.call(method, url, **body)).status == 401


@pytest.mark.parametrize("kind", ["bsuid", "parent_bsuid"])
async def test_somebody_without_a_phone_is_found_by_metas_id(api: Api, database: Database, kind: str) -> None:
    chat = (await api.acme.send(PHONE)).data["chat_id"]
    async with database.connection() as db:
        await db.execute("update contact_aliases set kind = $1, value = 'GB.13491208655302741918'", kind)
        await db.execute("update contacts set phone = null")
    added = await comment(api.acme, "GB.13491208655302741918")
    assert (added.status, added.data["interaction_id"]) == (200, chat)
    assert [item["interaction_id"] for item in (await listed(api.acme, "GB.13491208655302741918")).data] == [
        chat
    ]
    for answer in (
        await listed(api.acme, "GB.13491208655302741919"),
        await listed(api.globex, "GB.13491208655302741918"),
        await listed(api.acme),
    ):
        assert answer.status == 404
