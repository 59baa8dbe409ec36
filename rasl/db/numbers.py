"""Queries on the WhatsApp numbers of tenants: by what names them, and which one is the default."""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row

# A number that is disconnected keeps its row, which its conversations belong to.
CONNECTED = "disconnected_at is null"
# A tenant `t` sends from the number it chose, else from the one it connected first.
DEFAULT_NUMBER = f"""coalesce(t.default_number_id,
        (select min(w.id) from whatsapp_numbers w where w.tenant_id = t.id and w.{CONNECTED}))"""


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
            and n.{CONNECTED}
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
        where n.tenant_id = $1 and n.{CONNECTED} order by n.id
        """,
        tenant_id,
    )


async def choose_default(db: Db, tenant_id: int, phone_number_id: str) -> bool:
    """Make a number the default of its tenant; returns whether the tenant has such a number."""
    found = await db.fetchval(
        f"""
        update tenants t set default_number_id = n.id from whatsapp_numbers n
        where t.id = $1 and n.tenant_id = t.id and n.phone_number_id = $2 and n.{CONNECTED} returning n.id
        """,
        tenant_id,
        phone_number_id,
    )
    return found is not None


async def find_connection(db: Db, tenant_id: int, phone_number_id: str) -> Row | None:
    """Return a connected number of a tenant with its sealed secrets, its callback and whether it is the default."""
    return await db.fetchrow(
        f"""
        select t.subdomain, n.id, n.phone_number_id, n.waba_id, n.display_phone_number, n.messages_per_second,
               n.created_at, n.access_token_sealed, n.id = {DEFAULT_NUMBER} as is_default,
               a.app_secret_sealed, a.callback_key
        from whatsapp_numbers n join tenants t on t.id = n.tenant_id join meta_apps a on a.id = n.app_id
        where n.tenant_id = $1 and n.phone_number_id = $2 and n.{CONNECTED}
        """,
        tenant_id,
        phone_number_id,
    )


async def disconnect(db: Db, tenant_id: int, phone_number_id: str, no_token_sealed: bytes) -> int | None:
    """Take a number's credentials away, and the choice of it as default; returns its id, None if it has none.

    In place of the access token stands an empty one.
    """
    number_id: int | None = await db.fetchval(
        f"""
        update whatsapp_numbers
        set disconnected_at = now(), access_token_sealed = $3, verify_token_digest = ''
        where tenant_id = $1 and phone_number_id = $2 and {CONNECTED} returning id
        """,
        tenant_id,
        phone_number_id,
        no_token_sealed,
    )
    if number_id is not None:
        await db.execute(
            "update tenants set default_number_id = null where id = $1 and default_number_id = $2",
            tenant_id,
            number_id,
        )
    return number_id


async def is_away(db: Db, tenant_id: int, phone_number_id: str) -> bool:
    """Tell whether a tenant has disconnected this number, and keep it so until the transaction ends."""
    found = await db.fetchval(
        f"""
        select id from whatsapp_numbers
        where tenant_id = $1 and phone_number_id = $2 and not ({CONNECTED}) for update
        """,
        tenant_id,
        phone_number_id,
    )
    return found is not None


async def let_go(db: Db, tenant_id: int, phone_number_id: str) -> None:
    """Let a tenant connect a number that another one had and disconnected, whose conversations keep their row."""
    await db.execute(
        """
        update whatsapp_numbers set phone_number_id = phone_number_id || ' until ' || id
        where phone_number_id = $2 and tenant_id <> $1 and disconnected_at is not null
        """,
        tenant_id,
        phone_number_id,
    )


async def count_waiting(db: Db, tenant_id: int, number_id: int) -> int:
    """Return how many messages wait to be sent from a number, counted to a thousand."""
    waiting: int = await db.fetchval(
        """
        select count(*) from (
            select from jobs where tenant_id = $1 and kind = 'send' and queue_id = $2 limit 1000
        ) as found
        """,
        tenant_id,
        number_id,
    )
    return waiting
