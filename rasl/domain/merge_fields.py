r"""Merge fields such as `@{contact_first_name|there}`, filled from the recipient before sending (api-v2 section 1.14).

What follows a bar stands in for a value that is empty or absent; `\}` and `\\` in it are a brace and a backslash.
"""

import re
from collections.abc import Mapping

ATTRIBUTE_PREFIX = "contact_attr_"
# Each sign of a default can be read in one way only, or a text of backslashes would take for ever.
_TOKEN = re.compile(r"@\{([a-z][a-z0-9_]*)(?:\|((?:\\[\\}]|\\(?![\\}])|[^\\}])*))?\}", re.ASCII)
_ESCAPED = re.compile(r"\\([\\}])")


def has_fields(text: str) -> bool:
    """Tell cheaply whether rendering could change the text."""
    return "@{" in text


def render(text: str, values: Mapping[str, str | None]) -> str:
    """Replace known fields, an absent value by its default or nothing; leave unknown ones untouched.

    Every attribute is known: one that the contact lacks is an absent value. Replacement is a single pass: a contact
    named `@{contact_email}` does not unfold into an address.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if not _is_known(name, values):
            return match[0]
        found = values.get(name) or ""
        return found if default is None or found.strip() else _ESCAPED.sub(r"\1", default)

    return _TOKEN.sub(value, text)


def problem(text: str, values: Mapping[str, str | None]) -> str | None:
    """Return what is wrong with a text: it names a field that does not exist, with a default.

    The default shows that a field was meant. Without one it may be what people are to read (api-v2 section 1.14).
    """
    unknown = [
        match[1]
        for match in _TOKEN.finditer(text)
        if match[2] is not None and not _is_known(match[1], values)
    ]
    if not unknown:
        return None
    known = sorted(name for name in values if not name.startswith(ATTRIBUTE_PREFIX))
    return f"There is no merge field {unknown[0]}; there are {', '.join(known)} and {ATTRIBUTE_PREFIX}KEY"


def _is_known(name: str, values: Mapping[str, str | None]) -> bool:
    return name in values or name.startswith(ATTRIBUTE_PREFIX)
