"""Deliveries as tenants see them, made again on request, and an endpoint tried with a sample."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from rasl import clock, ids
from rasl.db import tenants as tenant_rows
from rasl.db import webhook_deliveries as rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.domain.events.formats import Account, sample
from rasl.domain.listing import Filter, ListQuery, Page
from rasl.errors import NotFound
from rasl.services.ground.resources import Resources
from rasl.services.webhooks import endpoints
from rasl.services.webhooks.delivering import Target, shown, tell
from rasl.services.webhooks.waking import wake_one

DELIVERY_LIST = rows.LIST_SOURCE.spec
_BATCH = 5000
_BEGINNING = dt.datetime.fromtimestamp(0, dt.UTC)
_OVER = ("delivered", "failed", "dropped")


async def list_deliveries(database: Database, tenant_id: int, endpoint_id: int, query: ListQuery) -> Page:
    """Return one page of an endpoint's deliveries; raises NotFound."""
    await endpoints.get_row(database, tenant_id, endpoint_id)
    filters = (Filter("endpoint_id", "eq", (endpoint_id,)), *query.filters)
    async with database.listing() as db:
        return await fetch_page(
            db, rows.LIST_SOURCE, msgspec.structs.replace(query, filters=filters), tenant_id
        )


async def get_delivery(database: Database, tenant_id: int, endpoint_id: int, delivery_id: int) -> Row:
    """Return one delivery of an endpoint; raises NotFound."""
    await endpoints.get_row(database, tenant_id, endpoint_id)
    async with database.connection() as db:
        row = await rows.find_delivery(db, tenant_id, endpoint_id, delivery_id)
    if row is None:
        raise NotFound("Delivery not found")
    return row


async def replay_one(database: Database, tenant_id: int, endpoint_id: int, delivery_id: int) -> Row:
    """Have a delivery made again at once; raises NotFound."""
    await get_delivery(database, tenant_id, endpoint_id, delivery_id)
    async with database.connection() as db:
        await rows.replay_one(db, tenant_id, endpoint_id, delivery_id)
    await wake_one(database, tenant_id, endpoint_id)
    return await get_delivery(database, tenant_id, endpoint_id, delivery_id)


async def replay_many(
    database: Database, tenant_id: int, endpoint_id: int, state: str | None, since: dt.datetime | None
) -> int:
    """Have deliveries made again that are over; returns how many. Raises NotFound.

    Of a state, or `all` of them; without one those that failed, or all since a time where that is given.
    """
    state = state or ("all" if since else "failed")
    states = _OVER if state == "all" else (state,)
    await endpoints.get_row(database, tenant_id, endpoint_id)
    total = 0
    place: rows.Place | None = (since or _BEGINNING, 0)
    while place is not None:
        async with database.connection() as db:
            count, place = await rows.replay_many(db, tenant_id, endpoint_id, states, place, _BATCH)
        total += count
    return total


async def try_endpoint(
    resources: Resources, tenant_id: int, endpoint_id: int, type_: str
) -> Mapping[str, Any]:
    """Send a sample of an event to an endpoint, active or not, and return what came back; raises NotFound."""
    row = await endpoints.get_row(resources.database, tenant_id, endpoint_id)
    async with resources.database.connection() as db:
        tenant = await tenant_rows.find_tenant_by_id(db, tenant_id)
    assert tenant is not None  # noqa: S101 - its token was shown
    account, now = Account(tenant_id, tenant["name"], tenant["subdomain"]), clock.now()
    key = f"evt_{int(now.timestamp())}_{ids.mint_random(16)}"
    event = sample(type_, account, now, key)
    told = await tell(
        resources.poster, Target.of(resources.sealer, row), event, account, {"X-Webhook-Test": "true"}
    )
    return {"event_id": key, "event_type": type_, "is_taken": told.is_taken, **shown(now, told)}
