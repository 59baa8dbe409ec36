"""What a caller gives beyond what a template has a place for.

Form builders fill `field_1` to `field_10` whatever the template. A value without a place changes nothing of what the
person reads, so it is left out and its field named, instead of the send refused. A missing value stays missing, and two
values for one place stay a contradiction: `binding` refuses both.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from rasl.domain.templates.definition import Button, Definition, Header, Text
from rasl.domain.templates.values import CardValues, Values

# Buttons that take a value whatever they say; the address of a URL button may have a place for one.
_FILLED = frozenset({"COPY_CODE", "QUICK_REPLY", "FLOW", "CATALOG", "MPM"})
# Fields of a request that fill one place, and what holds their value.
_SINGLE = {
    "header_field_1": "header_field",
    "header_location": "location",
    "limited_time_offer_expiration_ms": "expires_at_ms",
    "flow_action_data": "flow_action_data",
    "product_sections": "product_sections",
}
_Key = TypeVar("_Key", int, str)
_Some = TypeVar("_Some", bound=CardValues)


class Fitting(msgspec.Struct, frozen=True):
    """The values that a template has a place for, and the fields of the request that held the others."""

    values: Values
    surplus: tuple[str, ...] = ()


def without_blanks(values: Values) -> Values:
    """Leave out blank values: an empty input of a form says nothing."""
    return msgspec.structs.replace(
        _filled(values),
        header_field=values.header_field if (values.header_field or "").strip() else None,
        cards=tuple(_filled(card) for card in values.cards),
    )


def fitting(definition: Definition, values: Values) -> Fitting:
    """Tell the values that the template has a place for from those it has none for."""
    header = definition.header
    in_header = header.text.variables if header else ()
    kept, names = _sorted(definition, values, definition.body, definition.buttons, header, in_header)
    kinds = {button.type for button in definition.buttons}
    kinds |= {button.type for card in definition.cards for button in card.buttons}
    has_place = {
        "header_field_1": bool(in_header),
        "header_location": _is(header, "LOCATION"),
        "limited_time_offer_expiration_ms": definition.offer is not None and definition.offer.has_expiration,
        "flow_action_data": "FLOW" in kinds,
        "product_sections": "MPM" in kinds,
    }
    left_out = [
        field
        for field, attribute in _SINGLE.items()
        if getattr(values, attribute) not in (None, ()) and not has_place[field]
    ]
    cards, of_cards = _sorted_cards(definition, values.cards)
    empty = {_SINGLE[field]: () if field == "product_sections" else None for field in left_out}
    fitted = msgspec.structs.replace(kept, cards=cards, **empty)
    return Fitting(fitted, (*names, *left_out, *of_cards))


def _sorted_cards(
    definition: Definition, cards: tuple[CardValues, ...]
) -> tuple[tuple[CardValues, ...], list[str]]:
    kept, names = [], []
    for place, (card, values) in enumerate(zip(definition.cards, cards, strict=False)):
        fitted, left_out = _sorted(definition, values, card.body or Text(""), card.buttons, card.header)
        kept.append(fitted)
        names += [f"cards.{place}.{name}" for name in left_out]
    names += [f"cards.{place}" if kept else "cards" for place in range(len(kept), len(cards))]
    return tuple(kept), list(dict.fromkeys(names))


def _sorted(
    definition: Definition,
    values: _Some,
    body: Text,
    buttons: tuple[Button, ...],
    header: Header | None,
    in_header: Collection[str] = (),
) -> tuple[_Some, list[str]]:
    """Sort what the message and each of its cards take: body, buttons, and the product of a header."""
    most = len(body.variables)
    fields = {place: text for place, text in values.fields.items() if place <= most}
    parameters = {
        name: text for name, text in values.parameters.items() if name in body.variables or name in in_header
    }
    filled = {button.index for button in buttons if _takes_value(definition, button)}
    ends = {place: text for place, text in values.buttons.items() if place in filled}
    names = [
        *_others("field_", values.fields, fields),
        *_others("parameters.", values.parameters, parameters),
        *_others("button_", values.buttons, ends),
    ]
    product = values.product if _is(header, "PRODUCT") else None
    if values.product is not product:
        names.append("header_product")
    if not names:
        return values, names
    return msgspec.structs.replace(
        values, fields=fields, parameters=parameters, buttons=ends, product=product
    ), names


def _others(before: str, given: Mapping[_Key, str], kept: Mapping[_Key, str]) -> list[str]:
    return [f"{before}{key}" for key in given if key not in kept]


def _takes_value(definition: Definition, button: Button) -> bool:
    if button.type == "URL":
        return button.is_dynamic
    return button.type in _FILLED or (definition.is_authentication and button.is_otp)


def _is(header: Header | None, kind: str) -> bool:
    return header is not None and header.format == kind


def _filled(values: _Some) -> _Some:
    if all(text.strip() for text in CardValues.texts(values).values()):
        return values
    return msgspec.structs.replace(
        values,
        fields={key: text for key, text in values.fields.items() if text.strip()},
        parameters={key: text for key, text in values.parameters.items() if text.strip()},
        buttons={key: text for key, text in values.buttons.items() if text.strip()},
    )
