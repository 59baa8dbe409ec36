"""Every statement of `rasl/db` runs where tenants are spread over servers, or stands in a list with the reason.

What such a database refuses was tried on a real one (Citus): rows of several tenants locked at once, functions of the
clock where rows may differ in them. What it does slowly is asked of all servers: whatever names no tenant.
"""

import asyncpg
import pytest

from rasl.db import (
    comments,
    contact_lists,
    figures,
    imports,
    labels,
    message_lists,
    numbers,
    template_lists,
    tokens,
    webhook_deliveries,
    webhooks,
)
from rasl.db.listing import statement_of
from rasl.domain.listing import ListQuery
from tests.db.distributed.lists import LOCAL, PER_TENANT, READS_OF_EVERYONE, SHARED, WALKS_BY_STEPS
from tests.db.distributed.reading import Findings, Tables, read
from tests.db.plans.recording import record

_LISTS = (
    comments.LIST_SOURCE,
    imports.LIST_SOURCE,
    contact_lists.LIST_SOURCE,
    webhook_deliveries.LIST_SOURCE,
    webhooks.LIST_SOURCE,
    message_lists.LIST_SOURCE,
    template_lists.LIST_SOURCE,
    template_lists.OTP_LIST_SOURCE,
    tokens.LIST_SOURCE,
    numbers.LIST_SOURCE,
    *(table.list_source for table in (labels.GROUPS, labels.SOURCES, labels.STATUSES)),
)
_VOLATILE = """
select proname, bool_or(provolatile = 'v') as is_moving from pg_proc
where pronamespace = 'pg_catalog'::regnamespace group by proname having bool_or(provolatile <> 'i')
"""


@pytest.fixture(scope="module")
async def tables(template_dsn: str, shared_dsn: str) -> Tables:  # noqa: ARG001 - the first makes the second
    connection = await asyncpg.connect(shared_dsn)
    names = {
        row[0]
        for row in await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    }
    functions = {row["proname"]: row["is_moving"] for row in await connection.fetch(_VOLATILE)}
    await connection.close()
    moving = {name for name, is_moving in functions.items() if is_moving}
    return Tables(names - SHARED.keys() - LOCAL, SHARED, functions.keys(), moving)


@pytest.fixture(scope="module")
async def findings(tables: Tables) -> list[tuple[str, Findings]]:
    """What is found in each statement, with the function that sends it."""
    return [
        (sent.function.partition("(")[0], read(sent.text, tables))
        for sent in await record()
        if sent.place.module != "schema"
    ]


def test_every_row_of_a_tenant_is_reached_by_its_tenant(findings: list[tuple[str, Findings]]) -> None:
    found = {name: sorted(item.everyones) for name, item in findings if item.everyones}
    assert not {
        name: names for name, names in found.items() if name not in READS_OF_EVERYONE | PER_TENANT.keys()
    }
    assert found.keys() >= READS_OF_EVERYONE, "the list names what is no breach any more"


def test_rows_of_several_tenants_are_locked_only_by_what_is_listed(
    findings: list[tuple[str, Findings]],
) -> None:
    found = {name: sorted(item.locked) for name, item in findings if item.locked}
    assert not {name: names for name, names in found.items() if name not in PER_TENANT}
    everyones = {name for name, item in findings if item.everyones}
    assert PER_TENANT.keys() <= found.keys() | everyones, "the list names what is no breach any more"


def test_moments_are_computed_before_they_are_written(findings: list[tuple[str, Findings]]) -> None:
    found = {name: sorted(item.unstable) for name, item in findings if item.unstable}
    assert not found


def test_nothing_walks_tables_of_tenants_step_by_step_but_metrics(
    findings: list[tuple[str, Findings]],
) -> None:
    assert {name for name, item in findings if item.is_recursive} == WALKS_BY_STEPS


def test_metrics_lock_and_write_nothing(tables: Tables) -> None:
    for text in (*(question.sql for question in figures.QUESTIONS), figures.NUMBERS):
        found = read(text, tables)
        assert not found.locked
        assert not found.unstable


def test_a_list_is_of_one_tenant(tables: Tables) -> None:
    for source in _LISTS:
        text, _ = statement_of(source, ListQuery(), 1)
        assert not read(f"select {source.select} {text}", tables).everyones


_OURS = "select from messages where tenant_id = $1"
_ROWS = "json_to_recordset($1::json) as i (tenant_id bigint, id bigint)"


@pytest.mark.parametrize(
    "text",
    [
        _OURS,
        f"select from {_ROWS} join messages m on m.tenant_id = i.tenant_id and m.id = i.id",
        f"with k as (select * from {_ROWS}) delete from jobs j using k where j.tenant_id = k.tenant_id",
        "select from messages m join jobs j using (tenant_id) where m.tenant_id = $1",
        "select from messages where (tenant_id, id) in (select * from unnest($1::bigint[], $2::bigint[]))",
        "select from tenants t join messages m on m.tenant_id = t.id where t.id = $1",
        "select from messages m where m.tenant_id = $1 and exists (select from jobs j where j.tenant_id = m.tenant_id)",
        "insert into sources (tenant_id, name) values ($1, $2) on conflict do nothing",
        "update jobs j set due_at = m.at from (select now() as at) m where tenant_id = $1",
        "update jobs set due_at = now() + $2::interval where tenant_id = $1",
        f"{_OURS} for update",
    ],
)
def test_what_is_of_known_tenants_and_moments_passes(tables: Tables, text: str) -> None:
    assert read(text, tables) == Findings(frozenset(), frozenset(), frozenset(), is_recursive=False)


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("select from messages where id = $1", "everyones", "messages"),
        ("select from messages where tenant_id = $1 or id = $2", "everyones", "messages"),
        (
            "select from messages m join jobs j on j.subject_id = m.id where m.tenant_id = $1",
            "everyones",
            "jobs",
        ),
        (f"select from {_ROWS} join messages m on m.id = i.id", "everyones", "messages"),
        ("select from tenants t join messages m on m.tenant_id = t.id", "everyones", "messages"),
        (f"{_OURS} and exists (select from jobs j where j.subject_id = messages.id)", "everyones", "jobs"),
        (
            "delete from jobs where ctid = any(array(select ctid from jobs where tenant_id = $1))",
            "everyones",
            "jobs",
        ),
        ("insert into sources (name) values ($1)", "everyones", "sources"),
        (f"select from {_ROWS} join messages m using (tenant_id) for update of m", "locked", "messages"),
        ("select from messages where tenant_id = any($1) for key share", "locked", "messages"),
        (
            f"select from {_ROWS} cross join lateral (select from jobs j where j.tenant_id = i.tenant_id) j for update",
            "locked",
            "jobs",
        ),
        (
            "update jobs set due_at = coalesce(due_at, now()) where tenant_id = $1",
            "unstable",
            "now() in coalesce",
        ),
        ("update jobs set due_at = case when is_leased then now() end", "unstable", "now() in case"),
        (
            "update jobs set due_at = now() + make_interval(secs => attempts) where tenant_id = $1",
            "unstable",
            "a moment reckoned from a column",
        ),
        ("update jobs set due_at = clock_timestamp()", "unstable", "clock_timestamp() in an update"),
        (
            "update tokens set revoked_at = coalesce(revoked_at, current_timestamp)",
            "unstable",
            "a clock in coalesce",
        ),
        (
            "insert into sources (tenant_id) values ($1) on conflict (tenant_id, id) do update set updated_at = now()",
            "unstable",
            "now() in on conflict",
        ),
        ("delete from jobs where tenant_id = $1 returning due_at < now()", "unstable", "now() in returning"),
    ],
)
def test_what_ties_tenants_together_is_found(tables: Tables, text: str, kind: str, told: str) -> None:
    assert told in getattr(read(text, tables), kind)


def test_a_walk_step_by_step_is_found(tables: Tables) -> None:
    text = "with recursive a as (select 1 as n union all select id from jobs, a where id > n) select from a"
    assert read(text, tables).is_recursive
