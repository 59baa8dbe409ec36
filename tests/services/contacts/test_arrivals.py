"""The one way in for contacts: what becomes of wishes, and of those who come at the same moment by different ways."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from rasl.db import contacts as rows
from rasl.db.contacts import CONFLICTS, ChangedError
from rasl.db.pool import Database, Row
from rasl.domain import attributes
from rasl.domain.records.contact import NO_GROUP
from rasl.services.contacts import arrivals
from rasl.services.contacts.arrivals import EMAIL_TAKEN, Arrival, Book, Mode, Outcome
from tests.world import Person, World

KEY = "442079460011"
OTHER = "442079460012"
MODES = pytest.mark.parametrize("mode", list(Mode))


@pytest.fixture
async def crowd(dsn: str) -> AsyncIterator[Database]:
    """Pools for twenty transactions at once."""
    opened = Database(dsn, 20)
    await opened.open()
    yield opened
    await opened.close()


def wish(person: Person, key: str = KEY, kind: str = "phone", **columns: Any) -> Arrival:
    defaults: dict[str, Any] = {"firstname": key, "lastname": "", "type": "lead", "phone": f"+{key}"}
    defaults |= {"status_id": person.status_id, "source_id": person.source_id}
    return Arrival(key, columns, kind, completes=defaults)


async def arrive(
    database: Database,
    person: Person,
    wishes: Sequence[Arrival],
    mode: Mode,
    maximum: int = -1,
    *,
    is_again: bool = False,
) -> list[Outcome]:
    async with database.transaction() as db:
        book = Book(db, person.tenant_id, is_again=is_again)
        return await arrivals.arrive(book, wishes, mode, maximum)


async def contacts(database: Database) -> list[Row]:
    async with database.connection() as db:
        return await db.fetch("select * from contacts order by id")


async def consistent(database: Database, expected: int) -> None:
    """There are so many contacts, each with one alias, and the counters say the same."""
    async with database.connection() as db:
        row = await db.fetchrow(
            """
            select (select count(*) from contacts) as contacts, (select count(*) from contact_aliases) as aliases,
                   (select count(distinct contact_id) from contact_aliases) as owners,
                   (select coalesce(sum(contacts), 0) from tenant_counters) as counted
            """
        )
    assert row is not None
    assert set(row.values()) == {expected}, row


def words(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.word for outcome in outcomes]


@MODES
async def test_who_comes_second_meets_who_came_first(database: Database, world: World, mode: Mode) -> None:
    first, second = await arrive(database, world.acme, [wish(world.acme), wish(world.acme, city="Ulm")], mode)
    again, other = await arrive(
        database, world.acme, [wish(world.acme, city="Bonn"), wish(world.acme, OTHER)], mode
    )
    met = "updated" if mode is Mode.UPSERT else "known"
    assert words([first, second, again, other]) == ["created", met, met, "created"]
    assert first.contact_id == second.contact_id == again.contact_id != other.contact_id
    cities = [row["city"] for row in await contacts(database)]
    assert cities == (["Bonn", None] if mode is Mode.UPSERT else [None, None])
    await consistent(database, 2)


@MODES
async def test_an_email_belongs_to_whoever_has_it_first(database: Database, world: World, mode: Mode) -> None:
    await arrive(database, world.acme, [wish(world.acme, email="a@x.test")], Mode.CREATE)
    keys = [f"4420794600{number}" for number in range(20, 24)]
    emails = ["A@X.test", "b@x.test", "B@x.test", None]
    wishes = [wish(world.acme, key, email=email) for key, email in zip(keys, emails, strict=True)]
    outcomes = await arrive(database, world.acme, wishes, mode)
    assert words(outcomes) == ["refused", "created", "refused", "created"]
    assert [item.problems for item in outcomes if item.problems] == [{"email": [EMAIL_TAKEN]}] * 2
    # Nothing is left of them: the phones are free.
    assert words(await arrive(database, world.acme, [wish(world.acme, keys[0])], mode)) == ["created"]
    await consistent(database, 4)


@MODES
async def test_the_plan_has_places_for_those_who_come_first(
    database: Database, world: World, mode: Mode
) -> None:
    await arrive(database, world.acme, [wish(world.acme, email="a@x.test")], mode)
    wishes = [
        wish(world.acme, "15550100001", email="a@x.test"),  # refused: takes no place
        wish(world.acme, "15550100002"),
        wish(world.acme),  # known: needs none
        wish(world.acme, "15550100003"),
        wish(world.acme, "15550100004"),
        wish(world.acme, "15550100002"),
    ]
    outcomes = await arrive(database, world.acme, wishes, mode, maximum=3)
    met = "updated" if mode is Mode.UPSERT else "known"
    assert words(outcomes) == ["refused", "created", met, "created", "refused", met]
    assert [outcome.limit.details for outcome in outcomes if outcome.limit] == [
        {"feature": "contacts", "current": 3, "maximum": 3}
    ]
    await consistent(database, 3)


@pytest.mark.parametrize(("mode", "problems"), [(Mode.CREATE, {"groups": [NO_GROUP]}), (Mode.BY_PHONE, {})])
async def test_a_group_that_is_gone(database: Database, world: World, mode: Mode, problems: Any) -> None:
    async with database.connection() as db:
        group_id = await db.fetchval(
            "insert into contact_groups (tenant_id, name) values ($1, 'VIP') returning id",
            world.acme.tenant_id,
        )
    wishes = [
        wish(world.acme, group_ids=[group_id, group_id + 1]),
        wish(world.acme, OTHER, group_ids=[group_id]),
    ]
    outcomes = await arrive(database, world.acme, wishes, mode)
    assert outcomes[0].problems == problems
    assert [row["group_ids"] for row in await contacts(database)] == [[group_id]] * (1 if problems else 2)
    for bulk in (Mode.IMPORT, Mode.UPSERT):
        with pytest.raises(ChangedError):
            await arrive(database, world.acme, [wish(world.acme, "15550100009", group_ids=[-1])], bulk)


async def test_everything_that_is_wrong_is_named_at_once(database: Database, world: World) -> None:
    await arrive(database, world.acme, [wish(world.acme, email="a@x.test")], Mode.CREATE)
    wrong = Arrival(
        OTHER,
        {"email": "a@x.test", "source_id": -1, "status_id": -1},
        problems={"city": ["must be a string"]},
    )
    [outcome] = await arrive(database, world.acme, [wrong], Mode.CREATE)
    assert sorted(outcome.problems) == ["city", "email", "source_id", "status_id"]


async def test_an_upsert_adds_groups_and_attributes_but_never_too_many(
    database: Database, world: World
) -> None:
    many = {f"k{number}": number for number in range(attributes.MAX_KEYS)}
    await arrive(database, world.acme, [wish(world.acme, attributes=many)], Mode.UPSERT)
    same, more = await arrive(
        database,
        world.acme,
        [wish(world.acme, attributes={"k1": "x"}), wish(world.acme, attributes={"n": 1})],
        Mode.UPSERT,
    )
    assert (same.word, more.word, more.problems) == (
        "updated",
        "refused",
        {"attributes": [attributes.TOO_MANY]},
    )
    [row] = await contacts(database)
    assert row["attributes"] == many | {"k1": "x"}


async def test_two_tenants_know_the_same_number_as_two_people(database: Database, world: World) -> None:
    for person in (world.acme, world.globex):
        assert words(await arrive(database, person, [wish(person)], Mode.BY_PHONE)) == ["created"]
    await consistent(database, 2)


async def test_an_alias_of_another_kind_is_another_person(database: Database, world: World) -> None:
    pair = [wish(world.acme), wish(world.acme, kind="bsuid")]
    assert words(await arrive(database, world.acme, pair, Mode.BY_PHONE)) == ["created"] * 2


async def tries(
    database: Database, person: Person, wishes: Sequence[Arrival], mode: Mode, start: asyncio.Barrier
) -> Any:
    """Arrive as the callers do: once more after a conflict."""
    await start.wait()
    for turn in range(5):
        try:
            return await arrive(database, person, wishes, mode, is_again=turn > 0)
        except CONFLICTS:
            continue
    raise AssertionError


async def test_all_ways_at_once_make_one_contact_of_one_phone(crowd: Database, world: World) -> None:
    start = asyncio.Barrier(20)
    modes = [list(Mode)[turn % 4] for turn in range(20)]
    answers = await asyncio.gather(
        *(
            tries(crowd, world.acme, [wish(world.acme, city=f"City {turn}")], mode, start)
            for turn, mode in enumerate(modes)
        )
    )
    outcomes = [outcome for [outcome] in answers]
    assert words(outcomes).count("created") == 1
    assert {outcome.word for outcome in outcomes} <= {"created", "known", "updated"}
    assert len({outcome.contact_id for outcome in outcomes}) == 1
    assert outcomes[0].contact_id is not None
    await consistent(crowd, 1)


async def test_all_ways_at_once_in_opposite_orders_come_to_an_end(crowd: Database, world: World) -> None:
    keys = [f"44207946{number:04}" for number in range(300)]
    start = asyncio.Barrier(20)
    wishes = [wish(world.acme, key, email=f"{key}@x.test") for key in keys]
    answers = await asyncio.gather(
        *(
            tries(crowd, world.acme, wishes if turn % 2 else wishes[::-1], list(Mode)[turn % 4], start)
            for turn in range(20)
        )
    )
    assert sum(words(outcomes).count("created") for outcomes in answers) == 300
    await consistent(crowd, 300)


async def test_those_who_take_the_last_places_at_once_share_them(crowd: Database, world: World) -> None:
    start = asyncio.Barrier(20)

    async def take(turn: int) -> int:
        wishes = [wish(world.acme, f"44207946{turn:02}{number:02}") for number in range(3)]
        await start.wait()
        return words(await arrive(crowd, world.acme, wishes, list(Mode)[turn % 4], 50)).count("created")

    assert sum(await asyncio.gather(*(take(turn) for turn in range(20)))) == 50
    await consistent(crowd, 50)


async def test_who_loses_every_time_is_told_to_begin_again(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: Any, **__: Any) -> list[tuple[int | None, bool]]:
        return [(None, False)]

    monkeypatch.setattr(rows, "insert", lost)
    with pytest.raises(ChangedError):
        await arrive(database, world.acme, [wish(world.acme)], Mode.CREATE)
