"""What every send says besides its content: to whom, in answer to what, and whether to try it only."""

from collections.abc import Set
from typing import Annotated, ClassVar

import msgspec

from rasl.api.v2.sends.template_fields import TemplateFields
from rasl.domain import phone
from rasl.domain.phone import Phone, PhoneProblem
from rasl.domain.tenants import Caller, Number
from rasl.domain.validation import MAX_ID, Body
from rasl.errors import ValidationFailed, WhatsAppNotConfigured


class ReplyContext(Body, frozen=True):
    """The message this one answers: its id here, or its WhatsApp id."""

    message_id: int | str


FromNumber = Annotated[
    int | str,
    msgspec.Meta(
        description="The number of ours it goes out from, by WhatsApp's id of it. Left out: the number of the message "
        "that is answered, else the account's default number."
    ),
]


class Recipient(Body, frozen=True, kw_only=True):
    """The fields every send has."""

    phone: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=10,
                max_length=20,
                pattern=r"^[0-9+\-() ]+(?![\s\S])",
                description="Recipient with country code; may be left out when contact_id is given.",
            ),
        ]
        | None
    ) = None
    contact_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID, description="An existing contact.")] | None = (
        None
    )
    context: (
        Annotated[
            ReplyContext,
            msgspec.Meta(
                description="The message of the same conversation this one answers, by its id or its wamid."
            ),
        ]
        | None
    ) = None
    from_phone_number_id: FromNumber | None = None
    dry_run: Annotated[
        bool,
        msgspec.Meta(
            description="Send and store nothing; answer what would be sent, and what speaks against it."
        ),
    ] = False
    fallback_template: (
        Annotated[
            TemplateFields,
            msgspec.Meta(
                description="A template that goes out instead where the 24-hour service window is closed."
            ),
        ]
        | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("phone", "pattern"): "Phone number may contain only digits, +, -, spaces and parentheses",
        ("phone", "string"): "Phone number must be a string",
        ("phone", "min"): "Phone number must be at least 10 characters",
        ("phone", "max"): "Phone number must not be greater than 20 characters",
    }

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient."""
        return {} if given & {"phone", "contact_id"} else {"phone": ["Phone number is required"]}


def read_phone(text: str | None, caller: Caller) -> Phone | None:
    """Understand a recipient's number; raises ValidationFailed saying what is missing."""
    if text is None:
        return None
    understood = phone.understand(text, caller.tenant.default_country)
    if isinstance(understood, PhoneProblem):
        raise ValidationFailed({"phone": [understood.sentence]})
    return understood


def sending_number(caller: Caller) -> Number:
    """Return the number the tenant sends from by default; raises WhatsAppNotConfigured."""
    if caller.tenant.number is None:
        raise WhatsAppNotConfigured
    return caller.tenant.number
