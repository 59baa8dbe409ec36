"""PUT /contacts: a contact is created, or changed if somebody has its phone or email."""

import asyncio
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.contact_calls import URL, body, counted, create, delete, fresh_client, group, limit_plan
from tests.serving import Answer, Api, Client

TAKEN = {
    "phone": ["This phone number already exists"],
    "email": ["This email address already exists"],
}


async def put(client: Client, fields: Any, **query: str) -> Answer:
    return await client.call("PUT", URL, json=fields, params=query)


async def test_it_creates_a_contact_and_then_changes_it(api: Api, database: Database) -> None:
    vip, old = await group(api.acme, "VIP"), await group(api.acme, "Old")
    first = body(
        api.world.acme, city="Leeds", zip="LS1", groups=[old], attributes={"tier": "gold", "visits": 1}
    )
    created = await put(api.acme, first)
    assert (created.status, created.body["message"]) == (201, "Contact created successfully")
    assert [item["name"] for item in created.data["groups"]] == ["Old"]

    # Another spelling of the same number.
    changes = {
        "phone": "0044 20 7946 0011",
        "zip": None,
        "groups": [vip],
        "attributes": {"visits": 2, "tier": None},
    }
    changed = await put(api.acme, changes)
    assert (changed.status, changed.body["message"]) == (200, "Contact updated successfully")
    expected = created.data | {
        "phone": "0044 20 7946 0011",
        "zip": None,
        "group_id": [vip],
        "attributes": {"visits": 2},
        "groups": changed.data["groups"],
        "updated_at": changed.data["updated_at"],
    }
    assert changed.data == expected
    assert [item["name"] for item in changed.data["groups"]] == ["VIP"]
    assert (await put(api.acme, {"phone": "+442079460011"})).data["city"] == "Leeds"
    assert await counted(database, api.world.acme.tenant_id) == (1, 1)


async def test_by_email_the_phone_may_change(api: Api) -> None:
    created = await put(api.acme, body(api.world.acme, email="Ana@x.test") | {"match": "email"})
    assert created.status == 201
    changed = await put(api.acme, {"match": "email", "email": " ana@X.test ", "phone": "+442079460012"})
    assert (changed.status, changed.data["id"], changed.data["phone"], changed.data["email"]) == (
        200,
        created.data["id"],
        "+442079460012",
        "ana@X.test",
    )
    # The number from before is free again.
    assert (await put(api.acme, body(api.world.acme, "+442079460011"))).status == 201


async def test_what_others_have_is_refused_and_told(api: Api) -> None:
    ana = await create(api, "+442079460001", email="ana@x.test")
    rui = await create(api, "+442079460002", email="rui@x.test")
    by_phone = await put(api.acme, {"phone": "+442079460001", "email": "RUI@x.test"})
    assert (by_phone.status, by_phone.details) == (
        422,
        {"email": TAKEN["email"], "email_contact_id": rui["id"]},
    )
    by_email = await put(api.acme, {"match": "email", "phone": "+442079460001", "email": "RUI@x.test"})
    assert (by_email.status, by_email.details) == (422, {"phone": TAKEN["phone"], "contact_id": ana["id"]})
    new = await put(api.acme, body(api.world.acme, "+442079460001", email="new@x.test", match="email"))
    assert (new.status, new.details) == (422, {"phone": TAKEN["phone"], "contact_id": ana["id"]})
    new = await put(api.acme, body(api.world.acme, "+442079460003", email="ana@x.test"))
    assert (new.status, new.details) == (422, {"email": TAKEN["email"], "email_contact_id": ana["id"]})
    assert (await api.acme.get(f"{URL}/{ana['id']}")).data == {k: v for k, v in ana.items() if k != "groups"}


async def test_a_new_contact_must_have_what_every_contact_has(api: Api) -> None:
    rui = await create(api, "+442079460002", email="rui@x.test")
    answer = await put(api.acme, {"email": "rui@x.test", "source_id": 1, "groups": [1]})
    assert (answer.status, answer.details) == (
        422,
        {
            "firstname": ["First name is required"],
            "lastname": ["Last name is required"],
            "phone": ["Phone number is required"],
            "type": ["Type must be either lead, customer, or guest"],
            "status_id": ["Status is required"],
            "source_id": ["The selected source does not exist or does not belong to your account"],
            "groups": ["One or more groups do not exist"],
            "email": TAKEN["email"],
            "email_contact_id": rui["id"],
        },
    )
    unmatched = await put(api.acme, body(api.world.acme, match="email"))
    assert (unmatched.status, unmatched.details) == (422, {"email": ["Email is required to match by it"]})


@pytest.mark.parametrize("match", ["phone", "email"])
async def test_everything_wrong_with_a_change_is_named(api: Api, match: str) -> None:
    full = {f"k{number}": number for number in range(50)}
    await create(api, "+442079460001", email="ana@x.test", attributes=full)
    fields = {
        "phone": "+442079460001",
        "email": "ana@x.test",
        "match": match,
        "status_id": api.world.globex.status_id,
        "groups": [1],
        "attributes": {"one": 1},
    }
    answer = await put(api.acme, fields)
    assert (answer.status, sorted(answer.details)) == (422, ["attributes", "groups", "status_id"])


async def test_a_strangers_contact_is_as_if_it_were_not_there(api: Api) -> None:
    theirs = await api.globex.post(URL, body(api.world.globex, email="a@x.test"))
    ours = await put(api.acme, body(api.world.acme, email="a@x.test"))
    assert (ours.status, theirs.status) == (201, 201)
    assert (await api.globex.get(f"{URL}/{theirs.data['id']}")).data["email"] == "a@x.test"
    refused = await put(api.reader, {"phone": "+442079460011"})
    assert (refused.status, refused.details) == (403, {"required_scope": "contacts:write"})


@pytest.mark.parametrize("match", ["phone", "email"])
async def test_of_fifty_at_once_one_creates_the_contact(api: Api, database: Database, match: str) -> None:
    spellings = ("+442079460011", "00442079460011", "tel:+44 20 7946 0011")
    answers = await asyncio.gather(
        *(
            put(
                api.acme,
                body(api.world.acme, spellings[n % 3], email="A@x.test", city=f"City {n}", match=match),
            )
            for n in range(50)
        )
    )
    assert sorted(answer.status for answer in answers) == [200] * 49 + [201]
    assert len({answer.data["id"] for answer in answers}) == 1
    assert await counted(database, api.world.acme.tenant_id) == (1, 1)


async def test_the_last_place_of_the_plan_is_taken_once_and_who_is_known_needs_none(
    api: Api, database: Database
) -> None:
    await limit_plan(database, 3)
    client = await fresh_client(api, database)
    phones = [f"+44207946000{n}" for n in range(6)]
    answers = await asyncio.gather(*(put(client, body(api.world.acme, phone)) for phone in phones * 5))
    assert [answer.status for answer in answers].count(201) == 3
    refused = [answer for answer in answers if answer.status == 403]
    assert {answer.code for answer in refused} == {"FEATURE_LIMIT_EXCEEDED"}
    assert len(refused) == 15
    assert await counted(database, api.world.acme.tenant_id) == (3, 3)


async def test_puts_changes_sends_and_deletions_of_one_phone_get_along(api: Api, database: Database) -> None:
    for n in range(4):
        phone = f"+4420794600{n:02}"
        made = await create(api, phone)
        answers = await asyncio.gather(
            *(put(api.acme, body(api.world.acme, phone, city=f"City {i}")) for i in range(8)),
            *(
                put(api.acme, body(api.world.acme, phone, email=f"{n}@x.test", match="email"))
                for _ in range(4)
            ),
            *(api.acme.send(phone) for _ in range(3)),
            delete(api.acme, made["id"]),
        )
        assert {answer.status for answer in answers} <= {200, 201, 422}, [a.body for a in answers]
        assert {answer.status for answer in answers[:8]} <= {200, 201}
    count, rows = await counted(database, api.world.acme.tenant_id)
    assert count == rows == 4


@pytest.mark.parametrize("zero", [0, "0", " 0 "])
async def test_zero_is_no_country_and_nobody(api: Api, zero: Any) -> None:
    none = {"country_id": zero, "assigned_id": zero}
    created = await put(api.acme, body(api.world.acme, **none))
    assert (created.data["country_id"], created.data["assigned_id"]) == (None, None)
    await put(api.acme, {"phone": created.data["phone"], "country_id": 44, "assigned_id": 7})
    cleared = await put(api.acme, {"phone": created.data["phone"], **none})
    assert (cleared.data["country_id"], cleared.data["assigned_id"]) == (None, None)
