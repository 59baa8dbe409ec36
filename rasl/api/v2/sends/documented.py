"""What the OpenAPI document says about every send."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import RequestBody, Tag

from rasl.api.nouns import Check, Decorator, Route, checked, told
from rasl.api.operations import IDEMPOTENCY_KEY, PREFER, operation
from rasl.api.v2.sends.also import recipient_problems
from rasl.errors import (
    ApiError,
    ContactOptedOut,
    FeatureLimitExceeded,
    MessageSendFailed,
    NotFound,
    WhatsAppNotConfigured,
    WindowClosed,
)
from rasl.web.envelope import Success
from rasl.web.responses import IDEMPOTENT, READS_BODY, raises, response

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
MESSAGES_TAG = Tag("Messages", "Send messages, and see what became of them.")
COMMON = """The message is committed before WhatsApp is called. `status` is `sent`, `queued` (the worker sends it as
soon as possible) or `unknown` (WhatsApp did not answer: its callback will settle it; sending again could double it).

`context` quotes a message of the same conversation. `dry_run` stores and sends nothing and answers with the payload for
WhatsApp, the number as understood, the service window, the consent and the plan.

`fallback_template` names a template that goes out instead where the service window is closed; `sent_as` then says which
of the two went out.

Optional headers: `Idempotency-Key` (same key and body: the first answer again, with `Idempotent-Replayed: true`, for 24
hours) and `Prefer: respond-async` (202, sent by the worker)."""

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


class Sent(msgspec.Struct):
    """A message as it stands when the request is answered; each type adds its own fields."""

    message_id: str | None
    contact_id: int
    phone: str
    status: str
    sent_at: str | None
    chat_id: int
    chat_message_id: int


def sends(
    path: str,
    kind: type[Sent],
    own: dict[str, Any],
    *errors: type[ApiError],
    tag: Tag = MESSAGES_TAG,
    also: str = "",
    examples: Mapping[str, Any] | None = None,
    body: RequestBody | None = None,
    check: Check = recipient_problems,
    **options: Any,
) -> Decorator:
    """Make the route of a send, which answers 200, or 202 with `Prefer: respond-async`.

    The document tells its docstring, then `also` and what is told of every send. `kind` is what it answers, `own` the
    example of what that has besides the fields of every send; `errors` are those that only this send has, `examples`
    are of its body, which `body` describes where it has files. `check` finds what else is wrong with a body that is
    refused.
    """
    answered = Success[kind]  # type: ignore[valid-type]
    sent = {**_RECIPIENT, **own, **_STANDING}
    queued = sent | {"message_id": None, "status": "queued", "sent_at": None}
    good = {
        200: response(answered, "The message.", RESULT_TEXTS["sent"], sent),
        202: response(answered, "Accepted with `Prefer: respond-async`.", RESULT_TEXTS["queued"], queued),
    }

    def decorate(route: Route) -> HTTPRouteHandler:
        return post(
            path,
            status_code=200,
            operation_class=operation(IDEMPOTENCY_KEY, PREFER, body=body, examples=examples),
            responses=raises(*_ERRORS, *errors) | good,
            **told(route, tag, checked(options, check), also, COMMON),
        )(route)

    return decorate
