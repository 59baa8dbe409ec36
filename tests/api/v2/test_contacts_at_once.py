"""Contacts through HTTP: what holds when calls come at the same time."""

import asyncio

from rasl.db.pool import Database
from tests.api.v2.contact_calls import (
    URL,
    body,
    counted,
    create,
    delete,
    fresh_client,
    group,
    ids,
    limit_plan,
    patch,
)
from tests.serving import Api


async def test_of_fifty_creations_of_one_phone_one_wins(api: Api, database: Database) -> None:
    spellings = ("+442079460011", "00442079460011", "+44 20 7946 0011")
    answers = await asyncio.gather(
        *(api.acme.post(URL, body(api.world.acme, spellings[n % 3])) for n in range(50))
    )
    assert sorted(answer.status for answer in answers) == [201] + [422] * 49
    [winner] = [answer.data["id"] for answer in answers if answer.status == 201]
    assert {str(answer.details) for answer in answers if answer.status == 422} == {
        f"{{'phone': ['This phone number already exists'], 'contact_id': {winner}}}"
    }
    assert await counted(database, api.world.acme.tenant_id) == (1, 1)


async def test_of_fifty_creations_and_changes_to_one_email_one_wins(api: Api, database: Database) -> None:
    made = [(await create(api, f"+4420794601{n:02}"))["id"] for n in range(25)]
    answers = await asyncio.gather(
        *(
            api.acme.post(URL, body(api.world.acme, f"+4420794602{n:02}", email="A@b.test"))
            for n in range(25)
        ),
        *(patch(api.acme, contact_id, email="a@B.test") for contact_id in made),
    )
    assert sorted(answer.status for answer in answers)[1:] == [422] * 49
    [winner] = [answer.data["id"] for answer in answers if answer.status != 422]
    assert {str(answer.details) for answer in answers if answer.status == 422} == {
        f"{{'email': ['This email address already exists'], 'email_contact_id': {winner}}}"
    }
    count, rows = await counted(database, api.world.acme.tenant_id)
    assert count == rows
    assert await ids(api.acme, "search=a@b.test") != []


async def test_the_plan_limit_is_exact_under_parallel_creations(api: Api, database: Database) -> None:
    await limit_plan(database, 7)
    # A caller is remembered with its plan for a moment: the limit comes with a token never seen before.
    client = await fresh_client(api, database)
    answers = await asyncio.gather(
        *(client.post(URL, body(api.world.acme, f"+4420794600{n:02}")) for n in range(50))
    )
    assert sorted(answer.status for answer in answers) == [201] * 7 + [403] * 43
    refused = next(answer for answer in answers if answer.status == 403)
    assert (refused.code, refused.details) == (
        "FEATURE_LIMIT_EXCEEDED",
        {"feature": "contacts", "current": 7, "maximum": 7},
    )
    assert await counted(database, api.world.acme.tenant_id) == (7, 7)
    duplicate = next(answer for answer in answers if answer.status == 201).data
    answer = await client.post(URL, body(api.world.acme, duplicate["phone"]))
    assert answer.details == {
        "phone": ["This phone number already exists"],
        "contact_id": duplicate["id"],
    }


async def test_a_group_deleted_meanwhile_stays_in_no_contact(api: Api, database: Database) -> None:
    groups = [await group(api.acme, f"G{n}") for n in range(6)]
    contact_id = (await create(api, "+442079460099"))["id"]
    answers = await asyncio.gather(
        *(
            api.acme.post(URL, body(api.world.acme, f"+4420794600{n:02}", groups=[groups[n % 6]]))
            for n in range(24)
        ),
        *(patch(api.acme, contact_id, groups=[group_id]) for group_id in groups),
        *(api.acme.call("DELETE", f"/api/v2/groups/{group_id}") for group_id in groups),
    )
    assert {answer.status for answer in answers} <= {200, 201, 422}
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from contacts where group_ids <> '{}'") == 0


async def test_deletions_changes_and_sends_of_one_contact_get_along(api: Api, database: Database) -> None:
    for n in range(6):
        phone = f"+4420794600{n:02}"
        contact_id = (await create(api, phone))["id"]
        answers = await asyncio.gather(
            *(api.acme.send(phone, f"hi {i}") for i in range(4)),
            *(patch(api.acme, contact_id, phone=phone, email=f"e{i}@x.test") for i in range(4)),
            delete(api.acme, contact_id),
            delete(api.acme, contact_id),
        )
        assert {answer.status for answer in answers} <= {200, 404}, [answer.body for answer in answers]
        assert sorted(answer.status for answer in answers[-2:]) == [200, 404]
    count, rows = await counted(database, api.world.acme.tenant_id)
    assert count == rows
