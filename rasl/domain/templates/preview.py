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
        names = {
            name: values["header_field_1"] for name in header.text.variables if "header_field_1" in values
        }
        head = fill(header.text.text, names)
        missing = [*(["header_field_1"] if header.text.variables and not names else []), *missing]
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
    return [
        PreviewButton(
            button.type,
            button.text,
            fill(
                button.url,
                {"1": values[field]} if (field := f"{prefix}button_{button.index}") in values else {},
            )
            if button.url
            else None,
        )
        for button in buttons
    ]


def _filled(text: Text, values: Mapping[str, str], prefix: str) -> str:
    found = {
        name: values[field]
        for place, name in enumerate(text.variables, 1)
        for field in (f"{prefix}field_{place}",)
        if field in values
    }
    return fill(text.text, found)


def _missing(text: Text, values: Mapping[str, str], prefix: str) -> list[str]:
    fields = [f"{prefix}field_{place}" for place in range(1, len(text.variables) + 1)]
    return [field for field in fields if field not in values]


def _html(header: str | None, body: str, footer: str | None) -> str:
    parts = [
        f"<p><b>{html.escape(header)}</b></p>" if header else "",
        f"<p>{_marked(body)}</p>",
        f"<p><small>{html.escape(footer)}</small></p>" if footer else "",
    ]
    return "".join(parts)


def _marked(text: str) -> str:
    shown = html.escape(text)
    for pattern, replacement in _MARKS:
        shown = pattern.sub(replacement, shown)
    return shown.replace("\n", "<br>")
