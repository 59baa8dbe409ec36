import datetime as dt
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rasl.db import contact_lists
from rasl.db.listing import ListSource, Walk, _forecast, fetch_page
from rasl.db.pool import Database
from rasl.domain.list_reading import parse
from rasl.domain.listing import Filter, Kind, ListQuery, ListSpec
from rasl.domain.records.contact import CONTACT_LIST
from rasl.services.sending import message_list
from rasl.services.sending.message_list import MESSAGE_LIST
from tests.world import World

SPEC = ListSpec(
    filters={"name": Kind.TEXT, "size": Kind.INTEGER, "at": Kind.MOMENT},
    sorts=("name", "size", "at"),
    default_sort="-at",
    fields=("id",),
)
SOURCE = ListSource(
    spec=SPEC,
    select="t.id, t.name, t.size, t.at",
    tables="things t",
    alias="t",
    where="t.tenant_id = $1",
    search=("t.name", "t.note"),
    nullable=frozenset({"name", "size", "at"}),
)
OURS, THEIRS = 1, 2
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NAMES = ["Ana", "ana", "Bo", "50%", "50_", "5\\0", "a,b", "", None]
Thing = dict[str, Any]


def _things(tenant: int, count: int) -> list[Thing]:
    chance = random.Random(tenant)
    return [
        {
            "id": tenant * 10_000 + number,
            "name": chance.choice(NAMES),
            "note": chance.choice(["", "a note", None]),
            "size": chance.choice([None, *range(-3, 9)]),
            "at": chance.choice([None, *(START + dt.timedelta(days=day) for day in range(12))]),
        }
        for number in range(count)
    ]


@pytest.fixture
async def things(database: Database) -> AsyncIterator[list[Thing]]:
    """Three hundred rows of ours beside as many of a stranger."""
    async with database.connection() as db:
        await db.execute(
            """
            create table things (tenant_id bigint, id bigint, name text, note text, size bigint, at timestamptz,
                                 primary key (tenant_id, id))
            """
        )
        for tenant in (OURS, THEIRS):
            values = [(tenant, *thing.values()) for thing in _things(tenant, 300)]
            await db.executemany("insert into things values ($1, $2, $3, $4, $5, $6)", values)
        await db.execute("analyze things")
    yield _things(OURS, 300)
    async with database.connection() as db:
        await db.execute("drop table things")


_HOLDS: dict[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "eq": lambda value, given: value is not None and value == given[0],
    "ne": lambda value, given: value is None or value != given[0],
    "gte": lambda value, given: value is not None and value >= given[0],
    "lte": lambda value, given: value is not None and value <= given[0],
    "gt": lambda value, given: value is not None and value > given[0],
    "lt": lambda value, given: value is not None and value < given[0],
    "like": lambda value, given: value is not None and given[0].lower() in str(value).lower(),
    "in": lambda value, given: value is not None and value in given,
    "not_in": lambda value, given: value is None or value not in given,
    "between": lambda value, given: value is not None and given[0] <= value <= given[1],
    "null": lambda value, given: (value is None) is given[0],
}


def _expected(things: list[Thing], query: ListQuery) -> tuple[list[int], int]:
    rows = [
        thing
        for thing in things
        if all(_HOLDS[item.operator](thing[item.name], item.values) for item in query.filters)
        and all(
            any(word in (thing[key] or "").lower() for key in ("name", "note"))
            for word in (query.search or "").lower().split()
        )
    ]
    rows.sort(key=lambda thing: thing["id"], reverse=bool(query.sorts) and query.sorts[-1][1])
    for name, is_descending in reversed(query.sorts):
        # PostgreSQL: null is the largest value.
        rows.sort(
            key=lambda thing: (thing[name] is None, thing[name] or _smallest(name)), reverse=is_descending
        )
    page = rows[query.offset : query.offset + query.per_page]
    return [thing["id"] for thing in page], len(rows)


def _smallest(name: str) -> Any:
    # Zero is a size, so only a missing value falls back on this; it is compared with other missing ones alone.
    return {"name": "", "size": 0, "at": START}[name]


async def _fetch(database: Database, query: ListQuery) -> tuple[list[int], int]:
    async with database.listing() as db:
        page = await fetch_page(db, SOURCE, query, OURS)
    assert not page.is_total_estimated
    assert page.total is not None
    return [row["id"] for row in page.rows], page.total


def _random_value(chance: random.Random, name: str) -> str:
    if name == "size":
        return str(chance.randrange(-4, 10))
    if name == "at":
        return (START + dt.timedelta(days=chance.randrange(-1, 13))).isoformat()
    return str(chance.choice(["Ana", "ana", "Bo", "50%", "x"]))


def _random_pairs(chance: random.Random) -> list[tuple[str, str]]:
    pairs = [
        ("page", str(chance.choice([1, 1, 2, 3, 50]))),
        ("per_page", str(chance.choice([1, 7, 15, 100]))),
    ]
    sorts = chance.sample(["name", "-name", "size", "-size", "at", "-at"], chance.randrange(4))
    pairs.append(("sort", ",".join(sorts)))
    if chance.random() < 0.3:
        pairs.append(
            ("search", chance.choice(["an", "NOTE", "a NOTE", "ana zzz", "%", "_", "\\", "zzz", "a,b"]))
        )
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        name, operator = chance.choice(["name", "size", "at"]), chance.choice(list(_HOLDS))
        if operator == "null":
            value = chance.choice(["true", "false"])
        elif operator == "like":
            value = (
                chance.choice(["an", "5", "%", "_", "\\", ""]) if name == "name" else str(chance.randrange(9))
            )
        else:
            count = {"in": 3, "not_in": 3, "between": 2}.get(operator, 1)
            value = ",".join(_random_value(chance, name) for _ in range(count))
        if not (operator == "like" and name == "at"):
            pairs.append((f"filter[{name}][{operator}]", value))
    return pairs


@pytest.mark.parametrize("seed", range(4))
async def test_any_query_gives_what_a_plain_reading_of_it_gives(
    database: Database, things: list[Thing], seed: int
) -> None:
    chance, found = random.Random(seed), 0
    for _ in range(150):
        pairs = _random_pairs(chance)
        query = parse(pairs, SPEC)
        expected = _expected(things, query)
        assert await _fetch(database, query) == expected, pairs
        found += bool(expected[0])
    assert found > 50


@pytest.mark.parametrize("per_page", [1, 7, 100])
@pytest.mark.parametrize("sort", ["name", "-size,name", "at"])
async def test_pages_put_together_are_every_row_once(
    database: Database, things: list[Thing], per_page: int, sort: str
) -> None:
    seen: list[int] = []
    page = 1
    while rows := (
        await _fetch(
            database, parse([("page", str(page)), ("per_page", str(per_page)), ("sort", sort)], SPEC)
        )
    )[0]:
        seen += rows
        page += 1
    assert sorted(seen) == sorted(thing["id"] for thing in things)


@pytest.mark.parametrize(
    "text", ["'; drop table things; --", "%", "\\", "$1", "{}", "\u202e", "😀" * 500, "x" * 100_000]
)
async def test_no_text_gets_into_the_statement(database: Database, things: list[Thing], text: str) -> None:
    for name in ("search", "filter[name]", "filter[name][like]", "filter[name][in]"):
        query = parse([(name, text)], SPEC)
        assert await _fetch(database, query) == _expected(things, query)


async def test_a_large_total_is_estimated_instead_of_counted(
    database: Database, things: list[Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasl.db.listing.EXACT_TOTAL", 100)
    async with database.listing() as db:
        page = await fetch_page(db, SOURCE, ListQuery(), OURS)
        small = await fetch_page(db, SOURCE, ListQuery(filters=(Filter("size", "eq", (3,)),)), OURS)
    assert page.is_total_estimated
    assert page.total is not None
    assert 101 <= page.total <= 2 * len(things)
    assert not small.is_total_estimated


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", str(2**31 - 1)),
        ("filter[interaction_id]", str(2**63 - 1)),
        ("filter[interaction_id][not_in]", f"{-(2**63) + 1},5"),
        ("filter[created_at][gte]", "0001-01-01T00:00:00Z"),
        ("filter[created_at][lte]", "9999-12-31T23:59:59.999999Z"),
        ("filter[created_at][between]", "0001-01-01,9999-12-31"),
        ("filter[created_at][like]", "2026"),
        ("filter[interaction_id][like]", "7"),
        ("filter[status][between]", "a,z"),
        *(
            (f"filter[{field}][null]", "true")
            for field, kind in MESSAGE_LIST.filters.items()
            if kind is not Kind.MESSAGE
        ),
        ("filter[message_id]", str(2**63 - 1)),
        ("filter[message_id]", "wamid." + "x" * 10_000),
        ("filter[contact_id][not_in]", "1,2"),
    ],
)
async def test_the_list_of_messages_takes_values_to_the_edge_of_their_kind(
    database: Database, world: World, name: str, value: str
) -> None:
    query = parse([(name, value)], MESSAGE_LIST)
    page = await message_list.list_messages(database, world.acme.tenant_id, query)
    assert (page.rows, page.total) == ([], 0)


async def test_the_planner_is_asked_about_the_list_and_not_about_what_completes_its_rows(
    database: Database, world: World
) -> None:
    acme = world.acme
    async with database.connection() as db:
        await db.execute(
            """
            insert into contacts (tenant_id, firstname, type, status_id, source_id)
            select $1, 'Ana', 'lead', $2, $3 from generate_series(1, 500)
            """,
            acme.tenant_id,
            acme.status_id,
            acme.source_id,
        )
        await db.execute("analyze contacts")
    walk = Walk(contact_lists.LIST_SOURCE, parse([("search", "an")], CONTACT_LIST), acme.tenant_id)
    async with database.listing() as db:
        expected, _ = await _forecast(db, walk)
    assert expected > 100
