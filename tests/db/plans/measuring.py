"""Prepares statements while every table is empty, fills the tables, and measures what each statement then reads."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import msgspec

from rasl.db.pool import Database, Db
from tests.db.plans.recording import Sent

# After five plans made for their values PostgreSQL may settle on one for all values, and keeps it.
_RUNS = 8
# Entries of indexes, rows, pages: what was read of user tables in this transaction, by triggers too.
_READ = """
select coalesce(sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid)), 0)::bigint
from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
"""


class Reading(NamedTuple):
    """What one execution read; `problem` is the error that ended it."""

    pages: int
    rows: int
    plan: str
    problem: str | None = None


async def measure(dsn: str, statements: Sequence[Sent]) -> list[Reading]:
    """Return what each statement reads on full tables with the plan it got on empty ones."""
    database = Database(dsn, 1)
    await database.open()
    try:
        async with database.connection() as db:
            for number, sent in enumerate(statements):
                await db.execute(f"prepare s{number} as {sent.text}")
                execute = await _execute(db, number, sent)
                for _ in range(_RUNS):
                    await _attempt(db, execute)
        await _fill(dsn)
        # The same connection: the pool has no other.
        async with database.connection() as db:
            await db.execute("set statement_timeout = '5s'")
            return [await _measure(db, number, sent) for number, sent in enumerate(statements)]
    finally:
        await database.close()


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(Path(__file__).with_name("filling.sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()


async def _attempt(db: Db, text: str) -> list[Any] | asyncpg.PostgresError:
    """Run something and undo it."""
    transaction = db.transaction()
    await transaction.start()
    try:
        before = await db.fetchval(_READ)
        rows = await db.fetch(text)
        await db.execute("set constraints all immediate")
        return [row[0] for row in rows] + [await db.fetchval(_READ) - before]
    except asyncpg.PostgresError as error:
        return error
    finally:
        await transaction.rollback()


async def _measure(db: Db, number: int, sent: Sent) -> Reading:
    execute = await _execute(db, number, sent)
    outcome = await _attempt(db, f"explain (analyze, buffers, format json) {execute}")
    if isinstance(outcome, asyncpg.PostgresError):
        return Reading(0, 0, "", f"{type(outcome).__name__}: {outcome}")
    document, rows = outcome
    plan = document[0]["Plan"]
    return Reading(_pages(plan), rows, _told(plan))


def _told(node: dict[str, Any], depth: int = 0) -> str:
    """Write a plan in lines of what is done to what, and how many pages that read."""
    names = (
        "Node Type",
        "Relation Name",
        "CTE Name",
        "Index Name",
        "Index Cond",
        "Filter",
        "Actual Rows",
        "Actual Loops",
    )
    line = " | ".join(str(node[name]) for name in names if name in node)
    below = [_told(child, depth + 1) for child in node.get("Plans", [])]
    return "\n".join([f"{'  ' * depth}{line} | {_own_pages(node)} pages", *below])


def _pages(node: dict[str, Any]) -> int:
    """Count the pages of a node and those below it; a part that runs after the rest is not in its parent's sum."""
    children = node.get("Plans", [])
    own = _own_pages(node) - sum(map(_own_pages, children))
    return max(0, own) + sum(map(_pages, children))


def _own_pages(node: dict[str, Any]) -> int:
    return int(node["Shared Hit Blocks"]) + int(node["Shared Read Blocks"])


async def _execute(db: Db, number: int, sent: Sent) -> str:
    """Return the command that runs a prepared statement, its values as literals."""
    types = await db.fetchval(
        "select parameter_types::text[] from pg_prepared_statements where name = $1", f"s{number}"
    )
    literals = [_literal(value, kind) for value, kind in zip(sent.values, types, strict=True)]
    return f"execute s{number}({', '.join(literals)})" if literals else f"execute s{number}"


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return "null"
    text = msgspec.json.encode(value).decode() if kind in {"json", "jsonb"} else _text(value)
    return "'" + text.replace("'", "''") + "'"


def _text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case bytes():
            return f"\\x{value.hex()}"
        case dt.timedelta():
            return f"{value.total_seconds()} seconds"
        case dict():
            return msgspec.json.encode(value).decode()
        case list() | tuple() | set() | frozenset():
            return "{" + ",".join(map(_member, value)) + "}"
        case _:
            return str(value)


def _member(value: Any) -> str:
    if value is None:
        return "null"
    return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
