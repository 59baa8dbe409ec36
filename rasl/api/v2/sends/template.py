"""POST /messages/template (api-v2 section 3.3)."""

from collections.abc import Set
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import msgspec
from litestar.params import JSONBody
from litestar.types import ASGIApp
from msgspec import UNSET, UnsetType

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import answer_again, described_code, send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient, joined, part_of
from rasl.api.v2.sends.template_fields import HeaderFiles, TemplateFields, read_wish, with_upload
from rasl.domain.message_types.template import Template
from rasl.domain.tenants import Caller
from rasl.errors import NotFound, ValidationFailed
from rasl.services.composing.addressing import Addressed, Collecting, address, sending_number
from rasl.services.otp import passwords
from rasl.services.otp.passwords import Composed
from rasl.services.templates import composing
from rasl.services.templates.composing import Wish
from rasl.web.request import ApiRequest, Problems

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


SendTemplate = joined("SendTemplate", joined("_WithFile", _ToSomebody, HeaderFiles), TemplateFields)
if TYPE_CHECKING:
    AnyTemplate: TypeAlias = _ToSomebody
else:
    AnyTemplate = SendTemplate


class SentTemplate(Sent):
    """A template message as it stands when the request is answered."""

    template_name: str
    language: str
    code_auto_generated: bool | UnsetType = UNSET
    code: str | UnsetType = UNSET


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
)
async def send_template(data: JSONBody[AnyTemplate], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send a template message.

    Sends an approved template, inside or outside the 24-hour service window. Values are bound to the
    stored definition of the template: what is missing or too long is named before anything is sent.

    `field_1` to `field_10` fill the body in the order of its variables, `parameters` fills it by their names.
    `button_0` and so on belong to the button at that place. A code of an AUTHENTICATION template is a one-time
    password as if `/auth/send-otp` had sent it: stored encrypted only, counted by its budgets, accepted once by
    `/auth/verify` with the purpose `authentication`.
    """
    if again := await answer_again(request, caller, _described):
        return again
    fields = part_of(data, TemplateFields)
    wish = read_wish(fields, is_rehearsal=data.dry_run, is_strict=request.context.is_strict)
    wish = with_upload(wish, part_of(data, HeaderFiles), fields.header_document_name)
    addressed, made = await _compose(request, caller, data, wish)
    request.context.ignore_all(made.surplus)
    return await send(
        request,
        caller,
        data,
        made.content,
        _described,
        addressed=addressed,
        otp=made.otp,
        once={"code": made.shown_code} if made.shown_code else {},
    )


async def _compose(
    request: ApiRequest, caller: Caller, body: Recipient, wish: Wish
) -> tuple[Addressed, Composed]:
    """Look up the recipient and fill the template; raises ValidationFailed naming what is wrong with both."""
    resources, tenant = request.resources, caller.tenant
    problems: Problems = {}
    addressed: Addressed | None = None
    with Collecting(problems):
        addressed = await address(resources, tenant, body.to())
    if addressed is None:
        tried = msgspec.structs.replace(wish, is_rehearsal=True)
        try:
            with Collecting(problems):
                await composing.compose(resources, tenant.id, sending_number(tenant), tried)
        except NotFound as error:
            problems["template_name"] = [error.message]
        raise ValidationFailed(problems)
    made = await passwords.compose_template(
        resources, tenant, addressed.number, wish, addressed.phone, addressed.contact_id
    )
    return addressed, made


def _described(content: Template) -> dict[str, Any]:
    told = {"template_name": content.name, "language": content.language}
    return told | described_code(content)
