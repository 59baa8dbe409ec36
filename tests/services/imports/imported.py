"""Imports by the worker's loop, and what became of them."""

import io
import typing
from collections.abc import Sequence

import pytest

from rasl.db.pool import Database, Row
from rasl.dispatch.kinds.importing import Importing
from rasl.services.imports import uploads
from rasl.services.imports.uploads import Upload
from tests.dispatch.looping import loop_on, run_out

MODES = pytest.mark.parametrize("mode", typing.get_args(uploads.Mode))


COUNTS = ("total", "created", "updated", "skipped", "failed")


async def accept(database: Database, tenant_id: int, text: str, **fields: str) -> int:
    upload = Upload(io.BytesIO(text.encode()), "people.csv")
    return (await uploads.accept(database, tenant_id, upload, uploads.read_options(fields))).id


async def apply(database: Database, tenant_id: int, text: str, **fields: str) -> Row:
    """Import a text by the worker's loop and return what became of it."""
    import_id = await accept(database, tenant_id, text, **fields)
    await finish(database)
    row, _ = await uploads.get_import(database, tenant_id, import_id)
    assert row["status"] == "done"
    assert await count(database, "import_chunks") == await count(database, "import_keys") == 0
    assert await count(database, "jobs") == 0
    return row


async def finish(database: Database) -> None:
    await run_out(loop_on(database, Importing))


async def count(database: Database, table: str) -> int:
    async with database.connection() as db:
        return int(await db.fetchval(f"select count(*) from {table}"))


async def contacts(database: Database, tenant_id: int) -> list[Row]:
    async with database.connection() as db:
        return await db.fetch("select * from contacts where tenant_id = $1 order by phone, id", tenant_id)


async def errors(database: Database, row: Row) -> list[tuple[int, str]]:
    _, found = await uploads.get_import(database, row["tenant_id"], row["id"])
    return [(item["row_number"], item["reasons"][0]) for item in found]


def counts(row: Row) -> tuple[int, ...]:
    return tuple(row[name] for name in COUNTS)


def numbers(first: int, last: int) -> list[str]:
    return [f"+4915{number:09}" for number in range(first, last)]


def csv(header: str, rows: Sequence[str]) -> str:
    return "\n".join([header, *rows])


async def consistent(database: Database, tenant_id: int) -> None:
    """Every contact has its alias, every alias its contact, and the plan's counter is right."""
    async with database.connection() as db:
        row = await db.fetchrow(
            """
            select (select count(*) from contacts where tenant_id = $1) as contacts,
                   (select count(distinct contact_id) from contact_aliases where tenant_id = $1) as owners,
                   (select count(*) from contact_aliases where tenant_id = $1) as aliases,
                   (select coalesce(max(contacts), 0) from tenant_counters where tenant_id = $1) as counted
            """,
            tenant_id,
        )
    assert row is not None
    assert len(set(row.values())) == 1, row
