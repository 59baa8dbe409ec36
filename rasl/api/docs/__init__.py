"""The OpenAPI document, and pages of our own that show it and the guides."""

from rasl.api.docs.document import document
from rasl.api.docs.pages import handlers

__all__ = ["document", "handlers"]
