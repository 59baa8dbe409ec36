"""Interactive messages: one file per kind; registering one is one line in KINDS (cloud-api section 2.3)."""

from rasl.domain.message_types.interactive.base import Interactive
from rasl.domain.message_types.interactive.button import Buttons
from rasl.domain.message_types.interactive.carousel import Carousel
from rasl.domain.message_types.interactive.catalog import (
    CatalogMessage,
    Product,
    ProductCarousel,
    ProductList,
)
from rasl.domain.message_types.interactive.choices import List
from rasl.domain.message_types.interactive.cta_url import LinkButton
from rasl.domain.message_types.interactive.flow import Flow
from rasl.domain.message_types.interactive.location_request import LocationRequest

KINDS: tuple[type[Interactive], ...] = (
    Buttons,
    List,
    LinkButton,
    LocationRequest,
    Flow,
    Product,
    ProductList,
    CatalogMessage,
    Carousel,
    ProductCarousel,
)

__all__ = [
    "KINDS",
    "Buttons",
    "Carousel",
    "CatalogMessage",
    "Flow",
    "Interactive",
    "LinkButton",
    "List",
    "LocationRequest",
    "Product",
    "ProductCarousel",
    "ProductList",
]
