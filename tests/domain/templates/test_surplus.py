"""Surplus: what a template has no place for is left out and named, and nothing else."""

from typing import Any

import pytest

from rasl.domain.templates import definition
from rasl.domain.templates.binding import bind
from rasl.domain.templates.surplus import fitting, without_blanks
from rasl.domain.templates.values import CardValues, Location, Product, ProductSection, Values
from rasl.errors import ValidationFailed

BODY = {"type": "BODY", "text": "Hi {{1}}, order {{2}} is here"}
NAMED = {"type": "BODY", "text": "Hi {{first_name}}"}
TITLE = {"type": "HEADER", "format": "TEXT", "text": "For {{title}}"}
AB = {1: "a", 2: "b"}
PLACE, PRODUCT = Location(1, 2), Product("p", "c")
SECTIONS = (ProductSection("t", ["p"]),)
URL = {"type": "URL", "text": "Open", "url": "https://x.test/{{1}}"}
FIXED = {"type": "URL", "text": "Open", "url": "https://x.test/"}
CALL = {"type": "PHONE_NUMBER", "text": "Call"}


def buttons(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(items)}


def cards(*lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "CAROUSEL", "cards": [{"components": parts} for parts in lists]}


CASES: list[tuple[list[dict[str, Any]], Values, tuple[str, ...]]] = [
    ([BODY], Values(fields=AB), ()),
    (
        [BODY],
        Values(fields=dict.fromkeys(range(1, 11), "x")),
        tuple(f"field_{n}" for n in range(3, 11)),
    ),
    ([BODY], Values(fields=AB, parameters={"name": "c", "3": "d"}), ("parameters.name", "parameters.3")),
    ([TITLE, NAMED], Values(parameters={"title": "x", "first_name": "y", "z": "z"}), ("parameters.z",)),
    ([BODY], Values(fields=AB, header_field="x"), ("header_field_1",)),
    ([BODY], Values(fields=AB, location=PLACE, product=PRODUCT), ("header_product", "header_location")),
    ([BODY], Values(fields=AB, expires_at_ms=0), ("limited_time_offer_expiration_ms",)),
    (
        [BODY],
        Values(fields=AB, flow_action_data={"a": 1}, product_sections=SECTIONS),
        ("flow_action_data", "product_sections"),
    ),
    ([BODY], Values(fields=AB, buttons={0: "x", 9: "y"}), ("button_0", "button_9")),
    (
        [BODY, buttons(FIXED, CALL, URL)],
        Values(fields=AB, buttons=dict.fromkeys(range(4), "x")),
        ("button_0", "button_1", "button_3"),
    ),
    ([BODY], Values(fields=AB, cards=(CardValues(), CardValues())), ("cards",)),
    (
        [BODY, cards([NAMED, buttons(URL)], [NAMED])],
        Values(
            fields=AB,
            cards=(
                CardValues(fields={1: "x", 2: "y"}, buttons={0: "x"}),
                CardValues(
                    parameters={"first_name": "x", "last_name": "y"}, buttons={0: "x"}, product=PRODUCT
                ),
                CardValues(fields={1: "x"}),
            ),
        ),
        (
            "cards.0.field_2",
            "cards.1.parameters.last_name",
            "cards.1.button_0",
            "cards.1.header_product",
            "cards.2",
        ),
    ),
]


@pytest.mark.parametrize(("components", "values", "names"), CASES)
def test_what_has_no_place_is_named_and_the_rest_is_bound(
    components: list[dict[str, Any]], values: Values, names: tuple[str, ...]
) -> None:
    template = definition.read(components, "MARKETING", "NAMED" if NAMED in components else "")
    found = fitting(template, values)
    assert found.surplus == names
    assert bind(template, found.values).text.startswith("Hi")
    assert fitting(template, found.values).surplus == ()
    if names:
        with pytest.raises(ValidationFailed):
            bind(template, values)


KEPT: list[tuple[list[dict[str, Any]], Values, set[str]]] = [
    ([BODY], Values(fields={1: "a", 5: "x"}), {"field_2"}),
    ([BODY], Values(fields=AB, parameters={"1": "c"}), {"field_1"}),
    ([BODY, cards([NAMED], [NAMED])], Values(fields=AB, cards=(CardValues(fields={1: "x"}),)), {"cards"}),
    ([BODY, buttons(URL)], Values(fields=AB, buttons={1: "x"}), {"button_0"}),
]


@pytest.mark.parametrize(("components", "values", "wrong"), KEPT)
def test_what_is_missing_or_given_twice_stays_refused(
    components: list[dict[str, Any]], values: Values, wrong: set[str]
) -> None:
    template = definition.read(components, "MARKETING", "")
    with pytest.raises(ValidationFailed) as refused:
        bind(template, fitting(template, values).values)
    assert set(refused.value.details) == wrong


def test_blank_values_are_as_if_not_given() -> None:
    blank = Values(
        fields={1: "a", 2: " ", 3: ""},
        parameters={"x": "\t"},
        buttons={0: "", 1: "y"},
        header_field="  ",
        cards=(CardValues(fields={1: "", 2: "z"}),),
    )
    assert without_blanks(blank) == Values(
        fields={1: "a"}, buttons={1: "y"}, cards=(CardValues(fields={2: "z"}),)
    )
    template = definition.read([BODY], "UTILITY", "")
    filled = without_blanks(Values(fields={1: "a", 2: "", 3: ""}))
    assert fitting(template, filled).surplus == ()
    with pytest.raises(ValidationFailed) as refused:
        bind(template, filled)
    assert set(refused.value.details) == {"field_2"}


def test_the_button_of_a_code_has_a_place_for_it() -> None:
    otp = {"type": "URL", "text": "Copy", "url": "https://www.whatsapp.com/otp/code/?code=otp{{1}}"}
    body = {"type": "BODY", "text": "{{1}} is your code"}
    template = definition.read([body, buttons(otp)], "AUTHENTICATION", "")
    assert fitting(template, Values(fields={1: "123456"}, buttons={0: "123456"})).surplus == ()
