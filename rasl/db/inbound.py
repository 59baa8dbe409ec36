"""Queries that store what people write to us: wamids first, then contacts by alias, conversations and messages."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row

Alias = tuple[int, str, str]  # tenant_id, kind, value


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


class _Wamid(msgspec.Struct, frozen=True):
    tenant_id: int
    wamid: str


class _Alias(msgspec.Struct, frozen=True):
    tenant_id: int
    kind: str
    value: str


class _Thread(msgspec.Struct, frozen=True):
    tenant_id: int
    number_id: int
    contact_id: int


async def take_wamids(db: Db, wamids: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Claim distinct (tenant_id, wamid) pairs; returns the message ids of those that nobody had, in given order.

    The unique key decides, so a message that Meta repeats is stored once however many processes apply it.
    """
    taken = await db.fetch(
        f"""
        with item as materialized (
            select nextval(pg_get_serial_sequence('messages', 'id')) as message_id, i.* from {rows.table(_Wamid)}
        )
        insert into message_wamids (tenant_id, wamid, message_id)
        select tenant_id, wamid, message_id from item order by tenant_id, wamid
        on conflict do nothing
        returning tenant_id, wamid, message_id
        """,
        [_Wamid(*key) for key in wamids],
    )
    return {(row["tenant_id"], row["wamid"]): row["message_id"] for row in taken}


async def find_aliases(db: Db, aliases: Sequence[Alias]) -> dict[Alias, Row]:
    """Return contact_id and wa_id of the aliases that somebody has."""
    known = await db.fetch(
        f"""
        select a.tenant_id, a.kind, a.value, a.contact_id, a.wa_id
        from {rows.table(_Alias, alias="k")}
        join contact_aliases a on a.tenant_id = k.tenant_id and a.kind = k.kind and a.value = k.value
        """,
        [_Alias(*alias) for alias in aliases],
    )
    return {(row["tenant_id"], row["kind"], row["value"]): row for row in known}


async def load_defaults(db: Db, tenant_ids: Sequence[int]) -> dict[int, Row]:
    """Return what new contacts of tenants get; a default that is missing is the first there is, else a new one."""
    await db.execute(
        """
        with tenant as (select unnest($1::bigint[]) as id), status as (
            insert into contact_statuses (tenant_id, name, color)
            select id, 'New', '#6B7280' from tenant t
            where not exists (select from contact_statuses s where s.tenant_id = t.id)
            on conflict do nothing
        )
        insert into sources (tenant_id, name)
        select id, 'WhatsApp' from tenant t where not exists (select from sources s where s.tenant_id = t.id)
        on conflict do nothing
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


async def add_aliases(db: Db, aliases: Sequence[tuple[int, str, str, int, str | None]]) -> None:
    """Give contacts further aliases: (tenant_id, kind, value, contact_id, wa_id); one that is taken stays there."""
    ordered = sorted(aliases, key=lambda item: item[:3])
    await db.execute(
        """
        insert into contact_aliases (tenant_id, kind, value, contact_id, wa_id)
        select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[])
        on conflict do nothing
        """,
        *([item[place] for item in ordered] for place in range(5)),
    )


async def change_phones(db: Db, phones: Sequence[tuple[int, int, str, bool]]) -> None:
    """Show phones on contacts: (tenant_id, contact_id, phone, has_moved); only a move replaces what is there."""
    ordered = sorted(phones)
    await db.execute(
        """
        update contacts c set phone = p.phone, updated_at = now()
        from unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[]) as p (tenant_id, id, phone, has_moved)
        where c.tenant_id = p.tenant_id and c.id = p.id and (p.has_moved or c.phone is null)
        """,
        *([item[place] for item in ordered] for place in range(4)),
    )


async def redirect_phones(db: Db, moves: Sequence[tuple[int, int, str]]) -> None:
    """Let every phone alias of a contact lead to the number it moved to: (tenant_id, contact_id, wa_id)."""
    ordered = sorted(moves)
    await db.execute(
        """
        update contact_aliases a set wa_id = m.wa_id
        from unnest($1::bigint[], $2::bigint[], $3::text[]) as m (tenant_id, contact_id, wa_id)
        where a.tenant_id = m.tenant_id and a.contact_id = m.contact_id and a.kind = 'phone'
        """,
        *([item[place] for item in ordered] for place in range(3)),
    )


async def lock_conversations(db: Db, keys: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int, int], int]:
    """Lock the conversations of (tenant_id, number_id, contact_id) that exist, in order of id; returns their ids."""
    locked = await db.fetch(
        f"""
        select v.tenant_id, v.number_id, v.contact_id, v.id
        from {rows.table(_Thread, alias="k")}
        join conversations v
            on v.tenant_id = k.tenant_id and v.number_id = k.number_id and v.contact_id = k.contact_id
        order by v.tenant_id, v.id
        for update of v
        """,
        [_Thread(*key) for key in sorted(set(keys))],
    )
    return {(row["tenant_id"], row["number_id"], row["contact_id"]): row["id"] for row in locked}


async def insert_messages(db: Db, messages: Sequence[Stored], openings: Sequence[Opening]) -> None:
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
        )
        insert into messages (tenant_id, id, conversation_id, type, peer, text, content, wamid, reply_to, sent_at,
                              direction, status, created_at, updated_at)
        overriding system value
        select {rows.names(Stored, "i.")}, 'inbound', 'received', stored.at, stored.at
        from {rows.table(Stored)} cross join (select statement_timestamp() as at) stored
        """,
        messages,
        openings,
    )


async def change_consent(db: Db, wishes: Sequence[Consent]) -> None:
    """Write opt-outs and returns, one per contact; a wish older than what is known changes nothing."""
    ordered = sorted(wishes, key=lambda item: (item.tenant_id, item.contact_id))
    await db.execute(
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
        ordered,
    )


async def lock_twins(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> list[Row]:
    """Lock contacts with all their conversations and say which of them has a phone; conversations come first."""
    await db.execute(
        "select from conversations where tenant_id = $1 and contact_id = any($2::bigint[]) order by id for update",
        tenant_id,
        contact_ids,
    )
    return await db.fetch(
        """
        select c.id, exists (
            select from contact_aliases a
            where a.tenant_id = c.tenant_id and a.contact_id = c.id and a.kind = 'phone') as has_phone
        from contacts c where c.tenant_id = $1 and c.id = any($2::bigint[])
        order by c.id for update of c
        """,
        tenant_id,
        contact_ids,
    )


async def join_conversations(db: Db, tenant_id: int, kept_id: int, gone_id: int) -> None:
    """Give a contact the conversations of another; two with the same number of ours become one."""
    pairs = await db.fetch(
        """
        select k.id as kept_id, g.id as gone_id
        from conversations g join conversations k using (tenant_id, number_id)
        where tenant_id = $1 and k.contact_id = $2 and g.contact_id = $3
        order by k.id
        """,
        tenant_id,
        kept_id,
        gone_id,
    )
    for pair in pairs:
        await _join_conversation(db, tenant_id, pair["kept_id"], pair["gone_id"])
    await db.execute(
        "update conversations set contact_id = $2 where tenant_id = $1 and contact_id = $3",
        tenant_id,
        kept_id,
        gone_id,
    )


async def _join_conversation(db: Db, tenant_id: int, kept_id: int, gone_id: int) -> None:
    await db.execute(
        "select from messages where tenant_id = $1 and conversation_id = $2 order by id for update",
        tenant_id,
        gone_id,
    )
    await db.execute(
        "update messages set conversation_id = $2 where tenant_id = $1 and conversation_id = $3",
        tenant_id,
        kept_id,
        gone_id,
    )
    await db.execute(
        """
        with gone as (delete from conversations where tenant_id = $1 and id = $3 returning *)
        update conversations k set
            window_expires_at = greatest(k.window_expires_at, g.window_expires_at),
            counted_until = greatest(k.counted_until, g.counted_until),
            pair_tat = greatest(k.pair_tat, g.pair_tat),
            last_message_at = greatest(k.last_message_at, g.last_message_at),
            created_at = least(k.created_at, g.created_at)
        from gone g where k.tenant_id = $1 and k.id = $2
        """,
        tenant_id,
        kept_id,
        gone_id,
    )


async def absorb_contact(db: Db, tenant_id: int, kept_id: int, gone_id: int) -> None:
    """Give a contact the aliases of another and what it lacks itself, and delete the other.

    The later wish counts: somebody who said STOP under either alias stays out until a later START.
    """
    await db.execute(
        "update contact_aliases set contact_id = $2 where tenant_id = $1 and contact_id = $3",
        tenant_id,
        kept_id,
        gone_id,
    )
    await db.execute(
        """
        with gone as (delete from contacts where tenant_id = $1 and id = $3 returning *), wish as (
            select w.* from gone g join contacts k on k.tenant_id = $1 and k.id = $2
            cross join lateral (
                values (k.is_opted_out, k.opted_out_at, k.consent_changed_at),
                       (g.is_opted_out, g.opted_out_at, g.consent_changed_at)
            ) as w (is_opted_out, opted_out_at, consent_changed_at)
            order by coalesce(greatest(w.consent_changed_at, w.opted_out_at), '-infinity') desc, w.is_opted_out desc
            limit 1
        )
        update contacts k set
            phone = coalesce(k.phone, g.phone), email = coalesce(k.email, g.email),
            is_opted_out = w.is_opted_out, opted_out_at = w.opted_out_at, consent_changed_at = w.consent_changed_at,
            created_at = least(k.created_at, g.created_at), updated_at = now()
        from gone g, wish w where k.tenant_id = $1 and k.id = $2
        """,
        tenant_id,
        kept_id,
        gone_id,
    )
