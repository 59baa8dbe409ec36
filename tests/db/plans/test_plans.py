"""No statement reads a whole table because its plan was made when the table was empty.

Every statement of `rasl/db` is prepared on empty tables and run until PostgreSQL has settled on a plan; then the tables
are filled, and what the statement reads is counted, in pages and rows: time says nothing on a busy machine.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from rasl.db import plans
from tests.conftest import cloned
from tests.db.plans.measuring import Reading, measure
from tests.db.plans.recording import Sent, places, record

# Of tables of 100,000 rows, which have 600 to 3,000 pages: with three keys or a limit of ten, some of each.
PAGES = 250
ROWS = 250
# Planned anew for every list, with the values of the list, in a pool of their own; or not in a pool at all.
NOT_POOLED = {
    "listing": "plan_cache_mode = force_custom_plan",
    "schema": "connections of the migrations",
    "plans": "asks for sizes, which are known without reading",
    "listening": "the connection that listens, outside the pools, which asks for nothing",
}
# What `rasl purge --dry-run` and `rasl costs recount` count: in the pool of the lists as well.
COUNTS = (
    "purging.count",
    "media_purging.count",
    "message_purging.count",
    "body_purging.count",
    "purging.count_attempts",
    "purging.count_imports",
    "costs.list_wrong",
)
# What reads more, how much at most, and why it may.
WALKS = {
    "contact_exports.list_attribute_keys": (
        10_000,
        "an export walks all contacts, by steps, in the pool of the lists",
    ),
    "contact_groups.add_members": (500, "changes three contacts, each in all indexes, and tells of them"),
    "contact_groups.clear_group": (
        250_000,
        "once in a group's life, and only for a small one: before and after",
    ),
    "contact_groups.count_members": (
        100_000,
        "once in a group's life; until the table is analysed no plan is better",
    ),
    "contact_aliases.show_phones": (500, "as contact_groups.add_members"),
    "cost_reports.sum_up": (20_000, "a month of a hundred lines a day; in the pool of the lists"),
    "rates.count_rates": (20_000, "`rasl rates list` counts the rates of ten cards"),
    "contacts.insert": (500, "three contacts with their aliases, each in all indexes"),
    "inbound.change_consent": (500, "as contact_groups.add_members"),
    "messages.record_results": (500, "changes three messages, each with its attempt, and tells of them"),
    "following.list_subdomains": (2_000, "`rasl tail` names tenants, at its start and twice a minute"),
    "imports.merge_indexes": (5_000, "once at the end of an import: merges what it left for later"),
    "doctor.ask_ingest_backlog": (2_000, "`rasl doctor` counts what is due"),
    "doctor.count_parked": (20_000, "`rasl doctor` counts what is parked"),
    "doctor.count_quarantined": (150_000, "`rasl doctor` counts a week's quarantine"),
    "doctor.count_unknown": (10_000, "`rasl doctor` walks the messages of a day, tenant by tenant"),
    "doctor.list_numbers": (25_000, "`rasl doctor` asks Meta about every number"),
    "installation.list_secrets": (10_000, "once at a start: all secrets are tried"),
    "jobs.retry_queue": (1_000, "once when a number is connected again: its jobs are due at once"),
    "jobs.backlog": (150_000, "`rasl doctor` counts the jobs"),
    "media_purging.drop_of_tenants": (2_000, "every five minutes: all tenants, for those that chose a time"),
    "message_purging.drop": (2_000, "as the one before it"),
    "body_purging.drop": (2_000, "as the one before it"),
    "otp_budgets.raise_alarms": (10_000, "once a minute: all prefixes that got codes within the hour"),
    "otps.sweep": (1_000, "changes ten passwords and their messages, each in all its indexes"),
    "purging.drop(buckets)": (
        150_000,
        "one bucket a number and token; an index by time would cost every permit",
    ),
    "purging.drop_attempts": (500, "three rows of ten attempts, as the next one"),
    "purging.drop_of_tenants(otps)": (2_000, "as of files: all tenants, for those that chose a time"),
    "purging.drop(statuses)": (
        500,
        "three rows of ten statuses: the report, its message, the message's state",
    ),
    "templates.watch_new_accounts": (50_000, "once a minute: all numbers"),
    "tenants.count_holdings": (150_000, "`rasl tenant show` counts what a tenant has, to a thousand"),
    "tenant_plans.list_all": (20_000, "`rasl plan list` counts the tenants of each plan"),
    "usage.list_usage": (
        20_000,
        "`rasl usage report` and who is above a limit: every tenant with its counters",
    ),
    "tenants.list_tenants": (10_000, "`rasl tenant list` and `rasl doctor` look at every tenant"),
}


@pytest.fixture(scope="module")
async def plans_dsn(template_dsn: str) -> AsyncIterator[str]:
    """A migrated database that nobody analyses."""
    async with cloned(template_dsn, "plans") as dsn:
        connection = await asyncpg.connect(dsn)
        for row in await connection.fetch("select tablename from pg_tables where schemaname = 'public'"):
            await connection.execute(f"alter table {row['tablename']} set (autovacuum_enabled = off)")
        await connection.close()
        yield dsn


@pytest.fixture(scope="module")
async def statements() -> list[Sent]:
    return await record()


def test_every_statement_is_known(statements: list[Sent]) -> None:
    known = {sent.place for sent in statements}
    unknown = [
        f"rasl/db/{place.module}.py:{place.line} ({function})"
        for place, function in places().items()
        if place not in known and place.module not in NOT_POOLED
    ]
    assert not unknown, f"give their functions arguments in tests/db/plans/samples.py: {unknown}"


def test_every_exception_is_still_one(statements: list[Sent]) -> None:
    known = {sent.function for sent in statements}
    assert set(WALKS) <= known
    assert all(any(name.startswith(count) for name in known) for count in COUNTS)


async def test_a_plan_made_on_an_empty_table_is_bounded_on_a_full_one(
    plans_dsn: str, statements: list[Sent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "LOOK_SECONDS", 0)
    measured = [
        sent
        for sent in statements
        if sent.is_planned and sent.place.module not in NOT_POOLED and not sent.function.startswith(COUNTS)
    ]
    readings = await measure(plans_dsn, measured)
    breaches = [
        _told(sent, reading)
        for sent, reading in zip(measured, readings, strict=True)
        if _breaks(sent, reading)
    ]
    assert not breaches, "\n\n".join(breaches)


def _breaks(sent: Sent, reading: Reading) -> bool:
    pages, rows = (WALKS[sent.function][0],) * 2 if sent.function in WALKS else (PAGES, ROWS)
    return reading.problem is not None or reading.pages > pages or reading.rows > rows


def _told(sent: Sent, reading: Reading) -> str:
    where = f"rasl/db/{sent.place.module}.py:{sent.place.line} ({sent.function})"
    if reading.problem:
        return f"{where}: {reading.problem}"
    return f"{where} reads {reading.pages} pages and {reading.rows} rows\n{reading.plan}"
