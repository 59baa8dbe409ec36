import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest

from rasl.db import recipients
from rasl.db.pool import Database, Db
from rasl.db.recipients import Address, NewContact
from tests.world import Person, World

KEY = "442079460011"


@pytest.fixture
async def crowd(dsn: str) -> AsyncIterator[Database]:
    """Pools for twenty transactions at once."""
    opened = Database(dsn, 20)
    await opened.open()
    yield opened
    await opened.close()


def _contact(person: Person, key: str = KEY, kind: str = "phone") -> NewContact:
    return NewContact(
        person.tenant_id,
        kind,
        key,
        None,
        key,
        "",
        f"+{key}",
        "lead",
        person.status_id,
        person.source_id,
        None,
    )


def _address(person: Person, key: str | None = KEY, contact_id: int | None = None) -> Address:
    return Address(person.tenant_id, person.number_id, contact_id, key)


async def _count(db: Db, table: str) -> int:
    count: int = await db.fetchval(f"select count(*) from {table}")
    return count


async def test_twenty_transactions_at_once_make_one_contact(world: World, crowd: Database) -> None:
    start = asyncio.Barrier(20)

    async def create() -> tuple[int, int | None]:
        async with crowd.transaction() as db:
            await start.wait()
            created = await recipients.create_contacts(db, [_contact(world.acme)])
            (found,) = await recipients.find_contacts(db, [_address(world.acme)])
        return created, found

    answers = await asyncio.gather(*(create() for _ in range(20)))
    assert sorted(created for created, _ in answers) == [0] * 19 + [1]
    assert len({found for _, found in answers} - {None}) == 1
    assert None not in {found for _, found in answers}
    async with crowd.connection() as db:
        assert await _count(db, "contacts") == await _count(db, "contact_aliases") == 1


async def test_opposite_orders_make_each_contact_once_and_wait_in_no_ring(
    world: World, crowd: Database
) -> None:
    keys = [f"44207946{number:04}" for number in range(600)]
    start = asyncio.Barrier(20)

    async def create(order: list[str]) -> int:
        async with crowd.transaction() as db:
            await start.wait()
            return await recipients.create_contacts(db, [_contact(world.acme, key) for key in order])

    counts = await asyncio.gather(*(create(keys if turn % 2 else keys[::-1]) for turn in range(20)))
    assert sum(counts) == 600
    async with crowd.connection() as db:
        assert await _count(db, "contacts") == 600


async def test_two_tenants_know_the_same_number_as_two_people(world: World, database: Database) -> None:
    async with database.transaction() as db:
        assert await recipients.create_contacts(db, [_contact(world.acme), _contact(world.globex)]) == 2
        ours, theirs = await recipients.find_contacts(db, [_address(world.acme), _address(world.globex)])
    assert ours is not None
    assert theirs is not None
    assert ours != theirs


async def test_an_alias_of_another_kind_is_another_person(world: World, database: Database) -> None:
    async with database.transaction() as db:
        pair = [_contact(world.acme), _contact(world.acme, kind="bsuid")]
        assert await recipients.create_contacts(db, pair) == 2


async def test_contacts_are_found_by_id_or_phone_in_the_order_asked(world: World, database: Database) -> None:
    async with database.transaction() as db:
        await recipients.create_contacts(db, [_contact(world.acme), _contact(world.acme, "15550100001")])
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
        await recipients.create_contacts(db, [_contact(acme)])
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
        await recipients.create_contacts(db, [_contact(acme)])
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
        contacts = [await recipients.take_contact_places(db, tenant_id, wanted, maximum) for _ in answers]
        talks = [
            await recipients.take_conversation_places(db, tenant_id, month, wanted, maximum) for _ in answers
        ]
        april = await recipients.take_conversation_places(db, tenant_id, dt.date(2026, 4, 1), 1, -1)
    assert contacts == talks == answers
    assert april == (1, 0)


async def test_processes_that_take_the_last_places_at_once_share_them(world: World, crowd: Database) -> None:
    start = asyncio.Barrier(20)

    async def take() -> int:
        async with crowd.transaction() as db:
            await start.wait()
            granted, _ = await recipients.take_contact_places(db, world.acme.tenant_id, 3, 50)
        return granted

    assert sum(await asyncio.gather(*(take() for _ in range(20)))) == 50


async def test_metas_spelling_is_kept_beside_ours(world: World, database: Database) -> None:
    acme = world.acme
    async with database.transaction() as db:
        await recipients.create_contacts(db, [_contact(acme), _contact(world.globex)])
        (contact_id,) = await recipients.find_contacts(db, [_address(acme)])
        assert contact_id is not None
        await recipients.open_conversations(db, [(acme.tenant_id, acme.number_id, contact_id)])
        await recipients.keep_wa_ids(db, [(acme.tenant_id, KEY, "44207946001199")])
        address = Address(acme.tenant_id, acme.number_id, contact_id, None, has_phone=False)
        rows = await recipients.lock_threads(db, [address])
        spellings = await db.fetch("select wa_id from contact_aliases order by tenant_id")
    assert rows[0]["address"] == "44207946001199"
    assert [row["wa_id"] for row in spellings] == ["44207946001199", None]
