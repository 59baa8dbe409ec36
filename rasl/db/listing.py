"""Builds the SQL of every list from a ListQuery and a table of columns; values always travel as parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db.pool import Db
from rasl.domain.listing import EXACT_TOTAL, Filter, ListQuery, Page

_COMPARISONS = {"eq": "=", "ne": "<>", "gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}


class ListSource(msgspec.Struct, frozen=True):
    """Where a noun's rows come from: columns by API name, all of them of tables whose tenant is fixed by `where`.

    `where` refers to the tenant as $1. `tie_breaker` is a unique column that makes every order total.
    """

    select: str
    tables: str
    where: str
    columns: Mapping[str, str]
    search: tuple[str, ...]
    tie_breaker: str


class _Statement:
    """SQL conditions and the parameters they refer to."""

    def __init__(self, where: str, tenant_id: int) -> None:
        self.conditions = [where]
        self.parameters: list[Any] = [tenant_id]

    def parameter(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}"


async def fetch_page(db: Db, source: ListSource, query: ListQuery, tenant_id: int) -> Page:
    """Return one page and the total: exact up to 10,000, beyond it estimated, so that no list costs a full count."""
    statement = _Statement(source.where, tenant_id)
    statement.conditions += [
        _condition(statement, source, item) for item in query.filters if item.name in source.columns
    ]
    if query.search:
        statement.conditions.append(_search(statement, source, query.search))
    matching = f"from {source.tables} where {' and '.join(statement.conditions)}"
    rows = await db.fetch(
        f"select {source.select} {matching} order by {_order(source, query)}"
        f" limit {query.per_page} offset {query.offset}",
        *statement.parameters,
    )
    total, is_estimated = await _total(db, matching, statement.parameters, query, len(rows))
    return Page(list(rows), total, is_estimated)


async def _total(
    db: Db, matching: str, parameters: Sequence[Any], query: ListQuery, found: int
) -> tuple[int, bool]:
    if 0 < found < query.per_page or (found == 0 and query.page == 1):
        return query.offset + found, False
    count = await db.fetchval(
        f"select count(*) from (select 1 {matching} limit {EXACT_TOTAL + 1}) as capped", *parameters
    )
    if count <= EXACT_TOTAL:
        return count, False
    plan = await db.fetchval(f"explain (format json) select 1 {matching}", *parameters)
    estimate = int(_plan_rows(plan))
    return max(estimate, EXACT_TOTAL + 1, query.offset + found), True


def _plan_rows(plan: Any) -> float:
    document = msgspec.json.decode(plan) if isinstance(plan, str | bytes) else plan
    rows: float = document[0]["Plan"]["Plan Rows"]
    return rows


def _order(source: ListSource, query: ListQuery) -> str:
    parts = [
        f"{source.columns[name]} {'desc' if is_descending else 'asc'}" for name, is_descending in query.sorts
    ]
    direction = "desc" if query.sorts and query.sorts[-1][1] else "asc"
    return ", ".join([*parts, f"{source.tie_breaker} {direction}"])


def _search(statement: _Statement, source: ListSource, text: str) -> str:
    place = statement.parameter(f"%{_escaped(text)}%")
    return "(" + " or ".join(f"{column} ilike {place}" for column in source.search) + ")"


def _condition(statement: _Statement, source: ListSource, item: Filter) -> str:
    column = source.columns[item.name]
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


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
