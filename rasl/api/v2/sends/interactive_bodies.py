"""What requests for interactive messages say, one class per kind (api-v2 section 3.4)."""

from collections.abc import Mapping, Set
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from rasl.api.v2.sends.recipient import Recipient
from rasl.domain.message_types import interactive
from rasl.domain.message_types.interactive import Interactive, button, carousel, catalog, choices, flow
from rasl.domain.message_types.interactive.base import (
    HEADER_KINDS,
    BodyText,
    ButtonText,
    File,
    FooterText,
    HeaderText,
)
from rasl.domain.message_types.interactive.button import ReplyButtons
from rasl.domain.message_types.interactive.carousel import CARD_KINDS, CardBodies
from rasl.domain.message_types.interactive.catalog import CardProducts, CatalogId, ProductId, ProductSections
from rasl.domain.message_types.interactive.choices import Sections
from rasl.domain.message_types.interactive.cta_url import NOT_A_LINK, ButtonUrl
from rasl.domain.message_types.interactive.flow import FlowButtonText
from rasl.domain.validation import MAX_ID
from rasl.domain.validation.rules import Rule

FlowText = Annotated[str, msgspec.Meta(max_length=1000)]


class SendInteractive(Recipient, frozen=True, kw_only=True, tag_field="type"):
    """What every kind has: a content with the same names, and perhaps files of ours."""

    content_type: ClassVar[type[Interactive]]
    media_kinds: ClassVar[frozenset[str]] = HEADER_KINDS

    def media(self) -> dict[str, int]:
        """Return the ids of files, by the path of the field that names them."""
        return {}

    def content(self, kinds: Mapping[int, str]) -> Interactive:  # noqa: ARG002 - most have no files
        """Return what the message says, given what kind each of its files is."""
        return self.content_type(**self._own_values())

    def _own_values(self) -> dict[str, Any]:
        names = set(self.content_type.__struct_fields__) & set(self.__struct_fields__)
        return {name: getattr(self, name) for name in names}


class _Headed(SendInteractive, frozen=True, kw_only=True):
    """A kind whose header is a text or a file."""

    body_text: BodyText
    header_text: HeaderText | None = None
    header_media_id: (
        Annotated[
            int,
            msgspec.Meta(
                ge=1, le=MAX_ID, description="An image, video or document instead of `header_text`."
            ),
        ]
        | None
    ) = None
    footer_text: FooterText | None = None

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient, and allow one header."""
        problems = super().missing(given)
        if {"header_text", "header_media_id"} <= given:
            problems["header_media_id"] = ["The header_media_id field must not be given beside header_text"]
        return problems

    def media(self) -> dict[str, int]:
        """Return the file of the header."""
        return {} if self.header_media_id is None else {"header_media_id": self.header_media_id}

    def content(self, kinds: Mapping[int, str]) -> Interactive:
        """Return what the message says."""
        media_id = self.header_media_id
        file = None if media_id is None else File(media_id, kinds[media_id])
        return self.content_type(**self._own_values(), header_file=file)


class SendButtons(_Headed, frozen=True, kw_only=True, tag="button"):
    """Up to three buttons that answer for the recipient."""

    buttons: ReplyButtons

    content_type: ClassVar[type[Interactive]] = interactive.Buttons
    rules: ClassVar[tuple[Rule, ...]] = button.RULES


class SendList(SendInteractive, frozen=True, kw_only=True, tag="list"):
    """Up to ten choices behind one button."""

    body_text: BodyText
    list_button_text: ButtonText
    sections: Sections
    header_text: HeaderText | None = None
    footer_text: FooterText | None = None

    content_type: ClassVar[type[Interactive]] = interactive.Choices
    rules: ClassVar[tuple[Rule, ...]] = choices.RULES


class SendLinkButton(_Headed, frozen=True, kw_only=True, tag="cta_url"):
    """One button that opens a web page."""

    button_text: ButtonText
    button_url: ButtonUrl

    content_type: ClassVar[type[Interactive]] = interactive.LinkButton
    messages: ClassVar[dict[tuple[str, str], str]] = Recipient.messages | {
        ("button_url", "pattern"): NOT_A_LINK
    }


class SendLocationRequest(SendInteractive, frozen=True, kw_only=True, tag="location_request"):
    """A button that asks for the recipient's place."""

    body_text: BodyText

    content_type: ClassVar[type[Interactive]] = interactive.LocationRequest


class SendFlow(_Headed, frozen=True, kw_only=True, tag="flow"):
    """A button that opens a WhatsApp Flow, named by `flow_id` or `flow_name`."""

    flow_button_text: FlowButtonText
    flow_id: (
        Annotated[
            str, msgspec.Meta(max_length=100, description="The flow's id at Meta, unless flow_name is given.")
        ]
        | None
    ) = None
    flow_name: FlowText | None = None
    flow_token: (
        Annotated[str, msgspec.Meta(max_length=1000, description="Comes back with the answers.")] | None
    ) = None
    flow_mode: Literal["draft", "published"] | None = None
    flow_action: Literal["navigate", "data_exchange"] | None = None
    flow_screen: (
        Annotated[str, msgspec.Meta(max_length=1000, description="Where it begins (navigate).")] | None
    ) = None
    flow_data: (
        Annotated[
            dict[str, Any], msgspec.Meta(min_length=1, description="What its first screen gets (navigate).")
        ]
        | None
    ) = None

    content_type: ClassVar[type[Interactive]] = interactive.Flow
    rules: ClassVar[tuple[Rule, ...]] = flow.RULES

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient and one name of the flow."""
        return super().missing(given) | flow.missing(given)


class SendProduct(SendInteractive, frozen=True, kw_only=True, tag="product"):
    """One product of a catalogue."""

    catalog_id: CatalogId
    product_retailer_id: ProductId
    body_text: BodyText | None = None
    footer_text: FooterText | None = None

    content_type: ClassVar[type[Interactive]] = interactive.Product


class SendProductList(SendInteractive, frozen=True, kw_only=True, tag="product_list"):
    """Up to 30 products of a catalogue, in sections."""

    header_text: HeaderText
    body_text: BodyText
    catalog_id: CatalogId
    sections: ProductSections
    footer_text: FooterText | None = None

    content_type: ClassVar[type[Interactive]] = interactive.ProductList
    rules: ClassVar[tuple[Rule, ...]] = catalog.LIST_RULES


class SendCatalogMessage(SendInteractive, frozen=True, kw_only=True, tag="catalog_message"):
    """The whole catalogue behind one button."""

    body_text: BodyText
    footer_text: FooterText | None = None
    thumbnail_product_retailer_id: ProductId | None = None

    content_type: ClassVar[type[Interactive]] = interactive.CatalogMessage


class SendCarousel(SendInteractive, frozen=True, kw_only=True, tag="carousel"):
    """Cards to scroll through: each has an image or video, and all have a link or the same number of buttons."""

    body_text: BodyText
    cards: CardBodies

    content_type: ClassVar[type[Interactive]] = interactive.Carousel
    media_kinds: ClassVar[frozenset[str]] = CARD_KINDS
    rules: ClassVar[tuple[Rule, ...]] = carousel.RULES

    def media(self) -> dict[str, int]:
        """Return the files of the cards."""
        return {
            f"cards.{index}.header_media_id": card.header_media_id for index, card in enumerate(self.cards)
        }

    def content(self, kinds: Mapping[int, str]) -> Interactive:
        """Return what the message says."""
        cards = [
            carousel.Card(
                file=File(card.header_media_id, kinds[card.header_media_id]),
                body_text=card.body_text,
                button_text=card.button_text,
                button_url=card.button_url,
                buttons=card.buttons,
            )
            for card in self.cards
        ]
        return interactive.Carousel(body_text=self.body_text, cards=cards)


class SendProductCarousel(SendInteractive, frozen=True, kw_only=True, tag="product_carousel"):
    """Products of one catalogue as cards to scroll through."""

    body_text: BodyText
    catalog_id: CatalogId
    product_retailer_ids: CardProducts

    content_type: ClassVar[type[Interactive]] = interactive.ProductCarousel


AnyInteractive = (
    SendButtons
    | SendList
    | SendLinkButton
    | SendLocationRequest
    | SendFlow
    | SendProduct
    | SendProductList
    | SendCatalogMessage
    | SendCarousel
    | SendProductCarousel
)
