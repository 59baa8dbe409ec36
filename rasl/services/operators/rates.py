"""Rate cards: an operator brings them in as files, for all tenants or for one."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasl.db import rates as rows
from rasl.db.pool import Database, Db, Row
from rasl.domain.csv_files import protected
from rasl.domain.rate_cards import COLUMNS, Mistake, RateCardError, read_cards
from rasl.services.ground import audit
from rasl.services.ground.audit import INSTALLATION, Actor
from rasl.services.operators.tenants import NotThereError, OperatorError, get_tenant

SAMPLE = Path(__file__).with_name("rate-card.csv")  # its figures are invented
SAMPLE_NAME = "Sample with invented figures"
_LONGEST_NAME = 200
_MOST_SHOWN = 200


class BadRateCardError(OperatorError):
    """A file with mistakes: all of them are named, and nothing of it was applied."""

    code = "RATE_CARD_INVALID"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        lines = [f"  {mistake}" for mistake in mistakes[:_MOST_SHOWN]]
        if len(mistakes) > _MOST_SHOWN:
            lines.append(f"  and {len(mistakes) - _MOST_SHOWN} more")
        super().__init__("\n".join(["nothing was applied, as the rate card has mistakes:", *lines]))


async def import_cards(
    database: Database, actor: Actor, tenant: str | None, content: bytes, name: str
) -> list[dict[str, Any]]:
    """Put the cards of a file in force; one that is valid from the same day is replaced whole."""
    name = name.strip()
    if not (name and len(name) <= _LONGEST_NAME and name.isprintable()):
        raise OperatorError(f"a rate card's name must be 1 to {_LONGEST_NAME} visible characters")
    try:
        cards = read_cards(content)
    except RateCardError as error:
        raise BadRateCardError(error.mistakes) from None
    async with database.transaction() as db:
        owner_id = await _owner(db, tenant)
        for card in cards:
            card_id = await rows.put_card(db, owner_id, card.valid_from, card.currency, name)
            await rows.add_rates(db, owner_id, card_id, card.rates)
        told = [
            {"valid_from": card.valid_from, "currency": card.currency, "name": name, "rates": len(card.rates)}
            for card in cards
        ]
        change = audit.Change(owner_id, actor, "rates.imported", "rate_card", None, None, {"cards": told})
        await audit.record(db, change)
    return told


async def list_cards(db: Db, tenant: str | None) -> list[dict[str, Any]]:
    """Return the cards of the installation, or of one tenant, with how many rates each has."""
    owner_id = await _owner(db, tenant)
    rates = await rows.count_rates(db, owner_id)
    return [
        {
            "valid_from": card.valid_from,
            "currency": card.currency,
            "name": card.name,
            "rates": rates.get(card.card_id, 0),
        }
        for card in await rows.list_cards(db, [owner_id])
    ]


async def export_cards(db: Db, tenant: str | None, valid_from: dt.date | None) -> list[list[str]]:
    """Return the rows of a file that `import_cards` takes, the headings first; raises NotThereError without any."""
    found = await rows.list_rates(db, await _owner(db, tenant), valid_from)
    if not found:
        raise _missing(tenant, valid_from)
    return [[*COLUMNS], *([_cell(row, name) for name in COLUMNS] for row in found)]


async def delete_card(database: Database, actor: Actor, tenant: str | None, valid_from: dt.date) -> Row:
    """Delete a card; what it priced is priced by the one before it, if there is one."""
    async with database.transaction() as db:
        owner_id = await _owner(db, tenant)
        card = await rows.delete_card(db, owner_id, valid_from)
        if card is None:
            raise _missing(tenant, valid_from)
        change = audit.Change(owner_id, actor, "rates.deleted", "rate_card", None, dict(card), None)
        await audit.record(db, change)
    return card


async def _owner(db: Db, tenant: str | None) -> int:
    """Return whose cards are meant: a tenant's, else the installation's."""
    return INSTALLATION if tenant is None else int((await get_tenant(db, tenant))["id"])


def _missing(tenant: str | None, valid_from: dt.date | None) -> NotThereError:
    whose = "of the installation" if tenant is None else f"of {tenant!r}"
    when = "" if valid_from is None else f" that is valid from {valid_from}"
    return NotThereError(f"there is no rate card {whose}{when}: `rasl rates list` shows those there are")


def _cell(row: Row, name: str) -> str:
    value = row[name]
    return f"{value:f}" if name == "price" else protected(str(value))
