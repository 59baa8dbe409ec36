"""What every send says besides its content: to whom, in answer to what, and whether to try it only."""

from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar, cast

import msgspec

from rasl.api.v2.sends.template_fields import TemplateFields
from rasl.domain.phone_spelling import pattern, sentence
from rasl.domain.validation import MAX_ID, Body
from rasl.services.composing.addressing import To

_Send = TypeVar("_Send", bound="Recipient")
_Part = TypeVar("_Part", bound=msgspec.Struct)


class ReplyContext(Body, frozen=True):
    """The message this one answers: its id here, or its WhatsApp id."""

    message_id: int | str


PHONE_PATTERN = pattern(1, 40)
ContactId = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID, description="An existing contact.")]
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
                pattern=pattern(10, 20),
                description="Recipient with country code; may be left out when contact_id is given.",
            ),
        ]
        | None
    ) = None
    contact_id: ContactId | None = None
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
        ("phone", "pattern"): sentence(10, 20),
        ("phone", "string"): "Phone number must be a string",
    }

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient."""
        return {} if given & {"phone", "contact_id"} else {"phone": ["Phone number is required"]}

    def to(self) -> To:
        """Return the recipient as it is named."""
        reply_to = None if self.context is None else str(self.context.message_id)
        return To(self.phone, self.contact_id, reply_to, self.from_phone_number_id)


def joined(
    name: str,
    base: type[_Send],
    part: type[msgspec.Struct],
    instead: Mapping[str, tuple[str, Any]] = MappingProxyType({}),
    own: Mapping[str, Any] = MappingProxyType({}),
    tag: str | None = None,
) -> type[_Send]:
    """Return the body of a send that takes the fields of `part` besides its recipient.

    `instead` names fields that have another name and type in a body, `own` has what the class holds besides. A struct
    has one struct as its base, so the fields of the other one are added; `part_of` gives them back.
    """
    added = [
        (
            *instead.get(field.name, (field.name, field.type)),
            msgspec.field(default=field.default, default_factory=field.default_factory),  # type: ignore[call-overload]
        )
        for field in msgspec.structs.fields(part)
    ]
    namespace = {"__doc__": base.__doc__, **own}
    made: Any = msgspec.defstruct(
        name, added, bases=(base,), namespace=namespace, tag=tag, frozen=True, kw_only=True
    )
    return cast("type[_Send]", made)


def part_of(body: Recipient, part: type[_Part]) -> _Part:
    """Return the values that a joined body has of `part`."""
    return part(**{name: getattr(body, name) for name in part.__struct_fields__})
