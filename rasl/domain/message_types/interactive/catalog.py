"""Products of a catalogue: one, a list, cards to scroll through, or the whole catalogue."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.base import TextRule, present
from rasl.domain.message_types.interactive.base import (
    MAX_BODY,
    MAX_HEADER,
    BodyText,
    Footed,
    HeaderText,
    Interactive,
    Titled,
)
from rasl.domain.message_types.interactive.choices import MAX_SECTIONS, SectionTitle
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, at_most_in_all, required_beside_others

MAX_PRODUCTS = 30
CatalogId = Annotated[str, msgspec.Meta(max_length=100, description="The catalogue's id at Meta.")]
ProductId = Annotated[
    str, msgspec.Meta(max_length=200, description="The product's id in the catalogue (content id).")
]


class CatalogSection(Body, frozen=True):
    """Products under one title, which may be left out when there is only one section."""

    product_retailer_ids: Annotated[list[ProductId], msgspec.Meta(min_length=1, max_length=MAX_PRODUCTS)]
    title: SectionTitle | None = None


ProductSections = Annotated[list[CatalogSection], msgspec.Meta(min_length=1, max_length=MAX_SECTIONS)]
CardProducts = Annotated[
    list[ProductId], msgspec.Meta(min_length=2, max_length=10, description="One card each, in this order.")
]


class Product(Footed, frozen=True, kw_only=True, tag="product"):
    """One product of a catalogue."""

    body_text: BodyText | None = None  # type: ignore[assignment]  # the only kind that can do without
    catalog_id: CatalogId
    product_retailer_id: ProductId

    texts: ClassVar[Mapping[str, TextRule]] = {**Footed.texts, "body_text": TextRule(MAX_BODY)}

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - products have no files of ours
        """Return the product."""
        return {"catalog_id": self.catalog_id, "product_retailer_id": self.product_retailer_id}


class ProductList(Titled, frozen=True, kw_only=True, tag="product_list"):
    """Up to 30 products of a catalogue, in sections."""

    header_text: HeaderText
    catalog_id: CatalogId
    sections: ProductSections

    texts: ClassVar[Mapping[str, TextRule]] = {
        **Titled.texts,
        "header_text": TextRule(MAX_HEADER, is_required=True),
    }
    rules: ClassVar[tuple[Rule, ...]] = (
        at_most_in_all("sections", "sections.*.product_retailer_ids.*", MAX_PRODUCTS, "products"),
        required_beside_others("sections", "title"),
    )

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - products have no files of ours
        """Return the products."""
        sections = [
            present(
                title=section.title,
                product_items=[{"product_retailer_id": item} for item in section.product_retailer_ids],
            )
            for section in self.sections
        ]
        return {"catalog_id": self.catalog_id, "sections": sections}


class CatalogMessage(Footed, frozen=True, kw_only=True, tag="catalog_message"):
    """The whole catalogue behind one button."""

    thumbnail_product_retailer_id: ProductId | None = None

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - products have no files of ours
        """Return the button, with the product whose picture stands for all."""
        parameters = present(thumbnail_product_retailer_id=self.thumbnail_product_retailer_id)
        return present(name="catalog_message", parameters=parameters or None)


class ProductCarousel(Interactive, frozen=True, kw_only=True, tag="product_carousel"):
    """Products of one catalogue as cards to scroll through."""

    catalog_id: CatalogId
    product_retailer_ids: CardProducts

    graph_kind: ClassVar[str | None] = "carousel"

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - products have no files of ours
        """Return the cards."""
        cards = [
            {
                "card_index": index,
                "type": "product",
                "action": {"product_retailer_id": product, "catalog_id": self.catalog_id},
            }
            for index, product in enumerate(self.product_retailer_ids)
        ]
        return {"cards": cards}
