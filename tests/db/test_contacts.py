"""That no conversation leads to a contact that is gone: the deletion takes it out itself."""

import asyncio

import asyncpg
import pytest

from rasl.db import contacts, recipients
from rasl.db.pool import Database, Db
from tests.waiting import until
from tests.world import Person, World

KEY = "442079460011"


async def _create(database: Database, person: Person) -> int:
    columns = {"firstname": "Ada", "lastname": "", "type": "lead", "phone": f"+{KEY}"}
    references = {"status_id": person.status_id, "source_id": person.source_id}
    async with database.transaction() as db:
        [(contact_id, _)] = await contacts.insert(
            db, person.tenant_id, [{"kind": "phone", "value": KEY, **columns, **references}]
        )
    assert contact_id is not None
    return contact_id


async def _open(db: Db, person: Person, contact_id: int) -> None:
    await recipients.open_conversations(db, [(person.tenant_id, person.number_id, contact_id)])


async def _owners(database: Database) -> list[int | None]:
    async with database.connection() as db:
        return [row["contact_id"] for row in await db.fetch("select contact_id from conversations")]


async def _until_somebody_waits(database: Database) -> None:
    async def is_waiting() -> bool:
        async with database.connection() as db:
            return bool(await db.fetchval("select count(*) from pg_locks where not granted"))

    await until(is_waiting)


async def test_conversations_stay_when_their_contact_goes(database: Database, world: World) -> None:
    contact_id = await _create(database, world.acme)
    async with database.transaction() as db:
        await _open(db, world.acme, contact_id)
        assert await contacts.delete_contacts(db, world.acme.tenant_id, [contact_id]) == 1
    assert await _owners(database) == [None]


async def test_a_conversation_that_begins_during_the_deletion_is_let_go_too(
    database: Database, world: World
) -> None:
    contact_id = await _create(database, world.acme)

    async def delete() -> None:
        async with database.transaction() as db:
            await contacts.lock_conversations(db, world.acme.tenant_id, [contact_id])
            await contacts.delete_contacts(db, world.acme.tenant_id, [contact_id])

    async with database.transaction() as db:
        await _open(db, world.acme, contact_id)
        deletion = asyncio.create_task(delete())
        await _until_somebody_waits(database)
    await deletion
    assert await _owners(database) == [None]


async def test_none_begins_with_a_contact_that_is_going(database: Database, world: World) -> None:
    contact_id = await _create(database, world.acme)

    async def begin() -> None:
        async with database.transaction() as db:
            await _open(db, world.acme, contact_id)

    async with database.transaction() as db:
        await contacts.delete_contacts(db, world.acme.tenant_id, [contact_id])
        beginning = asyncio.create_task(begin())
        await _until_somebody_waits(database)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await beginning
    assert await _owners(database) == []


async def test_the_program_of_before_deletes_contacts_as_ever(database: Database, world: World) -> None:
    contact_id = await _create(database, world.acme)
    async with database.connection() as db:
        await _open(db, world.acme, contact_id)
        await db.execute("delete from contacts where id = $1", contact_id)
    assert await _owners(database) == [None]
