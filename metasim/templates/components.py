"""The components of a template: checked as Meta checks them, and put into the form they are read back in."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from metasim.config import SimulatorConfig
from metasim.errors import template_refusal
from metasim.templates.authentication import written_authentication
from metasim.templates.buttons import written_buttons
from metasim.templates.texts import Json, missing, objects, text_of, upper, wrong
from metasim.templates.variables import VARIABLE, check_body_variables, check_variables, variables_of

_MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "GIF"})
_FORMATS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "GIF", "LOCATION", "PRODUCT")
_BODY, _OFFER_BODY, _CARD_BODY = 1024, 600, 160
_MOST_EMOJI = 10


class Draft(NamedTuple):
    """What the components are checked against."""

    category: str
    parameter_format: str
    config: SimulatorConfig
    handles: Collection[str]
    body_limit: int = _BODY
    is_card: bool = False


def written_components(value: object, draft: Draft) -> list[Json]:
    """Checked components in the form they are read back in."""
    given = objects(value, "components")
    kinds = [upper(component.get("type")) for component in given]
    for kind in kinds:
        if kind not in _WRITERS and kind != "BUTTONS":
            known = ", ".join(sorted((*_WRITERS, "BUTTONS")))
            raise wrong(f'The component type must be one of {{{known}}} - got "{kind}".')
        if kinds.count(kind) > 1:
            raise wrong(f"A template can have only one component of type {kind}.")
    if draft.category == "AUTHENTICATION":
        written = written_authentication(given)
        buttons = given[kinds.index("BUTTONS")].get("buttons")
        return [*written, {"type": "BUTTONS", "buttons": written_buttons(buttons, draft.category)}]
    if "BODY" not in kinds and not draft.is_card:
        raise missing("BODY", "text")
    _check_combination(kinds, draft)
    if "LIMITED_TIME_OFFER" in kinds:
        draft = draft._replace(body_limit=_OFFER_BODY)
    written = [_written(component, kind, draft) for component, kind in zip(given, kinds, strict=True)]
    _check_same_text(written)
    return written


def _written(component: Json, kind: str, draft: Draft) -> Json:
    if kind == "BUTTONS":
        most = 2 if draft.is_card else 10
        return {"type": kind, "buttons": written_buttons(component.get("buttons"), draft.category, most)}
    return {"type": kind, **_WRITERS[kind](component, draft)}


def _check_combination(kinds: list[str], draft: Draft) -> None:
    for kind in ("LIMITED_TIME_OFFER", "CAROUSEL"):
        if kind in kinds and draft.category != "MARKETING":
            raise wrong(f"Components of type {kind} are for marketing templates.")
    if "LIMITED_TIME_OFFER" in kinds and "FOOTER" in kinds:
        raise wrong("A template with a limited-time offer cannot have a footer.")
    if "CAROUSEL" in kinds and {"HEADER", "FOOTER", "BUTTONS"}.intersection(kinds):
        raise wrong("Next to a carousel there can only be a body.")


def _check_same_text(written: list[Json]) -> None:
    texts = {part["type"]: part.get("text") for part in written}
    if texts.get("FOOTER") is not None and texts.get("FOOTER") == texts.get("BODY"):
        raise wrong("Body and footer have the same text.")


def _header(component: Json, draft: Draft) -> Json:
    form = upper(component.get("format") or "TEXT")
    if form not in _FORMATS:
        raise template_refusal(
            "Message header format is incorrect", f"format must be one of {', '.join(_FORMATS)}.", 2388047
        )
    if draft.is_card and form not in {"IMAGE", "VIDEO", "PRODUCT"}:
        raise wrong("The header of a card is an image, a video or a product.")
    if form == "TEXT":
        return _text_header(component, draft)
    if form in _MEDIA_FORMATS:
        return {"format": form, "example": {"header_handle": _handles(component, draft)}}
    return {"format": form}


def _text_header(component: Json, draft: Draft) -> Json:
    text = text_of(component, "text", "HEADER", 60)
    if any(mark in text for mark in ("\n", "*", "~", "`")):
        raise template_refusal(
            "Message header format is incorrect",
            "The message header can't have new lines, formatting characters, emojis or asterisks.",
            2388047,
        )
    names = check_variables(text, "HEADER", draft.parameter_format)
    if len(names) > 1:
        raise template_refusal(
            "Message header format is incorrect", "The message header can have one variable.", 2388047
        )
    written: Json = {"format": "TEXT", "text": text}
    if names:
        written["example"] = _example(component, "HEADER", "header_text", names, draft)
    return written


def _handles(component: Json, draft: Draft) -> list[str]:
    handles = (component.get("example") or {}).get("header_handle")
    handles = [handles] if isinstance(handles, str) else handles
    if not isinstance(handles, list) or not handles or not all(isinstance(one, str) for one in handles):
        raise missing("HEADER", "example")
    if draft.config.template_handles and handles[0] not in draft.handles:
        raise wrong("The header_handle is not the handle of an uploaded file.")
    return handles


def _body(component: Json, draft: Draft) -> Json:
    text = text_of(component, "text", "BODY", draft.body_limit)
    if text.count("\n") > 2 and "\n\n\n" in text:
        raise template_refusal(
            "Message body format is incorrect",
            "The message body can't have more than two consecutive newline characters, only have parameters,"
            f" or have more than {_MOST_EMOJI} emojis.",
            2388072,
        )
    names = check_variables(text, "BODY", draft.parameter_format)
    check_body_variables(text, draft.config)
    written: Json = {"text": text}
    if names:
        written["example"] = _example(component, "BODY", "body_text", names, draft)
    return written


def _example(component: Json, place: str, key: str, names: list[str], draft: Draft) -> Json:
    example = component.get("example") or {}
    if draft.parameter_format == "NAMED":
        given = example.get(f"{key}_named_params")
        if not isinstance(given, list):
            raise missing(place, "example")
        named = {item.get("param_name") for item in given if isinstance(item, dict) and item.get("example")}
        if lacking := [name for name in names if name not in named]:
            raise missing(place, f"example of {lacking[0]}")
        return {f"{key}_named_params": given}
    values = example.get(key)
    if not isinstance(values, list) or not values:
        raise missing(place, "example")
    rows = values if place == "BODY" and isinstance(values[0], list) else [values]
    if len(rows[0]) != len(names) or not all(isinstance(value, str) and value for value in rows[0]):
        raise missing(place, "example")
    return {key: rows if place == "BODY" else values}


def _footer(component: Json, _draft: Draft) -> Json:
    text = text_of(component, "text", "FOOTER", 60)
    if VARIABLE.search(text) or "\n" in text:
        raise template_refusal(
            "Message footer format is incorrect",
            "The message footer can't have variables or new lines.",
            2388073,
        )
    return {"text": text}


def _offer(component: Json, _draft: Draft) -> Json:
    offer = component.get("limited_time_offer")
    if not isinstance(offer, dict):
        raise missing("LIMITED_TIME_OFFER", "limited_time_offer")
    text = text_of(offer, "text", "LIMITED_TIME_OFFER", 16)
    return {"limited_time_offer": {"text": text, "has_expiration": bool(offer.get("has_expiration", True))}}


def _carousel(component: Json, draft: Draft) -> Json:
    cards = objects(component.get("cards"), "cards")
    if not 2 <= len(cards) <= 10:
        raise wrong("A carousel has 2 to 10 cards.")
    card_draft = draft._replace(body_limit=_CARD_BODY, is_card=True)
    written = [{"components": written_components(card.get("components"), card_draft)} for card in cards]
    shapes = {_shape(card["components"]) for card in written}
    if len(shapes) > 1:
        raise wrong("All cards must have the same components.")
    kinds = [part["type"] for part in written[0]["components"]]
    if "HEADER" not in kinds or "BUTTONS" not in kinds:
        raise wrong("Every card needs a header and buttons.")
    return {"cards": written}


def _shape(components: list[Json]) -> tuple[tuple[str, ...], ...]:
    shape = []
    for part in components:
        kinds = [button["type"] for button in part.get("buttons", ())]
        shape.append((part["type"], part.get("format", ""), *kinds))
    return tuple(sorted(shape))


def _order(component: Json, _draft: Draft) -> Json:
    return {key: value for key, value in component.items() if key != "type"}


_WRITERS: dict[str, Callable[[Json, Draft], Json]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "LIMITED_TIME_OFFER": _offer,
    "CAROUSEL": _carousel,
    "CALL_PERMISSION_REQUEST": _order,
    "ORDER_DETAILS": _order,
    "ORDER_STATUS": _order,
    "TAP_TARGET_CONFIGURATION": _order,
}


def as_read(components: object) -> list[Json]:
    """Components the control API gives, unchecked, with the types Meta reads back in upper case."""
    if not isinstance(components, list):
        return []
    return [_as_read(component) for component in components if isinstance(component, dict)]


def _as_read(component: Json) -> Json:
    written = {**component, "type": upper(component.get("type"))}
    if "format" in component:
        written["format"] = upper(component["format"])
    if isinstance(component.get("buttons"), list):
        written["buttons"] = [
            {**button, "type": upper(button.get("type"))} for button in component["buttons"]
        ]
    if isinstance(component.get("cards"), list):
        written["cards"] = [
            {**card, "components": as_read(card.get("components"))} for card in component["cards"]
        ]
    return written


def guessed_format(components: list[Json]) -> str:
    """Named, as soon as one text has a variable with a name."""
    texts = [str(part.get("text", "")) for part in components]
    named = any(not name.isdigit() for text in texts for name in variables_of(text))
    return "NAMED" if named else "POSITIONAL"
