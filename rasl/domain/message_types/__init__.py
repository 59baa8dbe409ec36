"""One file per message type; registering one is one line in MESSAGE_TYPES."""

from rasl.domain.message_types import interactive
from rasl.domain.message_types.base import Content
from rasl.domain.message_types.contacts import Contacts
from rasl.domain.message_types.location import Location
from rasl.domain.message_types.media import Audio, Document, Image, Sticker, Video
from rasl.domain.message_types.reaction import Reaction
from rasl.domain.message_types.template import Template
from rasl.domain.message_types.text import Text

MESSAGE_TYPES: tuple[type[Content], ...] = (
    Text,
    Image,
    Video,
    Document,
    Audio,
    Sticker,
    Location,
    Contacts,
    Reaction,
    *interactive.KINDS,
    Template,
)

# Types that share a name are kept apart by their tag, which is stored as their `kind`.
_BY_NAME = {(content.type_name, content.__struct_config__.tag): content for content in MESSAGE_TYPES}


class UnknownTypeError(Exception):
    """A newer program, running beside this one during an update, stored a type that this one does not know."""


def load(type_name: str, text: str | None, extra: object) -> Content:
    """Rebuild what a stored outbound message says from its columns; raises UnknownTypeError."""
    kind = extra.get("kind") if isinstance(extra, dict) else None
    content = _BY_NAME.get((type_name, kind))
    if content is None:
        raise UnknownTypeError(f"this program does not know messages of type {type_name}")
    return content.load(text, extra)
