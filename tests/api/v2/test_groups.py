"""/groups/{id}/contacts, and what becomes of members; the rest of /groups is in test_labels.py."""

import asyncio
import json
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.labelled import groups_of, make_contacts, moments_of, until_someone_waits
from tests.serving import Answer, Api, Client

GROUPS = "/api/v2/groups"
MISSING = 999_999_999_999


async def make_group(client: Client, name: str = "VIP") -> int:
    group_id: int = (await client.post(GROUPS, {"name": name})).data["id"]
    return group_id


async def add(client: Client, group_id: Any, contact_ids: Any) -> Answer:
    return await client.post(f"{GROUPS}/{group_id}/contacts", {"contact_ids": contact_ids})


async def remove(client: Client, group_id: Any, contact_ids: Any) -> Answer:
    return await client.call("DELETE", f"{GROUPS}/{group_id}/contacts", json={"contact_ids": contact_ids})


async def test_contacts_are_added_and_removed_and_only_changes_count(api: Api, database: Database) -> None:
    group, other = await make_group(api.acme), await make_group(api.acme, "Other")
    contacts = await make_contacts(database, api.world.acme, 4)
    await add(api.acme, other, contacts[:1])

    added = await add(api.acme, group, contacts[:2])
    assert (added.status, added.body["message"]) == (200, "Contacts added to group successfully")
    assert added.data == {"group_id": group, "contacts_added": 2}
    before = await moments_of(database, contacts)
    again = await add(api.acme, group, [contacts[2], contacts[0], contacts[2], str(contacts[1])])
    assert again.data == {"group_id": group, "contacts_added": 1}
    assert await groups_of(database, contacts) == [[other, group], [group], [group], []]
    after = await moments_of(database, contacts)
    assert [contact for contact in contacts if after[contact] > before[contact]] == [contacts[2]]

    removed = await remove(api.acme, group, [*contacts[2:], contacts[0], MISSING, 0, -1, 2**70])
    assert (removed.status, removed.body["message"]) == (200, "Contacts removed from group successfully")
    assert removed.data == {"group_id": group, "contacts_removed": 2}
    assert await groups_of(database, contacts) == [[other], [group], [], []]
    last = await moments_of(database, contacts)
    assert [contact for contact in contacts if last[contact] > after[contact]] == [contacts[0], contacts[2]]


@pytest.mark.parametrize(
    ("contact_ids", "text"),
    [
        (None, "Contact IDs are required"),
        ([], "Contact IDs are required"),
        ("seven", "Contact IDs must be an array"),
        (7, "Contact IDs must be an array"),
        ({"first": 7}, "Contact IDs must be an array"),
        ([1, "x"], "Contact IDs must be integers"),
        ([True], "Contact IDs must be integers"),
        ([None], "Contact IDs must be integers"),
        ([1.5], "Contact IDs must be integers"),
        ([[1]], "Contact IDs must be integers"),
        (list(range(1, 1002)), "At most 1,000 contact IDs can be given in one call"),
    ],
)
async def test_wrong_contact_ids_are_refused(api: Api, contact_ids: Any, text: str) -> None:
    group = await make_group(api.acme)
    for call in (add, remove):
        answer = await call(api.acme, group, contact_ids)
        assert (answer.status, answer.code, answer.details) == (
            422,
            "VALIDATION_ERROR",
            {"contact_ids": [text]},
        )


async def test_unknown_fields_are_named_beside_what_is_missing(api: Api) -> None:
    answer = await api.acme.post(
        f"{GROUPS}/{await make_group(api.acme)}/contacts", {"contacts": [1], "group_id": 1}
    )
    assert (answer.status, set(answer.details)) == (422, {"contact_ids"})
    assert answer.body["meta"]["ignored"] == [
        {"field": "contacts", "did_you_mean": "contact_ids"},
        {"field": "group_id"},
    ]


async def test_contacts_that_do_not_exist_and_strangers_are_refused_alike(
    api: Api, database: Database
) -> None:
    group = await make_group(api.acme)
    [own] = await make_contacts(database, api.world.acme, 1)
    [foreign] = await make_contacts(database, api.world.globex, 1)
    answers = [await add(api.acme, group, [own, other]) for other in (foreign, MISSING, 0, -1, 2**63, 2**70)]
    assert {answer.status for answer in answers} == {422}
    assert {json.dumps(answer.body["error"]) for answer in answers} == {
        json.dumps(
            {
                "code": "VALIDATION_ERROR",
                "message": "Validation failed",
                "details": {"contact_ids": ["One or more contact IDs do not exist"]},
            }
        )
    }
    assert await groups_of(database, [own, foreign]) == [[], []]


async def test_a_strangers_group_is_as_if_it_were_not_there(api: Api, database: Database) -> None:
    theirs = await make_group(api.globex)
    [own] = await make_contacts(database, api.world.acme, 1)
    members = await make_contacts(database, api.world.globex, 2)
    await add(api.globex, theirs, members)
    for call in (add, remove):
        answers = [await call(api.acme, group, [own]) for group in (theirs, MISSING, 0, "abc")]
        assert {answer.status for answer in answers} == {404}
        assert {answer.body["error"]["message"] for answer in answers} == {"Group not found"}
    group = await make_group(api.acme)
    assert (await remove(api.acme, group, [*members, own])).data["contacts_removed"] == 0
    assert await groups_of(database, [own, *members]) == [[], [theirs], [theirs]]


async def test_a_deleted_group_leaves_its_contacts_without_it(api: Api, database: Database) -> None:
    group, other = await make_group(api.acme), await make_group(api.acme, "Other")
    contacts = await make_contacts(database, api.world.acme, 5)
    await add(api.acme, group, contacts[:3])
    await add(api.acme, other, contacts[2:])
    before = await moments_of(database, contacts)
    gone = await api.acme.call("DELETE", f"{GROUPS}/{group}")
    assert (gone.status, gone.data) == (200, None)
    assert await groups_of(database, contacts) == [[], [], [other], [other], [other]]
    after = await moments_of(database, contacts)
    assert [contact for contact in contacts if after[contact] > before[contact]] == contacts[:3]
    assert (await add(api.acme, group, contacts)).status == 404


async def test_a_thousand_contacts_can_be_added_in_one_call(api: Api, database: Database) -> None:
    group = await make_group(api.acme)
    contacts = await make_contacts(database, api.world.acme, 1000)
    assert (await add(api.acme, group, contacts[::-1])).data["contacts_added"] == 1000
    assert (await remove(api.acme, group, contacts)).data["contacts_removed"] == 1000


async def test_a_group_deleted_while_200_contacts_are_added_is_in_none_of_them(
    api: Api, database: Database
) -> None:
    contacts = await make_contacts(database, api.world.acme, 200)
    for attempt in range(3):
        group = await make_group(api.acme, f"Group {attempt}")
        calls = [add(api.acme, group, [contact]) for contact in contacts]
        calls.insert(60 * attempt, api.acme.call("DELETE", f"{GROUPS}/{group}"))
        answers = await asyncio.gather(*calls)
        assert {answer.status for answer in answers} <= {200, 404}
        assert await groups_of(database, contacts) == [[]] * 200


async def test_a_deletion_waits_for_members_being_added_and_takes_them_out(
    api: Api, database: Database
) -> None:
    group = await make_group(api.acme)
    contacts = await make_contacts(database, api.world.acme, 2)
    async with database.transaction() as db:
        # A stranger to the group holds the contact, so the addition waits while it holds the group.
        await db.execute("select from contacts where id = $1 for update", contacts[0])
        adding = asyncio.create_task(add(api.acme, group, contacts))
        await until_someone_waits(database)
        deleting = asyncio.create_task(api.acme.call("DELETE", f"{GROUPS}/{group}"))
        await until_someone_waits(database, 2)
    assert (await adding).data["contacts_added"] == 2
    assert (await deleting).status == 200
    assert await groups_of(database, contacts) == [[], []]


async def test_additions_and_removals_in_any_order_of_ids_do_not_wait_in_a_ring(
    api: Api, database: Database
) -> None:
    groups = [await make_group(api.acme, f"Group {n}") for n in range(4)]
    contacts = await make_contacts(database, api.world.acme, 50)
    calls = []
    for group in groups:
        for call in (add, remove, add):
            calls += [call(api.acme, group, contacts), call(api.acme, group, contacts[::-1])]
    answers = await asyncio.gather(*calls, api.acme.call("DELETE", f"{GROUPS}/{groups[0]}"))
    assert {answer.status for answer in answers} <= {200, 404}
    for group_ids in await groups_of(database, contacts):
        assert len(group_ids) == len(set(group_ids))
        assert groups[0] not in group_ids


async def test_a_contact_added_twice_at_once_is_in_once(api: Api, database: Database) -> None:
    group = await make_group(api.acme)
    contacts = await make_contacts(database, api.world.acme, 3)
    answers = await asyncio.gather(*(add(api.acme, group, contacts) for _ in range(10)))
    assert sum(answer.data["contacts_added"] for answer in answers) == 3
    assert await groups_of(database, contacts) == [[group]] * 3
