"""Contacts of a tenant that has a million: lists, creating them, importing files; every bound of the project."""

import asyncio
import platform
from collections.abc import Callable, Iterator

from bench import contact_imports, contact_lists, contact_writes
from bench.contact_results import Result, Timed
from bench.contact_rows import Contacts, load
from bench.contact_stage import create_token, stage
from bench.procs import Postgres
from rasl.db.schema import migrate

Progress = Callable[[str], None]


def run(is_quick: bool, say: Progress) -> list[Result]:
    """Load a durable database, measure, and leave nothing behind."""
    count = 100_000 if is_quick else 1_000_000
    with Postgres(has_statements=False) as postgres:
        contacts = asyncio.run(_load(postgres.dsn, count, say))
        return measure(postgres.dsn, contacts, is_quick, say)


async def _load(dsn: str, count: int, say: Progress) -> Contacts:
    await migrate(dsn)
    return await load(dsn, count, say)


def measure(dsn: str, contacts: Contacts, is_quick: bool, say: Progress) -> list[Result]:
    """Measure on a loaded database; lists first, while it is as it was loaded."""
    lists, cases = asyncio.run(contact_lists.measure(dsn, contacts, say))
    token = asyncio.run(create_token(dsn, contacts.tenant_id))
    with stage(dsn, contacts, token) as server:
        over_http = contact_lists.measure_over_http(server.client, cases, say)
        memory = contact_imports.measure_memory(server, 100, say)
        writes = contact_writes.measure(server, is_quick, say)
        imports = contact_imports.measure_import(server, 20_000 if is_quick else 200_000, say)
    return [*lists, *over_http, *writes, *imports, *memory]


def report(results: list[Result]) -> Iterator[str]:
    """Yield the table, and the plans of what missed its bound."""
    yield f"\nOne request at a time, Python {platform.python_version()}"
    for result in results:
        yield result.line
    for result in results:
        if isinstance(result, Timed) and not result.is_met:
            yield f"\n{result.name}: {result.worst}"
            yield from result.plans
