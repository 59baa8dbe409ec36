import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.db import contacts, recipients
from rasl.db.pool import Database, Db
from rasl.db.recipients import Address
from tests.world import Person, World

KEY = "442079460011"


@pytest.fixture
async def crowd(dsn: str) -> AsyncIterator[Database]:
    """Pools for twenty transactions at once."""
    opened = Database(dsn, 20)
    await opened.open()
    yield opened
    await opened.close()


async def _create(db: Db, person: Person, *keys: str) -> None:
    columns: dict[str, Any] = {"firstname": "Ana", "lastname": "", "type": "lead"}
    columns |= {"status_id": person.status_id, "source_id": person.source_id}
    await contacts.insert(
        db, person.tenant_id, [{"kind": "phone", "value": key, **columns} for key in keys or (KEY,)]
    )


def _address(person: Person, key: str | None = KEY, contact_id: int | None = None) -> Address:
    return Address(person.tenant_id, person.number_id, contact_id, key)


async def test_contacts_are_found_by_id_or_phone_in_the_order_asked(world: World, database: Database) -> None:
    async with database.transaction() as db:
        await _create(db, world.acme, KEY, "15550100001")
        first, second = await recipients.find_contacts(
            db, [_address(world.acme), _address(world.acme, "15550100001")]
        )
        found = await recipients.find_contacts(
            db,
            [
                _address(world.acme, "15550100001"),
                _address(world.acme, "999"),
                _address(world.acme, None, first),
                _address(world.globex, None, first),  # a stranger's id
                _address(world.globex, KEY),
                _address(world.acme, None, 2**63 - 1),
                _address(world.acme, KEY, second),  # the id decides
            ],
        )
    assert found == [second, None, first, None, None, None, second]


async def test_conversations_are_opened_once_and_locked_by_whoever_sends(
    world: World, crowd: Database
) -> None:
    acme = world.acme
    async with crowd.transaction() as db:
        await _create(db, acme)
        (contact_id,) = await recipients.find_contacts(db, [_address(acme)])
        assert await recipients.lock_threads(db, [_address(acme)]) == {}
    assert contact_id is not None
    start = asyncio.Barrier(20)

    async def open_one() -> int:
        async with crowd.transaction() as db:
            await start.wait()
            await recipients.open_conversations(db, [(acme.tenant_id, acme.number_id, contact_id)])
            rows = await recipients.lock_threads(db, [_address(acme, "999"), _address(acme)])
        assert set(rows) == {1}
        conversation_id: int = rows[1]["conversation_id"]
        return conversation_id

    assert len(set(await asyncio.gather(*(open_one() for _ in range(20))))) == 1


async def test_a_locked_conversation_makes_others_wait(world: World, database: Database) -> None:
    acme = world.acme
    async with database.transaction() as db:
        await _create(db, acme)
        (contact_id,) = await recipients.find_contacts(db, [_address(acme)])
        assert contact_id is not None
        await recipients.open_conversations(db, [(acme.tenant_id, acme.number_id, contact_id)])
    async with database.transaction() as ours:
        await recipients.lock_threads(ours, [_address(acme)])
        async with database.transaction() as theirs:
            free = await theirs.fetch("select id from conversations for update skip locked")
        assert free == []


@pytest.mark.parametrize(
    ("maximum", "wanted", "answers"),
    [(-1, 3, [(3, 0), (3, 3)]), (5, 3, [(3, 0), (2, 3), (0, 5)]), (0, 1, [(0, 0)])],
)
async def test_the_plan_grants_places_up_to_its_maximum(
    world: World, database: Database, maximum: int, wanted: int, answers: list[tuple[int, int]]
) -> None:
    tenant_id, month = world.acme.tenant_id, dt.date(2026, 3, 1)
    async with database.transaction() as db:
        talks = [
            await recipients.take_conversation_places(db, tenant_id, month, wanted, maximum) for _ in answers
        ]
        april = await recipients.take_conversation_places(db, tenant_id, dt.date(2026, 4, 1), 1, -1)
    assert talks == answers
    assert april == (1, 0)


async def test_processes_that_take_the_last_places_at_once_share_them(world: World, crowd: Database) -> None:
    start = asyncio.Barrier(20)

    async def take() -> int:
        async with crowd.transaction() as db:
            await start.wait()
            granted, _ = await recipients.take_conversation_places(
                db, world.acme.tenant_id, dt.date(2026, 3, 1), 3, 50
            )
        return granted

    assert sum(await asyncio.gather(*(take() for _ in range(20)))) == 50


async def test_metas_spelling_is_kept_beside_ours(world: World, database: Database) -> None:
    acme = world.acme
    async with database.transaction() as db:
        await _create(db, acme)
        await _create(db, world.globex)
        (contact_id,) = await recipients.find_contacts(db, [_address(acme)])
        assert contact_id is not None
        await recipients.open_conversations(db, [(acme.tenant_id, acme.number_id, contact_id)])
        await recipients.keep_wa_ids(db, [(acme.tenant_id, KEY, "44207946001199")])
        address = Address(acme.tenant_id, acme.number_id, contact_id, None, has_phone=False)
        rows = await recipients.lock_threads(db, [address])
        spellings = await db.fetch("select wa_id from contact_aliases order by tenant_id")
    assert rows[0]["address"] == "44207946001199"
    assert [row["wa_id"] for row in spellings] == ["44207946001199", None]
