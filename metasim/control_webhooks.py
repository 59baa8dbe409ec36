"""Control API: inbound messages, statuses and raw webhooks."""

import time
from typing import Any

import msgspec

from metasim.control_objects import find_number, find_waba
from metasim.control_requests import ControlError, StatusesOrder, StatusOrder, WebhookOrder
from metasim.courier import Outcome
from metasim.errors import failure
from metasim.exchange import Request
from metasim.inbound import inject
from metasim.payloads import Update, batch, encode, envelope, signatures
from metasim.state import State
from metasim.statuses import pricing
from metasim.store import Callback, Number

_WRONG_SECRET = "not the app secret"  # noqa: S105
_MOST_REPEATS = 1000


async def post_inbound(state: State, request: Request) -> Any:
    """POST inbound."""
    order = msgspec.json.decode(request.body, type=dict[str, Any])
    phone_number_id = order.get("phone_number_id")
    if not isinstance(phone_number_id, str):
        raise ControlError("phone_number_id is required")
    return await inject(state, request, find_number(state, phone_number_id), order)


async def post_statuses(state: State, request: Request) -> Any:
    """POST statuses: exactly these, in this order, one POST per callback or one per status."""
    order = msgspec.json.decode(request.body, type=StatusesOrder)
    groups: dict[Callback, list[Update]] = {}
    singles: list[tuple[Callback, list[Update]]] = []
    for wanted in order.statuses:
        number = _number_of(state, wanted)
        callback = state.registry.callback_for(number.waba, number, "messages")
        if callback is None:
            raise ControlError(f"no callback is set for {number.id}")
        updates = [Update(number, "statuses", _status(state, wanted))] * min(wanted.repeat, _MOST_REPEATS)
        groups.setdefault(callback, []).extend(updates)
        singles += [(callback, [update]) for update in updates]
    posts = list(groups.items()) if order.batch else singles
    results = []
    for callback, updates in posts:
        outcome = await state.courier.deliver(
            callback, batch(updates), updates=len(updates), is_repeated=order.retries
        )
        results.append({"url": callback.url, "updates": len(updates), **_report(outcome)})
    return {"deliveries": results}


def _number_of(state: State, wanted: StatusOrder) -> Number:
    if wanted.phone_number_id is not None:
        return find_number(state, wanted.phone_number_id)
    message = state.messages.get(wanted.id)
    if message is None:
        raise ControlError(f"unknown wamid {wanted.id}: say which phone_number_id it belongs to")
    return message.number


def _status(state: State, wanted: StatusOrder) -> dict[str, Any]:
    message = state.messages.get(wanted.id)
    status: dict[str, Any] = {
        "id": wanted.id,
        "status": wanted.status,
        "timestamp": str(wanted.timestamp or int(time.time())),
    }
    if recipient := wanted.recipient_id or (message.wa_id if message else None):
        status["recipient_id"] = recipient
    if message is not None and message.user_id and state.config.user_ids:
        status["recipient_user_id"] = message.user_id
    opaque = wanted.biz_opaque_callback_data or (message.opaque if message else None)
    if opaque is not None:
        status["biz_opaque_callback_data"] = opaque
    if wanted.status == "failed":
        status["errors"] = [failure(wanted.code or 131000)]
    elif wanted.status in {"sent", "delivered"}:
        status["pricing"] = (
            pricing(message.category, is_in_window=message.is_in_window) if message else pricing("service")
        )
    status.update(wanted.extra)
    return {key: value for key, value in status.items() if key not in wanted.omit}


async def post_webhook(state: State, request: Request) -> Any:
    """POST webhook: any content, signed rightly, wrongly or not at all."""
    order = msgspec.json.decode(request.body, type=WebhookOrder)
    number = find_number(state, order.phone_number_id) if order.phone_number_id else None
    waba = number.waba if number else find_waba(state, order.waba_id) if order.waba_id else None
    if number is not None or waba is not None:
        owner = number.waba if number else waba
        callback = state.registry.callback_for(owner, number, "messages") if owner else None
    else:
        callback = state.registry.callback or next(state.registry.callbacks(), None)
    if callback is None:
        raise ControlError("no callback is set")
    body = _body(order, waba.id if waba else "0")
    secret = order.secret or (_WRONG_SECRET if order.sign == "wrong" else callback.app_secret)
    headers = {} if order.sign == "none" else signatures(body, secret)
    outcome = await state.courier.deliver(callback, body, headers=headers, is_repeated=order.retries)
    return {"url": callback.url, "size": len(body), **_report(outcome)}


def _body(order: WebhookOrder, waba_id: str) -> bytes:
    if order.raw is not None:
        return order.raw.encode()
    if order.body is not None:
        return encode(order.body)
    changes = [(change.waba_id or waba_id, change.field, change.value) for change in order.changes]
    if order.value is not None:
        changes.insert(0, (waba_id, order.field, order.value))
    if not changes:
        raise ControlError("one of value, changes, body and raw is required")
    at = order.time
    if at is None and any(field != "messages" for _, field, _ in changes):
        at = int(time.time())
    return encode(envelope(changes, at))


def _report(outcome: Outcome) -> dict[str, Any]:
    return {"ok": outcome.is_ok, "http": outcome.http, "error": outcome.error}
