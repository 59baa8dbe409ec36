"""Queries on aliases, by which contacts are recognised: there is no other `insert into contact_aliases`.

For several tenants at once, as one group commit applies what people of many of them wrote.
"""

from collections.abc import Sequence

import msgspec

from rasl.db import contact_events, rows
from rasl.db.pool import Db, Row

Alias = tuple[int, str, str]  # tenant_id, kind, value


class _Alias(msgspec.Struct, frozen=True):
    tenant_id: int
    kind: str
    value: str


class NewAlias(_Alias, frozen=True, order=True):
    """An alias that a contact is to have; `wa_id` is Meta's spelling of a phone."""

    contact_id: int
    wa_id: str | None


class Phone(msgspec.Struct, frozen=True, order=True):
    """The number that people see on a contact; only a move replaces what is there."""

    tenant_id: int
    contact_id: int
    wa_id: str
    has_moved: bool


def claim(source: str) -> str:
    """Return the statement that gives aliases of the source to contacts, unless somebody has them."""
    return f"""
        insert into contact_aliases (tenant_id, kind, value, contact_id, wa_id)
        select tenant_id, kind, value, contact_id, wa_id from {source} order by tenant_id, kind, value
        on conflict do nothing
        returning contact_id
    """


async def find(db: Db, aliases: Sequence[Alias]) -> dict[Alias, Row]:
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


async def add(db: Db, aliases: Sequence[NewAlias]) -> set[int]:
    """Give contacts further aliases and return who got one; an alias that is taken stays where it is."""
    return {row["contact_id"] for row in await db.fetch(claim(rows.table(NewAlias)), aliases)}


async def drop(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> None:
    """Take back what was claimed for contacts that came to nothing."""
    await db.execute(
        "delete from contact_aliases where tenant_id = $1 and contact_id = any($2::bigint[])",
        tenant_id,
        contact_ids,
    )


async def change_phone(db: Db, tenant_id: int, contact_id: int, match_key: str) -> bool:
    """Make this the one phone of a locked contact; returns False when another contact has it."""
    await db.execute(
        "delete from contact_aliases where tenant_id = $1 and contact_id = $2 and kind = 'phone' and value <> $3",
        tenant_id,
        contact_id,
        match_key,
    )
    if await add(db, [NewAlias(tenant_id, "phone", match_key, contact_id, None)]):
        return True
    # Its own number again: what it had moved to is forgotten.
    owner = await db.fetchval(
        """
        update contact_aliases set wa_id = null
        where tenant_id = $1 and kind = 'phone' and value = $3 and contact_id = $2
        returning contact_id
        """,
        tenant_id,
        contact_id,
        match_key,
    )
    return owner is not None


async def show_phones(db: Db, phones: Sequence[Phone]) -> None:
    """Show phones on contacts, in order; every phone alias of one that moved leads to its new number."""
    ordered = sorted(phones)
    await db.execute(
        contact_events.updating_some(
            f"""
            update contacts c set phone = '+' || p.wa_id, updated_at = now()
            from {rows.table(Phone, alias="p")}
            where c.tenant_id = p.tenant_id and c.id = p.contact_id and (p.has_moved or c.phone is null)
            """,
            rows.table(Phone, alias="p"),
        ),
        ordered,
    )
    if moves := [phone for phone in ordered if phone.has_moved]:
        await db.execute(
            f"""
            update contact_aliases a set wa_id = m.wa_id
            from {rows.table(Phone, alias="m")}
            where a.tenant_id = m.tenant_id and a.contact_id = m.contact_id and a.kind = 'phone'
            """,
            moves,
        )
