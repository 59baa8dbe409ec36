"""Custom attributes of a contact: a flat object of typed scalars, usable as merge fields `@{contact_attr_key}`."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from rasl.domain import merge_fields
from rasl.domain.validation import MAX_ID

MAX_KEYS = 50
MAX_TEXT = 1_000
_EXACT = 1e15  # a float beyond it shows digits that it does not hold

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,49}(?![\s\S])")]
Value = (
    Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
    | bool
    | Annotated[int, msgspec.Meta(ge=-MAX_ID, le=MAX_ID)]
    | float
    | None
)
Attributes = Annotated[
    dict[Key, Value],
    msgspec.Meta(
        description="Up to 50 keys of your own: texts of up to 1,000 characters, numbers, booleans; null removes a key."
    ),
]

INVALID = (
    "Attributes must be an object whose keys are lower-case letters, digits and _ (at most 50 characters, beginning "
    "with a letter) and whose values are texts of at most 1,000 characters, numbers, true, false or null"
)
TOO_MANY = f"A contact can have at most {MAX_KEYS} attributes"


def merged(old: Mapping[str, Value], changes: Mapping[str, Value]) -> dict[str, Value]:
    """Return attributes after a change: its keys replace, null removes, the others stay."""
    return {key: value for key, value in {**old, **changes}.items() if value is not None}


def as_text(value: Value) -> str:
    """Write a value as it is read in a message: numbers without a trailing .0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def merge_values(attributes: Mapping[str, Value]) -> dict[str, str]:
    """Return the merge fields that attributes stand for."""
    return {f"{merge_fields.ATTRIBUTE_PREFIX}{key}": as_text(value) for key, value in attributes.items()}
