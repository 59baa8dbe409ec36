"""Deleting a tenant: exported first, shut at once, then everything of it in batches, and itself at last.

It is `deleting` until nothing of it is left. Whatever ends this in the middle, the same command goes on, and the worker
does by itself.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from rasl import log
from rasl.db import tenants as tenant_rows
from rasl.db.pool import Database, Row
from rasl.db.whole import people, tables
from rasl.db.whole import tenant as rows
from rasl.domain.deliveries import split_by_owner
from rasl.domain.tenants import DELETING
from rasl.errors import ServiceUnavailable
from rasl.media_store.base import MediaStore
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.operators import plans
from rasl.services.operators.archives.backup import Done, Wishes, back_up
from rasl.services.operators.archives.contents import Progress
from rasl.services.operators.purging import OURS
from rasl.services.operators.tenants import GoingError, get_tenant

_ROWS = 1000  # of a batch
_DELIVERIES = 200
_FILES = 1000  # of a page of the store
_TOLD = ("name", "subdomain", "plan", "status", "created_at")
Told = Callable[[str, int], None]  # takes a table, or `files`, and how many of it are gone by now
_logger = log.get_logger()


class Deleted(msgspec.Struct, frozen=True):
    """What went, by table; those of Meta's deliveries of which a part stayed for others count as well."""

    counts: dict[str, int]
    files: int


class _Work(msgspec.Struct):
    """One tenant on its way out, and what is gone of it."""

    database: Database
    store: MediaStore
    tenant_id: int
    told: Told
    counts: dict[str, int] = msgspec.field(default_factory=dict)

    def count(self, name: str, gone: int) -> None:
        """Add to what is gone."""
        if gone:
            self.counts[name] = self.counts.get(name, 0) + gone
            self.told(name, self.counts[name])


async def export_tenant(
    dsn: str,
    store: MediaStore,
    tenant_id: int,
    path: Path,
    progress: Progress = lambda _size: None,
    begun: Callable[[int], None] = lambda _size: None,
) -> Done:
    """Write everything of a tenant into one archive, which `rasl restore` can bring into an empty place."""
    return await back_up(dsn, path, Wishes(store, "", None, tenant_id), progress, begun)


async def export_and_shut(
    dsn: str,
    database: Database,
    store: MediaStore,
    reference: str,
    actor: Actor,
    path: Path,
    progress: Progress = lambda _size: None,
    begun: Callable[[int], None] = lambda _size: None,
) -> Done | None:
    """Suspend a tenant, so that its export misses nothing it does, write that, and shut the tenant.

    Where the export fails, the tenant is as it was. Returns None of one that was shut before.
    """
    async with database.connection() as db:
        tenant = await get_tenant(db, reference)
    if tenant["status"] == DELETING:
        return None
    is_active = tenant["status"] == "active"
    if is_active:
        await plans.set_suspended(database, actor, reference, is_suspended=True)
    try:
        done = await export_tenant(dsn, store, tenant["id"], path, progress, begun)
    except BaseException:
        if is_active:
            await plans.set_suspended(database, actor, reference, is_suspended=False)
        raise
    await shut_tenant(database, reference, actor, str(path))
    return done


async def shut_tenant(database: Database, reference: str, actor: Actor, export: str | None) -> Row:
    """Let nothing begin for a tenant any more, which cannot be undone; the installation's audit keeps who did it.

    Returns the tenant. Its tokens are refused within a second. `export` is where its data was written to.
    """
    async with database.transaction() as db:
        found = await get_tenant(db, reference)
        held = await tenant_rows.hold_settings(db, found["id"])
        if held["status"] != DELETING:
            await rows.shut(db, held["id"])
            before, after = {name: held[name] for name in _TOLD}, {"export": export}
            await audit.record(
                db,
                audit.Change(
                    audit.INSTALLATION, actor, "tenant.deleted", "tenant", held["id"], before, after
                ),
            )
        return held


async def delete_tenant(
    database: Database,
    store: MediaStore,
    reference: str,
    actor: Actor,
    export: str | None = None,
    told: Told = lambda _name, _count: None,
) -> Deleted:
    """Delete a tenant with everything of it; raises NotThereError, or GoingError while somebody else is at it.

    What tenants share, such as deliveries of a Meta app, keeps what is of the others.
    """
    tenant = await shut_tenant(database, reference, actor, export)
    deleted = await finish(database, store, tenant["id"], told)
    if deleted is None:
        raise GoingError(f"the worker is deleting {tenant['subdomain']} at this moment: it goes by itself")
    return deleted


async def finish(
    database: Database, store: MediaStore, tenant_id: int, told: Told = lambda _name, _count: None
) -> Deleted | None:
    """Delete what is left of a tenant that is shut; None while somebody else does."""
    async with contextlib.AsyncExitStack() as stack:
        alone = await database.dedicated()
        stack.push_async_callback(alone.close)
        if not await rows.is_mine(alone, tenant_id):
            return None
        work = _Work(database, store, tenant_id, told)
        async with database.connection() as db:
            going = rows.in_order_of_going(await tables.list_tables(db))
        behind = await _drop_shared(work, 0)
        for table in going:
            await _drop_table(work, table)
        files = await _drop_files(work)
        await _drop_shared(work, behind)
        await _drop_last(work, going)
        return Deleted(work.counts, files)


async def finish_all(database: Database, store: MediaStore) -> None:
    """Go on with every tenant that is being deleted; what cannot be done now is tried again the next time."""
    async with database.connection() as db:
        shut = await rows.list_shut(db)
    for tenant_id in shut:
        try:
            if await finish(database, store, tenant_id) is not None:
                _logger.info("tenant_deleted", tenant_id=tenant_id)
        except ServiceUnavailable:  # the whole database: nobody gets any further
            raise
        except Exception:
            _logger.exception("tenant_not_deleted", tenant_id=tenant_id)


async def _drop_shared(work: _Work, behind: int) -> int:
    """Take the tenant's part out of what its apps delivered behind one; returns the last that was looked at."""
    async with work.database.connection() as db:
        ours = await rows.find_ours(db, work.tenant_id)
    while True:
        async with work.database.transaction() as db:
            last = await rows.find_page(db, behind, _DELIVERIES)
            if last is None:
                break
            gone: list[int] = []
            for row in await rows.list_deliveries(db, ours, behind, last, "for update"):
                parts = split_by_owner(row["body"], ours.numbers, ours.accounts)
                if row["app_id"] in ours.apps or parts.rest is None:
                    gone.append(row["id"])
                elif parts.taken:
                    await people.rewrite_delivery(db, row["id"], parts.rest)
                    work.count("ingests", 1)
            await rows.drop_deliveries(db, gone)
        work.count("ingests", len(gone))
        behind = last
    while True:
        async with work.database.transaction() as db:
            dropped = await rows.drop_quarantined(db, ours, _ROWS)
        work.count("quarantined_changes", dropped)
        if dropped < _ROWS:
            return behind


async def _drop_table(work: _Work, table: str) -> None:
    while True:
        async with work.database.transaction() as db:
            if table in {"jobs", "tokens"}:
                await rows.drop_traces(db, work.tenant_id)
            dropped = await rows.drop(db, table, work.tenant_id, _ROWS)
        work.count(table, dropped)
        if dropped < _ROWS:
            return


async def _drop_files(work: _Work) -> int:
    """Drop the tenant's files, with or without a row; returns how many."""
    prefix = behind = f"{work.tenant_id}/"
    count = 0
    while page := await work.store.page(behind, _FILES):
        for file in page:
            if file.key.startswith(prefix) and OURS.fullmatch(file.key):
                await work.store.delete(file.key)
                count += 1
        behind = page[-1].key
        if not behind.startswith(prefix):
            break
    work.count("files", count)
    return count


async def _drop_last(work: _Work, going: list[str]) -> None:
    """Delete the tenant itself, with whatever a request that began before it was shut has written meanwhile."""
    async with work.database.transaction() as db:
        ours = await rows.find_ours(db, work.tenant_id)
        apps = [*ours.apps, *ours.shared_apps]
        if not await rows.hold(db, work.tenant_id, apps):
            return
        await rows.drop_traces(db, work.tenant_id)
        for table in going:
            await rows.drop(db, table, work.tenant_id, 2**31)
        await rows.drop_last(db, work.tenant_id, apps)
