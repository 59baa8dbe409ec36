"""Queries on the WhatsApp numbers of tenants: by what names them, and which one is the default."""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row

# A tenant `t` sends from the number it chose, else from the one it connected first.
DEFAULT_NUMBER = """coalesce(t.default_number_id,
        (select min(w.id) from whatsapp_numbers w where w.tenant_id = t.id))"""


class Wanted(msgspec.Struct, frozen=True):
    """What names a number of a tenant: our id of it, or Meta's."""

    tenant_id: int
    id: int | None = None
    phone_number_id: str | None = None


async def find(db: Db, wanted: Sequence[Wanted]) -> dict[Wanted, Row]:
    """Return the numbers, with their sealed access tokens, by what named them."""
    found = await db.fetch(
        f"""
        select k.id as wanted_id, k.phone_number_id as wanted_phone_number_id, n.tenant_id, n.id as number_id,
               n.waba_id, n.phone_number_id, n.display_phone_number, n.access_token_sealed, n.messages_per_second
        from {rows.table(Wanted, alias="k")}
        join whatsapp_numbers n on n.tenant_id = k.tenant_id and n.id = coalesce(
            k.id, (select w.id from whatsapp_numbers w where w.phone_number_id = k.phone_number_id))
        """,
        wanted,
    )
    return {Wanted(row["tenant_id"], row["wanted_id"], row["wanted_phone_number_id"]): row for row in found}


async def list_all(db: Db, tenant_id: int) -> list[Row]:
    """Return the numbers of a tenant, first connected first, and which of them is the default."""
    return await db.fetch(
        f"""
        select n.id, n.phone_number_id, n.waba_id, n.display_phone_number, n.messages_per_second, n.created_at,
               n.id = {DEFAULT_NUMBER} as is_default
        from whatsapp_numbers n join tenants t on t.id = n.tenant_id
        where n.tenant_id = $1 order by n.id
        """,
        tenant_id,
    )


async def choose_default(db: Db, tenant_id: int, phone_number_id: str) -> bool:
    """Make a number the default of its tenant; returns whether the tenant has such a number."""
    found = await db.fetchval(
        """
        update tenants t set default_number_id = n.id from whatsapp_numbers n
        where t.id = $1 and n.tenant_id = t.id and n.phone_number_id = $2 returning n.id
        """,
        tenant_id,
        phone_number_id,
    )
    return found is not None
