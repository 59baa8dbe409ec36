"""Queries that make one contact of two, when a message shows that they are one person."""

from collections.abc import Sequence

from rasl.db import contact_events, contacts
from rasl.db.pool import Db, Row


async def lock_twins(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> list[Row]:
    """Lock contacts with all their conversations and say which of them has a phone; conversations come first."""
    await contacts.lock_conversations(db, tenant_id, contact_ids)
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
        f"""
        with before as materialized ({contact_events.kept_before("c.id = $2")}
        ), gone as (delete from contacts where tenant_id = $1 and id = $3 returning *), wish as (
            select w.* from gone g join contacts k on k.tenant_id = $1 and k.id = $2
            cross join lateral (
                values (k.is_opted_out, k.opted_out_at, k.consent_changed_at),
                       (g.is_opted_out, g.opted_out_at, g.consent_changed_at)
            ) as w (is_opted_out, opted_out_at, consent_changed_at)
            order by coalesce(greatest(w.consent_changed_at, w.opted_out_at), '-infinity') desc, w.is_opted_out desc
            limit 1
        ), after as (
            update contacts k set
                phone = coalesce(k.phone, g.phone), email = coalesce(k.email, g.email),
                is_opted_out = w.is_opted_out, opted_out_at = w.opted_out_at, consent_changed_at = w.consent_changed_at,
                created_at = least(k.created_at, g.created_at), updated_at = now()
            from gone g, wish w where k.tenant_id = $1 and k.id = $2
            returning k.*
        ), told as (
            {contact_events.updated()}
        )
        {contact_events.deleted("gone")}
        """,
        tenant_id,
        kept_id,
        gone_id,
    )
