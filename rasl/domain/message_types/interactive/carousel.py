"""Cards to scroll through, each with a picture or video and either a link or buttons."""

from collections.abc import Mapping, Set
from typing import Annotated, Any, ClassVar, Self

import msgspec

from rasl.domain import merge_fields
from rasl.domain.message_types.base import TextRule, fill_texts, present
from rasl.domain.message_types.interactive.base import ButtonText, File, Interactive
from rasl.domain.message_types.interactive.button import MAX_BUTTONS
from rasl.domain.message_types.interactive.cta_url import NOT_A_LINK, ButtonUrl, link_action
from rasl.domain.validation import MAX_ID, Body
from rasl.domain.validation.rules import Rule, alike, distinct, where
from rasl.errors import ValidationFailed

MAX_CARD_BODY = 160
MAX_LINE_BREAKS = 2
CARD_KINDS = frozenset({"image", "video"})
_CARD_TEXTS = {"body_text": TextRule(MAX_CARD_BODY)}


class CardButton(Body, frozen=True):
    """A button on a card; its id comes back when it is tapped."""

    id: Annotated[str, msgspec.Meta(max_length=20, description="Comes back when the button is tapped.")]
    title: ButtonText


class CardBody(Body, frozen=True):
    """What a request says about a card: a file, and either a link or buttons."""

    header_media_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID, description="An image or a video.")]
    body_text: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=MAX_CARD_BODY,
                description="At most 2 line breaks; may hold merge fields.",
                extra={"verbatim": True},
            ),
        ]
        | None
    ) = None
    button_text: ButtonText | None = None
    button_url: ButtonUrl | None = None
    buttons: Annotated[list[CardButton], msgspec.Meta(min_length=1, max_length=MAX_BUTTONS)] | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = {("button_url", "pattern"): NOT_A_LINK}

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require either a link, which is a text and an address, or buttons."""
        link = {"button_text", "button_url"}
        if "buttons" in given:
            return {name: ["A card has either a link or buttons"] for name in sorted(given & link)}
        if not given & link:
            return {"buttons": ["A card needs buttons, or button_text and button_url"]}
        return {name: ["A link needs button_text and button_url"] for name in sorted(link - given)}


def _has_too_many_lines(text: str) -> bool:
    return text.count("\n") > MAX_LINE_BREAKS


def _button_kind(card: Mapping[str, Any]) -> str | None:
    buttons = card.get("buttons")
    if isinstance(buttons, list):
        return f"{len(buttons)} buttons"
    return "a link" if card.get("button_url") else None


CardBodies = Annotated[list[CardBody], msgspec.Meta(min_length=2, max_length=10)]


class Card(msgspec.Struct, frozen=True):
    """A card."""

    file: File
    body_text: str | None = None
    button_text: str | None = None
    button_url: str | None = None
    buttons: list[CardButton] | None = None

    def graph_fields(self, index: int, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the card's object."""
        return present(
            card_index=index,
            type="cta_url",
            header=self.file.header(uploaded),
            body={"text": self.body_text} if self.body_text else None,
            action=self._action(),
        )

    def _action(self) -> dict[str, Any]:
        if self.button_text and self.button_url:
            return link_action(self.button_text, self.button_url)
        replies = msgspec.to_builtins(self.buttons or ())
        return {"buttons": [{"type": "quick_reply", "quick_reply": reply} for reply in replies]}


class Carousel(Interactive, frozen=True, kw_only=True, tag="carousel"):
    """Cards to scroll through: each has an image or video, and all have a link or the same number of buttons."""

    cards: list[Card]

    asked: ClassVar[Mapping[str, tuple[str, Any]]] = {"cards": ("cards", CardBodies)}
    media_kinds: ClassVar[frozenset[str]] = CARD_KINDS
    rules: ClassVar[tuple[Rule, ...]] = (
        where(
            "cards.*.body_text", _has_too_many_lines, f"must not have more than {MAX_LINE_BREAKS} line breaks"
        ),
        alike("cards", _button_kind, "have the same buttons as the others"),
        distinct("buttons.*.id", within="cards.*"),
        distinct("buttons.*.title", within="cards.*"),
    )

    def needs_rendering(self) -> bool:
        """Tell whether the text or a card holds a merge field."""
        texts = (card.body_text or "" for card in self.cards)
        return super().needs_rendering() or any(map(merge_fields.has_fields, texts))

    def rendered(self, values: Mapping[str, str | None]) -> Self:
        """Replace merge fields in the text and on the cards; names what breaks a limit on any of them."""
        filled, problems = fill_texts(self, self.texts, values)
        cards = []
        for index, card in enumerate(self.cards):
            path = f"cards.{index}."
            texts, wrong = fill_texts(card, _CARD_TEXTS, values, path)
            if _has_too_many_lines(texts.get("body_text") or ""):
                wrong.setdefault(
                    f"{path}body_text", [f"The {path}body_text has more than 2 line breaks after merging"]
                )
            problems |= wrong
            cards.append(msgspec.structs.replace(card, **texts))
        if problems:
            raise ValidationFailed(problems)
        return msgspec.structs.replace(self, **filled, cards=cards)

    def media_ids(self) -> tuple[int, ...]:
        """Return the files of the cards, each once."""
        return tuple(dict.fromkeys(card.file.id for card in self.cards))

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the cards."""
        return {"cards": [card.graph_fields(index, uploaded) for index, card in enumerate(self.cards)]}
