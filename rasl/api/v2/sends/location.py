"""POST /messages/location."""

from typing import Any

from litestar import post
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.operations import SendMessage
from rasl.api.v2.sends.answering import send
from rasl.api.v2.sends.documented import COMMON, Sent, send_responses
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


@post(
    "/messages/location",
    status_code=200,
    summary="Send a location",
    description=f"""Sends a place; WhatsApp shows a map with the name and the address.

{COMMON}""",
    operation_class=SendMessage.such_as(location={"phone": "+44 20 7946 0011", **_EXAMPLE}),
    responses=send_responses(SentLocation, _EXAMPLE),
    tags=["Messages"],
)
async def send_location(
    data: JSONBody[SendLocation], caller: MaySendMessages, request: ApiRequest
) -> ASGIApp:
    """Commit a location message and send it."""
    return await send(request, caller, data, data.content(), _described)


def _described(content: Location) -> dict[str, Any]:
    return {name: getattr(content, name) for name in content.__struct_fields__}


HANDLERS = (send_location,)
