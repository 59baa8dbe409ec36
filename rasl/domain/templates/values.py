"""What a caller gives for a template's variables, files and buttons."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec

from rasl.domain import merge_fields


class HeaderFile(msgspec.Struct, frozen=True):
    """The file for a media header: its kind, our id of it, and the request field it came in."""

    kind: str  # image, video or document
    field: str
    media_id: int = 0  # 0 while it is not stored yet
    filename: str | None = None


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place for a LOCATION header."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The product for a PRODUCT header."""

    product_retailer_id: str
    catalog_id: str


class ProductSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Products under a title, for a button that shows several."""

    title: str
    product_retailer_ids: list[str]


class CardValues(msgspec.Struct, frozen=True, kw_only=True):
    """Values for one card of a carousel, or what a card and the message itself have in common."""

    file: HeaderFile | None = None
    product: Product | None = None
    fields: Mapping[int, str] = {}
    parameters: Mapping[str, str] = {}
    buttons: Mapping[int, str] = {}

    def has_merge_fields(self) -> bool:
        """Tell whether merging could change anything."""
        return any(map(merge_fields.has_fields, self.texts().values()))

    def merge_problems(self, values: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Return what is wrong with merge fields, by the field of the request."""
        found = {field: merge_fields.problem(text, values) for field, text in self.texts().items()}
        return {field: [problem] for field, problem in found.items() if problem}

    def texts(self) -> dict[str, str]:
        """Return every text that may hold merge fields, by the field of a request it came in."""
        return {
            **{f"field_{place}": text for place, text in self.fields.items()},
            **{f"parameters.{name}": text for name, text in self.parameters.items()},
            **{f"button_{place}": text for place, text in self.buttons.items()},
        }

    def merged(self, values: Mapping[str, str | None]) -> Self:
        """Replace merge fields in every text."""
        return self.changed(lambda text: merge_fields.render(text, values))

    def changed(self, change: Callable[[str], str]) -> Self:
        """Apply a change to every text."""
        return msgspec.structs.replace(
            self,
            fields={key: change(text) for key, text in self.fields.items()},
            parameters={key: change(text) for key, text in self.parameters.items()},
            buttons={key: change(text) for key, text in self.buttons.items()},
        )


class Values(CardValues, frozen=True, kw_only=True):
    """Values for a whole message."""

    header_field: str | None = None
    location: Location | None = None
    expires_at_ms: int | None = None
    flow_action_data: dict[str, Any] | None = None
    product_sections: tuple[ProductSection, ...] = ()
    cards: tuple[CardValues, ...] = ()
    code_field: int = 1  # which body field is the code of an authentication template

    def texts(self) -> dict[str, str]:
        """Return every text that may hold merge fields, by the field of a request it came in."""
        header = {"header_field_1": self.header_field} if self.header_field else {}
        cards = {
            f"cards.{place}.{field}": text
            for place, card in enumerate(self.cards)
            for field, text in card.texts().items()
        }
        return {**super().texts(), **header, **cards}

    def without_code(self) -> Self:
        """Return the values with a stand-in for the code, which is kept sealed elsewhere."""
        if self.code_field not in self.fields:
            return self
        return msgspec.structs.replace(self, fields={**self.fields, self.code_field: STAND_IN}, buttons={})

    def changed(self, change: Callable[[str], str]) -> Self:
        """Apply a change to every text."""
        return msgspec.structs.replace(
            super().changed(change),
            header_field=None if self.header_field is None else change(self.header_field),
            cards=tuple(card.changed(change) for card in self.cards),
        )


STAND_IN = "000000"
