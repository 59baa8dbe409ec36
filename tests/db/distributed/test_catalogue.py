"""The schema lets tenants be spread over servers: what a tenant owns has the tenant in every key."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.db.distributed.lists import GLOBAL_UNIQUES, LOCAL, SHARED

if TYPE_CHECKING:
    # Generic in the stubs only.
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection
_TABLES = """
select c.relname as name, exists (
    select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull) as has_tenant
from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
"""
_UNIQUES = """
select t.relname as table, c.relname as name, (
    select array_agg(a.attname::text order by k.place)
    from unnest(i.indkey::smallint[]) with ordinality as k (number, place)
    join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number) as columns
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
where i.indisunique and t.relnamespace = 'public'::regnamespace
"""
_KEYS = """
select k.conname as name, t.relname as table, r.relname as leads_to, k.confdeltype = 'n' as sets_null,
       a.attname as first, b.attname as leads_to_first
from pg_constraint k
join pg_class t on t.oid = k.conrelid
join pg_class r on r.oid = k.confrelid
join pg_attribute a on a.attrelid = t.oid and a.attnum = k.conkey[1]
join pg_attribute b on b.attrelid = r.oid and b.attnum = k.confkey[1]
where k.contype = 'f' and t.relnamespace = 'public'::regnamespace
"""


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def _breaches(connection: Connection) -> set[str]:
    breaches: set[str] = set()
    tables = {row["name"]: row["has_tenant"] for row in await connection.fetch(_TABLES)}
    shared = SHARED.keys() | LOCAL
    owned = tables.keys() - shared
    breaches |= {f"{name} is not there" for name in shared - tables.keys()}
    breaches |= {f"{name} has no tenant" for name in owned if not tables[name]}
    breaches |= {f"{name} has a tenant" for name in LOCAL if tables.get(name)}
    for row in await connection.fetch(_UNIQUES):
        is_global = row["name"] in GLOBAL_UNIQUES and row["table"] in SHARED
        if tables[row["table"]] and row["columns"][0] != "tenant_id" and not is_global:
            breaches.add(f"{row['name']} does not begin with the tenant")
    for row in await connection.fetch(_KEYS):
        breaches |= set(_wrong_key(row, owned))
    return breaches


def _wrong_key(row: Any, owned: set[str]) -> list[str]:
    if row["table"] not in owned:
        return [f"{row['name']} leads to a table of tenants"] if row["leads_to"] in owned else []
    wrong = []
    if row["first"] != "tenant_id":
        wrong.append(f"{row['name']} does not begin with the tenant")
    if row["leads_to"] in owned and row["leads_to_first"] != "tenant_id":
        wrong.append(f"{row['name']} leads to another tenant")
    if row["leads_to"] in LOCAL:
        wrong.append(f"{row['name']} leads to a table of one server")
    if row["sets_null"]:
        wrong.append(f"{row['name']} changes rows by itself")
    return wrong


async def test_every_key_of_what_a_tenant_owns_begins_with_the_tenant(connection: Connection) -> None:
    assert not await _breaches(connection)


@pytest.mark.parametrize(
    ("change", "breach"),
    [
        ("create table notes (id bigint)", "notes has no tenant"),
        ("alter table buckets add column tenant_id bigint not null", "buckets has a tenant"),
        ("create unique index by_wamid on messages (wamid)", "by_wamid does not begin with the tenant"),
        (
            (
                "alter table comments add constraint told foreign key (tenant_id, token_id) "
                "references tokens (tenant_id, id) on delete set null (token_id)"
            ),
            "told changes rows by itself",
        ),
        (
            (
                "alter table tenants add constraint led foreign key (id, default_source_id) "
                "references sources (tenant_id, id)"
            ),
            "led leads to a table of tenants",
        ),
        (
            "alter table jobs add constraint kept foreign key (subject_id) references ingests (id)",
            "kept leads to a table of one server",
        ),
    ],
)
async def test_a_key_that_ties_tenants_together_is_found(
    connection: Connection, change: str, breach: str
) -> None:
    await connection.execute(change)
    assert breach in await _breaches(connection)
