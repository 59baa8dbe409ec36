"""Walks by cursor, and filters on arrays, attributes and booleans, against a plain reading of the same rows."""

import datetime as dt
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from rasl.db import listing as list_rows
from rasl.db.listing import ListSource, fetch_page
from rasl.db.pool import Database
from rasl.domain.list_reading import parse
from rasl.domain.listing import Kind, ListQuery, ListSpec, write_cursor
from rasl.errors import ServiceUnavailable, ValidationFailed
from tests.sorting import sort_key

SPEC = ListSpec(
    filters={"rank": Kind.INTEGER, "is_on": Kind.BOOLEAN, "group_id": Kind.ARRAY, "attributes": Kind.JSON},
    sorts=("id", "name", "rank", "at", "size", "note"),
    default_sort="-at",
    fields=("id",),
    columns={"group_id": "group_ids"},
    texts=frozenset({"name", "note"}),
)
SOURCE = ListSource(
    spec=SPEC,
    select="t.id",
    tables="things t",
    alias="t",
    where="t.tenant_id = $1",
    search_column="t.search_text",
    nullable=frozenset({"size", "note"}),
)
FORECAST = list_rows._forecast
OURS, THEIRS = 1, 2
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
Thing = dict[str, Any]
_TABLE = """
create table things (
    tenant_id bigint, id bigint, name text not null, rank bigint not null, at timestamptz not null, size bigint,
    note text, is_on boolean, group_ids bigint[] not null, attributes jsonb not null,
    search_text text generated always as (lower(' ' || name || ' ' || coalesce(note, ''))) stored,
    primary key (tenant_id, id))
"""


def _thing(number: int, chance: random.Random) -> Thing:
    return {
        "id": number,
        "name": chance.choice(
            [
                "Ana",
                "ana",
                "Bo",
                "50%",
                "5_0",
                "a\\b",
                "",
                "Åsa",
                "mar ana",
                "øre",
                "Straße",
                "STRASSE",
                "яна",
            ]
        ),
        "rank": chance.randrange(3),
        "at": START + dt.timedelta(days=chance.randrange(4), microseconds=chance.randrange(2)),
        "size": chance.choice([None, 0, 1, -1]),
        "note": chance.choice([None, "", "x", "Ända an"]),
        "is_on": chance.choice([None, True, False]),
        "group_id": chance.sample(range(5), chance.randrange(4)),
        "attributes": chance.choice(
            [
                {},
                {"k": 5},
                {"k": "5"},
                {"k": True},
                {"k": "true"},
                {"k": None},
                {"k": 5.5},
                {"k": "Ab%"},
                {"j": 5},
            ]
        ),
    }


async def _insert(database: Database, tenant: int, things: list[Thing]) -> None:
    async with database.connection() as db:
        await db.executemany(
            "insert into things values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [(tenant, *thing.values()) for thing in things],
        )


@pytest.fixture
async def things(database: Database) -> AsyncIterator[list[Thing]]:
    """Two hundred rows of ours beside as many of a stranger."""
    ours = [_thing(number, random.Random(number)) for number in range(200)]
    async with database.connection() as db:
        await db.execute(_TABLE)
    await _insert(database, OURS, ours)
    await _insert(database, THEIRS, [_thing(number, random.Random(number)) for number in range(1000, 1200)])
    yield ours
    async with database.connection() as db:
        await db.execute("drop table things")


@pytest.fixture(params=["counted", "sorted", "windows", "direct", "as released"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way that a page can be found by gives the same page."""
    if request.param != "as released":
        monkeypatch.setattr(list_rows, "_FEW", -1 if request.param == "windows" else 10**9)
        monkeypatch.setattr(list_rows, "_MANY", 10**9 if request.param == "counted" else -1)
    if request.param == "windows":
        monkeypatch.setattr(list_rows, "_WINDOW", 9)
        monkeypatch.setattr(list_rows, "LARGEST_WINDOW", 40)
    if request.param == "direct":
        monkeypatch.setattr(list_rows, "_forecast", _directly)


AS_RELEASED = pytest.mark.parametrize("way", ["as released"], indirect=True)


async def _directly(*_: object) -> tuple[int, bool]:
    return 50, True


def _ordered(things: list[Thing], query: ListQuery) -> list[int]:
    rows = sorted(things, key=lambda thing: thing["id"], reverse=query.sorts[-1][1])
    for name, is_descending in reversed(query.sorts):
        # PostgreSQL: null is the largest value.
        rows.sort(key=lambda thing: _rank(thing[name]), reverse=is_descending)
    return [thing["id"] for thing in rows]


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else sort_key(value) if isinstance(value, str) else value)


async def _page(database: Database, query: ListQuery) -> tuple[list[int], str | None]:
    async with database.listing() as db:
        page = await fetch_page(db, SOURCE, query, OURS)
    return [row["id"] for row in page.rows], page.next_cursor


async def _walk(
    database: Database, pairs: list[tuple[str, str]], between: Callable[[], Any] | None = None
) -> list[int]:
    seen, cursor = await _page(database, parse(pairs, SPEC))
    while cursor is not None:
        if between is not None:
            await between()
        rows, cursor = await _page(database, parse([*pairs, ("cursor", cursor)], SPEC))
        assert rows
        seen += rows
    return seen


def _random_pairs(chance: random.Random) -> list[tuple[str, str]]:
    keys = [f"{chance.choice(['', '-'])}{name}" for name in chance.sample(SPEC.sorts, chance.randrange(4))]
    pairs = [("sort", ",".join(keys)), ("per_page", str(chance.choice([1, 3, 10, 50, 100])))]
    if chance.random() < 0.5:
        pairs.append(("filter[rank]", str(chance.randrange(3))))
    return pairs


@pytest.mark.parametrize("seed", range(3))
async def test_a_walk_sees_every_row_once_and_in_order(
    database: Database, things: list[Thing], seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(12):
        pairs = _random_pairs(chance)
        rank = dict(pairs).get("filter[rank]")
        matching = [thing for thing in things if rank is None or thing["rank"] == int(rank)]
        assert await _walk(database, pairs) == _ordered(matching, parse(pairs, SPEC)), pairs


@pytest.mark.parametrize("seed", range(3))
async def test_a_walk_is_not_disturbed_by_rows_that_come_meanwhile(
    database: Database, things: list[Thing], seed: int
) -> None:
    chance = random.Random(seed)
    pairs = [*_random_pairs(chance)[:1], ("per_page", "20")]
    later: list[Thing] = []

    async def add() -> None:
        thing = _thing(300 + len(later), chance)
        later.append(thing)
        await _insert(database, OURS, [thing])

    seen = await _walk(database, pairs, add)
    assert len(seen) == len(set(seen))
    known = {thing["id"] for thing in things}
    assert [number for number in seen if number in known] == _ordered(things, parse(pairs, SPEC))


_GROUPS: dict[str, Callable[[list[int]], bool]] = {
    "filter[group_id]=3": lambda groups: 3 in groups,
    "filter[group_id][eq]=9": lambda groups: 9 in groups,
    "filter[group_id][in]=3,0": lambda groups: bool({3, 0} & set(groups)),
    "filter[group_id][in]=,": lambda groups: False,  # noqa: ARG005
    "filter[group_id][ne]=3": lambda groups: 3 not in groups,
    "filter[group_id][!=]=3": lambda groups: 3 not in groups,
    "filter[group_id][not_in]=3,0": lambda groups: not {3, 0} & set(groups),
    "filter[group_id][null]=true": lambda groups: not groups,
    "filter[group_id][null]=false": bool,
    "filter[group_id]=3&filter[group_id]=0": lambda groups: {3, 0} <= set(groups),
}
_FLAGS: dict[str, Callable[[bool | None], bool]] = {
    "filter[is_on]=true": lambda flag: flag is True,
    "filter[is_on]=0": lambda flag: flag is False,
    "filter[is_on][ne]=true": lambda flag: flag is not True,
    "filter[is_on][in]=true,false": lambda flag: flag is not None,
    "filter[is_on][not_in]=false": lambda flag: flag is not False,
    "filter[is_on][null]=true": lambda flag: flag is None,
    "filter[is_on][null]=false": lambda flag: flag is not None,
}
_FIVES, _TRUES = (5, "5"), (True, "true")
_ATTRIBUTES: dict[str, Callable[[Any], bool]] = {
    "filter[attributes.k]=5": lambda value: value in _FIVES and value is not True,
    "filter[attributes.k]=5.0": lambda value: value == 5,
    "filter[attributes.k]=true": lambda value: value is True or value == "true",
    "filter[attributes.k]=Ab%": lambda value: value == "Ab%",
    "filter[attributes.k][in]=5,true": lambda value: value in _FIVES + _TRUES,
    "filter[attributes.k][ne]=5": lambda value: value not in _FIVES,
    "filter[attributes.k][not_in]=5,true": lambda value: value not in _FIVES + _TRUES,
    "filter[attributes.k][null]=true": lambda value: value is None,
    "filter[attributes.k][null]=false": lambda value: value is not None,
    "filter[attributes.k][like]=B%": lambda value: value == "Ab%",
    "filter[attributes.k][gt]=5": lambda value: value == 5.5,
    "filter[attributes.k][>=]=5": lambda value: value in {5, 5.5} and value is not True,
    "filter[attributes.k][lt]=5.5": lambda value: value == 5 and not isinstance(value, str),
    "filter[attributes.k][lte]=5": lambda value: value == 5 and not isinstance(value, str),
    "filter[attributes.k][between]=5,6": lambda value: value in {5, 5.5},
    "filter[attributes.k][between]=A,B": lambda value: value == "Ab%",
    "filter[attributes.k][gt]=5x": lambda value: value in {"true", "Ab%"},
    "filter[attributes.k.l]=5": lambda value: False,  # noqa: ARG005 - a key may have dots
}


@pytest.mark.parametrize(
    ("name", "text", "holds"),
    [
        *(("group_id", text, holds) for text, holds in _GROUPS.items()),
        *(("is_on", text, holds) for text, holds in _FLAGS.items()),
        *(("attributes", text, holds) for text, holds in _ATTRIBUTES.items()),
    ],
)
async def test_every_operator_on_arrays_attributes_and_booleans(
    database: Database, things: list[Thing], name: str, text: str, holds: Callable[[Any], bool]
) -> None:
    pairs = [(key, value) for key, _, value in (part.partition("=") for part in _split(text))]
    found = await _walk(database, [*pairs, ("sort", "id")])
    values = {thing["id"]: thing[name] for thing in things}
    if name == "attributes":
        values = {number: value.get("k") for number, value in values.items()}
    assert found == [number for number, value in values.items() if holds(value)]


def _split(text: str) -> list[str]:
    # The aliases >= and != hold an equals sign themselves.
    return [part.replace("[>=]", "[gte]").replace("[!=]", "[ne]") for part in text.split("&")]


_WORDS = ("an", "AN", "a", "b", "na", "ana", "NDA", "än", "Å", "sa", "ße", "ST", "ra", "re", "ян", "на", "я")
_SIGNS = ("%", "_", "\\", "50%", "5_0", "zz")


@pytest.mark.parametrize("text", [*_WORDS, *_SIGNS, "mar ana", "ana an", "a a", "na ar"])
async def test_a_search_finds_any_part_of_a_word(database: Database, things: list[Thing], text: str) -> None:
    found = await _walk(database, [("search", text), ("sort", "id")])
    texts = {thing["id"]: f" {thing['name']} {thing['note'] or ''}".lower() for thing in things}
    assert found == [
        number for number, value in texts.items() if all(word in value for word in text.lower().split())
    ]


@pytest.mark.parametrize(
    "values",
    [
        (),
        (1,),
        (1, 2, 3),
        ("x", 1),
        (START, "x"),
        (START, 2**63),
        (START, None),
        (None, 1),
        (1, START),
        (True, False),
        (1.5, 2.5),
    ],
)
async def test_a_cursor_with_other_values_is_refused(
    database: Database, things: list[Thing], values: tuple[Any, ...]
) -> None:
    assert things
    query = parse([("cursor", write_cursor((("at", True),), values))], SPEC)
    with pytest.raises(ValidationFailed) as caught:
        await _page(database, query)
    assert list(caught.value.details) == ["cursor"]


async def test_a_cursor_shows_no_row_of_a_stranger(database: Database, things: list[Thing]) -> None:
    assert things
    cursor = write_cursor((("id", False),), (999,))
    assert await _page(database, parse([("sort", "id"), ("cursor", cursor)], SPEC)) == ([], None)


async def test_a_count_that_takes_too_long_is_estimated(
    database: Database, things: list[Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert things
    monkeypatch.setattr(list_rows, "_COUNT_MILLISECONDS", 1)
    monkeypatch.setattr(list_rows.Walk, "count", lambda *_: ("select pg_sleep(9)",))
    async with database.listing() as db:
        page = await fetch_page(db, SOURCE, parse([("per_page", "1")], SPEC), OURS)
    assert page.is_total_estimated
    assert page.total
    assert page.next_cursor


@AS_RELEASED
async def test_matches_that_cannot_be_counted_in_time_make_a_page_all_the_same(
    database: Database, things: list[Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = parse([("filter[rank]", "1"), ("per_page", "3"), ("sort", "name")], SPEC)
    monkeypatch.setattr(list_rows, "_FEW", -1)
    monkeypatch.setattr(list_rows, "_COUNT_MILLISECONDS", 1)
    monkeypatch.setattr(list_rows.Walk, "counted_page", lambda *_: ("select pg_sleep(9)",))
    async with database.listing() as db:
        page = await fetch_page(db, SOURCE, query, OURS)
    matches = [thing for thing in things if thing["rank"] == 1]
    assert [row["id"] for row in page.rows] == _ordered(matches, query)[:3]
    assert page.is_total_estimated


@AS_RELEASED
async def test_more_matches_than_expected_are_not_all_sorted(
    database: Database, things: list[Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = parse([("filter[rank]", "1"), ("per_page", "3"), ("sort", "name")], SPEC)
    monkeypatch.setattr(list_rows, "_MOST_SORTED", 20)
    async with database.listing() as db:
        page = await fetch_page(db, SOURCE, query, OURS)
    matches = [thing for thing in things if thing["rank"] == 1]
    assert [row["id"] for row in page.rows] == _ordered(matches, query)[:3]
    assert page.is_total_estimated
    assert page.total
    assert page.total > 20


@AS_RELEASED
@pytest.mark.parametrize(
    ("pairs", "is_direct"),
    [
        ([("filter[rank]", "1")], True),
        ([("filter[rank]", "1"), ("filter[is_on]", "true")], False),
        ([("filter[rank][in]", "1,2")], False),
    ],
    ids=["one value", "another filter beside it", "two values"],
)
async def test_an_index_that_has_the_matches_in_order_is_walked(
    database: Database, things: list[Thing], pairs: list[tuple[str, str]], is_direct: bool
) -> None:
    assert things
    query = parse(pairs, SPEC)
    async with database.listing() as db, db.transaction():
        await db.execute("create index on things (tenant_id, rank, at desc, id desc)")
        await db.execute("set local enable_seqscan = off; set local enable_sort = off")
        walk = list_rows.Walk(SOURCE, query, OURS)
        assert (await FORECAST(db, walk))[1] is is_direct


async def test_a_list_that_takes_far_too_long_is_refused(
    database: Database, things: list[Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert things
    monkeypatch.setattr(list_rows.Walk, "page", lambda *_, **__: ("select pg_sleep(9)",))
    async with database.listing() as db, db.transaction():
        await db.execute("set local statement_timeout = 1")
        with pytest.raises(ServiceUnavailable):
            await fetch_page(db, SOURCE, parse([], SPEC), OURS)
