"""A template as Meta lists it, and what tells one definition from the next."""

import hashlib
from typing import Any

import msgspec


class Listed(msgspec.Struct, frozen=True):
    """One template as Meta lists it, its words in capitals."""

    template_id: str
    name: str
    language: str
    status: str
    category: str
    sub_category: str | None
    previous_category: str | None
    correct_category: str | None
    components: list[Any]
    parameter_format: str
    quality: str | None
    rejected_reason: str | None
    message_send_ttl_seconds: int | None

    @property
    def body_text(self) -> str:
        """Return the text of the body."""
        texts = [part.get("text") for part in self.components if part.get("type") == "BODY"]
        return next((text for text in texts if isinstance(text, str)), "")

    def digest(self) -> bytes:
        """Return what two readings of one definition have in common.

        Meta gives an example file another address on every read: that makes no other definition.
        """
        stable = [self.category, self.parameter_format, _without_addresses(self.components)]
        return hashlib.sha256(msgspec.json.encode(stable, order="sorted")).digest()


def _without_addresses(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_addresses(item) for key, item in value.items() if key != "header_handle"}
    return [_without_addresses(item) for item in value] if isinstance(value, list) else value
