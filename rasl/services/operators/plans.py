"""Plans, and what of them a tenant has: its plan, limits of its own, its subscription, whether it is suspended."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from rasl.db import tenant_plans
from rasl.db import tenants as tenant_rows
from rasl.db import usage as usage_rows
from rasl.db.pool import Database, Db, Row
from rasl.db.usage import TenantUsage
from rasl.domain import subscription
from rasl.domain.tenants import ALWAYS_CONFIGURED, LIMIT_NAMES, PLAN_LIMITS
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.operators.tenants import (
    NotThereError,
    OperatorError,
    TakenError,
    check_stays,
    get_tenant,
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_LONGEST_TITLE = 100
_HIGHEST = 10**12
_RATE = "api_calls_per_minute"
_HIGHEST_RATE = 10**6
_OF_TENANT = ("plan", "status", "subscription_status", "subscription_ends_at", "limit_overrides")


class InUseError(OperatorError):
    """What is to be deleted is in use."""

    code = "IN_USE"


class Exceeded(msgspec.Struct, frozen=True):
    """A limit that is below what a tenant has already: it keeps all of it, and gets no more."""

    tenant: str
    limit: str
    current: int
    maximum: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        return f"{self.tenant} uses {self.current} {self.limit} of {self.maximum}: it keeps them, and gets no more."


async def create_plan(database: Database, actor: Actor, name: str, values: Mapping[str, Any]) -> Row:
    """Create a plan; what is not named has no limit, and is included."""
    if not _NAME.fullmatch(name):
        raise OperatorError(
            f"{name!r} is no name of a plan: use 1 to 63 of a-z, 0-9, - and _, letters or digits at both ends"
        )
    values = {"title": name.replace("-", " ").replace("_", " ").capitalize(), **values}
    _check(values)
    async with database.transaction() as db:
        if not await tenant_plans.create(db, name, values):
            raise TakenError(f"there is a plan {name!r} already: `rasl plan change {name}` changes it")
        plan = await _hold(db, name)
        after = {column: plan[column] for column in tenant_plans.COLUMNS}
        await _record(db, actor, "plan.created", name, None, after)
    return plan


async def change_plan(
    database: Database, actor: Actor, name: str, values: Mapping[str, Any]
) -> tuple[Row, list[Exceeded]]:
    """Change what is named of a plan, in force within a second; returns it, and whose use is above it now."""
    if not values:
        raise OperatorError("nothing to change was given")
    _check(values)
    async with database.transaction() as db:
        before = await _hold(db, name)
        await tenant_plans.change(db, name, values)
        plan = await _hold(db, name)
        await _record(
            db, actor, "plan.changed", name, *audit.difference(dict(before), dict(plan), tenant_plans.COLUMNS)
        )
        used = await usage_rows.list_usage(db, None) if values.keys() & set(PLAN_LIMITS) else []
    return plan, [it for one in used if one.tenant["plan"] == name for it in exceeded(one)]


async def delete_plan(database: Database, actor: Actor, name: str) -> None:
    """Delete a plan that no tenant has; raises InUseError for another."""
    async with database.transaction() as db:
        plan = await _hold(db, name)
        if plan["tenants"]:
            raise InUseError(
                f"the plan {name!r} is in use (tenants: {plan['tenants']}): give them another one first with "
                "`rasl tenant plan`"
            )
        await tenant_plans.delete(db, name)
        before = {column: plan[column] for column in tenant_plans.COLUMNS}
        await _record(db, actor, "plan.deleted", name, before, None)


async def get_plan(db: Db, name: str) -> Row:
    """Return a plan by its name."""
    return await _hold(db, name)


async def assign(
    database: Database, actor: Actor, reference: str, changes: Mapping[str, Any]
) -> tuple[Row, list[Exceeded]]:
    """Change plan, subscription (`subscription_status`, `subscription_ends_at`) or status of a tenant.

    Returns the tenant, and which of its uses are above its limits now. In force everywhere within a second.
    """
    if not changes:
        raise OperatorError("nothing to change was given")
    status = changes.get("subscription_status")
    if status is not None and status not in subscription.STATUSES:
        raise OperatorError(f"the subscription must be {', '.join(subscription.STATUSES)} or none")
    async with database.transaction() as db:
        before = await get_tenant(db, reference)
        check_stays(before)
        if "plan" in changes:
            await _hold(db, changes["plan"])
        await tenant_rows.change_tenant(db, before["id"], changes)
        return await _recorded(db, actor, before)


async def override_limit(
    database: Database, actor: Actor, reference: str, limit: str, value: int | None
) -> tuple[Row, list[Exceeded]]:
    """Give one tenant a limit of its own in place of its plan's, -1 for none; None takes it back."""
    if limit not in LIMIT_NAMES:
        raise OperatorError(f"there is no limit {limit!r}: choose of {', '.join(LIMIT_NAMES)}")
    if value is not None:
        _check({f"max_{limit}": value})
    async with database.transaction() as db:
        before = await get_tenant(db, reference)
        check_stays(before)
        if value is None:
            await tenant_plans.take_back(db, before["id"], limit)
        else:
            await tenant_plans.override(db, before["id"], limit, value)
        return await _recorded(db, actor, before)


async def set_suspended(database: Database, actor: Actor, reference: str, *, is_suspended: bool) -> Row:
    """Suspend a tenant or let it go on: its tokens are refused meanwhile, what people write to it is kept."""
    changes = {"status": "suspended" if is_suspended else "active"}
    tenant, _ = await assign(database, actor, reference, changes)
    return tenant


def exceeded(used: TenantUsage) -> list[Exceeded]:
    """Return which uses of a tenant are above their limits."""
    found = []
    for name in LIMIT_NAMES:
        maximum, current = used.tenant[f"max_{name}"], getattr(used.counted, name, 0)
        if maximum is not None and 0 <= maximum < current:
            found.append(Exceeded(used.tenant["subdomain"], name, current, maximum))
    return found


async def _hold(db: Db, name: str) -> Row:
    plan = await tenant_plans.hold(db, name)
    if plan is None:
        plans = await tenant_rows.list_plans(db)
        raise NotThereError(f"there is no plan {name!r}: choose {' or '.join(plans)}")
    return plan


async def _recorded(db: Db, actor: Actor, before: Row) -> tuple[Row, list[Exceeded]]:
    """Keep what of a tenant changed in the audit; returns it as it is now, and what is above its limits."""
    tenant = await get_tenant(db, str(before["subdomain"]))
    old, new = audit.difference(dict(before), dict(tenant), _OF_TENANT)
    if new:
        action = {"suspended": "tenant.suspended", "active": "tenant.resumed"}.get(new.get("status", ""))
        change = audit.Change(
            tenant["id"], actor, action or "tenant.changed", "tenant", tenant["id"], old, new
        )
        await audit.record(db, change)
    used = await usage_rows.list_usage(db, None)
    return tenant, [it for one in used if one.tenant["id"] == tenant["id"] for it in exceeded(one)]


async def _record(
    db: Db,
    actor: Actor,
    action: str,
    name: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    await audit.record(db, audit.Change(audit.INSTALLATION, actor, action, "plan", name, before, after))


def _check(values: Mapping[str, Any]) -> None:
    """Refuse values that a plan cannot have, naming all of them."""
    wrong = []
    title = values.get("title")
    if title is not None and not (title.strip() and len(title) <= _LONGEST_TITLE and title.isprintable()):
        wrong.append(f"a title must be 1 to {_LONGEST_TITLE} visible characters")
    for name in LIMIT_NAMES:
        value = values.get(f"max_{name}", -1)
        least, highest = (1, _HIGHEST_RATE) if name == _RATE else (0, _HIGHEST)
        if value is None and name in ALWAYS_CONFIGURED:
            wrong.append(f"{name} must be a number or unlimited")
        elif value is not None and value != -1 and not least <= value <= highest:
            wrong.append(f"{name} must be {least} to {highest}, or unlimited")
    if wrong:
        raise OperatorError("; ".join(wrong))


def read_moment(text: str) -> dt.datetime:
    """Read the end of a billing period: a date, whose midnight in UTC it is, or a moment with its offset."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{text!r} is no moment: write 2026-12-31 or 2026-12-31T18:00:00+01:00") from None
    if moment.tzinfo is None and len(text) > len("2026-12-31"):
        raise OperatorError(f"{text!r} does not say its offset: write 2026-12-31T18:00:00+01:00, or end in Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
