"""Reading messages: lists, one message, and every step of its way."""

import datetime as dt
from typing import Any

import msgspec

from rasl.db import media as media_rows
from rasl.db import message_lists, webhook_deliveries
from rasl.db import messages as message_rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.domain import message_types
from rasl.domain.listing import ListQuery, Page
from rasl.domain.phone import digits_of
from rasl.graph.errors import classify

MESSAGE_LIST = message_lists.LIST_SOURCE.spec


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a message's way; fields that do not apply are absent."""

    step: str
    at: dt.datetime
    attempt: int | None = None
    outcome: str | None = None
    code: int | None = None
    title: str | None = None
    details: str | None = None
    cure: str | None = None
    fbtrace_id: str | None = None
    message_id: str | None = None
    webhook_id: int | None = None
    delivery_id: int | None = None
    event_id: str | None = None
    event_type: str | None = None
    state: str | None = None
    attempts: list[dict[str, Any]] | None = None


async def list_messages(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's messages."""
    async with database.listing() as db:
        query = await message_lists.with_ids(db, tenant_id, query)
        return await fetch_page(db, message_lists.LIST_SOURCE, query, tenant_id)


async def read_timeline(database: Database, message: Row) -> list[Step]:
    """Return every step we know: accepted, each attempt, each status Meta reported, each webhook that is told of it.

    A message that waits has that as its last step.
    """
    tenant_id, message_id = message["tenant_id"], message["id"]
    async with database.connection() as db:
        attempts = await message_rows.list_attempts(db, tenant_id, message_id)
        wamids = {wamid for wamid in (message["wamid"], *(row["wamid"] for row in attempts)) if wamid}
        statuses = await message_rows.list_statuses(db, tenant_id, sorted(wamids))
        told = await webhook_deliveries.list_of_message(db, tenant_id, message_id)
    first = "accepted" if message["direction"] == "outbound" else "received"
    steps = [
        Step(first, message["created_at"]),
        *map(_attempt_step, attempts),
        *map(_status_step, statuses),
        *map(_webhook_step, told),
    ]
    if message["direction"] == "outbound" and message["status"] in {"queued", "unknown"}:
        steps.append(Step(message["status"], message["updated_at"]))
    return steps


def _attempt_step(row: Row) -> Step:
    return Step(
        "attempt",
        row["started_at"],
        attempt=row["attempt"],
        outcome=row["outcome"],
        code=row["code"],
        title=row["title"],
        details=row["details"],
        cure=row["cure"],
        fbtrace_id=row["fbtrace_id"],
        message_id=row["wamid"],
    )


def _status_step(row: Row) -> Step:
    return Step(
        row["status"],
        row["occurred_at"],
        code=row["code"],
        title=row["title"],
        details=row["details"],
        cure=classify(400, row["code"]).cure if row["code"] else None,
        message_id=row["wamid"],
    )


def _webhook_step(row: Row) -> Step:
    return Step(
        "webhook",
        row["created_at"],
        webhook_id=row["endpoint_id"],
        delivery_id=row["id"],
        event_id=row["event_key"],
        event_type=row["event_type"],
        state=row["state"],
        attempts=row["attempts"],
    )


def _media_of(row: Row) -> int | None:
    """Return our id of the first file of a message, if it has any and we have it."""
    if row["body_dropped_at"] is not None:
        return None
    content = row["content"]
    if row["direction"] == "inbound":
        media_id = content.get("media_id") if isinstance(content, dict) else None
        return media_id if isinstance(media_id, int) else None
    try:
        return next(iter(message_types.load(row["type"], row["text"], content).media_ids()), None)
    except message_types.UnknownTypeError:
        return None


async def find_media(database: Database, row: Row) -> int | None:
    """Return our id of the first file of a message, unless it has none, or none any more."""
    media_id = _media_of(row)
    if media_id is None:
        return None
    async with database.connection() as db:
        return media_id if await media_rows.find(db, row["tenant_id"], media_id) else None


def sender_of(row: Row) -> str | None:
    """Return who wrote the message: the person, or our number's digits."""
    is_inbound = row["direction"] == "inbound"
    sender: str | None = row["peer"] if is_inbound else digits_of(row["display_phone_number"])
    return sender
