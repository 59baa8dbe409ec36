"""Binding: a definition and values become exactly what WhatsApp takes, or every field that is wrong is named."""

from typing import Any

import pytest

from rasl.domain.templates import definition
from rasl.domain.templates.binding import Bound, bind
from rasl.domain.templates.fitting import fit, media_ids
from rasl.domain.templates.values import CardValues, HeaderFile, Location, Product, ProductSection, Values
from rasl.errors import ValidationFailed

BODY = {"type": "BODY", "text": "Hi {{1}}, order {{2}} is here"}


def bound(components: list[dict[str, Any]], values: Values, category: str = "UTILITY", **more: Any) -> Bound:
    return bind(definition.read(components, category, more.pop("format", "")), values, **more)


def problems(
    components: list[dict[str, Any]], values: Values, category: str = "UTILITY", **more: Any
) -> set[str]:
    try:
        bound(components, values, category, **more)
    except ValidationFailed as error:
        return set(error.details)
    return set()


def buttons(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "BODY", "text": "Hello"}, {"type": "BUTTONS", "buttons": list(items)}]


def test_positional_variables_are_bound_by_number_however_they_are_written() -> None:
    body = {"type": "body", "text": "{{ 2 }} then {{1}} then {{2}} again"}
    found = bound([body], Values(fields={1: "one", 2: "two"}))
    assert [item["text"] for item in found.components[0]["parameters"]] == ["one", "two"]
    assert found.text == "two then one then two again"


def test_named_variables_are_bound_in_the_order_they_appear_or_by_name() -> None:
    body = {"type": "BODY", "text": "Hi {{first_name}}, order {{order}} is here"}
    for values in (
        Values(fields={1: "Ana", 2: "7"}),
        Values(parameters={"order": "7", "first_name": "Ana"}),
        Values(fields={1: "Ana"}, parameters={"order": "7"}),
    ):
        found = bound([body], values, format="NAMED")
        assert found.components[0]["parameters"] == [
            {"type": "text", "parameter_name": "first_name", "text": "Ana"},
            {"type": "text", "parameter_name": "order", "text": "7"},
        ]


def test_a_value_does_not_unfold_into_another_variable() -> None:
    assert bound([BODY], Values(fields={1: "{{2}}", 2: "b"})).text == "Hi {{2}}, order b is here"


FIELDS = [
    (Values(fields={1: "a"}), {"field_2"}),
    (Values(), {"field_1", "field_2"}),
    (Values(fields={1: "a", 2: "b", 3: "c"}), {"field_3"}),
    (Values(fields={1: "a", 2: "b"}, parameters={"1": "c"}), {"field_1"}),
    (Values(fields={1: "a", 2: "b"}, parameters={"name": "c"}), {"parameters.name"}),
    (Values(fields={1: " ", 2: "b"}), {"field_1"}),
    (Values(fields={1: "a\n", 2: "b\tc"}), {"field_1", "field_2"}),
    (Values(fields={1: "a    b", 2: "b"}), set()),
    (Values(fields={1: "a     b", 2: "b"}), {"field_1"}),
    (Values(fields={1: "a", 2: "b"}, header_field="x"), {"header_field_1"}),
    (Values(fields={1: "a", 2: "b"}, file=HeaderFile("image", "header_image_url")), {"header_image_url"}),
    (Values(fields={1: "a", 2: "b"}, location=Location(0, 0)), {"header_location"}),
    (Values(fields={1: "a", 2: "b"}, product=Product("p", "c")), {"header_product"}),
    (Values(fields={1: "a", 2: "b"}, buttons={0: "x"}), {"button_0"}),
    (Values(fields={1: "a", 2: "b"}, expires_at_ms=1), {"limited_time_offer_expiration_ms"}),
    (Values(fields={1: "a", 2: "b"}, cards=(CardValues(),)), {"cards"}),
    (Values(fields={1: "a", 2: "b"}, flow_action_data={"a": 1}), {"flow_action_data"}),
    (
        Values(fields={1: "a", 2: "b"}, product_sections=(ProductSection("t", ["p"]),)),
        {"product_sections"},
    ),
]


@pytest.mark.parametrize(("values", "fields"), FIELDS)
def test_every_field_that_is_missing_too_much_or_unsendable_is_named(
    values: Values, fields: set[str]
) -> None:
    assert problems([BODY], values) == fields


# The rest of each text has a known length, so that the limit falls on the last character.
LIMITS = [
    ([{"type": "BODY", "text": "abcd{{1}}e"}], "fields", 1, 1024 - 5, "field_1"),
    (
        [
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "x"}},
            {"type": "BODY", "text": "abcd{{1}}e"},
        ],
        "fields",
        1,
        600 - 5,
        "field_1",
    ),
    (buttons({"type": "COPY_CODE"}), "buttons", 0, 20, "button_0"),
    (buttons({"type": "QUICK_REPLY", "text": "x"}), "buttons", 0, 256, "button_0"),
    (
        buttons({"type": "URL", "text": "x", "url": "https://x.test/{{1}}"}),
        "buttons",
        0,
        2000 - 15,
        "button_0",
    ),
]


@pytest.mark.parametrize(("components", "kind", "place", "most", "field"), LIMITS)
@pytest.mark.parametrize("character", ["x", "\N{GRINNING FACE}"])
def test_limits_hold_in_code_points_to_the_last_one(
    components: list[dict[str, Any]], kind: str, place: int, most: int, field: str, character: str
) -> None:
    fits: dict[str, Any] = {kind: {place: character * most}}
    over: dict[str, Any] = {kind: {place: character * (most + 1)}}
    assert problems(components, Values(**fits)) == set()
    assert problems(components, Values(**over)) == {field}


def test_a_header_holds_60_characters_with_its_value() -> None:
    components = [{"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, {"type": "BODY", "text": "Hi"}]
    assert problems(components, Values(header_field="x" * 54)) == set()
    assert problems(components, Values(header_field="x" * 55)) == {"header_field_1"}
    assert problems(components, Values()) == {"header_field_1"}


@pytest.mark.parametrize(
    ("place", "is_right"),
    [
        (Location(90, 180), True),
        (Location(-90, -180), True),
        (Location(90.1, 0), False),
        (Location(0, 181), False),
    ],
)
def test_a_location_lies_on_the_globe(place: Location, *, is_right: bool) -> None:
    components = [{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "Hi"}]
    assert (problems(components, Values(location=place)) == set()) is is_right


def test_before_merging_a_value_with_merge_fields_is_not_measured() -> None:
    components = buttons({"type": "COPY_CODE"})
    long = Values(buttons={0: "@{contact_attr_code}" * 3})
    assert problems(components, long) == set()
    assert problems(components, long, is_merged=True) == {"button_0"}
    empty = long.merged({"contact_attr_code": None})
    assert problems(components, empty, is_merged=True) == {"button_0"}


BUTTONS: list[tuple[dict[str, Any], Values, Any]] = [
    ({"type": "URL", "text": "a", "url": "https://x.test/"}, Values(), None),
    ({"type": "PHONE_NUMBER", "text": "a"}, Values(), None),
    ({"type": "QUICK_REPLY", "text": "a"}, Values(), None),
    ({"type": "CATALOG", "text": "a"}, Values(), None),
    ({"type": "SOMETHING_NEW", "text": "a"}, Values(), None),
    (
        {"type": "URL", "text": "a", "url": "https://x.test/{{1}}"},
        Values(buttons={0: "z"}),
        ("url", [{"type": "text", "text": "z"}]),
    ),
    (
        {"type": "COPY_CODE"},
        Values(buttons={0: "25OFF"}),
        ("copy_code", [{"type": "coupon_code", "coupon_code": "25OFF"}]),
    ),
    (
        {"type": "QUICK_REPLY", "text": "a"},
        Values(buttons={0: "p"}),
        ("quick_reply", [{"type": "payload", "payload": "p"}]),
    ),
    (
        {"type": "FLOW", "text": "a"},
        Values(),
        ("flow", [{"type": "action", "action": {"flow_token": "unused"}}]),
    ),
    (
        {"type": "CATALOG", "text": "a"},
        Values(buttons={0: "p"}),
        ("catalog", [{"type": "action", "action": {"thumbnail_product_retailer_id": "p"}}]),
    ),
]


@pytest.mark.parametrize(("button", "values", "expected"), BUTTONS)
def test_a_button_is_sent_only_when_it_says_something(
    button: dict[str, Any], values: Values, expected: Any
) -> None:
    found = bound(buttons(button), values).components
    shown = [(item["sub_type"], item["parameters"]) for item in found]
    assert shown == ([] if expected is None else [expected])


@pytest.mark.parametrize("kind", ["URL", "COPY_CODE", "MPM"])
def test_a_button_that_needs_a_value_is_named(kind: str) -> None:
    assert "button_0" in problems(
        buttons({"type": kind, "text": "a", "url": "https://x.test/{{1}}"}), Values()
    )


@pytest.mark.parametrize("kind", ["PHONE_NUMBER", "VOICE_CALL", "SOMETHING_NEW"])
def test_a_button_that_takes_no_value_says_so(kind: str) -> None:
    assert problems(buttons({"type": kind, "text": "a"}), Values(buttons={0: "x"})) == {"button_0"}


@pytest.mark.parametrize(
    ("sections", "products", "is_right"),
    [(10, 3, True), (11, 1, False), (1, 30, True), (1, 31, False), (1, 0, False)],
)
def test_several_products_have_their_limits(sections: int, products: int, *, is_right: bool) -> None:
    given = tuple(ProductSection("t", ["p"] * products) for _ in range(sections))
    values = Values(buttons={0: "p"}, product_sections=given)
    assert (problems(buttons({"type": "MPM", "text": "a"}), values) == set()) is is_right


OTP: list[dict[str, Any]] = [
    {"type": "BODY", "text": "*{{1}}* is your code, for {{2}} minutes."},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy", "url": "https://x.test/?code=otp{{1}}"}]},
]


def test_a_code_is_masked_and_stands_apart() -> None:
    found = bound(OTP, Values(fields={1: "123456", 2: "5"}), "AUTHENTICATION")
    assert (found.code, found.text) == ("123456", "*" * 8 + " is your code, for 5 minutes.")
    assert "123456" not in repr(found.components) + found.text
    [body, button] = fit(found.components, {}, found.code)
    assert [item["text"] for item in body["parameters"]] == ["123456", "5"]
    assert button["parameters"] == [{"type": "text", "text": "123456"}]


def test_the_code_may_stand_in_another_field() -> None:
    found = bound(OTP, Values(fields={1: "5", 2: "123456"}, code_field=2), "AUTHENTICATION")
    assert found.code == "123456"
    assert problems(OTP, Values(fields={1: "5", 2: "1"}, code_field=3), "AUTHENTICATION") == {
        "otp_field_number"
    }


def test_the_button_of_a_code_takes_nothing_else() -> None:
    values = Values(fields={1: "123456", 2: "5"}, buttons={0: "654321"})
    assert problems(OTP, values, "AUTHENTICATION") == {"button_0"}
    same = Values(fields={1: "123456", 2: "5"}, buttons={0: "123456"})
    assert problems(OTP, same, "AUTHENTICATION") == set()


def test_files_are_named_by_our_ids_until_they_are_sent() -> None:
    components = [{"type": "HEADER", "format": "DOCUMENT"}, {"type": "BODY", "text": "Hi"}]
    file = HeaderFile("document", "header_document_url", 7, "a.pdf")
    found = bound(components, Values(file=file)).components
    assert media_ids(found) == (7,)
    assert fit(found, {7: "4490"}, None)[0]["parameters"] == [
        {"type": "document", "document": {"id": "4490", "filename": "a.pdf"}}
    ]
    wrong = HeaderFile("image", "header_image_url", 7)
    assert problems(components, Values(file=wrong)) == {"header_image_url"}
    assert problems(components, Values()) == {"header_document_url"}


CARD = {
    "components": [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "abcd{{1}}e"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]},
    ]
}


def test_cards_are_bound_each_for_itself() -> None:
    components: list[dict[str, Any]] = [
        {"type": "BODY", "text": "Look"},
        {"type": "CAROUSEL", "cards": [CARD, CARD]},
    ]
    file = HeaderFile("image", "cards.0.header_image_url", 3)
    cards = tuple(CardValues(file=file, fields={1: "x" * length}) for length in (155, 156))
    assert problems(components, Values(cards=cards)) == {"cards.1.field_1"}
    assert problems(components, Values(cards=cards[:1])) == {"cards"}
    right = bound(components, Values(cards=(cards[0], cards[0]))).components
    assert media_ids(right) == (3,)
    fitted = fit(right, {3: "9"}, None)[0]["cards"][1]["components"][0]["parameters"]
    assert fitted == [{"type": "image", "image": {"id": "9"}}]


@pytest.mark.parametrize(
    "components",
    [
        None,
        {},
        "x",
        [1, None],
        [{}],
        [{"type": 5}],
        [{"type": "BODY", "text": 5}],
        [{"type": "BUTTONS", "buttons": 7}],
    ],
)
def test_odd_components_are_read_without_an_error(components: Any) -> None:
    assert bind(definition.read(components), Values()).components == []
