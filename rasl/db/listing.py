"""Builds the SQL of every list from a ListQuery and a table of columns; values always travel as parameters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from rasl.db.pool import Db, Row
from rasl.domain import listing
from rasl.domain.listing import EXACT_TOTAL, Filter, ListQuery, Page
from rasl.errors import ValidationFailed

_COMPARISONS = {"eq": "=", "ne": "<>", "gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
_SHORT_TERM = 2  # characters; three make a trigram
# An exact total is worth this much of a request's time; what takes longer is estimated.
_COUNT_MILLISECONDS = 200


class ListSource(msgspec.Struct, frozen=True):
    """Where a noun's rows come from: columns by API name, all of them of tables whose tenant is fixed by `where`.

    `where` refers to the tenant as $1. `tie_breaker` is a unique column that makes every order total. Rows carry the
    columns `cursor_0`, `cursor_1` … besides those of `select`: where they stand in the order.

    `search_column` holds in lower case all that a search looks through, with a space before every word: terms of one
    or two characters find beginnings of words there, longer ones any part. Without it every word of a search has to
    occur in one of the columns `search`. `nullable` names what can be sorted by and can be null.
    """

    select: str
    tables: str
    where: str
    columns: Mapping[str, str]
    search: tuple[str, ...]
    tie_breaker: str
    search_column: str | None = None
    array_columns: frozenset[str] = frozenset()
    json_columns: frozenset[str] = frozenset()
    nullable: frozenset[str] = frozenset()


class _Key(msgspec.Struct, frozen=True):
    """One column of an order that is total."""

    column: str
    is_descending: bool
    is_nullable: bool


class _Statement:
    """SQL conditions and the parameters they refer to."""

    def __init__(self, where: str, tenant_id: int) -> None:
        self.conditions = [where]
        self.parameters: list[Any] = [tenant_id]

    def parameter(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}"


async def fetch_page(db: Db, source: ListSource, query: ListQuery, tenant_id: int) -> Page:
    """Return one page and the total: exact up to 10,000, beyond it estimated, so that no list costs a full count.

    Raises ValidationFailed when the cursor does not fit the columns. `db` must not be in a transaction.
    """
    statement = filtered(source, query, tenant_id)
    matching = f"from {source.tables} where {' and '.join(statement.conditions)}"
    keys = _keys(source, query)
    text, parameters = _page(source, query, statement, keys)
    try:
        rows = await db.fetch(text, *parameters)
    except asyncpg.DataError:
        if query.cursor is None:
            raise
        raise _stranger() from None
    has_more = len(rows) > query.per_page
    rows = rows[: query.per_page]
    next_cursor = listing.write_cursor(query.sorts, _place(rows[-1], keys)) if has_more else None
    if query.cursor is not None:
        return Page(rows, None, is_total_estimated=False, next_cursor=next_cursor)
    if not has_more and (rows or query.page == 1):
        return Page(rows, query.offset + len(rows), is_total_estimated=False)
    total, is_estimated = await _total(db, matching, statement.parameters, query.offset + len(rows))
    return Page(rows, total, is_estimated, next_cursor)


def filtered(source: ListSource, query: ListQuery, tenant_id: int) -> _Statement:
    """Return the conditions of a query without its order, for statements of other shapes (an export, a deletion)."""
    statement = _Statement(source.where, tenant_id)
    for item in query.filters:
        if item.name in source.columns:
            statement.conditions.append(_condition(statement, source, item))
    for word in (query.search or "").split():
        statement.conditions.append(_search(statement, source, word))
    return statement


def page_statement(source: ListSource, query: ListQuery, tenant_id: int) -> tuple[str, list[Any]]:
    """Return the SQL of a page with its parameters, for whoever wants to see its plan."""
    return _page(source, query, filtered(source, query, tenant_id), _keys(source, query))


def _page(
    source: ListSource, query: ListQuery, statement: _Statement, keys: Sequence[_Key]
) -> tuple[str, list[Any]]:
    parameters = [*statement.parameters]
    conditions = [*statement.conditions]
    offset = query.offset
    if query.cursor is not None:
        if len(query.cursor) != len(keys):
            raise _stranger()
        conditions.append(_behind(keys, query.cursor, parameters))
        offset = 0
    places = "".join(f", {key.column} as cursor_{number}" for number, key in enumerate(keys))
    order = ", ".join(f"{key.column} {'desc' if key.is_descending else 'asc'}" for key in keys)
    # One row more than the page holds tells whether there is another page.
    text = (
        f"select {source.select}{places} from {source.tables} where {' and '.join(conditions)}"
        f" order by {order} limit {query.per_page + 1} offset {offset}"
    )
    return text, parameters


def _keys(source: ListSource, query: ListQuery) -> list[_Key]:
    keys: list[_Key] = []
    for name, is_descending in query.sorts:
        keys.append(_Key(source.columns[name], is_descending, name in source.nullable))
        if source.columns[name] == source.tie_breaker:
            return keys
    return [*keys, _Key(source.tie_breaker, bool(keys) and keys[-1].is_descending, is_nullable=False)]


def _place(row: Row, keys: Sequence[_Key]) -> tuple[Any, ...]:
    return tuple(row[f"cursor_{number}"] for number in range(len(keys)))


def _behind(keys: Sequence[_Key], values: Sequence[Any], parameters: list[Any]) -> str:
    """Return the condition of standing behind a place: a comparison of rows where that says it, as indexes like it."""
    if any(value is None and not key.is_nullable for key, value in zip(keys, values, strict=True)):
        raise _stranger()
    marks = [f"${number}" for number in range(len(parameters) + 1, len(parameters) + len(keys) + 1)]
    is_comparable = len({key.is_descending for key in keys}) == 1 and not any(key.is_nullable for key in keys)
    if is_comparable:
        parameters.extend(values)
        sign = "<" if keys[0].is_descending else ">"
        return f"({', '.join(key.column for key in keys)}) {sign} ({', '.join(marks)})"
    condition = ""
    for key, value in reversed(list(zip(keys, values, strict=True))):
        mark = _mark(parameters, value)
        further = _further(key, mark)
        same = f"{key.column} = {mark}" if mark else f"{key.column} is null"
        condition = f"({further} or {same} and {condition})" if condition else f"({further})"
    return condition + _not_before(keys[0], values[0], parameters)


def _mark(parameters: list[Any], value: Any) -> str | None:
    if value is None:
        return None
    parameters.append(value)
    return f"${len(parameters)}"


def _further(key: _Key, mark: str | None) -> str:
    """Say that a column is behind a value; null is the largest, as PostgreSQL has it."""
    if mark is None:
        return f"{key.column} is not null" if key.is_descending else "false"
    if key.is_descending:
        return f"{key.column} < {mark}"
    return f"({key.column} > {mark} or {key.column} is null)" if key.is_nullable else f"{key.column} > {mark}"


def _not_before(key: _Key, value: Any, parameters: list[Any]) -> str:
    """Repeat of the or-form what an index can begin at."""
    if key.is_nullable or value is None:
        return ""
    return f" and {key.column} {'<=' if key.is_descending else '>='} {_mark(parameters, value)}"


def _stranger() -> ValidationFailed:
    return ValidationFailed({"cursor": ["The cursor parameter is not a cursor of this list"]})


async def _total(db: Db, matching: str, parameters: Sequence[Any], seen: int) -> tuple[int, bool]:
    """Count up to 10,000, but not for long."""
    try:
        async with db.transaction():
            await db.execute(f"set local statement_timeout = {_COUNT_MILLISECONDS}")
            count: int | None = await db.fetchval(
                f"select count(*) from (select 1 {matching} limit {EXACT_TOTAL + 1}) as capped", *parameters
            )
    except asyncpg.QueryCanceledError:
        count = None
    if count is not None and count <= EXACT_TOTAL:
        return count, False
    plan = await db.fetchval(f"explain (format json) select 1 {matching}", *parameters)
    least = seen if count is None else max(seen, EXACT_TOTAL + 1)
    return max(int(_plan_rows(plan)), least), True


def _plan_rows(plan: Any) -> float:
    document = msgspec.json.decode(plan) if isinstance(plan, str | bytes) else plan
    rows: float = document[0]["Plan"]["Plan Rows"]
    return rows


def _search(statement: _Statement, source: ListSource, word: str) -> str:
    pattern = f"%{_escaped(word)}%"
    if source.search_column is None:
        place = statement.parameter(pattern)
        return "(" + " or ".join(f"{column} ilike {place}" for column in source.search) + ")"
    if len(word) <= _SHORT_TERM:
        pattern = f"% {pattern[1:]}"
    # The database lowers the term as it lowered the column.
    return f"{source.search_column} like lower({statement.parameter(pattern)}::text)"


def _condition(statement: _Statement, source: ListSource, item: Filter) -> str:
    column = source.columns[item.name]
    if item.name in source.array_columns:
        return _array_condition(statement, column, item)
    if item.name in source.json_columns:
        return _json_condition(statement, column, item)
    match item.operator:
        case "null":
            text = f"{column} is {'null' if item.values[0] else 'not null'}"
        case "like":
            text = f"({column})::text ilike {statement.parameter(f'%{_escaped(item.values[0])}%')}"
        case "in":
            text = f"{column} = any({statement.parameter(list(item.values))})"
        case "not_in":
            text = f"({column} is null or {column} <> all({statement.parameter(list(item.values))}))"
        case "between":
            low, high = (statement.parameter(value) for value in item.values)
            text = f"{column} between {low} and {high}"
        case "ne":
            text = f"{column} is distinct from {statement.parameter(item.values[0])}"
        case operator:
            text = f"{column} {_COMPARISONS[operator]} {statement.parameter(item.values[0])}"
    return text


def _array_condition(statement: _Statement, column: str, item: Filter) -> str:
    """Say something of an array's members; an empty array has none, as if it were null."""
    if item.operator == "null":
        is_empty = f"({column} is null or {column} = '{{}}')"
        return is_empty if item.values[0] else f"not {is_empty}"
    sign = "@>" if item.operator == "eq" else "&&"
    text = f"{column} {sign} {statement.parameter(list(item.values))}"
    return text if item.operator in {"eq", "in"} else f"({text}) is not true"


def _json_condition(statement: _Statement, column: str, item: Filter) -> str:
    """Say something of an attribute: a value sent means the text, the number and the boolean that look like it."""
    match item.operator:
        case "eq" | "in" | "ne" | "not_in":
            meant = [{item.key: value} for text in item.values for value in listing.spellings(text)]
            text = f"{column} @> any({statement.parameter(meant)}::jsonb[])"
            return text if item.operator in {"eq", "in"} else f"({text}) is not true"
        case "null":
            value = f"{column} ->> {statement.parameter(item.key)}::text"
            return f"({value}) is {'null' if item.values[0] else 'not null'}"
        case "like":
            value = f"{column} ->> {statement.parameter(item.key)}::text"
            return f"({value}) ilike {statement.parameter(f'%{_escaped(item.values[0])}%')}"
        case _:
            return _json_range(statement.parameter, column, item)


def _json_range(parameter: Callable[[Any], str], column: str, item: Filter) -> str:
    """Compare numbers with numbers, and texts with what is no number: dates in the ISO form have that order too."""
    kind, cast = ("number", "::numeric") if all(map(listing.is_number, item.values)) else ("string", "")
    key = f"{parameter(item.key)}::text"
    values = [f"{parameter(value)}::text{cast}" for value in item.values]
    ends = (
        f"between {' and '.join(values)}"
        if len(values) == 2
        else f"{_COMPARISONS[item.operator]} {values[0]}"
    )
    return (
        f"case when jsonb_typeof({column} -> {key}) = '{kind}' then ({column} ->> {key}){cast} {ends}"
        " else false end"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
