"""Queries that find the contacts and conversations of recipients, for many sends at once."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row


class Address(msgspec.Struct, frozen=True):
    """Where a message should go: a known contact, or whoever has this phone (by match key).

    With both, the conversation is the contact's, but the person behind the phone may have opted out, too.
    """

    tenant_id: int
    number_id: int
    contact_id: int | None
    match_key: str | None
    has_phone: bool = True  # False: the contact's own address is wanted


class Thread(msgspec.Struct, frozen=True):
    """What one conversation is between: a number of ours and a contact."""

    tenant_id: int
    number_id: int
    contact_id: int


class _Spelling(msgspec.Struct, frozen=True):
    tenant_id: int
    value: str
    wa_id: str


_THREAD = r"""i.ord, c.id as contact_id, c.firstname, c.lastname, c.email, c.phone, c.attributes,
       v.id as conversation_id, v.window_expires_at, v.counted_until, v.pair_tat, now() as now,
       c.is_opted_out or (i.contact_id is not null and exists (
           select from contact_aliases a join contacts o on o.tenant_id = a.tenant_id and o.id = a.contact_id
           where a.tenant_id = i.tenant_id and a.kind = 'phone' and a.value = i.match_key and o.is_opted_out
       )) as is_opted_out,
       case when i.has_phone then null else (
           select coalesce(
               a.wa_id, case a.kind when 'phone' then nullif(regexp_replace(c.phone, '\D', '', 'g'), '') end, a.value)
           from contact_aliases a
           where a.tenant_id = c.tenant_id and a.contact_id = c.id
           order by array_position(array['phone', 'bsuid', 'parent_bsuid'], a.kind) limit 1
       ) end as address"""
_RECIPIENTS = f"""
from {rows.ordered(Address)}
join contacts c on c.tenant_id = i.tenant_id and c.id = coalesce(i.contact_id, (
    select a.contact_id from contact_aliases a
    where a.tenant_id = i.tenant_id and a.kind = 'phone' and a.value = i.match_key))"""
_LOCK_THREADS = f"""
select {_THREAD} {_RECIPIENTS}
join conversations v on v.tenant_id = i.tenant_id and v.number_id = i.number_id and v.contact_id = c.id
order by v.tenant_id, v.id
for update of v
"""


async def lock_threads(db: Db, addresses: Sequence[Address]) -> dict[int, Row]:
    """Find contact and conversation of each address, by its position; lock the conversations, in order of id.

    An address whose contact or conversation does not exist is absent from the answer.
    """
    return {row["ord"] - 1: row for row in await db.fetch(_LOCK_THREADS, addresses)}


async def find_thread(db: Db, address: Address) -> Row | None:
    """Return contact and, as far as there is one, conversation of an address, without locking anything."""
    return await db.fetchrow(
        f"select {_THREAD} {_RECIPIENTS}"
        " left join conversations v on v.tenant_id = i.tenant_id and v.number_id = i.number_id and v.contact_id = c.id",
        [address],
    )


async def find_contacts(db: Db, addresses: Sequence[Address]) -> list[int | None]:
    """Return the contact id of each address, None where there is none."""
    found = await db.fetch(
        f"""
        select c.id from {rows.ordered(Address)}
        left join contact_aliases a
            on i.contact_id is null and a.tenant_id = i.tenant_id and a.kind = 'phone' and a.value = i.match_key
        left join contacts c on c.tenant_id = i.tenant_id and c.id = coalesce(i.contact_id, a.contact_id)
        order by i.ord
        """,
        addresses,
    )
    return [row["id"] for row in found]


async def take_conversation_places(
    db: Db, tenant_id: int, month: dt.date, wanted: int, maximum: int
) -> tuple[int, int]:
    """Count up to `wanted` new conversations of the month against the plan; returns (granted, before)."""
    await db.execute(
        "insert into conversation_counters (tenant_id, month) values ($1, $2) on conflict do nothing",
        tenant_id,
        month,
    )
    before = await db.fetchval(
        "select conversations from conversation_counters where tenant_id = $1 and month = $2 for update",
        tenant_id,
        month,
    )
    granted = wanted if maximum < 0 else max(0, min(wanted, maximum - before))
    await db.execute(
        "update conversation_counters set conversations = conversations + $3 where tenant_id = $1 and month = $2",
        tenant_id,
        month,
        granted,
    )
    return granted, before


async def open_conversations(db: Db, keys: Sequence[tuple[int, int, int]]) -> None:
    """Make sure that each (tenant_id, number_id, contact_id) has a conversation."""
    await db.execute(
        f"""
        insert into conversations ({rows.names(Thread)}) select {rows.names(Thread)} from {rows.table(Thread)}
        on conflict (tenant_id, number_id, contact_id) do nothing
        """,
        [Thread(*key) for key in sorted(set(keys))],
    )


async def keep_wa_ids(db: Db, items: Sequence[tuple[int, str, str]]) -> None:
    """Remember Meta's own spelling of phones, given as (tenant_id, match_key, wa_id)."""
    await db.execute(
        f"""
        update contact_aliases a set wa_id = i.wa_id
        from {rows.table(_Spelling)}
        where a.tenant_id = i.tenant_id and a.kind = 'phone' and a.value = i.value
          and a.wa_id is distinct from i.wa_id
        """,
        [_Spelling(*item) for item in sorted(set(items))],
    )
