"""The ladder an accepted message climbs, and the status each rung is reported with."""

import hashlib
import time
from typing import Any, NamedTuple

from metasim import ids
from metasim.config import SimulatorConfig
from metasim.errors import failure
from metasim.store import Number

_RUNGS = ("sent", "delivered", "read", "played")
_DAY = 86_400


class Step(NamedTuple):
    """One status: when it is emitted, and the time it claims, both counted from acceptance."""

    due: float
    status: str
    claims: float
    code: int | None = None
    details: str | None = None


Steps = tuple[Step, ...]


class OutboundMessage:
    """An accepted message on its way up."""

    __slots__ = (
        "accepted_at", "category", "index", "is_group", "is_in_window", "number", "opaque", "steps",
        "user_id", "wa_id", "wamid",
    )  # fmt: skip

    def __init__(
        self,
        wamid: str,
        number: Number,
        wa_id: str,
        user_id: str,
        opaque: str | None,
        category: str,
        steps: Steps,
        *,
        is_group: bool = False,
        is_in_window: bool = False,
    ) -> None:
        self.wamid = wamid
        self.number = number
        self.wa_id = wa_id
        self.user_id = user_id
        self.opaque = opaque
        self.category = category
        self.steps = steps
        self.is_group = is_group
        self.is_in_window = is_in_window
        self.index = 0
        self.accepted_at = time.time()


def plain_steps(config: SimulatorConfig) -> Steps:
    """The ladder every ordinary message climbs under these settings."""
    delays = _delays(config)
    return tuple(Step(delay, rung, delay) for rung in _RUNGS[:3] if (delay := delays[rung]) is not None)


def voice_steps(config: SimulatorConfig) -> Steps:
    """The ladder of a voice message, which is also played where the settings say so."""
    if config.played_delay is None:
        return plain_steps(config)
    return (*plain_steps(config), Step(config.played_delay, "played", config.played_delay))


def failed_steps(config: SimulatorConfig, code: int, details: str | None = None) -> Steps:
    """One failed status instead of a ladder."""
    delay = config.sent_delay or 0.0
    return (Step(delay, "failed", delay, code, details),)


def scripted_steps(config: SimulatorConfig, ladder: tuple[str, ...]) -> Steps:
    """A given sequence of statuses, emitted in that order, each claiming the time it should have had."""
    delays = _delays(config)
    rungs = [rung.partition(":") for rung in ladder]
    own = [delays.get(name) or 0.0 for name, _, _ in rungs]
    return tuple(
        Step(due, name, claims, int(code) if code else None)
        for due, claims, (name, _, code) in zip(sorted(own), own, rungs, strict=True)
    )


def _delays(config: SimulatorConfig) -> dict[str, float | None]:
    return {
        "sent": config.sent_delay,
        "delivered": config.delivered_delay,
        "read": config.read_delay,
        "played": config.played_delay,
    }


def status_object(message: OutboundMessage, step: Step, config: SimulatorConfig) -> dict[str, Any]:
    """One entry of a webhook's statuses."""
    at = int(message.accepted_at + step.claims)
    status: dict[str, Any] = {"id": message.wamid, "status": step.status, "timestamp": str(at)}
    if message.wa_id:
        status["recipient_id"] = message.wa_id
    if message.is_group:
        status["recipient_type"] = "group"
    if config.user_ids and message.user_id:
        status["recipient_user_id"] = message.user_id
    if message.opaque is not None:
        status["biz_opaque_callback_data"] = message.opaque
    if step.status == "failed":
        status["errors"] = [failure(step.code or 131000, step.details)]
    elif step.status in {"sent", "delivered"}:
        if config.payload_version == "v23":
            status["conversation"] = _conversation(message, step, at)
        status["pricing"] = pricing(message.category, is_in_window=message.is_in_window)
    return status


def pricing(category: str, *, is_in_window: bool = False) -> dict[str, Any]:
    """What a message of a category costs: templates do, but for those of utility inside the service window."""
    is_free = category == "service" or (category == "utility" and is_in_window)
    return {
        "billable": not is_free,
        "pricing_model": "PMP",
        "type": "free_customer_service" if is_free else "regular",
        "category": category,
    }


def _conversation(message: OutboundMessage, step: Step, at: int) -> dict[str, Any]:
    conversation: dict[str, Any] = {
        "id": hashlib.blake2b(message.wamid.encode(), digest_size=16).hexdigest(),
        "origin": {"type": message.category},
    }
    if step.status == "sent":
        conversation["expiration_timestamp"] = str(at + _DAY)
    return conversation


def status_contact(message: OutboundMessage, config: SimulatorConfig) -> dict[str, Any] | None:
    """The contact that accompanies a status, where the settings want one."""
    if not config.status_contacts or message.is_group:
        return None
    contact: dict[str, Any] = {"profile": {"name": f"User {message.wa_id[-4:] or message.user_id[-4:]}"}}
    if message.wa_id:
        contact["wa_id"] = message.wa_id
    if config.user_ids and message.user_id:
        contact["user_id"] = message.user_id
    return contact


def user_id_of(wa_id: str) -> str:
    """The business-scoped user id statuses carry for a phone number."""
    return ids.user_id(wa_id) if wa_id else ""
