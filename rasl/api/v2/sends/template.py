"""POST /messages/template (api-v2 section 3.3)."""

import functools
import hashlib
from collections.abc import Set
from typing import Any, ClassVar

import msgspec
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.idempotency import OWN_KEY, run_once
from rasl.api.media_form import form_body
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient, joined, part_of
from rasl.api.v2.sends.template_fields import FILE_LIMITS, TemplateFields, read_wish, with_upload
from rasl.domain.message_types.template import Template
from rasl.domain.tenants import Caller
from rasl.domain.validation import read, read_values
from rasl.errors import ValidationFailed
from rasl.services.composing.addressing import address
from rasl.services.otp import passwords
from rasl.web.form import FORM_BYTES, Form, is_form, read_json_body, received_values
from rasl.web.request import ApiRequest

_JSON_FIELDS = frozenset(
    {
        "cards",
        "product_sections",
        "flow_action_data",
        "header_location",
        "header_product",
        "parameters",
        "context",
    }
)

_MESSAGES = Recipient.messages | {
    ("template_name", "required"): "Template name is required",
    ("language", "required"): "Language is required",
}


class _ToSomebody(Recipient, frozen=True, kw_only=True):
    """A template message to a phone number or to a known contact."""

    messages: ClassVar[dict[tuple[str, str], str]] = _MESSAGES

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient; a template needs nothing to stand in for it."""
        idle = {"fallback_template": ["A template message needs no fallback"]}
        return super().missing(given) | (idle if "fallback_template" in given else {})


SendTemplate = joined("SendTemplate", _ToSomebody, TemplateFields)


class SentTemplate(Sent):
    """A template message as it stands when the request is answered."""

    template_name: str
    language: str


@sends(
    "/messages/template",
    SentTemplate,
    {"template_name": "order_shipped", "language": "en_GB"},
    examples={
        "template": {
            "phone": "+442079460011",
            "template_name": "parcel_ready",
            "language": "en_GB",
            "field_1": "@{contact_first_name}",
        },
        "with_picture_and_link": {
            "phone": "+442079460011",
            "template_name": "order_shipped",
            "language": "en_GB",
            "header_media_id": 12,
            "field_1": "Priya",
            "field_2": "#A-1044",
            "button_0": "A-1044",
        },
    },
    body=form_body(SendTemplate, *FILE_LIMITS),
    request_max_body_size=sum(FILE_LIMITS.values()) + FORM_BYTES,
    opt={OWN_KEY: True},
)
async def send_template(caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send a template message.

    Sends an approved template, inside or outside the 24-hour service window. Values are bound to the
    stored definition of the template: what is missing or too long is named before anything is sent.

    `field_1` to `field_10` fill the body in the order of its variables, `parameters` fills it by their names.
    `button_0` and so on belong to the button at that place. A code of an AUTHENTICATION template is a one-time
    password as if `/auth/send-otp` had sent it: stored encrypted only, counted by its budgets, accepted once by
    `/auth/verify` with the purpose `authentication`.
    """
    if is_form(request):
        async with received_values(request, FILE_LIMITS) as form:
            act = functools.partial(_send, request, caller, form)
            return await run_once(request, form.digest, act)
    raw = await read_json_body(request)
    return await run_once(
        request, hashlib.sha256(raw).digest(), functools.partial(_send, request, caller, raw)
    )


async def _send(request: ApiRequest, caller: Caller, given: bytes | Form) -> ASGIApp:
    if again := await answer_again(request, caller, _described):
        return again
    body = read(SendTemplate, given) if isinstance(given, bytes) else _read(given)
    fields = part_of(body, TemplateFields)
    wish = read_wish(fields, is_rehearsal=body.dry_run)
    if isinstance(given, Form):
        wish = with_upload(wish, given, fields.header_document_name)
    resources, tenant = request.resources, caller.tenant
    addressed = await address(resources, tenant, body.to())
    content, password = await passwords.compose_template(
        resources, tenant, addressed.number, wish, addressed.phone, addressed.contact_id
    )
    return await send(request, caller, body, content, _described, addressed=addressed, otp=password)


def _read(form: Form) -> Recipient:
    """Read all fields of a form; lists and objects are JSON in it."""
    values, problems = dict(form.fields), dict(form.problems)
    for name in _JSON_FIELDS & values.keys():
        if isinstance(values[name], str) and values[name].strip():
            try:
                values[name] = msgspec.json.decode(values[name])
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                problems[name] = ["must be JSON"]
                del values[name]
    try:
        body = read_values(SendTemplate, values)
    except ValidationFailed as error:
        raise ValidationFailed(error.details | problems) from None
    if problems:
        raise ValidationFailed(problems)
    return body


def _described(content: Template) -> dict[str, Any]:
    return {"template_name": content.name, "language": content.language}
