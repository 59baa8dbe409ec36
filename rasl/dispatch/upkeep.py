"""What a worker does now and then. Each act stands for itself: none waits for another, or fails with it."""

from collections.abc import Awaitable, Callable, Sequence

from rasl.db import buckets, idempotency
from rasl.db.pool import Database, Db
from rasl.dispatch.guard import Act
from rasl.dispatch.loop import Loop
from rasl.services import challenges, contact_imports, inbound, media, otp, otp_guard, sending, statuses
from rasl.services.engine import Engine

_MINUTE = 60.0


def acts(engine: Engine, loops: Sequence[Loop]) -> tuple[Act, ...]:
    """Return everything that is done now and then, with its rhythm in seconds."""
    database, settings = engine.database, engine.settings
    return (
        *(
            Act(f"keep leases of {loop.kind.name} jobs", settings.lease_seconds / 3, loop.extend_leases)
            for loop in loops
        ),
        Act(
            "keep leases of messages that go back",
            settings.lease_seconds / 3,
            lambda: sending.extend_leases(engine),
        ),
        Act("erase expired codes", _MINUTE, lambda: otp.sweep(database)),
        Act("watch for pumping", _MINUTE, lambda: otp_guard.raise_alarms(database, settings)),
        Act("forget keys", 5 * _MINUTE, _in(database, idempotency.forget_old)),
        Act("forget full buckets", 5 * _MINUTE, _in(database, buckets.forget_full)),
        Act(
            "forget deliveries",
            5 * _MINUTE,
            lambda: inbound.forget_applied(database, settings.retention_days),
        ),
        Act("forget parked statuses", 5 * _MINUTE, lambda: statuses.forget_parked(database)),
        Act("forget imports", 5 * _MINUTE, lambda: contact_imports.forget_old(database)),
        Act("forget codes", 5 * _MINUTE, lambda: otp.forget_old(database)),
        Act("forget challenges", 5 * _MINUTE, lambda: challenges.forget_old(database)),
        Act("forget addresses of files", 5 * _MINUTE, lambda: media.forget_urls(database)),
    )


def _in(database: Database, query: Callable[[Db], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        async with database.connection() as db:
            await query(db)

    return run
