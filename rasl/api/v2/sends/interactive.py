"""POST /messages/interactive (api-v2 section 3.4)."""

from typing import Any

from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.interactive_bodies import AnyInteractive
from rasl.domain.message_types.interactive import Interactive
from rasl.services.media.references import check_media
from rasl.web.request import ApiRequest

_SAID: dict[str, dict[str, Any]] = {
    "button": {
        "header_text": "Your parcel",
        "body_text": "Hi @{contact_first_name}, shall we come tomorrow?",
        "footer_text": "Harbour Books",
        "buttons": [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "Another day"}],
    },
    "list": {
        "body_text": "When shall we come?",
        "list_button_text": "Choose a time",
        "sections": [
            {"title": "Monday", "rows": [{"id": "mon-am", "title": "Morning", "description": "8 to 12"}]},
            {"title": "Tuesday", "rows": [{"id": "tue-pm", "title": "Afternoon"}]},
        ],
    },
    "cta_url": {
        "body_text": "Where your parcel is:",
        "button_text": "Track it",
        "button_url": "https://shop.example.test/parcels/A-1044",
    },
    "location_request": {"body_text": "Where shall we bring it?"},
    "flow": {
        "body_text": "Book a table in three steps.",
        "flow_id": "1234567890",
        "flow_button_text": "Book",
        "flow_token": "booking-77",
        "flow_action": "navigate",
        "flow_screen": "WELCOME",
        "flow_data": {"guests": 2},
    },
    "product": {"catalog_id": "367025965434465", "product_retailer_id": "SKU-1"},
    "product_list": {
        "header_text": "For rainy days",
        "body_text": "Five books we like.",
        "catalog_id": "367025965434465",
        "sections": [
            {"title": "Novels", "product_retailer_ids": ["SKU-1", "SKU-2"]},
            {"title": "Poems", "product_retailer_ids": ["SKU-9"]},
        ],
    },
    "catalog_message": {"body_text": "All our books.", "thumbnail_product_retailer_id": "SKU-1"},
    "carousel": {
        "body_text": "New this week:",
        "cards": [
            {"header_media_id": media_id, "body_text": title, "buttons": [{"id": name, "title": "Keep one"}]}
            for media_id, title, name in ((12, "The Lighthouse", "lighthouse"), (13, "Low Tide", "low-tide"))
        ],
    },
    "product_carousel": {
        "body_text": "New this week:",
        "catalog_id": "367025965434465",
        "product_retailer_ids": ["SKU-1", "SKU-2"],
    },
}
_EXAMPLES = {kind: {"phone": "+44 20 7946 0011", "type": kind, **said} for kind, said in _SAID.items()}


class SentInteractive(Sent):
    """An interactive message as it stands when the request is answered."""

    type: str


@sends(
    "/messages/interactive",
    SentInteractive,
    {"type": "button"},
    examples=_EXAMPLES,
)
async def send_interactive(
    data: JSONBody[AnyInteractive], caller: MaySendMessages, request: ApiRequest
) -> ASGIApp:
    """Send an interactive message.

    Sends a message to be answered by a tap; `type` says which kind. `button` and `list` come first; the
    others are links, requests for a place, flows, products and carousels. What was tapped comes back as an inbound
    message.
    """
    if again := await answer_again(request, caller, _described):
        return again
    kinds = await check_media(
        request.resources, caller.tenant.id, data.media(), data.content_type.media_kinds
    )
    return await send(request, caller, data, data.content(kinds), _described)


def _described(content: Interactive) -> dict[str, Any]:
    return {"type": content.kind}
