"""A template as the person sees it, with values in place; as plain text or as safe HTML."""

import html
import re
from collections.abc import Mapping

import msgspec

from rasl.domain.templates.definition import Button, Card, Definition, Text, fill

# WhatsApp's own marks: *bold*, _italic_, ~struck~, ```mono```.
_MARKS = (
    (re.compile(r"```(.+?)```", re.DOTALL), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), r"<s>\1</s>"),
)


class PreviewButton(msgspec.Struct, frozen=True):
    """A button as it is shown."""

    type: str
    text: str
    url: str | None = None


class PreviewCard(msgspec.Struct, frozen=True):
    """A card of a carousel as it is shown."""

    header: str | None
    body: str | None
    buttons: list[PreviewButton]


class Preview(msgspec.Struct, frozen=True):
    """A message as it is shown; `missing` names the fields that have no value yet."""

    header_format: str
    header: str | None
    body: str
    footer: str | None
    buttons: list[PreviewButton]
    cards: list[PreviewCard]
    html: str
    missing: list[str]


def render(definition: Definition, values: Mapping[str, str]) -> Preview:
    """Show a template with values by field name such as `field_1` or `button_0`; what has none stays a variable."""
    header, body = definition.header, _filled(definition.body, values, "")
    head = None
    missing = _missing(definition.body, values, "")
    if header is not None and header.format == "TEXT":
        given = values.get("header_field_1")
        head = fill(header.text.text, {} if given is None else dict.fromkeys(header.text.variables, given))
        if header.text.variables and given is None:
            missing.insert(0, "header_field_1")
    for place, card in enumerate(definition.cards):
        missing += _missing(card.body or Text(""), values, f"cards.{place}.")
    return Preview(
        header_format=header.format if header else "NONE",
        header=head,
        body=body,
        footer=definition.footer,
        buttons=_buttons(definition.buttons, values, ""),
        cards=[_card(card, values, f"cards.{place}.") for place, card in enumerate(definition.cards)],
        html=_html(head, body, definition.footer),
        missing=missing,
    )


def _card(card: Card, values: Mapping[str, str], prefix: str) -> PreviewCard:
    return PreviewCard(
        header=card.header.format if card.header else None,
        body=_filled(card.body, values, prefix) if card.body else None,
        buttons=_buttons(card.buttons, values, prefix),
    )


def _buttons(buttons: tuple[Button, ...], values: Mapping[str, str], prefix: str) -> list[PreviewButton]:
    shown = []
    for button in buttons:
        end = values.get(f"{prefix}button_{button.index}")
        url = fill(button.url, {} if end is None else {"1": end}) if button.url else None
        shown.append(PreviewButton(button.type, button.text, url))
    return shown


def _filled(text: Text, values: Mapping[str, str], prefix: str) -> str:
    fields = _fields(text, prefix)
    return fill(text.text, {name: values[field] for field, name in fields.items() if field in values})


def _missing(text: Text, values: Mapping[str, str], prefix: str) -> list[str]:
    return [field for field in _fields(text, prefix) if field not in values]


def _fields(text: Text, prefix: str) -> dict[str, str]:
    """Return the variables of a body by the fields that fill them."""
    return {f"{prefix}field_{place}": name for place, name in enumerate(text.variables, 1)}


def _html(header: str | None, body: str, footer: str | None) -> str:
    above = f"<p><b>{html.escape(header)}</b></p>" if header else ""
    below = f"<p><small>{html.escape(footer)}</small></p>" if footer else ""
    return f"{above}<p>{_marked(body)}</p>{below}"


def _marked(text: str) -> str:
    shown = html.escape(text)
    for pattern, replacement in _MARKS:
        shown = pattern.sub(replacement, shown)
    return shown.replace("\n", "<br>")
