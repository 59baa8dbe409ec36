"""The control API under /_control/: what a test, a benchmark or a demo sets up and looks at."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from metasim import control_objects, control_templates, control_webhooks
from metasim.control_requests import ClockOrder, ControlError, ResetOrder
from metasim.exchange import Answer, Request, json_answer
from metasim.faults import Rule
from metasim.magic import MAGIC
from metasim.phone import read_chats
from metasim.state import State

PREFIX = "/_control/"
_FILTERS = ("phone_number_id", "to", "type", "status", "code", "opaque", "wamid", "method")
_NAMES = {"http": "status", "biz_opaque_callback_data": "opaque"}

Call = Callable[[State, Request], Awaitable[Any]]


async def answer_control(state: State, request: Request) -> Answer:
    """Carry out one control request."""
    name = request.path.removeprefix(PREFIX).strip("/")
    methods = _CALLS.get(name)
    if methods is None:
        return _refuse(f"no such control call: {name}", 404)
    call = methods.get(request.method)
    if call is None:
        return _refuse(f"{name} takes {', '.join(methods)}", 405)
    try:
        return json_answer(await call(state, request))
    except ControlError as error:
        return _refuse(error.reason, error.http)
    except (msgspec.DecodeError, ValueError) as error:
        return _refuse(str(error), 400)


def _refuse(reason: str, http: int) -> Answer:
    return json_answer({"error": reason}, http)


async def _health(state: State, _request: Request) -> Any:
    courier = state.courier
    is_idle = not (len(state.timers) or courier.waiting or courier.in_flight)
    return {
        "ok": True,
        "idle": is_idle,
        "uptime_seconds": round(time.time() - state.started_at, 3),
        "requests": state.journal.total,
        "accepted": state.journal.accepted,
        "timers": len(state.timers),
        "media_port": state.media_port,
        "webhooks": {
            "waiting": courier.waiting,
            "in_flight": courier.in_flight,
            "dropped_updates": courier.dropped,
        },
    }


async def _get_settings(state: State, _request: Request) -> Any:
    return dataclasses.asdict(state.config)


async def _set_settings(state: State, request: Request) -> Any:
    patch = msgspec.json.decode(request.body, type=dict[str, Any])
    state.apply(state.config.changed(patch))
    return dataclasses.asdict(state.config)


async def _reset(state: State, request: Request) -> Any:
    order = msgspec.json.decode(request.body or b"{}", type=ResetOrder)
    await state.reset(keep_numbers=order.keep_numbers)
    return {"ok": True}


async def _get_clock(state: State, _request: Request) -> Any:
    return {"now": state.clock.now(), "ahead": state.clock.ahead}


async def _set_clock(state: State, request: Request) -> Any:
    order = msgspec.json.decode(request.body, type=ClockOrder)
    if order.advance < 0:
        raise ControlError("time does not go backwards: a reset does")
    state.advance(order.advance)
    return await _get_clock(state, request)


async def _add_fault(state: State, request: Request) -> Any:
    return state.faults.add(msgspec.json.decode(request.body, type=Rule)).report()


async def _list_faults(state: State, _request: Request) -> Any:
    return {"data": [rule.report() for rule in state.faults.rules]}


async def _lift_faults(state: State, request: Request) -> Any:
    given = request.query.get("id")
    return {"removed": state.faults.remove(int(given) if given is not None else None)}


async def _list_requests(state: State, request: Request) -> Any:
    limit = _limit(request, 100)
    since = int(request.query.get("since", "0"))
    wanted = {_NAMES.get(name, name): value for name, value in request.query.items()}
    chosen = {name: value for name, value in wanted.items() if name in _FILTERS}
    found = [entry for entry in state.journal.select(chosen) if entry.number > since]
    accepted = request.query.get("accepted")
    if accepted is not None:
        found = [entry for entry in found if bool(entry.wamid) == (accepted == "true")]
    shown = found if limit is None else found[-limit:]
    return {"total": state.journal.total, "matching": len(found), "data": [entry.report() for entry in shown]}


async def _summarise_requests(state: State, request: Request) -> Any:
    return state.journal.summary(_limit(request, 100))


async def _list_deliveries(state: State, request: Request) -> Any:
    limit = _limit(request, 100)
    entries = list(state.journal.deliveries)
    shown = entries if limit is None else entries[-limit:]
    return {
        "kept": len(entries),
        "updates_delivered": sum(entry.updates for entry in entries if entry.http == 200),
        "data": [entry.report() for entry in shown],
    }


def _limit(request: Request, default: int) -> int | None:
    limit = int(request.query.get("limit", default))
    return limit if limit > 0 else None


async def _list_magic(_state: State, _request: Request) -> Any:
    return {"data": [{"to": number, "outcome": magic.outcome} for number, magic in MAGIC.items()]}


_CALLS: dict[str, dict[str, Call]] = {
    "health": {"GET": _health},
    "numbers": {"GET": control_objects.list_registered, "POST": control_objects.register_number},
    "tokens": {"POST": control_objects.register_token},
    "callback": {"POST": control_objects.set_callback},
    "templates": {"GET": control_templates.list_templates, "POST": control_templates.add_templates},
    "template": {"POST": control_templates.change_template},
    "chats": {"GET": read_chats},
    "clock": {"GET": _get_clock, "POST": _set_clock},
    "inbound": {"POST": control_webhooks.post_inbound},
    "statuses": {"POST": control_webhooks.post_statuses},
    "webhook": {"POST": control_webhooks.post_webhook},
    "faults": {"GET": _list_faults, "POST": _add_fault, "DELETE": _lift_faults},
    "settings": {"GET": _get_settings, "POST": _set_settings},
    "requests": {"GET": _list_requests},
    "requests/summary": {"GET": _summarise_requests},
    "deliveries": {"GET": _list_deliveries},
    "magic": {"GET": _list_magic},
    "reset": {"POST": _reset},
}
