"""Queries that store what people write to us: wamids, what new people get, conversations and messages."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import contact_events, message_events, record_events, rows
from rasl.db.labels import SOURCES, STATUSES
from rasl.db.messages import Wamid
from rasl.db.pool import Db, Row
from rasl.db.recipients import Thread


class Stored(msgspec.Struct, frozen=True):
    """An inbound message about to be stored under an id that was taken with its wamid."""

    tenant_id: int
    message_id: int
    conversation_id: int
    type: str
    peer: str
    text: str | None
    content: Any
    wamid: str
    reply_to: str | None
    sent_at: dt.datetime


class Original(msgspec.Struct, frozen=True):
    """What Meta posted of a message, where somebody wants that."""

    message_id: int
    original: str


class Opening(msgspec.Struct, frozen=True):
    """A conversation that the person has just written in; None leaves the service window as it is."""

    tenant_id: int
    conversation_id: int
    window_expires_at: dt.datetime | None


class Consent(msgspec.Struct, frozen=True):
    """A contact's latest wish, by Meta's clock."""

    tenant_id: int
    contact_id: int
    is_opted_out: bool
    changed_at: dt.datetime


async def take_wamids(db: Db, wamids: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Claim distinct (tenant_id, wamid) pairs; returns the message ids of those that nobody had, in given order.

    The unique key decides, so a message that Meta repeats is stored once however many processes apply it.
    """
    taken = await db.fetch(
        f"""
        with item as materialized (
            select nextval(pg_get_serial_sequence('messages', 'id')) as message_id, i.* from {rows.table(Wamid)}
        )
        insert into message_wamids (tenant_id, wamid, message_id)
        select tenant_id, wamid, message_id from item order by tenant_id, wamid
        on conflict do nothing
        returning tenant_id, wamid, message_id
        """,
        [Wamid(*key) for key in wamids],
    )
    return {(row["tenant_id"], row["wamid"]): row["message_id"] for row in taken}


async def load_defaults(db: Db, tenant_ids: Sequence[int]) -> dict[int, Row]:
    """Return what new contacts of tenants get; a default that is missing is the first there is, else a new one."""
    await db.execute(
        f"""
        with tenant as (select unnest($1::bigint[]) as id), status as (
            insert into contact_statuses (tenant_id, name, color)
            select id, 'New', '#6B7280' from tenant t
            where not exists (select from contact_statuses s where s.tenant_id = t.id)
            on conflict do nothing
            returning *
        ), source as (
            insert into sources (tenant_id, name)
            select id, 'WhatsApp' from tenant t where not exists (select from sources s where s.tenant_id = t.id)
            on conflict do nothing
            returning *
        ), told as (
            {record_events.made("status", "created", STATUSES.columns, "status", "null", "r.tenant_id")}
        )
        {record_events.made("source", "created", SOURCES.columns, "source", "null", "r.tenant_id")}
        """,
        sorted(tenant_ids),
    )
    defaults = await db.fetch(
        """
        select t.id, t.default_type as type, t.default_assigned_id as assigned_id,
               coalesce((select s.id from contact_statuses s where s.tenant_id = t.id and s.id = t.default_status_id),
                        (select min(s.id) from contact_statuses s where s.tenant_id = t.id)) as status_id,
               coalesce((select s.id from sources s where s.tenant_id = t.id and s.id = t.default_source_id),
                        (select min(s.id) from sources s where s.tenant_id = t.id)) as source_id
        from tenants t where t.id = any($1::bigint[])
        """,
        tenant_ids,
    )
    return {row["id"]: row for row in defaults}


async def lock_conversations(db: Db, keys: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int, int], int]:
    """Lock the conversations of (tenant_id, number_id, contact_id) that exist, in order of id; returns their ids."""
    locked = await db.fetch(
        f"""
        select v.tenant_id, v.number_id, v.contact_id, v.id
        from {rows.table(Thread, alias="k")}
        join conversations v
            on v.tenant_id = k.tenant_id and v.number_id = k.number_id and v.contact_id = k.contact_id
        order by v.tenant_id, v.id
        for update of v
        """,
        [Thread(*key) for key in sorted(set(keys))],
    )
    return {(row["tenant_id"], row["number_id"], row["contact_id"]): row["id"] for row in locked}


_WITH_ORIGINAL = f"""message m left join lateral (
    select k.original from {rows.table(Original, 3, "k")} where k.message_id = m.id limit 1
) i on true"""


async def insert_messages(
    db: Db, messages: Sequence[Stored], openings: Sequence[Opening], originals: Sequence[Original]
) -> None:
    """Store inbound messages and open the service windows of their (locked) conversations.

    They get the time of this statement, not of the transaction, whose beginning says nothing of who came first.
    """
    await db.execute(
        f"""
        with thread as (
            update conversations v
            set last_message_at = now(), window_expires_at = greatest(v.window_expires_at, o.window_expires_at)
            from {rows.table(Opening, 2, "o")}
            where v.tenant_id = o.tenant_id and v.id = o.conversation_id
            returning v.*
        ), opened as (
            {message_events.opened("thread")}
        ), message as (
        insert into messages (tenant_id, id, conversation_id, type, peer, text, content, wamid, reply_to, sent_at,
                              direction, status, created_at, updated_at)
        overriding system value
        select {rows.names(Stored, "i.")}, 'inbound', 'received', stored.at, stored.at
        from {rows.table(Stored)} cross join (select statement_timestamp() as at) stored
        returning *
        )
        {message_events.told(_WITH_ORIGINAL, "i.original")}
        """,
        messages,
        openings,
        originals,
    )


async def change_consent(db: Db, wishes: Sequence[Consent]) -> None:
    """Write opt-outs and returns, one per contact; a wish older than what is known changes nothing."""
    ordered = sorted(wishes, key=lambda item: (item.tenant_id, item.contact_id))
    await db.execute(
        contact_events.consenting(
            f"""
            update contacts c set
                is_opted_out = w.is_opted_out,
                opted_out_at = case when w.is_opted_out then w.changed_at end,
                consent_changed_at = w.changed_at,
                updated_at = now()
            from {rows.table(Consent, alias="w")}
            where c.tenant_id = w.tenant_id and c.id = w.contact_id
              and w.changed_at >= coalesce(greatest(c.consent_changed_at, c.opted_out_at), '-infinity')
            """,
            rows.table(Consent, alias="w"),
        ),
        ordered,
    )
