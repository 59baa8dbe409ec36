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
    filled = _filled(values)
    if values.header_field is not None and not values.header_field.strip():
        filled = msgspec.structs.replace(filled, header_field=None)
    if values.cards:
        filled = msgspec.structs.replace(filled, cards=tuple(map(_filled, values.cards)))
    return filled


def fitting(definition: Definition, values: Values) -> Fitting:
    """Tell the values that the template has a place for from those it has none for."""
    header = definition.header
    in_header = header.text.variables if header else ()
    kept, names = _sorted(definition, values, definition.body, definition.buttons, header, in_header)
    for field, attribute in _SINGLE.items():
        value = getattr(values, attribute)
        if value is not None and value != () and not _has_place(definition, field):
            kept = msgspec.structs.replace(kept, **{attribute: () if value.__class__ is tuple else None})
            names.append(field)
    if values.cards:
        cards, of_cards = _sorted_cards(definition, values.cards)
        kept = msgspec.structs.replace(kept, cards=cards)
        names += of_cards
    return Fitting(kept, tuple(names))


def _has_place(definition: Definition, field: str) -> bool:
    header = definition.header
    match field:
        case "header_field_1":
            return header is not None and bool(header.text.variables)
        case "header_location":
            return _is(header, "LOCATION")
        case "limited_time_offer_expiration_ms":
            return definition.offer is not None and definition.offer.has_expiration
    wanted = "FLOW" if field == "flow_action_data" else "MPM"
    parts = (definition.buttons, *(card.buttons for card in definition.cards))
    return any(button.type == wanted for buttons in parts for button in buttons)


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
    names = [f"field_{place}" for place in values.fields if place > most]
    names += [
        f"parameters.{name}"
        for name in values.parameters
        if name not in body.variables and name not in in_header
    ]
    names += [
        f"button_{place}"
        for place in values.buttons
        if not any(button.index == place and _takes_value(definition, button) for button in buttons)
    ]
    if values.product is not None and not _is(header, "PRODUCT"):
        names.append("header_product")
    if not names:
        return values, names
    left_out = set(names)
    return msgspec.structs.replace(
        values,
        fields=_kept("field_", values.fields, left_out),
        parameters=_kept("parameters.", values.parameters, left_out),
        buttons=_kept("button_", values.buttons, left_out),
        product=None if "header_product" in left_out else values.product,
    ), names


def _kept(before: str, given: Mapping[_Key, str], left_out: Collection[str]) -> dict[_Key, str]:
    return {key: text for key, text in given.items() if f"{before}{key}" not in left_out}


def _takes_value(definition: Definition, button: Button) -> bool:
    if button.type == "URL":
        return button.is_dynamic
    return button.type in _FILLED or (definition.is_authentication and button.is_otp)


def _is(header: Header | None, kind: str) -> bool:
    return header is not None and header.format == kind


def _filled(values: _Some) -> _Some:
    texts = (*values.fields.values(), *values.parameters.values(), *values.buttons.values())
    if all(map(str.strip, texts)):
        return values
    return msgspec.structs.replace(
        values,
        fields={key: text for key, text in values.fields.items() if text.strip()},
        parameters={key: text for key, text in values.parameters.items() if text.strip()},
        buttons={key: text for key, text in values.buttons.items() if text.strip()},
    )
