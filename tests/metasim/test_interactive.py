from typing import Any

import pytest

from .conftest import Meta

CARD: dict[str, Any] = {
    "card_index": 0,
    "type": "cta_url",
    "header": {"type": "image", "image": {"link": "https://x.test/a.png"}},
    "body": {"text": "One"},
    "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://x.test"}},
}
PRODUCT: dict[str, Any] = {
    "type": "product",
    "action": {"product_retailer_id": "a", "catalog_id": "1"},
}
FLOW: dict[str, Any] = {
    "flow_message_version": "3",
    "flow_id": "1",
    "flow_cta": "Go",
    "flow_action": "navigate",
}
ADDRESS: dict[str, Any] = {"country": "IN", "values": {"name": "Ana", "in_pin_code": "400063"}}


def carousel(*cards: dict[str, Any]) -> dict[str, Any]:
    numbered = [{"card_index": index, **card} for index, card in enumerate(cards)]
    return {"type": "carousel", "action": {"cards": numbered}}


def card(**more: Any) -> dict[str, Any]:
    return {**{key: value for key, value in CARD.items() if key != "card_index"}, **more}


def flow(**more: Any) -> dict[str, Any]:
    return {"type": "flow", "action": {"name": "flow", "parameters": {**FLOW, **more}}}


def address(**more: Any) -> dict[str, Any]:
    action = {"name": "address_message", "parameters": {**ADDRESS, **more}}
    return {"type": "address_message", "action": action}


def products(count: int, **more: Any) -> dict[str, Any]:
    items = [{"product_retailer_id": str(number)} for number in range(count)]
    action = {"catalog_id": "1", "sections": [{"title": "All", "product_items": items}]}
    return {"type": "product_list", "header": {"type": "text", "text": "Hi"}, "action": action, **more}


def named(kind: str, name: str, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, "action": {"name": name, **({"parameters": parameters} if parameters else {})}}


ACCEPTED = {
    "carousel": carousel(card(), card()),
    "carousel of products": carousel(*[PRODUCT] * 10),
    "flow": flow(mode="draft", flow_action_payload={"screen": "A", "data": {"x": 1}}),
    "address": address(),
    "product list": products(30),
    "location request": named("location_request_message", "send_location"),
    "catalog": named("catalog_message", "catalog_message", thumbnail_product_retailer_id="a"),
    "bare catalog": named("catalog_message", "catalog_message"),
    "call": named("voice_call", "voice_call", display_text="Call", ttl_minutes=5),
    "contact": named("request_contact_info", "request_contact_info"),
}
REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "one card": (carousel(card()), 131009),
    "eleven cards": (carousel(*[card()] * 11), 131009),
    "wrong index": (carousel(card(), card(card_index=5)), 131009),
    "mixed cards": (carousel(card(), PRODUCT), 131009),
    "long card": (carousel(card(), card(body={"text": "x" * 161})), 131009),
    "many lines": (carousel(card(), card(body={"text": "a\nb\nc\nd"})), 131009),
    "text header on a card": (carousel(card(), card(header={"type": "text", "text": "x"})), 131009),
    "two catalogues": (
        carousel(PRODUCT, {**PRODUCT, "action": {"product_retailer_id": "a", "catalog_id": "2"}}),
        131009,
    ),
    "footer under a carousel": ({**carousel(card(), card()), "footer": {"text": "x"}}, 131009),
    "flow of a wrong version": (flow(flow_message_version="2"), 131009),
    "flow with an emoji": (flow(flow_cta="Go 🎉"), 131009),
    "flow with both": (flow(flow_name="x"), 131009),
    "flow with a wrong action": (flow(flow_action="jump"), 100),
    "flow without a screen": (flow(flow_action_payload={}), 100),
    "address elsewhere": (address(country="DE"), 100),
    "address with a long pin": (address(values={"in_pin_code": "4000633"}), 131009),
    "address with an unknown field": (address(values={"colour": "red"}), 100),
    "31 products": (products(31), 131009),
    "product list without header": (products(1, header=None), 131008),
    "wrong name": (named("location_request_message", "flow"), 131009),
    "no name": ({"type": "location_request_message", "action": {}}, 100),
    "unknown key": ({**named("voice_call", "voice_call"), "colour": "red"}, 100),
    "unknown kind": (named("poll", "poll"), 100),
}


async def send(meta: Meta, interactive: dict[str, Any]) -> Any:
    return await meta.send(type="interactive", interactive={"body": {"text": "?"}, **interactive})


@pytest.mark.parametrize("interactive", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_it_accepts(meta: Meta, interactive: dict[str, Any]) -> None:
    answered = await send(meta, interactive)
    assert answered.status == 200, answered.body


@pytest.mark.parametrize(("interactive", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_it_refuses(meta: Meta, interactive: dict[str, Any], code: int) -> None:
    assert (await send(meta, interactive)).body["error"]["code"] == code
