"""GET /messages and GET /messages/{id}."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.serving import Api

LIST = "/api/v2/messages"


async def fill(api: Api, count: int) -> list[int]:
    """Send texts to as many people; returns the message ids, oldest first."""
    answers = [await api.acme.send(f"+44207946{n:04}", f"text number {n}") for n in range(count)]
    return [answer.data["chat_message_id"] for answer in answers]


async def ids(api: Api, query: str) -> list[int]:
    return [item["id"] for item in (await api.acme.get(f"{LIST}?{query}")).data]


async def test_the_list_shows_the_newest_first_with_the_contracts_fields(api: Api) -> None:
    made = await fill(api, 3)
    answer = await api.acme.get(LIST)
    assert [item["id"] for item in answer.data] == made[::-1]
    item = answer.data[0]
    assert item["message"] == "text number 2"
    assert (item["type"], item["status"], item["direction"], item["is_read"]) == (
        "text",
        "sent",
        "outbound",
        False,
    )
    assert item["sender_id"] == "15550783881"
    assert set(item) >= {
        "id",
        "interaction_id",
        "sender_id",
        "type",
        "message",
        "status",
        "message_id",
        "sent_at",
    }
    assert answer.body["meta"]["pagination"] == {
        "current_page": 1,
        "per_page": 15,
        "count": 3,
        "total": 3,
        "total_pages": 1,
        "last_page": 1,
        "from": 1,
        "to": 3,
        "has_more": False,
        "next_cursor": None,
    }


async def test_the_alias_answers_the_same(api: Api) -> None:
    await fill(api, 1)
    assert (await api.acme.get("/api/v2/messages/messages")).data == (await api.acme.get(LIST)).data


async def test_pages_follow_each_other(api: Api) -> None:
    made = (await fill(api, 7))[::-1]
    assert [await ids(api, f"per_page=3&page={page}") for page in (1, 2, 3, 4)] == [
        made[:3],
        made[3:6],
        made[6:],
        [],
    ]
    pagination = (await api.acme.get(f"{LIST}?per_page=3&page=3")).body["meta"]["pagination"]
    numbers = {"current_page": 3, "per_page": 3, "total": 7, "last_page": 3, "from": 7, "to": 7}
    assert pagination == {**numbers, "total_pages": 3, "count": 1, "has_more": False, "next_cursor": None}


async def test_a_walk_by_cursor_sees_every_message_once(api: Api) -> None:
    made = (await fill(api, 7))[::-1]
    seen: list[int] = []
    query: str | None = "per_page=3"
    while query:
        answer = await api.acme.get(f"{LIST}?{query}")
        seen += [item["id"] for item in answer.data]
        cursor = answer.body["meta"]["pagination"]["next_cursor"]
        query = f"per_page=3&cursor={cursor}" if cursor else None
    assert seen == made
    assert answer.body["meta"]["pagination"] == {
        "current_page": None,
        "per_page": 3,
        "count": 1,
        "total": None,
        "total_pages": None,
        "last_page": None,
        "from": None,
        "to": None,
        "has_more": False,
        "next_cursor": None,
    }


async def test_a_cursor_of_a_stranger_shows_nothing_of_theirs(api: Api) -> None:
    await fill(api, 4)
    cursor = (await api.acme.get(f"{LIST}?per_page=2")).body["meta"]["pagination"]["next_cursor"]
    assert (await api.globex.get(f"{LIST}?cursor={cursor}")).data == []


@pytest.mark.parametrize("cursor", ["x", "....", "AAAA", "%00", "kw", "\u0661"])
async def test_a_bad_cursor_is_named(api: Api, cursor: str) -> None:
    answer = await api.acme.get(f"{LIST}?cursor={cursor}")
    assert (answer.status, list(answer.body["error"]["details"])) == (422, ["cursor"])


async def test_filters_search_and_sort_narrow_the_list(api: Api, database: Database) -> None:
    made = await fill(api, 4)
    async with database.connection() as db:
        await db.execute("update messages set status = 'failed' where id = $1", made[1])
        await db.execute(
            "update messages set direction = 'inbound', status = 'received' where id = $1", made[2]
        )
    conversation = (await api.acme.get(f"{LIST}/{made[0]}")).data["interaction_id"]
    rows: list[tuple[str, list[int]]] = [
        ("filter[status]=failed", [made[1]]),
        ("filter[status][ne]=failed", [made[3], made[2], made[0]]),
        ("filter[status][in]=failed,received", [made[2], made[1]]),
        ("filter[status][not_in]=failed,received", [made[3], made[0]]),
        ("filter[direction]=inbound", [made[2]]),
        (f"filter[interaction_id]={conversation}", [made[0]]),
        ("filter[type]=image", []),
        ("filter[nonsense]=x&sort=nonsense&include=nonsense", made[::-1]),
        ("search=NUMBER 3", [made[3]]),
        ("q=number%203", [made[3]]),
        ("search=100%25", []),
        ("search=_", []),
        ("sort=created_at", made),
    ]
    for query, expected in rows:
        assert await ids(api, query) == expected, query


async def test_fields_select_and_always_keep_the_id(api: Api) -> None:
    [made] = await fill(api, 1)
    assert (await api.acme.get(f"{LIST}?fields=status,nonsense")).data == [{"id": made, "status": "sent"}]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page=x", "page"),
        ("page=0", "page"),
        ("page=99999999999999999999", "page"),
        ("per_page=-1", "per_page"),
        ("filter[interaction_id]=abc", "filter[interaction_id]"),
        ("filter[interaction_id]=99999999999999999999", "filter[interaction_id]"),
        ("filter[created_at][gte]=yesterday", "filter[created_at][gte]"),
        ("filter[status][between]=a", "filter[status][between]"),
        ("filter[status][null]=perhaps", "filter[status][null]"),
        ("search=%00", "search"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, query: str, name: str) -> None:
    answer = await api.acme.get(f"{LIST}?{query}")
    assert (answer.status, list(answer.details)) == (422, [name])


async def test_more_than_a_hundred_rows_are_never_given(api: Api) -> None:
    answer = await api.acme.get(f"{LIST}?per_page=5000")
    assert answer.body["meta"]["pagination"]["per_page"] == 100


async def test_a_message_is_found_by_id_and_by_wamid(api: Api) -> None:
    sent = (await api.acme.send("+442079460011")).data
    by_id = await api.acme.get(f"{LIST}/{sent['chat_message_id']}")
    by_wamid = await api.acme.get(f"{LIST}/{sent['message_id']}")
    assert by_id.data == by_wamid.data
    assert by_id.data["contact_id"] == sent["contact_id"]
    assert {"status_message", "ref_message_id", "url", "staff_id"} <= set(by_id.data)


@pytest.mark.parametrize(
    "name", ["0", "999999", "9" * 30, "-1", "abc", "wamid.unknown", "1%00", "%C3%A4", "1/2"]
)
async def test_a_message_that_is_not_there_is_not_found(api: Api, name: str) -> None:
    answer = await api.acme.get(f"{LIST}/{name}")
    assert (answer.status, answer.code, answer.body["error"]["message"]) == (
        404,
        "NOT_FOUND",
        "Message not found",
    )


async def test_a_strangers_messages_do_not_exist(api: Api) -> None:
    theirs = (await api.globex.send("+442079460011")).data
    for name in (theirs["chat_message_id"], theirs["message_id"]):
        foreign: Any = await api.acme.get(f"{LIST}/{name}?include=timeline")
        missing = await api.acme.get(f"{LIST}/999999999")
        assert (foreign.status, foreign.body["error"]) == (404, missing.body["error"])
    assert (await api.acme.get(LIST)).data == []
    assert (await api.acme.get(f"{LIST}?filter[interaction_id]={theirs['chat_id']}")).data == []
    assert (await api.acme.get(f"{LIST}?search=hello")).data == []
