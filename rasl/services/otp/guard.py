"""The guard against pumping: which budgets a tenant has, and the alarm when few of the codes sent come back."""

from rasl import log, metrics
from rasl.db import otp_budgets as budget_rows
from rasl.db.pool import Database, Row
from rasl.domain.events import Event
from rasl.domain.otp_budgets import BUDGET_NAMES, Budgets
from rasl.domain.tenants import Tenant
from rasl.services.ground import events
from rasl.settings import Settings

_ALARMS_AT_ONCE = 100
_logger = log.get_logger()


def budgets_of(settings: Settings, tenant: Tenant) -> Budgets:
    """Return the server's budgets with those that the tenant has of its own."""
    return Budgets(**{name: getattr(settings, f"otp_{name}") for name in BUDGET_NAMES}).with_changes(
        tenant.otp_budgets
    )


async def raise_alarms(database: Database, settings: Settings) -> int:
    """Tell of prefixes to which too few of this hour's codes were entered, each once; returns how many."""
    if not settings.otp_alarm_ratio:
        return 0
    async with database.transaction() as db:
        rows = await budget_rows.raise_alarms(
            db, settings.otp_alarm_sends, settings.otp_alarm_ratio, _ALARMS_AT_ONCE
        )
        await events.record_many(db, [(row["tenant_id"], _alarm(row)) for row in rows])
    for row in rows:
        metrics.OTP_ALARMS.inc()
        _logger.warning(
            "few_codes_come_back",
            tenant_id=row["tenant_id"],
            prefix=row["subject"],
            sent=row["sent"],
            verified=row["verified"],
        )
    return len(rows)


def _alarm(row: Row) -> Event:
    hour = row["starts_at"].isoformat()
    told = {name: row[name] for name in ("country", "sent", "verified")}
    return Event(
        type="otp.alarm",
        id=None,
        attributes={"prefix": row["subject"], **told, "hour": hour},
        once=f"{row['subject']}:{hour}",
    )
