"""Control API: numbers, tokens and callbacks."""

from typing import Any

import msgspec

from metasim.control_requests import (
    CallbackOrder,
    ControlError,
    NumberOrder,
    TokenOrder,
)
from metasim.exchange import Request
from metasim.handshake import HandshakeRefusedError, verify
from metasim.state import State
from metasim.store import Callback, Number, Waba

_THROUGHPUT = 80
_SECRET = "app-secret"  # noqa: S105


def find_number(state: State, phone_number_id: str) -> Number:
    """A registered number; refuses the control request when there is none."""
    number = state.registry.numbers.get(phone_number_id)
    if number is None:
        raise ControlError(f"no such phone_number_id: {phone_number_id}", 404)
    return number


def find_waba(state: State, waba_id: str) -> Waba:
    """A registered account; refuses the control request when there is none."""
    waba = state.registry.wabas.get(waba_id)
    if waba is None:
        raise ControlError(f"no such waba_id: {waba_id}", 404)
    return waba


async def register_number(state: State, request: Request) -> Any:
    """POST numbers."""
    order = msgspec.json.decode(request.body or b"{}", type=NumberOrder)
    registry = state.registry
    number = registry.numbers.get(order.phone_number_id or "")
    if number is None:
        number = _new_number(state, order)
    elif order.waba_id not in {None, number.waba.id}:
        raise ControlError("a number cannot move to another account")
    _change_waba(number.waba, order)
    if order.display_phone_number is not None:
        number.display_phone_number = order.display_phone_number
    number.verified_name = order.verified_name or number.verified_name
    number.throughput = order.throughput or number.throughput
    number.window = order.window or number.window
    for token in order.tokens:
        number.tokens.add(token)
        registry.tokens.setdefault(token, "valid")
    return describe(number)


def _new_number(state: State, order: NumberOrder) -> Number:
    registry = state.registry
    waba = registry.wabas.get(order.waba_id or "")
    number_id = order.phone_number_id or state.mint.digits()
    waba_id = order.waba_id or state.mint.digits()
    for name, value in (("phone_number_id", number_id), ("waba_id", waba_id)):
        if not (value.isascii() and value.isdigit()):
            raise ControlError(f"{name} must be a string of digits")
    if number_id in registry.wabas or waba_id in registry.numbers or number_id == waba_id:
        raise ControlError("one id cannot name a number and an account")
    if waba is None:
        waba = registry.wabas[waba_id] = Waba(waba_id, "Simulated business", _SECRET)
    display = order.display_phone_number or f"+1 555-{int(number_id) % 1000:03d}-{int(number_id) % 10000:04d}"
    number = Number(number_id, waba, display, "Simulated business", _THROUGHPUT)
    registry.numbers[number_id] = waba.numbers[number_id] = number
    return number


def _change_waba(waba: Waba, order: NumberOrder) -> None:
    waba.name = order.waba_name or waba.name
    waba.app_secret = order.app_secret or waba.app_secret
    if order.subscribed is not None:
        waba.subscribed = order.subscribed


async def list_registered(state: State, _request: Request) -> Any:
    """GET numbers."""
    return {"data": [describe(number) for number in state.registry.numbers.values()]}


def describe(number: Number) -> dict[str, Any]:
    """A number as the control API shows it."""
    waba = number.waba
    callback = number.callback or waba.callback
    return {
        "phone_number_id": number.id,
        "waba_id": waba.id,
        "waba_name": waba.name,
        "display_phone_number": number.display_phone_number,
        "verified_name": number.verified_name,
        "tokens": sorted(number.tokens),
        "app_secret": waba.app_secret,
        "throughput": number.throughput,
        "window": number.window,
        "subscribed": waba.subscribed,
        "callback_url": callback.url if callback else None,
    }


async def register_token(state: State, request: Request) -> Any:
    """POST tokens."""
    order = msgspec.json.decode(request.body, type=TokenOrder)
    numbers = [find_number(state, phone_number_id) for phone_number_id in order.phone_number_ids]
    state.registry.tokens[order.token] = order.state
    for number in numbers:
        number.tokens.add(order.token)
    return {"token": order.token, "state": order.state}


async def set_callback(state: State, request: Request) -> Any:
    """POST callback: the handshake comes first, and decides."""
    order = msgspec.json.decode(request.body, type=CallbackOrder)
    number = find_number(state, order.phone_number_id) if order.phone_number_id else None
    waba = find_waba(state, order.waba_id) if order.waba_id else None
    owner = number.waba if number else waba
    secret = order.app_secret or (owner.app_secret if owner else _SECRET)
    callback = Callback(order.callback_url, order.verify_token, secret)
    try:
        await verify(callback, state.courier, state.mint, state.config.webhook_timeout)
    except HandshakeRefusedError as error:
        raise ControlError(str(error)) from None
    if number is not None:
        number.callback = callback
    elif waba is not None:
        waba.callback = callback
    else:
        state.registry.callback = callback
    return {"verified": True, "callback_url": callback.url}
