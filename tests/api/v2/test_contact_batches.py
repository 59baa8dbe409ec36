"""Batches of contacts through HTTP: what becomes of each row, and that all is one transaction."""

import asyncio
import itertools
import time
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.contact_calls import body, counted, create, fresh_client, group, ids, limit_plan, patch
from tests.serving import Answer, Api, Client

URL = "/api/v2/contacts/batch"
PHONE_TAKEN = {"phone": ["This phone number already exists"]}
EMAIL_TAKEN = {"email": ["This email address already exists"]}
TYPE = ["Type must be either lead, customer, or guest"]


async def post(client: Client, rows: Any, **options: Any) -> Answer:
    return await client.post(URL, {"contacts": rows, **({"options": options} if options else {})})


async def delete(client: Client, contact_ids: Any) -> Answer:
    return await client.call("DELETE", URL, json={"ids": contact_ids})


def rows_of(api: Api, count: int, start: int = 0, **fields: Any) -> list[dict[str, Any]]:
    return [body(api.world.acme, f"+4420{79460000 + start + n}", **fields) for n in range(count)]


def problems(answer: Answer) -> dict[int, Any]:
    return {row["index"]: row["errors"] for row in answer.data["errors"]}


async def test_the_sample_of_the_contract(api: Api) -> None:
    first = body(api.world.acme, "+351210000001", firstname="Ana")
    second = body(api.world.acme, "+351210000001", type="vip")
    answer = await post(api.acme, [first, second], continue_on_error=True, skip_duplicates=True)
    assert answer.status == 200
    assert answer.data["success"] is True
    assert answer.data["summary"] == {"total": 2, "created": 1, "skipped": 1, "failed": 0}
    assert answer.data["skipped"] == [{"index": 1, "reason": "duplicate_phone", "data": second}]
    assert answer.data["errors"] == []
    created = answer.data["created"][0]
    assert created == (await api.acme.get(f"/api/v2/contacts/{created['id']}?include=groups")).data


async def test_each_row_is_told_what_is_wrong_with_it(api: Api, database: Database) -> None:
    await create(api, "+442079460090", email="taken@x.test")
    vip, theirs = await group(api.acme, "VIP"), await group(api.globex, "Theirs")
    acme = api.world.acme
    sent: list[Any] = [
        body(acme, "+442079460001", groups=[vip], attributes={"tier": "gold"}),
        body(acme, "+442079460090", email="TAKEN@x.test"),
        body(acme, "00442079460001"),
        body(acme, "+442079460002", email="a@x.test"),
        body(acme, "+442079460003", email="A@X.test"),
        body(acme, "+442079460004", type="vip", colour="red"),
        body(acme, "+442079460004", groups=[theirs], source_id=api.world.globex.source_id),
        body(acme, "12"),
        "a text",
        None,
        body(acme, "+442079460004", description="a\x00b"),
        body(acme, "+442079460090", type="vip"),
        body(acme, "+442079460004"),
    ]
    answer = await post(api.acme, sent)
    assert answer.data["summary"] == {"total": 13, "created": 3, "skipped": 0, "failed": 10}
    assert [item["phone"] for item in answer.data["created"]] == [
        "+442079460001",
        "+442079460002",
        "+442079460004",
    ]
    assert answer.data["created"][0]["groups"][0]["name"] == "VIP"
    assert answer.data["created"][0]["attributes"] == {"tier": "gold"}
    found = problems(answer)
    assert found == {
        1: PHONE_TAKEN | EMAIL_TAKEN,
        2: PHONE_TAKEN,
        4: EMAIL_TAKEN,
        5: {"type": TYPE},
        6: {
            "groups": ["One or more groups do not exist"],
            "source_id": ["The selected source does not exist or does not belong to your account"],
        },
        7: {"phone": found[7]["phone"]},
        8: {"": ["Expected an object"]},
        9: {"": ["Expected an object"]},
        10: {"description": ["The description field must not contain NUL characters"]},
        11: {"type": TYPE} | PHONE_TAKEN,
    }
    assert answer.body["meta"]["ignored"] == [{"field": "contacts.5.colour"}]
    assert all(row["data"] == sent[row["index"]] for row in answer.data["errors"])
    assert {row["code"] for row in answer.data["errors"]} == {"VALIDATION_ERROR"}
    assert await counted(database, acme.tenant_id) == (4, 4)


async def test_duplicates_are_skipped_when_asked(api: Api) -> None:
    await create(api, "+442079460000")
    sent = rows_of(api, 3) + rows_of(api, 1, 2)
    answer = await post(api.acme, sent, skip_duplicates=True, continue_on_error=False)
    assert answer.data["summary"] == {"total": 4, "created": 2, "skipped": 2, "failed": 0}
    assert [row["index"] for row in answer.data["skipped"]] == [0, 3]


async def test_the_first_error_undoes_the_batch_when_asked(api: Api, database: Database) -> None:
    sent = [*rows_of(api, 3), body(api.world.acme, "+442079460001", type="vip"), "x"]
    answer = await post(api.acme, sent, continue_on_error=False)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert answer.details == {
        "summary": {"total": 5, "created": 0, "skipped": 0, "failed": 1},
        "errors": [
            {"index": 3, "code": "VALIDATION_ERROR", "errors": {"type": TYPE} | PHONE_TAKEN, "data": sent[3]}
        ],
    }
    assert await counted(database, api.world.acme.tenant_id) == (0, 0)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "contacts"),
        ({"contacts": []}, "contacts"),
        ({"contacts": {}}, "contacts"),
        ({"contacts": [{}] * 1001}, "contacts"),
        ({"contacts": [{}], "options": {"continue_on_error": "perhaps"}}, "options.continue_on_error"),
        ({"contacts": [{}], "options": {"other": True}}, "options.other"),
        ({"contacts": [{}], "other": 1}, "other"),
    ],
)
async def test_a_wrong_batch_is_refused(api: Api, sent: Any, field: str) -> None:
    answer = await api.acme.post(URL, sent, headers={"prefer": "handling=strict"})
    assert (answer.status, list(answer.details)) == (422, [field])


async def test_the_plan_ends_a_batch_midway_and_refuses_the_next(api: Api, database: Database) -> None:
    await limit_plan(database, 3)
    client = await fresh_client(api, database)
    answer = await post(client, rows_of(api, 5))
    assert answer.data["summary"] == {"total": 5, "created": 3, "skipped": 0, "failed": 2}
    assert [(row["index"], row["code"]) for row in answer.data["errors"]] == [
        (3, "FEATURE_LIMIT_EXCEEDED"),
        (4, "FEATURE_LIMIT_EXCEEDED"),
    ]
    answer = await post(client, rows_of(api, 5))
    assert (answer.status, answer.code) == (403, "FEATURE_LIMIT_EXCEEDED")
    assert answer.details == {"feature": "contacts", "current": 3, "maximum": 3}
    answer = await post(client, rows_of(api, 3), skip_duplicates=True)
    assert answer.data["summary"] == {"total": 3, "created": 0, "skipped": 3, "failed": 0}
    assert await counted(database, api.world.acme.tenant_id) == (3, 3)


async def test_parallel_batches_share_the_plan_and_the_phones(api: Api, database: Database) -> None:
    await limit_plan(database, 45)
    client = await fresh_client(api, database)
    sent = rows_of(api, 60)
    answers = await asyncio.gather(*(post(client, sent[n * 5 : n * 5 + 20]) for n in range(9)))
    assert {answer.status for answer in answers} <= {200, 403}
    made = [item["phone"] for answer in answers if answer.status == 200 for item in answer.data["created"]]
    assert len(made) == len(set(made)) == 45
    assert await counted(database, api.world.acme.tenant_id) == (45, 45)


async def test_a_thousand_contacts_are_created_and_deleted_quickly(api: Api, database: Database) -> None:
    vip = await group(api.acme, "VIP")
    durations = []
    for start in range(0, 3000, 1000):
        sent = [
            row | {"email": f"p{start + n}@x.test", "groups": [vip], "attributes": {"n": n}}
            for n, row in enumerate(rows_of(api, 1000, start))
        ]
        begun = time.monotonic()
        answer = await post(api.acme, sent)
        durations.append(time.monotonic() - begun)
        assert answer.data["summary"]["created"] == 1000, answer.data["errors"][:3]
        assert [item["attributes"]["n"] for item in answer.data["created"]] == list(range(1000))
    print("batch of 1000:", durations)  # noqa: T201
    assert min(durations) < 3
    assert await counted(database, api.world.acme.tenant_id) == (3000, 3000)
    begun = time.monotonic()
    answer = await delete(api.acme, [item["id"] for item in answer.data["created"]])
    print("deleting 1000:", time.monotonic() - begun)  # noqa: T201
    assert answer.data["summary"] == {"total": 1000, "deleted": 1000, "failed": 0}


async def test_only_own_contacts_are_deleted(api: Api, database: Database) -> None:
    mine = [(await create(api, f"+44207946000{n}"))["id"] for n in range(3)]
    theirs = (await api.globex.post("/api/v2/contacts", body(api.world.globex))).data["id"]
    answer = await delete(api.acme, [mine[0], theirs, 999_999_999, mine[1], mine[0], -1, 2**80, "7"])
    assert answer.data == {"success": True, "summary": {"total": 8, "deleted": 2, "failed": 6}}
    assert await ids(api.acme) == [mine[2]]
    assert await ids(api.globex) == [theirs]
    assert await counted(database, api.world.acme.tenant_id) == (1, 1)
    assert await counted(database, api.world.globex.tenant_id) == (1, 1)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "Contact IDs are required"),
        ({"ids": []}, "Contact IDs are required"),
        ({"ids": 5}, "Contact IDs must be an array"),
        ({"ids": ["x"]}, "Contact IDs must be integers"),
        ({"ids": [1] * 1001}, "At most 1,000 contacts can be deleted in one call"),
    ],
)
async def test_a_wrong_deletion_is_refused(api: Api, sent: Any, message: str) -> None:
    answer = await api.acme.call("DELETE", URL, json=sent)
    assert (answer.status, answer.details) == (422, {"ids": [message]})


async def test_deletions_and_changes_at_the_same_time_get_along(api: Api, database: Database) -> None:
    for turn in range(4):
        answer = await post(api.acme, rows_of(api, 20, turn * 20))
        made = [item["id"] for item in answer.data["created"]]
        changes = (patch(api.acme, contact_id, lastname="Changed") for contact_id in made)
        more = (patch(api.acme, contact_id, email=f"e{contact_id}@x.test") for contact_id in made[::-1])
        answers = await asyncio.gather(
            *itertools.islice(changes, 10),
            *more,
            delete(api.acme, made),
            delete(api.acme, made[::-1]),
            *changes,
        )
        assert {answer.status for answer in answers} <= {200, 404}
        deletions = [
            answer.data["summary"] for answer in answers if "summary" in (answer.body.get("data") or {})
        ]
        assert sorted(summary["deleted"] for summary in deletions) == [0, 20]
    assert await counted(database, api.world.acme.tenant_id) == (0, 0)
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from contact_aliases") == 0


async def test_batch_is_no_id(api: Api) -> None:
    for method in ("GET", "PATCH", "PUT"):
        answer = await api.acme.call(method, URL, json={})
        assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
