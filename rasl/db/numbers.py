"""Queries on the WhatsApp numbers of tenants: by what names them, and which one is the default."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.events import wants_any
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.domain.listing import Kind, ListSpec

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


class Seen(msgspec.Struct, frozen=True):
    """How Meta sees a number, in its words; None is what it did not say."""

    verified_name: str | None = None
    quality_rating: str | None = None
    meta_status: str | None = None
    messaging_limit: str | None = None


class News(msgspec.Struct, frozen=True):
    """What Meta told of a number, which it names as people read it; None is what it did not tell."""

    app_id: int
    waba_id: str
    digits: str
    messaging_limit: str | None
    verified_name: str | None
    quality_rating: str | None = None


class Heard(msgspec.Struct, frozen=True):
    """A number for which Meta posted something at a moment."""

    tenant_id: int
    id: int
    heard_at: dt.datetime


_SHOWN = f"""n.id, n.phone_number_id, n.waba_id, n.display_phone_number, n.verified_name, n.quality_rating,
              n.meta_status, n.messaging_limit, n.messages_per_second, n.last_webhook_at, n.created_at,
              n.disconnected_at, case when n.{CONNECTED} then 'connected' else 'disconnected' end as state,
              coalesce(n.{CONNECTED} and n.id = {DEFAULT_NUMBER}, false) as is_default"""
_SHOWN_FROM = "whatsapp_numbers n join tenants t on t.id = n.tenant_id"
LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "phone_number_id": Kind.TEXT,
            "waba_id": Kind.TEXT,
            "quality_rating": Kind.TEXT,
            "disconnected_at": Kind.MOMENT,
            "last_webhook_at": Kind.MOMENT,
            "created_at": Kind.MOMENT,
        },
        sorts=("created_at",),
        default_sort="created_at",
    ),
    select=_SHOWN,
    tables=_SHOWN_FROM,
    alias="n",
    where="n.tenant_id = $1",
    search=("display_phone_number", "verified_name"),
)


async def find_shown(db: Db, tenant_id: int, phone_number_id: str) -> Row | None:
    """Return a number of a tenant, connected or not, without its secrets."""
    return await db.fetchrow(
        f"select {_SHOWN} from {_SHOWN_FROM} where n.tenant_id = $1 and n.phone_number_id = $2",
        tenant_id,
        phone_number_id,
    )


async def keep_seen(db: Db, tenant_id: int, number_id: int, seen: Seen) -> None:
    """Keep how Meta sees a number; what it did not say stays as it was."""
    await db.execute(
        """
        update whatsapp_numbers set verified_name = coalesce($3, verified_name),
            quality_rating = coalesce($4, quality_rating), meta_status = coalesce($5, meta_status),
            messaging_limit = coalesce($6, messaging_limit)
        where tenant_id = $1 and id = $2
        """,
        tenant_id,
        number_id,
        seen.verified_name,
        seen.quality_rating,
        seen.meta_status,
        seen.messaging_limit,
    )


async def list_told(db: Db, tenant_ids: Sequence[int]) -> list[Row]:
    """Return what events tell of the numbers of tenants, as far as these want any; nobody else changes them now."""
    return await db.fetch(
        f"""
        select n.tenant_id, n.id, n.phone_number_id, n.waba_id, n.display_phone_number, n.verified_name,
               case when n.{CONNECTED} then 'connected' else 'disconnected' end as state,
               n.quality_rating, n.meta_status, n.messaging_limit
        from tenants t join whatsapp_numbers n on n.tenant_id = t.id
        where t.id = any($1::bigint[]) and {wants_any("number", "t")}
        order by n.id for no key update of n
        """,
        tenant_ids,
    )


async def keep_news(db: Db, news: Sequence[News]) -> None:
    """Keep what Meta told of numbers that are connected through the app it told it by."""
    for item in news:
        await db.execute(
            f"""
            update whatsapp_numbers set messaging_limit = coalesce($4, messaging_limit),
                verified_name = coalesce($5, verified_name), quality_rating = coalesce($6, quality_rating)
            where app_id = $1 and waba_id = $2 and {CONNECTED}
              and regexp_replace(display_phone_number, '[^0-9]', '', 'g') = $3
            """,
            item.app_id,
            item.waba_id,
            item.digits,
            item.messaging_limit,
            item.verified_name,
            item.quality_rating,
        )


async def keep_heard(db: Db, heard: Sequence[Heard]) -> None:
    """Keep when Meta last posted for numbers; one that another transaction writes to is left out until next time."""
    await db.execute(
        f"""
        with held as materialized (
            select n.tenant_id, n.id, h.heard_at from {rows.table(Heard, alias="h")}
            join whatsapp_numbers n on n.tenant_id = h.tenant_id and n.id = h.id
            order by n.id for no key update of n skip locked
        )
        update whatsapp_numbers n set last_webhook_at = greatest(n.last_webhook_at, held.heard_at)
        from held where n.tenant_id = held.tenant_id and n.id = held.id
        """,
        heard,
    )


async def change_access_token(
    db: Db, tenant_id: int, phone_number_id: str, access_token_sealed: bytes
) -> int | None:
    """Give a connected number another access token; returns its id, None when it is not connected."""
    number_id: int | None = await db.fetchval(
        f"""
        update whatsapp_numbers set access_token_sealed = $3
        where tenant_id = $1 and phone_number_id = $2 and {CONNECTED} returning id
        """,
        tenant_id,
        phone_number_id,
        access_token_sealed,
    )
    return number_id


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
