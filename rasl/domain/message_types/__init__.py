"""One file per message type; registering one is one line in MESSAGE_TYPES."""

from rasl.domain.message_types.base import Content
from rasl.domain.message_types.media import Audio, Document, Image, Sticker, Video
from rasl.domain.message_types.template import Template
from rasl.domain.message_types.text import Text

MESSAGE_TYPES: tuple[type[Content], ...] = (Text, Image, Video, Document, Audio, Sticker, Template)

_BY_NAME = {content.type_name: content for content in MESSAGE_TYPES}


def load(type_name: str, text: str | None, extra: object) -> Content:
    """Rebuild what a stored outbound message says from its columns."""
    return _BY_NAME[type_name].load(text, extra)
