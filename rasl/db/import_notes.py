"""Queries on the phones and emails that chunks of a dry run would have taken, for those behind them.

An owner is the id of a contact, or a negative number for one that would have been created.
"""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.contacts import Key
from rasl.db.pool import Db, Row


class Note(msgspec.Struct, frozen=True):
    """A phone, by match key, or an email that somebody would have."""

    kind: str
    value: str
    owner: int


async def note(db: Db, tenant_id: int, import_id: int, notes: Sequence[Note]) -> None:
    """Remember what would have been taken."""
    await db.execute(
        f"""
        insert into import_keys (tenant_id, import_id, kind, value, owner)
        select $1, $2, i.kind, lower(i.value), i.owner::text from {rows.table(Note, 3)}
        on conflict do nothing
        """,
        tenant_id,
        import_id,
        notes,
    )


async def find_owners(db: Db, tenant_id: int, import_id: int, keys: Sequence[Key]) -> list[Row]:
    """Return by key who would have its alias (`contact_id`) and its email (`email_id`)."""
    found = """
        (select k.owner::bigint from import_keys k
         where k.tenant_id = $1 and k.import_id = $2 and k.kind = {kind} and k.value = lower(i.{column}))
    """
    return await db.fetch(
        f"""
        select {found.format(kind="i.kind", column="value")} as contact_id,
               {found.format(kind="'email'", column="email")} as email_id
        from {rows.ordered(Key, 3)} order by i.ord
        """,
        tenant_id,
        import_id,
        keys,
    )
