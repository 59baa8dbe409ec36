"""What Meta checks before it accepts a message: one module per family of types."""

from collections.abc import Callable
from typing import Any

from metasim.errors import invalid
from metasim.validation.interactive import check_interactive
from metasim.validation.media import (
    check_audio,
    check_document,
    check_image,
    check_sticker,
    check_video,
)
from metasim.validation.people import check_contacts, check_location, check_pin, check_reaction
from metasim.validation.scene import Scene
from metasim.validation.template import check_template
from metasim.validation.text import check_text

VALIDATORS: dict[str, Callable[[Any, Scene], None]] = {
    "audio": check_audio,
    "contacts": check_contacts,
    "document": check_document,
    "image": check_image,
    "interactive": check_interactive,
    "location": check_location,
    "pin": check_pin,
    "reaction": check_reaction,
    "sticker": check_sticker,
    "template": check_template,
    "text": check_text,
    "video": check_video,
}

_NAMED = (
    "AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, PIN, REACTION, STICKER,"
    " TEMPLATE, TEXT, VIDEO"
)


def check_content(kind: str, content: Any, scene: Scene) -> None:
    """Refuse content Meta would refuse for this type."""
    validator = VALIDATORS.get(kind)
    if validator is None:
        raise invalid(f'Param type must be one of {{{_NAMED}}} - got "{kind}".')
    validator(content, scene)
