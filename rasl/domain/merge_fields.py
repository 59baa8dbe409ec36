"""Merge fields such as `@{contact_first_name}`, replaced from the recipient before sending (api-v2 section 1.14)."""

import re
from collections.abc import Mapping

ATTRIBUTE_PREFIX = "contact_attr_"
_TOKEN = re.compile(r"@\{([a-z][a-z0-9_]*)\}", re.ASCII)


def has_fields(text: str) -> bool:
    """Tell cheaply whether rendering could change the text."""
    return "@{" in text


def render(text: str, values: Mapping[str, str | None]) -> str:
    """Replace known fields, an absent value by nothing; leave unknown ones untouched.

    Every attribute is known: one that the contact lacks is an absent value. Replacement is a single pass: a contact
    named `@{contact_email}` does not unfold into an address.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name] or ""
        return "" if name.startswith(ATTRIBUTE_PREFIX) else match[0]

    return _TOKEN.sub(value, text)
