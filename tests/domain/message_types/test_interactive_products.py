"""Flows, products and carousels."""

from typing import Any

import pytest

from rasl.api.v2.sends.interactive_bodies import AnyInteractive
from rasl.errors import ValidationFailed
from tests.domain.message_types.bodies import body_of, problems_of
from tests.domain.message_types.test_interactive import content_of, graph_of, longest

FLOW = {"type": "flow", "body_text": "Book.", "flow_id": "12", "flow_button_text": "Book"}
CATALOG = {"catalog_id": "36", "body_text": "Books"}
PRODUCTS = CATALOG | {
    "type": "product_list",
    "header_text": "For you",
    "sections": [{"product_retailer_ids": ["a", "b"]}],
}
CARD: dict[str, Any] = {"header_media_id": 7, "buttons": [{"id": "keep", "title": "Keep"}]}
LINK_CARD = {"header_media_id": 8, "button_text": "Open", "button_url": "https://a.test"}
CARDS = {"type": "carousel", "body_text": "New:", "cards": [CARD, CARD | {"header_media_id": 8}]}


def nested(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(depth - 1):
        data = {"a": data}
    return data


def products(count: int) -> list[str]:
    return [f"sku-{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        (
            FLOW,
            {
                "name": "flow",
                "parameters": {"flow_message_version": "3", "flow_id": "12", "flow_cta": "Book"},
            },
        ),
        (
            {
                "type": "flow",
                "body_text": "Book.",
                "flow_name": "booking",
                "flow_button_text": "x" * 30,
                "flow_token": "t",
                "flow_mode": "draft",
                "flow_action": "navigate",
                "flow_screen": "START",
                "flow_data": {"guests": 2},
            },
            {
                "name": "flow",
                "parameters": {
                    "flow_message_version": "3",
                    "flow_name": "booking",
                    "flow_cta": "x" * 30,
                    "flow_token": "t",
                    "mode": "draft",
                    "flow_action": "navigate",
                    "flow_action_payload": {"screen": "START", "data": {"guests": 2}},
                },
            },
        ),
        (
            {"type": "product", "catalog_id": "36", "product_retailer_id": "a"},
            {"catalog_id": "36", "product_retailer_id": "a"},
        ),
        (
            PRODUCTS | {"sections": [{"title": "x" * 24, "product_retailer_ids": ["a", "b"]}]},
            {
                "catalog_id": "36",
                "sections": [
                    {
                        "title": "x" * 24,
                        "product_items": [{"product_retailer_id": "a"}, {"product_retailer_id": "b"}],
                    }
                ],
            },
        ),
        ({"type": "catalog_message", "body_text": "Books"}, {"name": "catalog_message"}),
        (
            {"type": "catalog_message", "body_text": "Books", "thumbnail_product_retailer_id": "a"},
            {"name": "catalog_message", "parameters": {"thumbnail_product_retailer_id": "a"}},
        ),
        (
            CATALOG | {"type": "product_carousel", "product_retailer_ids": ["a", "b"]},
            {
                "cards": [
                    {
                        "card_index": index,
                        "type": "product",
                        "action": {"product_retailer_id": product, "catalog_id": "36"},
                    }
                    for index, product in enumerate("ab")
                ]
            },
        ),
        (
            CARDS | {"cards": [CARD | {"body_text": "One"}, CARD | {"header_media_id": 8}]},
            {
                "cards": [
                    {
                        "card_index": 0,
                        "type": "cta_url",
                        "header": {"type": "image", "image": {"id": "meta-7"}},
                        "body": {"text": "One"},
                        "action": {
                            "buttons": [
                                {"type": "quick_reply", "quick_reply": {"id": "keep", "title": "Keep"}}
                            ]
                        },
                    },
                    {
                        "card_index": 1,
                        "type": "cta_url",
                        "header": {"type": "video", "video": {"id": "meta-8"}},
                        "action": {
                            "buttons": [
                                {"type": "quick_reply", "quick_reply": {"id": "keep", "title": "Keep"}}
                            ]
                        },
                    },
                ]
            },
        ),
        (
            CARDS | {"cards": [LINK_CARD, LINK_CARD]},
            {
                "cards": [
                    {
                        "card_index": index,
                        "type": "cta_url",
                        "header": {"type": "video", "video": {"id": "meta-8"}},
                        "action": {
                            "name": "cta_url",
                            "parameters": {"display_text": "Open", "url": "https://a.test"},
                        },
                    }
                    for index in range(2)
                ]
            },
        ),
    ],
)
def test_it_is_sent_as_meta_wants_it(fields: Any, action: Any) -> None:
    assert graph_of(**fields)["action"] == action


def test_products_need_no_text_but_a_list_needs_a_header() -> None:
    assert "body" not in graph_of(type="product", catalog_id="36", product_retailer_id="a")
    assert graph_of(**PRODUCTS)["header"] == {"type": "text", "text": "For you"}
    assert graph_of(**CATALOG, type="product_carousel", product_retailer_ids=["a", "b"])["type"] == "carousel"
    without = {name: value for name, value in PRODUCTS.items() if name != "header_text"}
    assert set(problems_of(AnyInteractive, **without)) == {"header_text"}


@pytest.mark.parametrize(
    "fields",
    [
        FLOW | {"flow_screen": "START", "flow_data": nested(20)},
        PRODUCTS | {"sections": [{"product_retailer_ids": products(30)}]},
        PRODUCTS | {"sections": [{"title": "x", "product_retailer_ids": ["a"]}] * 10},
        CATALOG | {"type": "product_carousel", "product_retailer_ids": products(10)},
        CARDS | {"cards": [CARD] * 10},
        CARDS
        | {
            "cards": [
                CARD
                | {
                    "body_text": "x" * 158 + "\n\n",
                    "buttons": [{"id": f"{n}" * 20, "title": f"{n}" * 20} for n in range(3)],
                }
            ]
            * 2
        },
    ],
)
def test_everything_may_be_as_long_as_meta_takes_it(fields: Any) -> None:
    assert graph_of(**fields)


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (FLOW | {"flow_button_text": "x" * 31}, longest("flow_button_text", 30)),
        (
            FLOW | {"flow_button_text": "Book 📖"},
            {"flow_button_text": ["The flow_button_text field must not contain emoji"]},
        ),
        (
            FLOW | {"flow_id": None},
            {"flow_id": ["The flow_id field is required, or flow_name"]},
        ),
        (
            FLOW | {"flow_name": "booking"},
            {"flow_name": ["The flow_name field must not be given beside flow_id"]},
        ),
        (
            FLOW | {"flow_mode": "live", "flow_action": "go"},
            {
                "flow_mode": ["The flow_mode field must be one of draft, published"],
                "flow_action": ["The flow_action field must be one of data_exchange, navigate"],
            },
        ),
        (
            FLOW | {"flow_data": {"a": 1}},
            {"flow_screen": ["The flow_screen field is required with flow_data"]},
        ),
        (
            FLOW | {"flow_action": "data_exchange", "flow_screen": "START"},
            {"flow_screen": ["The flow_screen field is only for the flow_action navigate"]},
        ),
        (
            FLOW | {"flow_screen": "START", "flow_data": {"a": ["b\u0000"]}},
            {"flow_data": ["The flow_data field must not contain NUL characters"]},
        ),
        (
            FLOW | {"flow_screen": "START", "flow_data": {"a": [{"b": "c\u0000"}]}},
            {"flow_data": ["The flow_data field must not contain NUL characters"]},
        ),
        *(
            (
                FLOW | {"flow_screen": "START", "flow_data": nested(depth)},
                {"flow_data": ["The flow_data field must not be nested deeper than 20 levels"]},
            )
            for depth in (21, 400)
        ),
        (
            FLOW | {"flow_screen": "START", "flow_data": {}},
            {"flow_data": ["The flow_data field must not be empty"]},
        ),
        (
            FLOW | {"flow_screen": "START", "flow_data": "x"},
            {"flow_data": ["The flow_data field must be an object"]},
        ),
        (
            PRODUCTS
            | {
                "sections": [
                    {"title": "x", "product_retailer_ids": products(16)},
                    {"title": "y", "product_retailer_ids": products(15)},
                ]
            },
            {"sections": ["The sections field must not have more than 30 products in all, not 31"]},
        ),
        (
            PRODUCTS
            | {
                "sections": [
                    {"product_retailer_ids": ["a"]},
                    {"title": " ", "product_retailer_ids": ["", True]},
                ]
            },
            {
                "sections.0.title": [
                    "The sections.0.title field is required when there is more than one of sections"
                ],
                "sections.1.title": [
                    "The sections.1.title field is required when there is more than one of sections"
                ],
                "sections.1.product_retailer_ids.0": [
                    "The sections.1.product_retailer_ids.0 field is required"
                ],
                "sections.1.product_retailer_ids.1": [
                    "The sections.1.product_retailer_ids.1 field must be a string"
                ],
            },
        ),
        (
            CATALOG | {"type": "product_carousel", "product_retailer_ids": ["a"]},
            {"product_retailer_ids": ["The product_retailer_ids field must have at least 2 items"]},
        ),
        (CARDS | {"cards": [CARD]}, {"cards": ["The cards field must have at least 2 items"]}),
        (CARDS | {"cards": [CARD] * 11}, {"cards": ["The cards field must not have more than 10 items"]}),
        (
            CARDS | {"cards": [CARD | {"body_text": "x" * 161}, CARD | {"body_text": "a\nb\nc\nd"}]},
            longest("cards.0.body_text", 160)
            | {"cards.1.body_text": ["The cards.1.body_text field must not have more than 2 line breaks"]},
        ),
        (
            CARDS | {"cards": [CARD, LINK_CARD]},
            {
                "cards.1": [
                    "The cards.1 field must have the same buttons as the others: 1 buttons, not a link"
                ]
            },
        ),
        (
            CARDS
            | {"cards": [CARD, CARD | {"buttons": [*CARD["buttons"], {"id": "x" * 21, "title": "Keep"}]}]},
            longest("cards.1.buttons.1.id", 20)
            | {
                "cards.1": [
                    "The cards.1 field must have the same buttons as the others: 1 buttons, not 2 buttons"
                ],
                "cards.1.buttons.1.title": ["The cards.1.buttons.1.title field has a duplicate value"],
            },
        ),
        (
            CARDS
            | {
                "cards": [
                    {"header_media_id": 0},
                    LINK_CARD | {"button_url": None},
                    CARD | {"button_text": "x"},
                    {"buttons": [], "button_url": "x"},
                ]
            },
            {
                "cards.0.header_media_id": [
                    "The cards.0.header_media_id field must be between 1 and 9223372036854775807"
                ],
                "cards.0.buttons": ["A card needs buttons, or button_text and button_url"],
                "cards.1.button_url": ["A link needs button_text and button_url"],
                "cards.2.button_text": ["A card has either a link or buttons"],
                "cards.3.header_media_id": ["The cards.3.header_media_id field is required"],
                "cards.3.buttons": ["The cards.3.buttons field must have at least 1 items"],
                "cards.3.button_url": ["A card has either a link or buttons"],
                "cards.3": [
                    "The cards.3 field must have the same buttons as the others: 1 buttons, not 0 buttons"
                ],
            },
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_meta_would_refuse_is_refused_by_its_place(fields: Any, problems: Any) -> None:
    assert problems_of(AnyInteractive, **fields) == problems


def test_each_card_names_its_file() -> None:
    body = body_of(AnyInteractive, **CARDS)
    assert body.media() == {"cards.0.header_media_id": 7, "cards.1.header_media_id": 8}
    assert body.content_type.media_kinds == {"image", "video"}
    assert content_of(**(CARDS | {"cards": [CARD, CARD]})).media_ids() == (7,)


def test_cards_are_filled_from_their_recipient() -> None:
    cards = [CARD | {"body_text": "For @{contact_first_name}"}, CARD | {"body_text": "@{contact_email}"}]
    content = content_of(**(CARDS | {"cards": cards}))
    assert content.needs_rendering()
    filled = content.rendered({"contact_first_name": "Priya", "contact_email": None})
    assert [card.body_text for card in filled.cards] == ["For Priya", None]
    with pytest.raises(ValidationFailed) as caught:
        content.rendered({"contact_first_name": "x" * 160, "contact_email": "a\nb\nc\nd"})
    assert set(caught.value.details) == {"cards.0.body_text", "cards.1.body_text"}
