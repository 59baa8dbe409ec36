"""Merge fields such as `@{contact_first_name}`, replaced from the recipient before sending (api-v2 section 1.14)."""

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"@\{([a-z_]+)\}")


def has_fields(text: str) -> bool:
    """Tell cheaply whether rendering could change the text."""
    return "@{" in text


def render(text: str, values: Mapping[str, str | None]) -> str:
    """Replace known fields, an absent value by nothing; leave unknown ones untouched.

    Replacement is a single pass: a contact named `@{contact_email}` does not unfold into an address.
    """
    return _TOKEN.sub(lambda match: (values[match[1]] or "") if match[1] in values else match[0], text)
