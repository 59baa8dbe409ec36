"""POST /messages/location."""

from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient
from rasl.domain.message_types.location import Latitude, Location, Longitude, PlaceText
from rasl.web.request import ApiRequest

_EXAMPLE = {"latitude": 51.4779, "longitude": -0.0015, "name": "Harbour Books", "address": "1 Pier Road"}


class SendLocation(Recipient, frozen=True, kw_only=True):
    """A place, to a phone number or to a known contact."""

    latitude: Latitude
    longitude: Longitude
    name: PlaceText | None = None
    address: PlaceText | None = None

    def content(self) -> Location:
        """Return what the message says."""
        return Location(self.latitude, self.longitude, self.name, self.address)


class SentLocation(Sent):
    """A location message as it stands when the request is answered."""

    latitude: float
    longitude: float
    name: str | None
    address: str | None


@sends(
    "/messages/location",
    SentLocation,
    _EXAMPLE,
    examples={"location": {"phone": "+44 20 7946 0011", **_EXAMPLE}},
)
async def send_location(
    data: JSONBody[SendLocation], caller: MaySendMessages, request: ApiRequest
) -> ASGIApp:
    """Send a location.

    Sends a place; WhatsApp shows a map with the name and the address.
    """
    return await send(request, caller, data, data.content())
