"""Text messages."""

from typing import Any

from metasim.validation.rules import known_keys, optional_flag, required_object, required_text
from metasim.validation.scene import Scene

MOST = 4096
_KEYS = frozenset({"body", "preview_url"})


def check_text(content: Any, _scene: Scene) -> None:
    """A body of 1 to 4096 characters and an optional preview flag."""
    text = required_object(content, "text")
    known_keys(text, "text", _KEYS)
    required_text(text.get("body"), "text['body']", MOST)
    optional_flag(text.get("preview_url"), "text['preview_url']")
