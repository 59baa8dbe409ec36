"""What the OpenAPI document says about every send."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Tag

from rasl.api.nouns import OR_ANSWERS, Check, Decorator, Route, checked, told
from rasl.api.operations import IDEMPOTENCY_KEY, PREFER, operation
from rasl.api.v2.sends.also import recipient_problems
from rasl.domain.message_status import MessageStatus
from rasl.errors import (
    ApiError,
    ContactOptedOut,
    FeatureLimitExceeded,
    MessageSendFailed,
    NotFound,
    WhatsAppNotConfigured,
    WindowClosed,
)
from rasl.services.sending.rehearsal import Rehearsal
from rasl.web.envelope import Success
from rasl.web.responses import ACCEPTED, IDEMPOTENT, READS_BODY, one_of, raises, response

RESULT_TEXTS = {
    "sent": "Message sent successfully",
    "queued": "Message queued; it will be sent as soon as possible",
    "sending": "Message is being sent; its chat_message_id tells what becomes of it",
    "unknown": "Message handed over, but WhatsApp did not confirm it yet; do not send it again",
}
_RECIPIENT = {
    "message_id": "wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
    "contact_id": 812,
    "phone": "442079460011",
}
_STANDING = {
    "status": "sent",
    "sent_at": "2026-03-04T09:15:22+00:00",
    "chat_id": 77,
    "chat_message_id": 9031,
}
COMMON = """Of every send: the message is committed before WhatsApp is called. `status` is `sent`, `queued` (the
worker sends it as soon as possible) or `unknown` (WhatsApp did not answer: its callback will settle it; sending again
could double it).

`context` quotes a message of the same conversation. `dry_run` stores and sends nothing and answers with the payload for
WhatsApp, the number as understood, the service window, the consent and the plan.

`fallback_template` names a template that goes out instead where the service window is closed; `sent_as` then says which
of the two went out.

Optional headers: `Idempotency-Key` (same key and body: the first answer again, with `Idempotent-Replayed: true`, for 24
hours) and `Prefer: respond-async` (202, sent by the worker)."""
MESSAGES_TAG = Tag("Messages", f"Send messages, and see what became of them.\n\n{COMMON}")

_ERRORS: tuple[type[ApiError], ...] = (
    *READS_BODY,
    WhatsAppNotConfigured,
    NotFound,
    ContactOptedOut,
    FeatureLimitExceeded,
    WindowClosed,
    *IDEMPOTENT,
    MessageSendFailed,
)


Status = Annotated[str, one_of("MessageStatus", MessageStatus)]


class Sent(msgspec.Struct):
    """A message as it stands when the request is answered; each type adds its own fields."""

    message_id: str | None
    contact_id: int
    phone: str
    status: Status
    sent_at: str | None
    chat_id: int
    chat_message_id: int


def _rehearsing(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a send with what `dry_run` answers."""
    return {**options, "opt": {OR_ANSWERS: Success[Rehearsal], **options.get("opt", {})}}


def sends(
    path: str,
    kind: type[Sent],
    own: dict[str, Any],
    *errors: type[ApiError],
    tag: Tag = MESSAGES_TAG,
    also: str = "",
    examples: Mapping[str, Any] | None = None,
    check: Check = recipient_problems,
    **options: Any,
) -> Decorator:
    """Make the route of a send, which answers 200, or 202 with `Prefer: respond-async`.

    The document tells its docstring, then `also`; what is true of every send is told at the tag. `kind` is what it
    answers, `own` the example of what that has besides the fields of every send; `errors` are those that only this send
    has, `examples` are of its body. `check` finds what else is wrong with a body that is refused.
    """
    answered = Success[kind]  # type: ignore[valid-type]
    sent = {**_RECIPIENT, **own, **_STANDING}
    queued = {**_RECIPIENT, **_STANDING, "message_id": None, "status": "queued", "sent_at": None}
    good = {
        200: response(answered, "The message.", RESULT_TEXTS["sent"], sent),
        202: response(Success[Sent], ACCEPTED, RESULT_TEXTS["queued"], queued),
    }

    def decorate(route: Route) -> HTTPRouteHandler:
        return post(
            path,
            status_code=200,
            operation_class=operation(IDEMPOTENCY_KEY, PREFER),
            responses=raises(*_ERRORS, *errors) | good,
            **told(route, tag, checked(_rehearsing(options), check), also, asks=examples),
        )(route)

    return decorate
