"""What groups, sources and statuses have in common: a name."""

from typing import Annotated

import msgspec

Name = Annotated[
    str, msgspec.Meta(max_length=255, description="Unique in the account, in any case of letters.")
]
EXAMPLE_TIMES = {"created_at": "2026-02-11T08:00:00+00:00", "updated_at": "2026-03-04T09:15:22+00:00"}


def name_messages(noun: str) -> dict[tuple[str, str], str]:
    """Return what a label is told of a wrong name."""
    return {
        ("name", "required"): f"{noun} name is required",
        ("name", "string"): f"{noun} name must be a string",
        ("name", "max"): f"{noun} name must not be greater than 255 characters",
    }
