"""POST /messages/contacts."""

from typing import Annotated, Any

import msgspec
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient
from rasl.domain.message_types.contacts import MAX_CARDS, Card, Contacts
from rasl.web.request import ApiRequest

_CARD = {
    "name": {"formatted_name": "Priya Nair", "first_name": "Priya", "last_name": "Nair"},
    "phones": [{"phone": "+44 20 7946 0012", "type": "WORK", "wa_id": "442079460012"}],
    "emails": [{"email": "priya@harbour.test", "type": "WORK"}],
    "org": {"company": "Harbour Books", "title": "Owner"},
    "birthday": "1990-05-31",
}


class SendContacts(Recipient, frozen=True, kw_only=True):
    """Contact cards, to a phone number or to a known contact."""

    contacts: Annotated[
        list[Card],
        msgspec.Meta(min_length=1, max_length=MAX_CARDS, description="The cards; the fields are Meta's."),
    ]

    def content(self) -> Contacts:
        """Return what the message says."""
        return Contacts(self.contacts)


class SentContacts(Sent):
    """Contact cards as they stand when the request is answered."""

    contacts: list[dict[str, Any]]


@sends(
    "/messages/contacts",
    SentContacts,
    {"contacts": [_CARD]},
    examples={"card": {"phone": "+44 20 7946 0011", "contacts": [_CARD]}},
)
async def send_contacts(
    data: JSONBody[SendContacts], caller: MaySendMessages, request: ApiRequest
) -> ASGIApp:
    """Send contact cards.

    Sends contact cards that the recipient can save, write to and call. They are not
    the contacts of this account: `contact_id` says who gets them.
    """
    return await send(request, caller, data, data.content())
