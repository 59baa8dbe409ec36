"""What the plans count of tenants, read from the counters that writers keep in their own transactions."""

import datetime as dt
from typing import NamedTuple

from rasl.db.pool import Db, Row
from rasl.db.tenants import PLAN_COLUMNS
from rasl.domain.months import month_of
from rasl.errors import NotFound


class Counted(NamedTuple):
    """What a tenant has at a moment of the database's clock; conversations are those of its month."""

    now: dt.datetime
    contacts: int
    conversations: int
    campaigns: int
    staff: int


async def load_usage(db: Db, tenant_id: int) -> Counted:
    """Return what the plan counts of a tenant now, by its calendar; raises NotFound."""
    found = await db.fetch(
        """
        select now() as now, t.time_zone, coalesce(c.contacts, 0) as contacts, coalesce(c.campaigns, 0) as campaigns,
               coalesce(c.staff, 0) as staff, m.month, m.conversations
        from tenants t
        left join tenant_counters c on c.tenant_id = t.id
        left join conversation_counters m on m.tenant_id = t.id and m.month >= (now() - interval '40 days')::date
        where t.id = $1
        """,
        tenant_id,
    )
    if not found:
        raise NotFound("Tenant not found")
    row = found[0]
    months = {item["month"]: item["conversations"] for item in found}
    conversations = months.get(month_of(row["now"], row["time_zone"]), 0)
    return Counted(row["now"], row["contacts"], conversations, row["campaigns"], row["staff"])


class TenantUsage(NamedTuple):
    """A tenant's row with its limits, what it uses, and the month its conversations are of."""

    tenant: Row
    month: dt.date
    counted: Counted


async def list_usage(db: Db, month: dt.date | None) -> list[TenantUsage]:
    """Return what every tenant uses: conversations of a month, or of the one that it is in each tenant's calendar."""
    found = await db.fetch(
        f"""
        select t.id, t.subdomain, t.name, t.status, t.plan, t.time_zone, t.subscription_status,
               t.subscription_ends_at, {PLAN_COLUMNS}, now() as now, coalesce(c.contacts, 0) as contacts,
               coalesce(c.campaigns, 0) as campaigns, coalesce(c.staff, 0) as staff, m.month, m.conversations
        from tenants t join plans p on p.name = t.plan
        left join tenant_counters c on c.tenant_id = t.id
        left join conversation_counters m on m.tenant_id = t.id
            and m.month between coalesce($1, (now() - interval '40 days')::date) and coalesce($1, 'infinity')
        order by t.id
        """,
        month,
    )
    counts = {(row["id"], row["month"]): row["conversations"] for row in found}
    usage = []
    for row in {row["id"]: row for row in found}.values():
        its_month = month or month_of(row["now"], row["time_zone"])
        conversations = counts.get((row["id"], its_month), 0)
        counted = Counted(row["now"], row["contacts"], conversations, row["campaigns"], row["staff"])
        usage.append(TenantUsage(row, its_month, counted))
    return usage
