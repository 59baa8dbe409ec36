"""Contact cards that the recipient can save (cloud-api section 2.3)."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.base import Content
from rasl.domain.validation import Body

MAX_CARDS = 257
Words = Annotated[str, msgspec.Meta(max_length=1000)]


class CardName(Body, frozen=True, omit_defaults=True):
    """How the person is called."""

    formatted_name: Annotated[Words, msgspec.Meta(description="The whole name, as it is shown.")]
    first_name: Words | None = None
    middle_name: Words | None = None
    last_name: Words | None = None
    prefix: Words | None = None
    suffix: Words | None = None


class CardPhone(Body, frozen=True, omit_defaults=True):
    """A number of the person."""

    phone: Words
    type: Words | None = None
    wa_id: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[0-9]{5,20}(?![\s\S])",
                description="Digits of the number on WhatsApp: the card gets a Message button.",
            ),
        ]
        | None
    ) = None


class CardEmail(Body, frozen=True, omit_defaults=True):
    """A mail address of the person."""

    email: Words
    type: Words | None = None


class CardUrl(Body, frozen=True, omit_defaults=True):
    """A web page of the person."""

    url: Words
    type: Words | None = None


class CardAddress(Body, frozen=True, omit_defaults=True):
    """Where the person lives or works."""

    street: Words | None = None
    city: Words | None = None
    state: Words | None = None
    zip: Words | None = None
    country: Words | None = None
    country_code: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2}(?![\s\S])")] | None = None
    type: Words | None = None


class CardOrganization(Body, frozen=True, omit_defaults=True):
    """Where the person works, and as what."""

    company: Words | None = None
    department: Words | None = None
    title: Words | None = None


class Card(Body, frozen=True, omit_defaults=True):
    """One contact card; the fields are Meta's."""

    name: CardName
    phones: list[CardPhone] | None = None
    emails: list[CardEmail] | None = None
    addresses: list[CardAddress] | None = None
    urls: list[CardUrl] | None = None
    org: CardOrganization | None = None
    birthday: dt.date | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("birthday", "invalid"): "The birthday must be a date such as 1990-05-31",
    }


class Contacts(Content, frozen=True):
    """Contact cards."""

    contacts: list[Card]

    type_name: ClassVar[str] = "contacts"

    def preview(self) -> str:
        """Return the names."""
        return ", ".join(card.name.formatted_name for card in self.contacts)

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - cards have no files
        """Return the cards."""
        return {"type": "contacts", "contacts": [_graph_card(card) for card in self.contacts]}


def _graph_card(card: Card) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(card)
    # Meta has asked for a second part of the name beside the formatted one.
    if len(fields["name"]) == 1:
        fields["name"]["first_name"] = card.name.formatted_name
    return fields
