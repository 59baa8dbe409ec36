"""POST /messages/template (api-v2 section 3.3)."""

from collections.abc import Set
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.operations import SendMessage
from rasl.api.request import ApiRequest
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import COMMON, Sent, send_responses
from rasl.api.v2.sends.recipient import Recipient, sending_number
from rasl.api.v2.sends.template_fields import TemplateFields, read_wish
from rasl.domain.message_types.template import Template
from rasl.services import template_sending

_MESSAGES = Recipient.messages | {
    ("template_name", "required"): "Template name is required",
    ("language", "required"): "Language is required",
}


class _Rules(Recipient, frozen=True, kw_only=True):
    """A template message to a phone number or to a known contact."""

    messages: ClassVar[dict[tuple[str, str], str]] = _MESSAGES

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient; a template needs nothing to stand in for it."""
        idle = {"fallback_template": ["A template message needs no fallback"]}
        return super().missing(given) | (idle if "fallback_template" in given else {})


if TYPE_CHECKING:

    class SendTemplate(TemplateFields, _Rules, frozen=True, kw_only=True):
        """A template message to a phone number or to a known contact."""

else:
    # A struct has one struct as its base: the fields of the other one are added.
    SendTemplate = msgspec.defstruct(
        "SendTemplate",
        [
            (
                field.name,
                field.type,
                msgspec.field(default=field.default, default_factory=field.default_factory),
            )
            for field in msgspec.structs.fields(TemplateFields)
        ],
        bases=(_Rules,),
        module=__name__,
        namespace={"__doc__": _Rules.__doc__},
        frozen=True,
        kw_only=True,
    )


class SentTemplate(Sent):
    """A template message as it stands when the request is answered."""

    template_name: str
    language: str


@post(
    "/messages/template",
    status_code=200,
    summary="Send a template message",
    description=f"""Sends an approved template, inside or outside the 24-hour service window. Values are bound to the
stored definition of the template: what is missing or too long is named before anything is sent.

`field_1` to `field_10` fill the body in the order of its variables, `parameters` fills it by their names. `button_0`
and so on belong to the button at that place. Codes of AUTHENTICATION templates are stored encrypted only.

{COMMON}""",
    operation_class=SendMessage,
    responses=send_responses(SentTemplate, {"template_name": "order_shipped", "language": "en_GB"}),
    tags=["Messages"],
)
async def send_template(
    data: JSONBody[SendTemplate], caller: MaySendMessages, request: ApiRequest
) -> ASGIApp:
    """Bind a template, commit it and send it."""
    again = await answer_again(request, caller, _described)
    if again is not None:
        return again
    number = sending_number(caller)
    wish = read_wish(data, is_rehearsal=data.dry_run)
    content = await template_sending.compose(request.engine, caller.tenant.id, number, wish)
    return await send(request, caller, data, content, _described)


def _described(content: Template) -> dict[str, Any]:
    return {"template_name": content.name, "language": content.language}


HANDLERS = (send_template,)
