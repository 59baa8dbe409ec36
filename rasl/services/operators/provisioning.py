"""Tenants and plans as a host's billing system wants them: created or brought to what is asked, however often it asks.

What `rasl tenant` and `rasl plan` change one by one is given here in one piece: all of it is done or, when anything is
wrong, nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rasl import clock, ids
from rasl.db import installation_lists as lists
from rasl.db import tenant_plans
from rasl.db import tenants as tenant_rows
from rasl.db import usage as usage_rows
from rasl.db.pool import Database, Db, Row
from rasl.db.usage import Counted, TenantUsage
from rasl.domain.months import month_of
from rasl.domain.tenant_settings import NAMES
from rasl.errors import NotFound, ResourceConflict, ValidationFailed
from rasl.media_store.opening import open_store
from rasl.services.ground import audit, tenant_settings
from rasl.services.ground.audit import Actor, Change
from rasl.services.ground.resources import Resources
from rasl.services.operators import deleting, plans, tenants
from rasl.services.operators.archives.backup import Done
from rasl.services.operators.plans import Exceeded
from rasl.settings import Settings

_OWN = (
    "name",
    "plan",
    "subscription_status",
    "subscription_ends_at",
    "limit_overrides",
    "otp_budgets",
    "otp_max_attempts",
)
_MERGED = ("limit_overrides", "otp_budgets")  # what is given is joined to what there is, null takes away
USUAL_PLAN = "unlimited"
_NOBODY = Actor.system("rasl")


class _UndoneError(Exception):
    """Takes back what was only tried."""


class Provisioned(NamedTuple):
    """A tenant as it is, what it uses, which of its limits are below that, and whether it is new."""

    row: Row
    counted: Counted
    exceeded: list[Exceeded]
    is_new: bool = False


async def get_tenant(database: Database, subdomain: str) -> Provisioned:
    """Return a tenant; raises NotFound."""
    async with database.transaction() as db:
        return await _whole(db, await _find(db, subdomain))


async def provide_tenant(
    database: Database,
    settings: Settings,
    actor: Actor,
    subdomain: str,
    given: Mapping[str, Any],
    *,
    may_change: bool,
) -> Provisioned:
    """Create a tenant, or bring the one of this subdomain to what is given.

    Where that would change it and nothing may be changed, the subdomain is taken: raises ResourceConflict. Raises
    ValidationFailed naming all that is wrong.
    """
    async with database.transaction() as db:
        is_new, before = await _begun(db, subdomain, given, actor)
        tenants.check_stays(before)
        await _apply(db, settings, before, given, actor)
        whole = await _whole(db, before["id"])
        if not (is_new or may_change) and (differing := _differing(before, whole.row, tenant_rows.SETTINGS)):
            raise ResourceConflict(
                "The subdomain is taken, by a tenant with something else", {"differs": differing}
            )
        return whole._replace(is_new=is_new)


async def change_tenant(
    database: Database, settings: Settings, actor: Actor, subdomain: str, given: Mapping[str, Any]
) -> Provisioned:
    """Change what is given of a tenant, in force everywhere within a second; raises NotFound or ValidationFailed."""
    async with database.transaction() as db:
        held = await tenant_rows.hold_settings(db, await _find(db, subdomain))
        tenants.check_stays(held)
        await _apply(db, settings, held, given, actor)
        return await _whole(db, held["id"])


async def find_objections(
    database: Database,
    settings: Settings,
    subdomain: str | None,
    right: Mapping[str, Any],
    *,
    must_exist: bool = False,
) -> dict[str, list[str]]:
    """Return what speaks against those fields of a refused body whose shape is right: they are tried, and undone.

    Raises NotFound where the tenant must exist and does not.
    """
    try:
        async with database.transaction() as db:
            if must_exist and subdomain is not None:
                await _find(db, subdomain)
            _, held = await _begun(db, subdomain or ids.mint_random(16), right, _NOBODY)
            await _apply(db, settings, held, right, _NOBODY)
            _undo()
    except ValidationFailed as error:
        return error.details
    except _UndoneError:
        pass
    return {}


async def set_suspended(
    database: Database, actor: Actor, subdomain: str, *, is_suspended: bool
) -> Provisioned:
    """Suspend a tenant or let it go on; one that is so already stays so."""
    tenant = await plans.set_suspended(database, actor, subdomain, is_suspended=is_suspended)
    return await get_tenant(database, tenant["subdomain"])


async def delete_tenant(
    resources: Resources, actor: Actor, subdomain: str, *, has_export: bool
) -> tuple[Provisioned, Path | None]:
    """Write everything of a tenant into an archive in the data folder, and shut it; the worker deletes it then.

    Returns the tenant on its way out, and the archive, None of one that was shut already.
    """
    database, settings = resources.database, resources.settings
    await get_tenant(database, subdomain)
    done, path = None, None
    if has_export:
        folder = settings.data_dir / "exports"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"tenant-{subdomain}-{clock.now():%Y%m%d-%H%M%S-%f}.tar"
        # In a thread with connections of its own: it takes long, and reads and writes files.
        done = await asyncio.to_thread(asyncio.run, _export_and_shut(resources, actor, subdomain, path))
    else:
        await deleting.shut_tenant(database, subdomain, actor, None)
    return await get_tenant(database, subdomain), path if done else None


async def _export_and_shut(resources: Resources, actor: Actor, subdomain: str, path: Path) -> Done | None:
    dsn = resources.database.dsn
    database = Database(dsn, 2)
    await database.open()
    try:
        store = open_store(resources.settings)
        return await deleting.export_and_shut(dsn, database, store, subdomain, actor, path)
    finally:
        await database.close()


def _undo() -> None:
    raise _UndoneError


class ProvidedPlan(NamedTuple):
    """A plan as it is, whose use is above it, and whether it is new."""

    row: Row
    exceeded: list[Exceeded]
    is_new: bool


async def provide_plan(
    database: Database, actor: Actor, name: str, values: Mapping[str, Any], *, may_change: bool
) -> ProvidedPlan:
    """Create a plan, or bring the one of this name to what is given.

    Where that would change it and nothing may be changed, the name is taken: raises ResourceConflict.
    """
    async with database.transaction() as db:
        row = await plans.add_plan(db, actor, name, values)
        if row is not None:
            return ProvidedPlan(row, [], is_new=True)
        before = await plans.get_plan(db, name)
        row, exceeded = await plans.change_held(db, actor, before, values)
        if not may_change and (differing := _differing(before, row, tenant_plans.COLUMNS)):
            told = [name.replace("max_", "limits.") for name in differing]
            raise ResourceConflict("The name is taken, by a plan with something else", {"differs": told})
    return ProvidedPlan(row, exceeded, is_new=False)


async def change_plan(
    database: Database, actor: Actor, name: str, values: Mapping[str, Any]
) -> tuple[Row, list[Exceeded]]:
    """Change what is named of a plan, nothing where nothing is; returns it, and whose use is above it now."""
    async with database.transaction() as db:
        return await plans.change_held(db, actor, await plans.get_plan(db, name), values)


async def _begun(db: Db, subdomain: str, given: Mapping[str, Any], actor: Actor) -> tuple[bool, Row]:
    """Return whether a tenant is new, and its row, held.

    One that is to have a plan that there is not begins with another: the rest of it is looked at as well.
    """
    known, plan = await tenant_rows.list_plans(db), given.get("plan", USUAL_PLAN)
    if not known:
        raise ValidationFailed(await _plan_problems(db, plan))
    plan, name = plan if plan in known else known[0], given.get("name", subdomain)
    is_new = await tenants.add_tenant(db, name, subdomain, plan, actor) is not None
    if is_new and "plan" not in given and plan != USUAL_PLAN:
        raise ValidationFailed(await _plan_problems(db, USUAL_PLAN))
    return is_new, await tenant_rows.hold_settings(db, await _find(db, subdomain))


async def _find(db: Db, subdomain: str) -> int:
    found = await tenant_rows.find_tenant(db, subdomain)
    if found is None:
        raise NotFound("Tenant not found")
    return int(found["id"])


async def _whole(db: Db, tenant_id: int) -> Provisioned:
    row = await lists.find_tenant(db, tenant_id)
    if row is None:
        raise NotFound("Tenant not found")
    counted = await usage_rows.load_usage(db, tenant_id)
    used = TenantUsage(row, month_of(counted.now, row["time_zone"]), counted)
    return Provisioned(row, counted, plans.exceeded(used))


async def _apply(db: Db, settings: Settings, held: Row, given: Mapping[str, Any], actor: Actor) -> None:
    """Change what is given of a tenant whose row is held; raises ValidationFailed naming all that is wrong."""
    problems = await _plan_problems(db, given["plan"]) if "plan" in given else {}
    chosen = {name: value for name, value in given.items() if name in NAMES}
    try:
        await tenant_settings.apply(db, settings, held, chosen, actor)
    except ValidationFailed as error:
        problems |= error.details
    if problems:
        raise ValidationFailed(problems)
    own = {name: given[name] for name in _OWN if name in given}
    for name in own.keys() & set(_MERGED):
        merged = held[name] | own[name] if own[name] is not None else {}
        own[name] = {key: value for key, value in merged.items() if value is not None}
    before, after = audit.difference(dict(held), own, own)
    if after:
        await tenant_rows.change_tenant(db, held["id"], own)
        await audit.record(
            db, Change(held["id"], actor, "tenant.changed", "tenant", held["id"], before, after)
        )


async def _plan_problems(db: Db, plan: str) -> dict[str, list[str]]:
    if await tenant_plans.hold(db, plan) is not None:
        return {}
    known = ", ".join(await tenant_rows.list_plans(db))
    return {"plan": [f"There is no plan of this name: choose of {known}"]}


def _differing(before: Row, after: Row, names: Sequence[str]) -> list[str]:
    return [name for name in names if before[name] != after[name]]
