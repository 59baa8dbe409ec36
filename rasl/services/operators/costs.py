"""The ledger of costs for whoever bills, and the ledger compared with what Meta told, message by message."""

from typing import Any

import msgspec

from rasl.db import costs as rows
from rasl.db import purging
from rasl.db import statuses as status_rows
from rasl.db import tenants as tenant_rows
from rasl.db.costs import Change, Counted
from rasl.db.pool import Database, Db, Row
from rasl.domain.message_status import StatusTimes
from rasl.services.ground import cost_ledger
from rasl.services.operators.tenants import get_tenant
from rasl.services.tenancy import costs
from rasl.services.tenancy.costs import Wanted

_BATCH = 500
_MOST_SUMS = 1_000_000


class Recount(msgspec.Struct):
    """What a recount of a tenant found: messages looked at, those on the wrong line, and lines with a wrong count."""

    tenant: str
    messages: int = 0
    messages_wrong: int = 0
    lines_wrong: int = 0


async def report(db: Db, wanted: Wanted, tenant: str | None) -> list[dict[str, Any]]:
    """Return the sums of every tenant, or of one, with whose they are."""
    sums: list[dict[str, Any]] = []
    for row in await _tenants(db, tenant):
        whose = {"tenant_id": row["id"], "subdomain": row["subdomain"], "name": row["name"]}
        found = await costs.report(db, row["id"], wanted, _MOST_SUMS)
        sums += [{**whose, **costs.shown(item, wanted.groups)} for item in found.sums]
    return sums


async def recount(database: Database, tenant: str | None, *, is_mending: bool) -> list[Recount]:
    """Compare the ledger with the statuses that are kept, and mend what differs; traffic goes on meanwhile.

    Messages whose statuses were purged stay where they were counted, and those that do not exist any more, too.
    """
    async with database.connection() as db:
        tenants = await _tenants(db, tenant)
    found = []
    for row in tenants:
        result = Recount(row["subdomain"])
        await _recount_messages(database, row["id"], result, is_mending=is_mending)
        async with database.listing() as db, db.transaction():
            await purging.take_time(db)
            wrong = await rows.list_wrong(db, row["id"])
        result.lines_wrong = len(wrong)
        if wrong and is_mending:
            async with database.transaction() as db:
                await rows.change(db, [_correction(line) for line in wrong])
        found.append(result)
    return found


async def _recount_messages(database: Database, tenant_id: int, result: Recount, *, is_mending: bool) -> None:
    """Put messages that are on the wrong line, or on none, on the right one: a few at a time."""
    after = 0
    while True:
        async with database.transaction() as db:
            ids = await rows.list_outbound(db, tenant_id, after, _BATCH)
            if not ids:
                return
            after = ids[-1]
            result.messages += len(ids)
            keys = [(tenant_id, message_id) for message_id in ids]
            locked = {(row["tenant_id"], row["id"]): row for row in await status_rows.lock_messages(db, keys)}
            told = await cost_ledger.kept_pricings(db, keys)
            now = await cost_ledger.lines_now(db, locked)
            moved = cost_ledger.moves(locked, now, {key: _times(row) for key, row in locked.items()}, told)
            result.messages_wrong += len(moved)
            if moved and is_mending:
                lines = await cost_ledger.settle(db, now, moved)
                await rows.assign(db, [Counted(*key, line) for key, line in lines.items()])


def _times(row: Row) -> StatusTimes:
    return StatusTimes(row["sent_at"], row["delivered_at"], row["read_at"], row["failed_at"])


async def _tenants(db: Db, tenant: str | None) -> list[Row]:
    return await tenant_rows.list_tenants(db) if tenant is None else [await get_tenant(db, tenant)]


def _correction(wrong: Row) -> Change:
    return Change.of(rows.line_of(wrong), wrong["missing"])
