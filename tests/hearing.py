"""Endpoints that want events, without anybody who delivers them, and what they would be told."""

from typing import Any

import msgspec

from rasl.db.pool import Database, Row
from rasl.domain.events.catalogue import CATALOGUE
from rasl.domain.events.formats import FORMATS, Account, Format, Stored, render
from rasl.domain.events.schemas import EventEnvelope

ACCOUNT = Account(17, "Harbour Books", "harbour")


async def hear(database: Database, tenant_id: int, *patterns: str) -> None:
    """Let an account want events of these patterns, and no others."""
    async with database.connection() as db:
        await db.execute(
            "update tenants set webhook_events = $2 where id = $1", tenant_id, list(patterns or "*")
        )


async def heard(database: Database, pattern: str = "%", tenant_id: int | None = None) -> list[dict[str, Any]]:
    """Return the events so far, in order, as n8n is told of them; each is as the catalogue says."""
    async with database.connection() as db:
        rows = await db.fetch(
            "select * from events where type like $1 and key is not null and tenant_id = coalesce($2, tenant_id)"
            " order by id",
            pattern,
            tenant_id,
        )
    return [check(row) for row in rows]


def check(row: Row) -> dict[str, Any]:
    """Compare an event with the catalogue, in every format, and return it as n8n is told of it."""
    stored = Stored(row["key"], row["type"], row["created_at"], row["payload"])
    bodies = {format_: told(stored, format_) for format_ in FORMATS}
    resource = bodies["n8n"]["data"]["resource"]
    kind = CATALOGUE[row["type"]]
    msgspec.convert(bodies["n8n"], EventEnvelope)
    msgspec.convert(resource["attributes"], kind.shape)
    assert tuple(resource["attributes"]) == kind.shape.__struct_fields__
    msgspec.convert(resource["id"], type(kind.sample.id))
    return bodies["n8n"]


def told(stored: Stored, format_: Format = "n8n") -> dict[str, Any]:
    """Return an event as it is delivered."""
    body: dict[str, Any] = msgspec.json.decode(render(stored, ACCOUNT, format_))
    return body


def types(events: list[dict[str, Any]]) -> list[str]:
    """Return what kind each event is."""
    return [item["event"]["type"] for item in events]
