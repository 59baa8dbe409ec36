"""POST /{phone_number_id}/messages: validate, decide what goes wrong, accept, start the ladder."""

import asyncio
from typing import Any

import msgspec

from metasim import statuses
from metasim.errors import invalid, refusal
from metasim.exchange import Answer, Request, json_answer
from metasim.faults import BEFORE_ACCEPTANCE, Effect, Strike, Target, lognormal
from metasim.forms import decode_body
from metasim.journal import Entry
from metasim.misbehaviour import broken_answer, marred, refused
from metasim.recipients import Recipient, resolve
from metasim.state import State
from metasim.store import Number
from metasim.validation import check_content
from metasim.validation.media import upload_failure
from metasim.validation.scene import Scene
from metasim.validation.template import category_of, check_recipient

OPAQUE_LIMIT = 512
_SENT_ONLY = frozenset({"reaction", "pin"})
_NOTHING = Strike()


async def post_message(state: State, request: Request, number: Number, entry: Entry) -> Answer:
    """Send a message, or mark one as read."""
    payload = decode_body(request)
    _check_product(payload)
    if "status" in payload:
        entry.type = "read_receipt"
        return _mark_read(payload)
    recipient = resolve(payload, number, is_rewritten=state.config.rewrite_wa_id)
    kind = str(payload.get("type") or "text").lower()
    content: Any = payload.get(kind)
    entry.to, entry.type = recipient.wa_id or recipient.given, kind
    entry.opaque = _opaque(payload)
    _check_context(payload)
    scene = Scene(number, state.registry, state.config, state.clock.now())
    check_content(kind, content, scene)
    if kind == "template":
        check_recipient(content, number, is_scoped=not recipient.wa_id)
    unusable = upload_failure(kind, content, scene)
    entry.text = content.get("body") if kind == "text" else msgspec.json.encode(content).decode()
    strike, magic_ladder = _fate(state, number, recipient, kind, content)
    if strike.delay_before:
        await asyncio.sleep(strike.delay_before)
    if strike.effect is not None:
        if strike.effect.kind in BEFORE_ACCEPTANCE:
            return broken_answer(strike.effect)
        if strike.effect.kind == "error" and not strike.effect.fails_later:
            raise refused(strike.effect)
    if magic_ladder is None:
        _check_limits(state, number, recipient)
    steps = _steps(state, number, recipient, kind, content, strike.effect, magic_ladder)
    if unusable is not None and not (strike.effect and strike.effect.kind == "error"):
        steps = statuses.failed_steps(state.config, 131053, unusable)
    return _accept(state, number, recipient, entry, kind, content, steps, strike)


def _check_product(payload: dict[str, Any]) -> None:
    product = payload.get("messaging_product")
    if product == "whatsapp":
        return
    if product is None or product == "":
        raise invalid("The parameter messaging_product is required.")
    if not isinstance(product, str):
        raise invalid("Param messaging_product must be a string.")
    if product.lower() != "whatsapp":
        raise invalid(f'Param messaging_product must be one of {{WHATSAPP}} - got "{product}".')


def _mark_read(payload: dict[str, Any]) -> Answer:
    if payload["status"] != "read":
        raise invalid(f'Param status must be one of {{READ}} - got "{payload["status"]}".')
    wamid = payload.get("message_id")
    if wamid is None or wamid == "":
        raise invalid("The parameter message_id is required.")
    if not isinstance(wamid, str) or not wamid.startswith("wamid."):
        raise refusal(131009, "The message ID is not valid.")
    typing = payload.get("typing_indicator")
    if typing is not None and (not isinstance(typing, dict) or typing.get("type") != "text"):
        raise invalid("Param typing_indicator['type'] must be one of {TEXT}.")
    return json_answer({"success": True})


def _opaque(payload: dict[str, Any]) -> str | None:
    opaque = payload.get("biz_opaque_callback_data")
    if opaque is None:
        return None
    if not isinstance(opaque, str):
        raise invalid("Param biz_opaque_callback_data must be a string.")
    if len(opaque) > OPAQUE_LIMIT:
        raise invalid(f"Param biz_opaque_callback_data must be at most {OPAQUE_LIMIT} characters long.")
    return opaque


def _check_context(payload: dict[str, Any]) -> None:
    context = payload.get("context")
    if context is None:
        return
    if not isinstance(context, dict) or not isinstance(context.get("message_id"), str):
        raise invalid("The parameter context['message_id'] is required.")
    if not context["message_id"].startswith("wamid."):
        raise refusal(131009, "The message ID of the context is not valid.")


def _fate(
    state: State, number: Number, recipient: Recipient, kind: str, content: Any
) -> tuple[Strike, statuses.Steps | None]:
    """What goes wrong with this message: the rules first, then the recipient's own magic."""
    config = state.config
    strike, steps = _NOTHING, None
    if state.faults.rules:
        template = str(content.get("name", "")) if kind == "template" else ""
        strike = state.faults.strike(Target("messages", number.id, recipient.key, kind, template))
    if config.latency_median:
        extra = lognormal(state.mint.random, config.latency_median, config.latency_sigma)
        strike = Strike(strike.effect, strike.delay_before + extra, strike.delay_after)
    magic = state.magic.find(number.id, recipient.wa_id) if config.magic_recipients else None
    if magic is not None:
        steps = statuses.scripted_steps(config, magic.ladder)
        strike = Strike(
            strike.effect or magic.effect, strike.delay_before, strike.delay_after + magic.delay_after
        )
    return strike, steps


def _check_limits(state: State, number: Number, recipient: Recipient) -> None:
    config = state.config
    if config.enforce_throughput and not state.limits.takes_throughput(number.id, number.throughput):
        raise refusal(130429)
    if config.enforce_pair_rate and not state.limits.takes_pair(number.id, recipient.key):
        raise refusal(131056)


def _steps(
    state: State,
    number: Number,
    recipient: Recipient,
    kind: str,
    content: Any,
    effect: Effect | None,
    magic_ladder: statuses.Steps | None,
) -> statuses.Steps:
    config = state.config
    if effect is not None and effect.kind == "error":
        return statuses.failed_steps(config, effect.code or 131000, effect.details)
    if magic_ladder is not None:
        return magic_ladder
    if kind != "template" and not recipient.is_group:
        window = state.window_of(number)
        if window != "off" and not state.is_window_open(number, recipient.key):
            if window == "sync":
                raise refusal(131047)
            return statuses.failed_steps(config, 131047)
    if kind in _SENT_ONLY:
        return _reaction_steps(state, kind, content)
    if kind == "audio" and content.get("voice"):
        return state.voice_steps
    return state.plain_steps


def _reaction_steps(state: State, kind: str, content: dict[str, Any]) -> statuses.Steps:
    if not str(content["message_id"]).startswith("wamid."):
        return statuses.failed_steps(state.config, 131009, f"The {kind} target is not valid.")
    return tuple(step for step in state.plain_steps if step.status == "sent")


def _accept(
    state: State,
    number: Number,
    recipient: Recipient,
    entry: Entry,
    kind: str,
    content: Any,
    steps: statuses.Steps,
    strike: Strike,
) -> Answer:
    wamid = state.mint.outbound_wamid(recipient.key)
    entry.wamid = wamid
    state.launch(
        statuses.OutboundMessage(
            wamid,
            number,
            recipient.wa_id,
            recipient.user_id,
            entry.opaque,
            category_of(content, number) if kind == "template" else "service",
            steps,
            is_group=recipient.is_group,
            is_in_window=state.is_window_open(number, recipient.key),
        )
    )
    message = {"id": wamid}
    if kind == "template":
        message["message_status"] = "accepted"
    if recipient.is_group:
        message["group_id"] = recipient.given
    body = {"messaging_product": "whatsapp", "contacts": [recipient.contact()], "messages": [message]}
    if strike.effect is not None and strike.effect.kind == "no_contacts":
        del body["contacts"]
    answer = json_answer(body)
    answer.delay = strike.delay_after
    return marred(answer, strike.effect)
