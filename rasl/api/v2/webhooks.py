"""Webhooks: where RASL posts what happens, how that went, and doing it again."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl import clock
from rasl.api.audit import actor_of
from rasl.api.caller import Requires
from rasl.api.nouns import Noun, from_row
from rasl.api.v2.webhook_schemas import (
    DELIVERY_EXAMPLE,
    EXAMPLE,
    NEW_EXAMPLE,
    ROTATED_EXAMPLE,
    TRIED_EXAMPLE,
    Attempt,
    ChangeWebhook,
    CreateWebhook,
    DeliveryItem,
    EventKind,
    NewWebhook,
    Replayed,
    ReplayWebhook,
    RotatedWebhook,
    RotateSecret,
    Tried,
    TryWebhook,
    WebhookItem,
)
from rasl.db.pool import Row
from rasl.domain.events.catalogue import CATALOGUE
from rasl.domain.events.formats import FORMATS, Account, render, sample
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import Caller
from rasl.domain.validation import read_id
from rasl.errors import FeatureLimitExceeded, NotFound, ValidationFailed
from rasl.services.webhooks import deliveries, endpoints
from rasl.services.webhooks.deliveries import DELIVERY_LIST
from rasl.services.webhooks.endpoints import ENDPOINT_LIST
from rasl.web.context import iso
from rasl.web.envelope import success_once
from rasl.web.request import ApiRequest, Objections

MayRead = Annotated[Caller, Requires("webhooks:read")]
MayWrite = Annotated[Caller, Requires("webhooks:write")]
_KEY, _HAPPENED_AT = "evt_1772615722_q8Zk2mW0aZ5RtYcB", dt.datetime(2026, 3, 4, 9, 15, 22, tzinfo=dt.UTC)


def _delivery(row: Row) -> DeliveryItem:
    return from_row(
        DeliveryItem,
        row,
        event_id=row["event_key"],
        attempts=msgspec.convert(row["attempts"], list[Attempt]),
    )


WEBHOOKS = Noun(
    "/webhooks",
    Tag("Webhooks", "Where RASL posts what happens, how that went, and doing it again."),
    "webhook",
    WebhookItem,
    EXAMPLE,
)
NEW = dataclasses.replace(WEBHOOKS, item=NewWebhook, example=NEW_EXAMPLE)
ROTATED = dataclasses.replace(WEBHOOKS, item=RotatedWebhook, example=ROTATED_EXAMPLE)
DELIVERIES = dataclasses.replace(
    WEBHOOKS, word="delivery", item=DeliveryItem, example=DELIVERY_EXAMPLE, of=_delivery
)


async def _against(request: ApiRequest, _caller: Caller, right: Mapping[str, Any]) -> Objections:
    return endpoints.url_problems(request.resources.settings, right)


@WEBHOOKS.get_list(ENDPOINT_LIST)
async def list_webhooks(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List webhooks.

    Newest first. One that RASL gave up says when and why.
    """
    resources = request.resources
    return await endpoints.list_endpoints(resources.database, resources.sealer, caller.tenant.id, query)


@NEW.post(
    "",
    201,
    FeatureLimitExceeded,
    also=_against,
    tells="What was created; `secret` is shown this once.",
    asks={
        "for_n8n": {"url": "https://n8n.example.test/webhook/rasl", "events": ["contact.*"]},
        "careful": {
            "url": "https://crm.example.test/hooks",
            "events": ["message.received", "message.failed"],
            "format": "default",
            "description": "Our CRM",
            "headers": {"X-Team": "crm"},
            "is_ordered": True,
            "max_per_second": 20,
        },
    },
)
async def create_webhook(data: JSONBody[CreateWebhook], caller: MayWrite, request: ApiRequest) -> ASGIApp:
    """Create a webhook.

    From now on every event that it wants is posted to it, signed with its `secret`. Without `events` it is told of
    contacts, sources and statuses; without `format` it is the one of the settings. See `docs/webhooks.md`.
    """
    given = msgspec.structs.asdict(data)
    made = await endpoints.create_endpoint(request.resources, caller.tenant.id, actor_of(request), given)
    request.context.is_stored = True
    return success_once(
        request, "Webhook created successfully", _shown(made.row), {"secret": made.secret}, status=201
    )


@WEBHOOKS.get("/events", says="Events retrieved successfully", example=[])
async def list_webhook_events(caller: MayRead, request: ApiRequest) -> list[EventKind]:  # noqa: ARG001 - who is asked for
    """List types of events.

    All there are, with a sample in each format.
    """
    return _catalogue()


@WEBHOOKS.get("/{webhook_id:str}", NotFound)
async def get_webhook(webhook_id: FromPath[str], caller: MayRead, request: ApiRequest) -> WebhookItem:
    """Get a webhook.

    By its id.
    """
    resources = request.resources
    row = await endpoints.get_endpoint(
        resources.database, resources.sealer, caller.tenant.id, read_id(webhook_id)
    )
    return from_row(WebhookItem, row)


@WEBHOOKS.patch(
    "/{webhook_id:str}",
    NotFound,
    also=_against,
    asks={"pause": {"is_active": False}, "events": {"events": ["contact.created", "contact.updated"]}},
)
async def change_webhook(
    webhook_id: FromPath[str], data: JSONBody[ChangeWebhook], caller: MayWrite, request: ApiRequest
) -> WebhookItem:
    """Change a webhook.

    What is left out stays. `is_active: false` pauses without loss: what happens meanwhile is delivered after
    `is_active: true`, which also gives one another chance that RASL gave up.
    """
    given = {name: it for name, it in msgspec.structs.asdict(data).items() if it is not msgspec.UNSET}
    row = await endpoints.change_endpoint(
        request.resources, caller.tenant.id, read_id(webhook_id), actor_of(request), given
    )
    return from_row(WebhookItem, row)


@WEBHOOKS.delete("/{webhook_id:str}", NotFound)
async def delete_webhook(webhook_id: FromPath[str], caller: MayWrite, request: ApiRequest) -> None:
    """Delete a webhook.

    It is told nothing any more, of what already happened neither.
    """
    await endpoints.delete_endpoint(
        request.resources, caller.tenant.id, read_id(webhook_id), actor_of(request)
    )


@ROTATED.post(
    "/{webhook_id:str}/rotate-secret",
    200,
    NotFound,
    says="Secret rotated successfully",
    tells="As it is now; the new `secret` is shown this once.",
    asks={"an_hour": {"overlap_hours": 1}},
)
async def rotate_webhook_secret(
    webhook_id: FromPath[str], data: JSONBody[RotateSecret], caller: MayWrite, request: ApiRequest
) -> ASGIApp:
    """Rotate a secret.

    For `overlap_hours` deliveries are signed with both, so that receivers can be moved one by one.
    """
    overlap = dt.timedelta(hours=data.overlap_hours)
    made = await endpoints.rotate_secret(
        request.resources, caller.tenant.id, read_id(webhook_id), actor_of(request), overlap
    )
    request.context.is_stored = True
    until = None if made.old_until is None else iso(made.old_until)
    shown = _shown(made.row) | {"old_secret_until": until}
    return success_once(request, "Secret rotated successfully", shown, {"secret": made.secret})


@WEBHOOKS.post(
    "/{webhook_id:str}/test",
    200,
    NotFound,
    stores=False,
    says="Sample sent",
    tells="What came back.",
    example=TRIED_EXAMPLE,
    asks={"contact": {"event": "contact.created"}},
)
async def try_webhook(
    webhook_id: FromPath[str], data: JSONBody[TryWebhook], caller: MayWrite, request: ApiRequest
) -> Tried:
    """Try a webhook.

    Sends a sample of an event now, paused or not, and says what came back; it is sent once and no delivery is kept.
    """
    if data.event not in CATALOGUE:
        raise ValidationFailed({"event": ["The event field must be one event, not a pattern"]})
    told = await deliveries.try_endpoint(request.resources, caller.tenant.id, read_id(webhook_id), data.event)
    return msgspec.convert(told, Tried)


@DELIVERIES.get_list(
    DELIVERY_LIST,
    NotFound,
    path="/{webhook_id:str}/deliveries",
    says="Deliveries retrieved successfully",
)
async def list_webhook_deliveries(
    webhook_id: FromPath[str], caller: MayRead, request: ApiRequest, query: ListQuery
) -> Page:
    """List deliveries.

    Newest first, each with its attempts; filter by `state`, `event_type`, `event_id` or `created_at`.
    """
    return await deliveries.list_deliveries(
        request.resources.database, caller.tenant.id, read_id(webhook_id), query
    )


@DELIVERIES.get("/{webhook_id:str}/deliveries/{delivery_id:str}", NotFound)
async def get_webhook_delivery(
    webhook_id: FromPath[str], delivery_id: FromPath[str], caller: MayRead, request: ApiRequest
) -> Row:
    """Get a delivery.

    With every attempt and the first 4 KiB of what came back.
    """
    return await deliveries.get_delivery(
        request.resources.database, caller.tenant.id, read_id(webhook_id), read_id(delivery_id)
    )


@DELIVERIES.post(
    "/{webhook_id:str}/deliveries/{delivery_id:str}/replay",
    200,
    NotFound,
    says="Delivery is made again",
    tells="As it is now.",
)
async def replay_webhook_delivery(
    webhook_id: FromPath[str], delivery_id: FromPath[str], caller: MayWrite, request: ApiRequest
) -> Row:
    """Replay a delivery.

    Whatever came of it, the event is sent again at once, under the same id; one that waits is not kept waiting.
    """
    return await deliveries.replay_one(
        request.resources.database, caller.tenant.id, read_id(webhook_id), read_id(delivery_id)
    )


@WEBHOOKS.post(
    "/{webhook_id:str}/replay",
    200,
    NotFound,
    says="Deliveries are made again",
    tells="How many.",
    example={"replayed": 12},
    asks={"failed": {"state": "failed"}, "since": {"since": "2026-03-04T00:00:00Z"}},
)
async def replay_webhook(
    webhook_id: FromPath[str], data: JSONBody[ReplayWebhook], caller: MayWrite, request: ApiRequest
) -> Replayed:
    """Replay many deliveries.

    Of a `state`, `since` a time, or both: `since` alone means all states, nothing at all those that failed.
    """
    since = None if data.since is None else _moment(data.since)
    count = await deliveries.replay_many(
        request.resources.database, caller.tenant.id, read_id(webhook_id), data.state, since
    )
    return Replayed(count)


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment > clock.now():
        raise ValidationFailed(
            {"since": ["The since field must be a past moment with an offset, such as 2027-01-31T12:00:00Z"]}
        )
    return moment


@functools.cache
def _catalogue() -> list[EventKind]:
    account = Account(17, "Harbour Books", "harbour")
    told = {type_: sample(type_, account, _HAPPENED_AT, _KEY) for type_ in CATALOGUE}
    return [
        EventKind(
            type_,
            kind.when,
            kind.is_opt_in,
            {name: msgspec.json.decode(render(told[type_], account, name)) for name in FORMATS},
        )
        for type_, kind in CATALOGUE.items()
    ]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return msgspec.structs.asdict(from_row(WebhookItem, row))


HANDLERS = (
    list_webhooks,
    create_webhook,
    list_webhook_events,
    get_webhook,
    change_webhook,
    delete_webhook,
    rotate_webhook_secret,
    try_webhook,
    list_webhook_deliveries,
    get_webhook_delivery,
    replay_webhook_delivery,
    replay_webhook,
)
