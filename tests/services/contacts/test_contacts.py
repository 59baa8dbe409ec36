"""Creating and changing contacts where another writer, who takes no counter, is in between."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from rasl.db import contacts as rows
from rasl.db import recipients
from rasl.db.pool import Database, Db
from rasl.domain.tenants import Plan, Tenant
from rasl.errors import ValidationFailed
from rasl.services.contacts import contacts, groups
from rasl.services.contacts.arrivals import Arrival, Book, Owners
from tests.api.v2.labelled import groups_of, until_someone_waits
from tests.serving import Api
from tests.world import Person, World


def tenant_of(person: Person) -> Tenant:
    return Tenant(
        id=person.tenant_id,
        plan=Plan("unlimited", -1, -1),
        default_country=None,
        default_type="lead",
        default_status_id=person.status_id,
        default_source_id=person.source_id,
        default_assigned_id=None,
        window_policy="pass",
        unknown_policy="hold",
        number=None,
    )


def fields_of(person: Person, phone: str, **fields: Any) -> dict[str, Any]:
    named = {"firstname": "Ana", "lastname": "Lopes", "phone": phone, "type": "lead"}
    return {
        **named,
        "source_id": person.source_id,
        "status_id": person.status_id,
        "attributes": {},
        "groups": [],
        **fields,
    }


async def create(database: Database, person: Person, phone: str, **fields: Any) -> int:
    found = await contacts.create_contact(database, tenant_of(person), fields_of(person, phone, **fields))
    contact_id: int = found.rows[0]["id"]
    return contact_id


@pytest.mark.parametrize(
    ("phone", "email", "problems", "owner"),
    [
        ("+442079460011", None, {"phone": ["This phone number already exists"]}, "contact_id"),
        ("+442079460012", "A@b.test", {"email": ["This email address already exists"]}, "email_contact_id"),
    ],
)
async def test_the_unique_key_decides_even_when_the_look_before_saw_nothing(
    database: Database,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    phone: str,
    email: str,
    problems: Any,
    owner: str,
) -> None:
    first = await create(database, world.acme, "+442079460011", email="a@b.test")
    look, looks = Book.look, []

    async def blind_once(book: Book, wishes: Sequence[Arrival]) -> list[Owners]:
        owners = await look(book, wishes)
        looks.append(owners)
        return [Owners(email=owner.email) for owner in owners] if len(looks) == 1 else owners

    monkeypatch.setattr(Book, "look", blind_once)
    with pytest.raises(ValidationFailed) as caught:
        await create(database, world.acme, phone, email=email)
    assert caught.value.details == problems | {owner: first}
    assert len(looks) == 2
    async with database.connection() as db:
        counter = await db.fetchval(
            "select contacts from tenant_counters where tenant_id = $1", world.acme.tenant_id
        )
    assert counter == 1


async def test_a_change_begins_again_when_its_email_was_taken_meanwhile(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(database, world.acme, "+442079460011", email="a@b.test")
    contact_id = await create(database, world.acme, "+442079460012")
    change, tries = rows.change_contact, []

    async def collide_once(db: Db, tenant_id: int, id_: int, changes: Any) -> None:
        tries.append(id_)
        if len(tries) == 1:
            raise asyncpg.UniqueViolationError("somebody was faster")
        await change(db, tenant_id, id_, changes)

    monkeypatch.setattr(rows, "change_contact", collide_once)
    found = await contacts.change_contact(database, tenant_of(world.acme), contact_id, {"email": "c@d.test"})
    assert (found.rows[0]["email"], len(tries)) == ("c@d.test", 2)


async def test_a_moved_number_that_is_written_down_again_is_its_own(database: Database, world: World) -> None:
    contact_id = await create(database, world.acme, "+442079460011")
    async with database.connection() as db:
        await db.execute(
            "insert into contact_aliases values ($1, 'phone', '442079460012', $2, '442079460012')",
            world.acme.tenant_id,
            contact_id,
        )
        await db.execute("update contact_aliases set wa_id = '442079460012' where value = '442079460011'")
        await db.execute("update contacts set phone = '+442079460012'")
    tenant = tenant_of(world.acme)
    await contacts.change_contact(database, tenant, contact_id, {"phone": "+44 20 7946 0012"})
    assert len(await aliases(database)) == 2  # the same number in other words: nothing else changes
    await contacts.change_contact(database, tenant, contact_id, {"phone": "+442079460011"})
    assert await aliases(database) == [("442079460011", None)]


async def aliases(database: Database) -> list[tuple[str, str | None]]:
    async with database.connection() as db:
        return [
            tuple(row) for row in await db.fetch("select value, wa_id from contact_aliases order by value")
        ]


async def test_a_group_cannot_be_deleted_while_a_contact_is_put_into_it(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.connection() as db:
        group_id = await db.fetchval(
            "insert into contact_groups (tenant_id, name) values ($1, 'VIP') returning id",
            world.acme.tenant_id,
        )
    lock_count, deleting = rows.lock_count, []

    async def with_deletion(db: Db, tenant_id: int) -> int:
        deleting.append(asyncio.create_task(groups.delete_group(database, tenant_id, group_id)))
        await until_someone_waits(database)
        return await lock_count(db, tenant_id)

    monkeypatch.setattr(rows, "lock_count", with_deletion)
    contact_id = await create(database, world.acme, "+442079460011", groups=[group_id])
    await asyncio.gather(*deleting)
    assert await groups_of(database, [contact_id]) == [[]]


async def test_a_send_to_a_contact_that_is_deleted_meanwhile_makes_a_new_one(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = await create(database, api.world.acme, "+442079460011")
    open_conversations, opened = recipients.open_conversations, []

    async def after_deletion(db: Db, keys: Sequence[tuple[int, int, int]]) -> None:
        opened.append(keys)
        if len(opened) == 1:
            await contacts.delete_contact(database, api.world.acme.tenant_id, contact_id)
        await open_conversations(db, keys)

    monkeypatch.setattr(recipients, "open_conversations", after_deletion)
    answer = await api.acme.send("+442079460011")
    assert answer.status == 200, answer.body
    assert answer.data["contact_id"] != contact_id
    assert len(opened) == 2
