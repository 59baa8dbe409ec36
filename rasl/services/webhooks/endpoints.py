"""Endpoints looked after by tenants: created, changed, deleted, their secrets rotated; each change in the audit."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from rasl import clock
from rasl.db import webhook_deliveries
from rasl.db import webhooks as rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Db, Row
from rasl.domain.events.catalogue import CONTRACT
from rasl.domain.listing import ListQuery, Page
from rasl.domain.networks import read_networks
from rasl.domain.webhook_endpoints import changed_headers, shown_headers, url_problem
from rasl.domain.webhook_signing import Secret, rotated
from rasl.errors import FeatureLimitExceeded, NotFound, ValidationFailed
from rasl.sealing import Sealer
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.ground.resources import Resources
from rasl.services.webhooks.sealed import open_headers, open_secrets, seal_headers, seal_secrets
from rasl.setting_rules import listed
from rasl.settings import Settings

ENDPOINT_LIST = rows.LIST_SOURCE.spec
_AUDITED = ("url", "events", "format", "description", "is_ordered", "max_per_second", "is_active")
Problems = dict[str, list[str]]


class Made(msgspec.Struct, frozen=True):
    """An endpoint with a new secret, which is shown this once; how long an old one works beside it."""

    row: Mapping[str, Any]
    secret: str
    old_until: dt.datetime | None = None


def url_problems(settings: Settings, given: Mapping[str, Any]) -> Problems:
    """Return what is wrong with the address among the fields of an endpoint."""
    if not isinstance(url := given.get("url"), str):
        return {}
    allowed = read_networks(tuple(listed(settings.webhook_allow_cidrs)))
    problem = url_problem(url, allowed, allow_private=settings.allow_private_urls)
    return {} if problem is None else {"url": [f"The url field {problem}"]}


def shown(sealer: Sealer, row: Row) -> dict[str, Any]:
    """Return an endpoint as its people see it: without secrets, and without headers that may hold some."""
    headers = shown_headers(open_headers(sealer, row["headers"]))
    return {name: value for name, value in row.items() if name != "secrets"} | {"headers": headers}


async def list_endpoints(database: Database, sealer: Sealer, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's endpoints."""
    async with database.listing() as db:
        page = await fetch_page(db, rows.LIST_SOURCE, query, tenant_id)
    return msgspec.structs.replace(page, rows=[shown(sealer, row) for row in page.rows])


async def get_endpoint(
    database: Database, sealer: Sealer, tenant_id: int, endpoint_id: int
) -> dict[str, Any]:
    """Return one endpoint; raises NotFound."""
    return shown(sealer, await get_row(database, tenant_id, endpoint_id))


async def get_row(database: Database, tenant_id: int, endpoint_id: int) -> Row:
    """Return one endpoint as it is kept; raises NotFound."""
    async with database.connection() as db:
        return _there(await rows.find_endpoint(db, tenant_id, endpoint_id))


async def create_endpoint(
    resources: Resources, tenant_id: int, actor: Actor, given: Mapping[str, Any]
) -> Made:
    """Create an endpoint; raises ValidationFailed or, when there are too many, FeatureLimitExceeded."""
    _check(resources.settings, given)
    sealer, secret = resources.sealer, Secret.mint()
    most = resources.settings.webhook_endpoints
    async with resources.database.transaction() as db:
        usual_format, current = await rows.hold_count(db, tenant_id)
        if current >= most:
            raise FeatureLimitExceeded.of("webhooks", current, most)
        endpoint = rows.NewEndpoint(
            tenant_id,
            url=given["url"],
            events=tuple(dict.fromkeys(given["events"] or CONTRACT)),
            format=given["format"] or usual_format,
            description=given["description"],
            headers=seal_headers(sealer, given["headers"] or {}),
            is_ordered=given["is_ordered"],
            max_per_second=given["max_per_second"],
            is_active=given["is_active"],
            secrets=seal_secrets(sealer, [secret]),
        )
        row = shown(sealer, await rows.create_endpoint(db, endpoint))
        await _record(db, tenant_id, actor, "webhook.created", row["id"], None, _told(row))
    return Made(row, secret.text)


async def change_endpoint(
    resources: Resources, tenant_id: int, endpoint_id: int, actor: Actor, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Change what is given; raises NotFound or ValidationFailed."""
    _check(resources.settings, given)
    sealer = resources.sealer
    async with resources.database.transaction() as db:
        row = _there(await rows.hold_endpoint(db, tenant_id, endpoint_id))
        before, values = shown(sealer, row), dict(given)
        if "headers" in values:
            kept = changed_headers(values["headers"] or {}, open_headers(sealer, row["headers"]))
            values["headers"] = seal_headers(sealer, kept)
        if "events" in values:
            values["events"] = list(dict.fromkeys(values["events"]))
        if not values:
            return before
        after = shown(sealer, await rows.change_endpoint(db, tenant_id, endpoint_id, values))
        if before["is_ordered"] and not after["is_ordered"]:
            await webhook_deliveries.break_lines(db, tenant_id, endpoint_id)
        differs = audit.difference(before, after, (*_AUDITED, "headers"))
        if differs[1]:
            await _record(db, tenant_id, actor, "webhook.changed", endpoint_id, *map(_named, differs))
    return after


async def delete_endpoint(resources: Resources, tenant_id: int, endpoint_id: int, actor: Actor) -> None:
    """Delete an endpoint: nothing is told to it any more, at once. Raises NotFound."""
    async with resources.database.transaction() as db:
        row = shown(resources.sealer, _there(await rows.hold_endpoint(db, tenant_id, endpoint_id)))
        await rows.delete_endpoint(db, tenant_id, endpoint_id)
        await webhook_deliveries.break_lines(db, tenant_id, endpoint_id)
        await _record(db, tenant_id, actor, "webhook.deleted", endpoint_id, _told(row), None)


async def rotate_secret(
    resources: Resources, tenant_id: int, endpoint_id: int, actor: Actor, overlap: dt.timedelta
) -> Made:
    """Give an endpoint another secret; deliveries are signed with the old one too, for a while. Raises NotFound."""
    now, secret = clock.now(), Secret.mint()
    async with resources.database.transaction() as db:
        row = _there(await rows.hold_endpoint(db, tenant_id, endpoint_id))
        secrets = rotated(open_secrets(resources.sealer, row["secrets"]), secret, now, overlap)
        await rows.keep_secrets(db, tenant_id, endpoint_id, seal_secrets(resources.sealer, secrets))
        until = max((it.until for it in secrets if it.until is not None), default=None)
        told = {"old_secret_until": until}
        await _record(db, tenant_id, actor, "webhook.rotated", endpoint_id, None, told)
        after = _there(await rows.find_endpoint(db, tenant_id, endpoint_id))
    return Made(shown(resources.sealer, after), secret.text, until)


def _check(settings: Settings, given: Mapping[str, Any]) -> None:
    if problems := url_problems(settings, given):
        raise ValidationFailed(problems)


def _there(row: Row | None) -> Row:
    if row is None:
        raise NotFound("Webhook not found")
    return row


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return _named({name: row[name] for name in (*_AUDITED, "headers")})


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for the audit, with the names of headers only."""
    return {name: sorted(value) if name == "headers" else value for name, value in values.items()}


async def _record(
    db: Db,
    tenant_id: int,
    actor: Actor,
    action: str,
    endpoint_id: int,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    await audit.record(db, audit.Change(tenant_id, actor, action, "webhook", endpoint_id, before, after))
