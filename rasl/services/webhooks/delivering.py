"""One attempt at a delivery, and what is written of it. No transaction is open while an endpoint is called."""

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl import clock
from rasl.db import webhook_deliveries as rows
from rasl.db import webhooks
from rasl.db.jobs import Holding
from rasl.db.pool import Database, Db, Row
from rasl.db.webhook_deliveries import Settled
from rasl.db.webhooks import Health
from rasl.domain import webhook_signing
from rasl.domain import webhooks as rules
from rasl.domain.events import Event
from rasl.domain.events.formats import Account, Format, Stored, render
from rasl.domain.webhook_signing import Secret
from rasl.domain.webhooks import Reason, Told, read_retry_after
from rasl.fetching.poster import Poster
from rasl.sealing import Sealer
from rasl.services.ground import audit, events
from rasl.services.ground.audit import Actor, Change
from rasl.services.webhooks.sealed import open_headers, open_secrets

ENDED = "The endpoint was deleted or disabled before this was delivered"
EXPIRED = "What happened is past its retention: nothing is left to deliver"
_FAILED_FOR_DAYS = f"Every delivery failed for {rules.GIVEN_UP_AFTER.days} days; the last one: {{}}."
_GONE = "It answered 410: that it is gone for good."
_CURE = "Mend the endpoint and make it active again (is_active: true); what failed can be replayed."
_SYSTEM = Actor.system("webhooks")


class Target(msgspec.Struct, frozen=True):
    """Where an endpoint is and what every request to it carries."""

    url: str
    format: Format
    headers: Mapping[str, str]
    secrets: Sequence[Secret]

    @classmethod
    def of(cls, sealer: Sealer, row: Row) -> "Target":
        """Open what is sealed of an endpoint."""
        return cls(
            row["url"],
            row["format"],
            open_headers(sealer, row["headers"]),
            open_secrets(sealer, row["secrets"]),
        )


class Work(msgspec.Struct, frozen=True):
    """A delivery about to be attempted."""

    holding: Holding
    endpoint_id: int
    line_id: int | None
    attempt: int  # which is made now
    failing_since: dt.datetime | None
    target: Target
    event: Stored
    account: Account


async def attempt(poster: Poster, work: Work) -> Told:
    """Tell an endpoint of an event, and return what came of it."""
    delivery = {"X-Webhook-Delivery": str(work.holding[1]), "X-Webhook-Attempt": str(work.attempt)}
    return await tell(poster, work.target, work.event, work.account, delivery)


async def tell(
    poster: Poster, target: Target, event: Stored, account: Account, more: Mapping[str, str]
) -> Told:
    """Send an event to an address as its endpoint wants it, signed."""
    now, began = clock.now(), clock.monotonic()
    body = render(event, account, target.format)
    headers = {
        **target.headers,
        "Content-Type": "application/json",
        "X-Webhook-Event": event.type,
        **webhook_signing.headers_of(event.key, now, body, target.secrets),
        **more,
    }
    answer = await poster.post(target.url, headers, body)
    return Told(
        answer.status,
        round((clock.monotonic() - began) * 1000),
        answer.text,
        answer.error,
        read_retry_after(answer.retry_after, now),
    )


def settled(work: Work, told: Told) -> Settled:
    """Decide how a delivery goes on."""
    seconds: float | None = None
    state = "delivered"
    if not told.is_taken:
        jitter = random.random()  # noqa: S311 - spreads the attempts
        seconds = None if told.is_gone else rules.pause_after(work.attempt, jitter, told.retry_after)
        state = "failed" if seconds is None else "pending"
    tenant_id, delivery_id, fence = work.holding
    return Settled(
        tenant_id,
        delivery_id,
        fence,
        work.endpoint_id,
        work.line_id,
        state,
        seconds,
        shown(clock.now(), told),
    )


def shown(at: dt.datetime, told: Told) -> dict[str, Any]:
    """Return an attempt as it is kept and shown."""
    error = told.error
    if error is None and not told.is_taken:
        error = f"The endpoint answered {told.status}; only 200 to 299 mean that it took the event"
    return {
        "at": at.isoformat(timespec="milliseconds"),
        "status": told.status,
        "duration_ms": told.duration_ms,
        "response": told.response,
        "error": error,
    }


async def record(database: Database, outcomes: Sequence[Settled]) -> None:
    """Write what came of attempts, and let those that waited behind them go on."""
    over = [it for it in outcomes if it.seconds is None and it.line_id is not None]
    healths: dict[tuple[int, int], bool] = {}
    for it in outcomes:
        key = it.tenant_id, it.endpoint_id
        healths[key] = healths.get(key, False) or it.state == "delivered"
    async with database.transaction() as db:
        if over:
            await webhooks.hold_lines(db, [(it.tenant_id, it.endpoint_id) for it in over])
        await rows.settle(db, outcomes)
        await webhooks.note_health(db, [Health(*key, is_good) for key, is_good in healths.items()])
        if over:
            await rows.promote(db, sorted({(it.tenant_id, it.endpoint_id, it.line_id or 0) for it in over}))


async def give_up(database: Database, work: Work, told: Told) -> None:
    """Disable the endpoint if this answer is the last straw; its tenant is told by an event, and how to mend it."""
    if told.is_taken:
        return
    if not told.is_gone and not rules.is_given_up(work.failing_since, clock.now()):
        return
    reason = Reason.GONE if told.is_gone else Reason.FAILING
    async with database.transaction() as db:
        await disable(db, work.holding[0], work.endpoint_id, reason, _last_words(told))


async def disable(db: Db, tenant_id: int, endpoint_id: int, reason: Reason, last: str) -> None:
    """Disable an endpoint, unless somebody else did or it is well again."""
    if await webhooks.hold_endpoint(db, tenant_id, endpoint_id) is None:
        return
    row = await webhooks.disable_endpoint(db, tenant_id, endpoint_id, reason)
    if row is None:
        return
    await rows.break_lines(db, tenant_id, endpoint_id)
    why = _GONE if reason is Reason.GONE else _FAILED_FOR_DAYS.format(last)
    change = Change(
        tenant_id,
        _SYSTEM,
        "webhook.disabled",
        "webhook",
        endpoint_id,
        {"is_active": True},
        {"is_active": False, "reason": why},
    )
    await audit.record(db, change)
    attributes = {
        "webhook_id": endpoint_id,
        "url": row["url"],
        "reason": why,
        "cure": _CURE,
        "disabled_at": row["disabled_at"].isoformat(timespec="seconds"),
    }
    await events.record(db, tenant_id, Event(type="webhook.disabled", id=endpoint_id, attributes=attributes))


def _last_words(told: Told) -> str:
    return f"it answered {told.status}" if told.error is None else told.error
