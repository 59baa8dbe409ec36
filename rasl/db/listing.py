"""Builds the SQL of every list from a ListQuery and where its rows come from; values always travel as parameters."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

import asyncpg
import msgspec

from rasl.db.list_conditions import Searched, condition
from rasl.db.list_places import Key, behind, not_behind, stranger
from rasl.db.pool import Db, Row
from rasl.domain import listing
from rasl.domain.listing import EXACT_TOTAL, ListQuery, ListSpec, Page
from rasl.errors import ServiceUnavailable

# An exact total is worth this much of a request's time; what takes longer is estimated.
_COUNT_MILLISECONDS = 200
# Rows expected to match: so few are fetched and sorted at once, so many are neither counted nor sorted with a count.
_FEW = 2_000
_MANY = EXACT_TOTAL + EXACT_TOTAL // 5
# Matches that are counted and sorted in one go, whatever had been expected.
_MOST_SORTED = EXACT_TOTAL + EXACT_TOTAL // 2
# Rows of an order to look for matches in, first and most, before all matches are fetched and sorted.
_WINDOW = 2_000
LARGEST_WINDOW = 20_000


class _Found(msgspec.Struct, frozen=True):
    """A page and one row more; how many rows match, or how many the planner expects, where that is known."""

    rows: list[Row]
    total: int | None = None
    expected: int | None = None


class ListSource(msgspec.Struct, frozen=True):
    """Where a noun's rows come from, and what its list understands of them.

    `where` fixes the tenant of all tables, as $1. `alias` is the table with the columns of `spec`, and with the `id`
    that ends every order. Rows carry `cursor_0`, `cursor_1` and so on as well: where they stand in the order.
    `search_column` holds in lower case all that a search looks through. Without it every word of a search has to occur
    in one of the columns `search`. `is_search_indexed` is as `Searched` has it. `nullable` names what can be sorted by
    and can be null.
    """

    spec: ListSpec
    select: str
    tables: str
    alias: str
    where: str
    search: tuple[str, ...] = ()
    search_column: str | None = None
    is_search_indexed: bool = False
    nullable: frozenset[str] = frozenset()

    @property
    def searched(self) -> Searched:
        """Return what a search looks through."""
        is_lowered = self.search_column is not None
        columns = (self.search_column,) if self.search_column else self.search
        return Searched(columns, is_lowered, self.is_search_indexed)

    @property
    def tie_breaker(self) -> str:
        """Return the unique column that ends every order."""
        return f"{self.alias}.id"

    def column(self, name: str) -> str:
        """Return the column of what the API calls by this name."""
        column = self.spec.columns.get(name, name)
        return column if "." in column else f"{self.alias}.{column}"

    def order_by(self, name: str) -> str:
        """Return what rows are sorted by, and places in the order compared by: of a text, not its bytes."""
        column = self.column(name)
        return f'(sort_key({column}) collate "C")' if name in self.spec.texts else column


class _Statement:
    """SQL conditions and the parameters they refer to."""

    def __init__(self, conditions: Iterable[str], parameters: Iterable[Any]) -> None:
        self.conditions = [*conditions]
        self.parameters = [*parameters]

    def copy(self) -> Self:
        """Return another one to add to."""
        return type(self)(self.conditions, self.parameters)

    def parameter(self, value: Any) -> str:
        """Take a value and return what to write for it."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"


class Walk:
    """The statements of one query over one source."""

    def __init__(self, source: ListSource, query: ListQuery, tenant_id: int) -> None:
        self.query = query
        self._source = source
        self._keys = _keys(source, query)
        self._statement = _filtered(source, query, tenant_id)
        # The same rows, said for visiting all of them.
        self._whole = _filtered(source, query, tenant_id, is_whole=True)
        if query.cursor is not None:
            if len(query.cursor) != len(self._keys):
                raise stranger()
            for statement in (self._statement, self._whole):
                statement.conditions.append(behind(self._keys, query.cursor, statement.parameter))
        self._order = ", ".join(f"{key.column} {key.direction}" for key in self._keys)
        self._places = ", ".join(f"{key.column} as cursor_{number}" for number, key in enumerate(self._keys))

    def place(self, row: Row) -> tuple[Any, ...]:
        """Return where a row stands in the order."""
        return tuple(row[f"cursor_{number}"] for number in range(len(self._keys)))

    def page(self, until: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
        """Return the statement of a page as the planner likes it, not further than a place."""
        statement = self._statement.copy()
        if until is not None:
            statement.conditions.append(not_behind(self._keys, until, statement.parameter))
        text = (
            f"select {self._source.select}, {self._places} {self._from(statement)}"
            f" order by {self._order} {self._limit}"
        )
        return text, *statement.parameters

    def sorted_page(self) -> tuple[Any, ...]:
        """Return the statement of a page that sorts all matches: their places only, as rows are wide."""
        # No index has this order.
        order = ", ".join(f"coalesce({key.column}, {key.column}) {key.direction}" for key in self._keys)
        page = f"select {self._places} {self._from(self._whole)} order by {order} {self._limit}"
        return self._rows_at(page), *self._whole.parameters

    def counted_page(self) -> tuple[Any, ...]:
        """Return the statement of a page with `matching`, the number of matches; beyond a limit neither is true."""
        matching = f"select {self._places} {self._from(self._whole)} limit {_MOST_SORTED + 1}"
        order = ", ".join(f"cursor_{number} {key.direction}" for number, key in enumerate(self._keys))
        page = f"select * from matching order by {order} {self._limit}"
        rows = self._rows_at(page, ", (select count(*) from matching) as matching")
        return f"with matching as materialized ({matching}) {rows}", *self._whole.parameters

    def _rows_at(self, places: str, more: str = "") -> str:
        """Return the statement of the rows at the places that another finds."""
        source = self._source
        names = [f"page.cursor_{number}" for number in range(len(self._keys))]
        order = ", ".join(f"{name} {key.direction}" for name, key in zip(names, self._keys, strict=True))
        # The tie breaker is the last key of every order.
        return (
            f"select {source.select}, {', '.join(names)}{more} from ({places}) as page cross join {source.tables}"
            f" where {source.where} and {source.tie_breaker} = {names[-1]} order by {order}"
        )

    @property
    def _limit(self) -> str:
        # One row more than the page holds tells whether there is another page.
        offset = self.query.offset if self.query.cursor is None else 0
        return f"limit {self.query.per_page + 1} offset {offset}"

    def edge(self, size: int) -> tuple[Any, ...]:
        """Return the statement that finds the place so many rows on, whatever they match."""
        query = msgspec.structs.replace(self.query, filters=(), search=None)
        bare = Walk(self._source, query, self._statement.parameters[0])
        statement = bare._statement
        return (
            f"select {self._places} {self._from(statement)} order by {self._order} limit 1 offset {size}",
            *statement.parameters,
        )

    def count(self, most: int) -> tuple[Any, ...]:
        """Return the statement that counts up to so many."""
        text = f"select count(*) from (select 1 {self._from(self._whole)} limit {most}) as capped"
        return text, *self._whole.parameters

    def explain(self) -> tuple[Any, ...]:
        """Return the statement that asks how the planner would find a page."""
        text, *parameters = self.page()
        return f"explain (format json) {text}", *parameters

    def _from(self, statement: _Statement) -> str:
        return f"from {self._source.tables} where {' and '.join(statement.conditions)}"


def statement_of(source: ListSource, query: ListQuery, tenant_id: int) -> tuple[str, list[Any]]:
    """Return `from ... where ...` of a query without its order, with its parameters: for exports and their like."""
    statement = _filtered(source, query, tenant_id)
    return f"from {source.tables} where {' and '.join(statement.conditions)}", statement.parameters


def _filtered(source: ListSource, query: ListQuery, tenant_id: int, *, is_whole: bool = False) -> _Statement:
    statement = _Statement([source.where], [tenant_id])
    for item in query.filters:
        kind = source.spec.filters.get(item.name)
        statement.conditions.append(condition(statement.parameter, source.column(item.name), kind, item))
    statement.conditions += source.searched.conditions(
        query.search or "", statement.parameter, is_whole=is_whole
    )
    return statement


def _keys(source: ListSource, query: ListQuery) -> list[Key]:
    keys: list[Key] = []
    for name, is_descending in query.sorts:
        keys.append(Key(source.order_by(name), is_descending, name in source.nullable))
        if source.column(name) == source.tie_breaker:
            return keys
    return [*keys, Key(source.tie_breaker, bool(keys) and keys[-1].is_descending, is_nullable=False)]


async def fetch_page(db: Db, source: ListSource, query: ListQuery, tenant_id: int) -> Page:
    """Return one page and the total: exact up to 10,000, beyond it estimated, so that no list costs a full count.

    Raises ValidationFailed when the cursor does not fit the columns, ServiceUnavailable after the pool's time limit.
    """
    walk = Walk(source, query, tenant_id)
    try:
        found = await _find(db, walk)
    except asyncpg.DataError:
        if query.cursor is None:
            raise
        raise stranger() from None
    except asyncpg.QueryCanceledError as error:
        raise ServiceUnavailable from error
    has_more = len(found.rows) > query.per_page
    rows = found.rows[: query.per_page]
    next_cursor = (
        listing.write_cursor(query.sorts, walk.place(rows[-1]), source.spec.texts) if has_more else None
    )
    if query.cursor is not None:
        return Page(rows, None, is_total_estimated=False, next_cursor=next_cursor)
    if not has_more and (rows or query.page == 1):
        return Page(rows, query.offset + len(rows), is_total_estimated=False)
    total, is_estimated = await _total(db, walk, found, query.offset + len(rows))
    return Page(rows, total, is_estimated, next_cursor)


async def _find(db: Db, walk: Walk) -> _Found:
    """Fetch a page.

    Left to itself the planner takes matches to be spread evenly, and walks an order from its beginning until a page is
    full: 1.4 s for a group whose members were all imported first. So: where a total is due, all matches are visited
    anyway, and the page is found among them. Otherwise few are fetched and sorted. Many are looked for among the next
    rows of the order, and when a page does not fill there, fetched and sorted all the same.
    """
    query = walk.query
    if not query.filters and not query.search:
        return _Found(await db.fetch(*walk.page()))
    expected, is_direct = await _forecast(db, walk)
    if is_direct:
        rows = await db.fetch(*walk.page())
        return _Found(rows, expected=expected if expected > _MANY else None)
    if query.cursor is None and expected <= _MANY:
        counted = await _counted_page(db, walk, is_patient=expected <= _FEW)
        matching = counted[0]["matching"] if counted else 0
        if counted is not None and matching <= _MOST_SORTED:
            return _Found(counted, matching or None)
        expected = max(expected, matching)
    windows = () if expected <= _FEW else (_WINDOW, min(expected, LARGEST_WINDOW))
    for size in windows:
        edge = await db.fetchrow(*walk.edge(size)) if query.offset < size else None
        if edge is not None:
            rows = await db.fetch(*walk.page(until=walk.place(edge)))
            if len(rows) > query.per_page:
                return _Found(rows, expected=expected)
    return _Found(await db.fetch(*walk.sorted_page()), expected=expected)


async def _counted_page(db: Db, walk: Walk, *, is_patient: bool) -> list[Row] | None:
    """Return a page with the number of matches; None when it is not found in time."""
    if is_patient:
        return await db.fetch(*walk.counted_page())
    try:
        async with _hurry(db):
            return await db.fetch(*walk.counted_page())
    except asyncpg.QueryCanceledError:
        return None


@contextlib.asynccontextmanager
async def _hurry(db: Db) -> AsyncIterator[None]:
    """Give each statement of the block no more time than an exact total is worth; raises QueryCanceledError."""
    async with db.transaction():
        await db.execute(f"set local statement_timeout = {_COUNT_MILLISECONDS}")
        yield


async def _total(db: Db, walk: Walk, found: _Found, seen: int) -> tuple[int, bool]:
    """Return the total, counted up to 10,000, but not for long, and not what is expected to be far more."""
    if found.total is not None:
        return found.total, found.total > EXACT_TOTAL
    if found.rows and found.expected is not None:
        return max(found.expected, seen), True
    try:
        async with _hurry(db):
            count = await db.fetchval(*walk.count(EXACT_TOTAL + 1))
    except asyncpg.QueryCanceledError:
        return max(seen, (await _forecast(db, walk))[0]), True
    if count <= EXACT_TOTAL:
        return count, False
    expected, _ = await _forecast(db, walk)
    return max(expected, EXACT_TOTAL + 1, seen), True


async def _forecast(db: Db, walk: Walk) -> tuple[int, bool]:
    """Return how many rows the planner expects, and whether an index has just these rows in just this order."""
    plan = await db.fetchval(*walk.explain())
    document = msgspec.json.decode(plan) if isinstance(plan, str | bytes) else plan
    # Beside the scan there may be what its rows are completed by, which is found first.
    [scan] = [plan for plan in document[0]["Plan"]["Plans"] if plan["Parent Relationship"] == "Outer"]
    is_direct = scan["Node Type"] in {"Index Scan", "Index Only Scan"} and "Filter" not in scan
    return int(scan["Plan Rows"]), is_direct
