"""Queries on the plans that tenants have."""

from collections.abc import Mapping
from typing import Any

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.domain.tenants import PLAN_LIMITS, PLAN_SWITCHES

COLUMNS = ("title", *PLAN_LIMITS, *PLAN_SWITCHES)
SHOWN = f"p.id, p.name, {', '.join(f'p.{name}' for name in COLUMNS)}"


async def list_all(db: Db) -> list[Row]:
    """Return the plans with how many tenants have each, oldest first."""
    return await db.fetch(
        f"select {SHOWN}, (select count(*) from tenants t where t.plan = p.name) as tenants from plans p order by p.id"
    )


async def hold(db: Db, name: str) -> Row | None:
    """Return a plan and keep it as it is, and who has it, until the transaction ends."""
    held = await db.fetchval("select id from plans where name = $1 for update", name)
    if held is None:
        return None
    return await db.fetchrow(
        f"""
        select {SHOWN}, (select count(*) from tenants t where t.plan = p.name) as tenants
        from plans p where p.name = $1
        """,
        name,
    )


async def create(db: Db, name: str, values: Mapping[str, Any]) -> bool:
    """Create a plan; what is not named has no limit, and is included. False when there is one of this name."""
    names = [column for column in COLUMNS if column in values]
    places = ", ".join(f"${place}" for place in range(2, len(names) + 2))
    created = await db.fetchval(
        f"""
        insert into plans (name, {", ".join(names)}) values ($1, {places})
        on conflict (name) do nothing returning id
        """,
        name,
        *(values[column] for column in names),
    )
    return created is not None


async def change(db: Db, name: str, values: Mapping[str, Any]) -> None:
    """Write columns of a plan; the keys are among COLUMNS."""
    names = [column for column in COLUMNS if column in values]
    assignments, given = rows.assigned(names, 2), (values[column] for column in names)
    await db.execute(f"update plans set {assignments} where name = $1", name, *given)


async def delete(db: Db, name: str) -> None:
    """Delete a plan that no tenant has."""
    await db.execute("delete from plans where name = $1", name)


async def override(db: Db, tenant_id: int, name: str, limit: int) -> None:
    """Give a tenant a limit other than its plan's, by what it counts."""
    await db.execute(
        "update tenants set limit_overrides = limit_overrides || $2::jsonb where id = $1",
        tenant_id,
        {name: limit},
    )


async def take_back(db: Db, tenant_id: int, name: str) -> None:
    """Let the plan's limit count again for a tenant."""
    await db.execute(
        "update tenants set limit_overrides = limit_overrides - $2::text where id = $1", tenant_id, name
    )
