"""Events: what happened, kept in the transaction that made it happen, and only where an endpoint wants to be told.

Most are told by the statement that changes something, by what is put into it here: that costs no further round trip,
and a tenant whose endpoints want nothing of it a look at its row. `tenants.webhook_events` holds the patterns they
want.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.pool import Db
from rasl.domain.events.catalogue import CATALOGUE

# Unix time and 64 bits by chance.
_KEY = (
    "'evt_' || extract(epoch from %s)::bigint || '_' || left(translate(gen_random_uuid()::text, '-', ''), 16)"
)
# The one word of `webhook_events` that is no pattern: an endpoint wants what Meta posted, as it stood there.
ORIGINALS = "meta"


class NewEvent(msgspec.Struct, frozen=True):
    """An event that is to be kept, unless nobody wants it; by contact and message it is found again."""

    tenant_id: int
    type: str
    once: str | None
    contact_id: int | None
    message_id: int | None
    payload: Mapping[str, Any]


def wants(type_: str, tenant: str = "t", noun: str | None = None) -> str:
    """Return the condition that a tenant wants events of this type: an expression, whose noun may be known already."""
    known = noun or (type_.strip("'").partition(".")[0] if type_.count("'") == 2 else None)
    every = f"'{known}.*'" if known else f"split_part({type_}, '.', 1) || '.*'"
    return f"{tenant}.webhook_events && array['*', {every}, {type_}]"


def wants_any(noun: str, tenant: str) -> str:
    """Return the condition that a tenant wants some event of a noun."""
    types = [f"'{name}'" for name, kind in CATALOGUE.items() if kind.noun == noun]
    return f"{tenant}.webhook_events && array['*', '{noun}.*', {', '.join(types)}]"


def wanting(condition: str, tenant_id: str, alias: str = "t") -> str:
    """Return the join of the tenant of a row if a condition holds for it: a look at one row, whatever the plan."""
    return f"""cross join lateral (
        select t.webhook_events from tenants t where t.id = {tenant_id} and ({condition}) limit 1) {alias}"""


def is_wanted(type_: str, tenant_id: str = "$1") -> str:
    """Return the same of the tenant in a parameter, to be decided once for the whole statement."""
    return f"exists (select from tenants t where t.id = {tenant_id} and {wants(type_)})"


def telling(
    source: str,
    type_: str,
    payload: str,
    tenant_id: str = "i.tenant_id",
    contact_id: str = "null",
    message_id: str = "null",
    once: str = "null",
    wanted: str = "",
    at: str = "now()",
) -> str:
    """Return the statement that keeps an event for each row of the source.

    `wanted` is a type of which it is asked once more, for each row, whether the tenant wants it.
    """
    asked = f" and (select {wants(wanted)} from tenants t where t.id = {tenant_id})" if wanted else ""
    return f"""
    insert into events (tenant_id, type, once, key, contact_id, message_id, payload, created_at)
    select {tenant_id}, {type_}, {once}, {_KEY % at}, {contact_id}::bigint, {message_id}::bigint, {payload}, {at}
    from {source}{asked}
    on conflict do nothing
    """


def moment(column: str) -> str:
    """Return a moment as answers write it: ISO 8601 in UTC, to the second."""
    return f"""to_char({column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""


def difference(was: str, now: str) -> str:
    """Return what an object was where it is otherwise now, null when nothing is."""
    return f"""(select jsonb_object_agg(o.key, o.value) from jsonb_each({was}) o
                where {now} -> o.key is distinct from o.value and o.key <> 'updated_at')"""


_INSERT = telling(
    f"{rows.table(NewEvent)} {wanting(wants('i.type'), 'i.tenant_id')}",
    "i.type",
    f"case when '{ORIGINALS}' = any(t.webhook_events) then i.payload else i.payload - 'original' end",
    contact_id="i.contact_id",
    message_id="i.message_id",
    once="i.once",
)


async def insert(db: Db, events: Sequence[NewEvent]) -> None:
    """Keep events that somebody wants; one that happens only once and is there already is passed over."""
    await db.execute(_INSERT, events)
