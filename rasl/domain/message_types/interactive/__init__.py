"""Interactive messages: one file per kind; registering one is one line in KINDS (cloud-api section 2.3)."""

from rasl.domain.message_types.interactive import button, carousel, catalog, choices, cta_url, flow
from rasl.domain.message_types.interactive.base import Interactive
from rasl.domain.message_types.interactive.location_request import LocationRequest

__all__ = ["KINDS", "Interactive"]

KINDS: tuple[type[Interactive], ...] = (
    button.Buttons,
    choices.List,
    cta_url.LinkButton,
    LocationRequest,
    flow.Flow,
    catalog.Product,
    catalog.ProductList,
    catalog.CatalogMessage,
    carousel.Carousel,
    catalog.ProductCarousel,
)
