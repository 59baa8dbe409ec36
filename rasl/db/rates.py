"""Queries on rate cards: what a message of a country, category and type costs from a day on."""

import datetime as dt
from collections.abc import Sequence

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.domain.rate_cards import KeptCard, Rate


async def list_cards(db: Db, tenant_ids: Sequence[int]) -> list[KeptCard]:
    """Return the cards of owners, oldest first."""
    found = await db.fetch(
        """
        select tenant_id as owner_id, id as card_id, currency, name, valid_from from rate_cards
        where tenant_id = any($1::bigint[]) order by tenant_id, valid_from
        """,
        tenant_ids,
    )
    return [KeptCard(**dict(row)) for row in found]


async def count_rates(db: Db, tenant_id: int) -> dict[int, int]:
    """Return how many rates each card of an owner has."""
    found = await db.fetch(
        "select card_id, count(*) as rates from rates where tenant_id = $1 group by 1", tenant_id
    )
    return {row["card_id"]: row["rates"] for row in found}


async def list_rates(db: Db, tenant_id: int, valid_from: dt.date | None) -> list[Row]:
    """Return the rates of an owner's cards, or of the one from this day, as a file has them."""
    return await db.fetch(
        """
        select c.valid_from, r.country, r.category, r.type, r.price, c.currency
        from rate_cards c join rates r on r.tenant_id = c.tenant_id and r.card_id = c.id
        where c.tenant_id = $1 and ($2::date is null or c.valid_from = $2)
        order by c.valid_from, r.category, r.type, r.country = '*', r.country
        """,
        tenant_id,
        valid_from,
    )


async def put_card(db: Db, tenant_id: int, valid_from: dt.date, currency: str, name: str) -> int:
    """Make a card, or empty the one that is valid from this day; returns its id."""
    card_id: int = await db.fetchval(
        """
        insert into rate_cards (tenant_id, valid_from, currency, name) values ($1, $2, $3, $4)
        on conflict (tenant_id, valid_from) do update
            set currency = excluded.currency, name = excluded.name, created_at = excluded.created_at
        returning id
        """,
        tenant_id,
        valid_from,
        currency,
        name,
    )
    await db.execute("delete from rates where tenant_id = $1 and card_id = $2", tenant_id, card_id)
    return card_id


async def add_rates(db: Db, tenant_id: int, card_id: int, rates: Sequence[Rate]) -> None:
    """Fill an empty card."""
    await db.execute(
        f"""
        insert into rates (tenant_id, card_id, {rows.names(Rate)})
        select $1, $2, {rows.names(Rate)} from {rows.table(Rate, 3)}
        """,
        tenant_id,
        card_id,
        rates,
    )


async def delete_card(db: Db, tenant_id: int, valid_from: dt.date) -> Row | None:
    """Delete a card with its rates and return what it was."""
    return await db.fetchrow(
        "delete from rate_cards where tenant_id = $1 and valid_from = $2 returning valid_from, currency, name",
        tenant_id,
        valid_from,
    )
