"""POST /messages/reaction."""

from collections.abc import Set
from typing import Annotated, Any, ClassVar

import msgspec
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl import clock
from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient
from rasl.domain.emoji import is_one_emoji
from rasl.domain.message_types.reaction import Reaction
from rasl.domain.validation.rules import Rule, where
from rasl.errors import ValidationFailed
from rasl.services.composing.addressing import address
from rasl.services.composing.named_messages import find_target
from rasl.web.request import ApiRequest

_WAMID = "wamid.HBgMNDQyMDc5NDYwMDExFQIAEhgS"


def _is_no_emoji(text: str) -> bool:
    return bool(text.strip()) and not is_one_emoji(text)


class SendReaction(Recipient, frozen=True, kw_only=True):
    """An emoji on a message of a conversation; the message says who gets it."""

    message_id: Annotated[
        int | str, msgspec.Meta(description="The message it belongs to, by its id or its wamid.")
    ]
    emoji: Annotated[
        str | msgspec.UnsetType | None,
        msgspec.Meta(description="Required. Exactly one emoji; an empty text takes the reaction back."),
    ] = msgspec.UNSET

    rules: ClassVar[tuple[Rule, ...]] = (where("emoji", _is_no_emoji, "must be exactly one emoji"),)

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require an emoji, though it may be empty; refuse a quotation, which WhatsApp does not show."""
        problems = {}
        if "emoji" not in given:
            problems["emoji"] = ["The emoji field is required; an empty one takes the reaction back"]
        if "context" in given:
            problems["context"] = ["A reaction cannot quote a message"]
        return problems


class SentReaction(Sent):
    """A reaction as it stands when the request is answered."""

    reacted_message_id: str
    emoji: str


@sends(
    "/messages/reaction",
    SentReaction,
    {"reacted_message_id": _WAMID, "emoji": "👍"},
    examples={
        "reaction": {"message_id": 9031, "emoji": "👍"},
        "removal": {"message_id": _WAMID, "emoji": ""},
    },
)
async def send_reaction(
    data: JSONBody[SendReaction], caller: MaySendMessages, request: ApiRequest
) -> ASGIApp:
    """React to a message.

    Puts an emoji on a message of the last 30 days, or takes it back with an empty `emoji`. `phone` and
    `contact_id` may be left out: the message says whom it goes to. A recipient given must be of the same conversation.
    """
    if again := await answer_again(request, caller, _described):
        return again
    target = await find_target(
        request.resources.database, caller.tenant.id, str(data.message_id), clock.now()
    )
    to = data.to()
    if data.phone is None and data.contact_id is None:
        if target.contact_id is None:
            raise ValidationFailed({"phone": ["Phone number is required: the contact is deleted"]})
        to = msgspec.structs.replace(to, contact_id=target.contact_id)
    return await send(
        request,
        caller,
        data,
        Reaction(target.wamid, data.emoji or ""),
        _described,
        addressed=await address(request.resources, caller.tenant, to, target.number_id),
        conversation_id=target.conversation_id,
    )


def _described(content: Reaction) -> dict[str, Any]:
    return {"reacted_message_id": content.message_id, "emoji": content.emoji}
