"""Bodies and answers of groups, sources and statuses, with their part of the OpenAPI document."""

from typing import Annotated, Any, ClassVar

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from rasl.domain.validation import Body
from rasl.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidJson,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from rasl.services.contacts.groups import MAX_MEMBERS
from rasl.web.envelope import Success
from rasl.web.responses import example, raises

READS_BODY = (InvalidJson, ValidationFailed, PayloadTooLarge, UnsupportedMediaType)
IDEMPOTENT = (IdempotencyInProgress, IdempotencyKeyReused)
EXAMPLE_PAGE = {
    "current_page": 1,
    "per_page": 15,
    "total": 1,
    "last_page": 1,
    "from": 1,
    "to": 1,
    "next_cursor": None,
}
_TIMES = {"created_at": "2026-02-11T08:00:00+00:00", "updated_at": "2026-03-04T09:15:22+00:00"}
GROUP_EXAMPLE = {"id": 3, "name": "VIP"} | _TIMES
SOURCE_EXAMPLE = {"id": 5, "name": "Website"} | _TIMES
STATUS_EXAMPLE = {"id": 2, "name": "In progress", "color": "#FF5733"} | _TIMES

Name = Annotated[
    str, msgspec.Meta(max_length=255, description="Unique in the account, in any case of letters.")
]
Color = Annotated[
    str,
    msgspec.Meta(
        max_length=7, pattern=r"^#[0-9A-Fa-f]{6}(?![\s\S])", description="For example #FF5733; null is none."
    ),
]
ContactIds = Annotated[
    list[int],
    msgspec.Meta(
        min_length=1, max_length=MAX_MEMBERS, description=f"Contacts, at most {MAX_MEMBERS:,} in one call."
    ),
]


def _name_messages(noun: str) -> dict[tuple[str, str], str]:
    return {
        ("name", "required"): f"{noun} name is required",
        ("name", "string"): f"{noun} name must be a string",
        ("name", "max"): f"{noun} name must not be greater than 255 characters",
    }


_COLOR_MESSAGES = {
    ("color", rule): "Color must be a valid hex color code (e.g., #FF5733)"
    for rule in ("string", "pattern", "max")
}


class WriteGroup(Body, frozen=True):
    """What there is to write about a group."""

    name: Name
    messages: ClassVar[dict[tuple[str, str], str]] = _name_messages("Group")


class WriteSource(Body, frozen=True):
    """What there is to write about a source."""

    name: Name
    messages: ClassVar[dict[tuple[str, str], str]] = _name_messages("Source")


class CreateStatus(Body, frozen=True):
    """A new status."""

    name: Name
    color: Color | None = None
    messages: ClassVar[dict[tuple[str, str], str]] = _name_messages("Status") | _COLOR_MESSAGES


class ChangeStatus(Body, frozen=True):
    """A change of a status; a color that is left out stays as it is."""

    name: Name
    color: Color | msgspec.UnsetType | None = msgspec.UNSET
    messages: ClassVar[dict[tuple[str, str], str]] = _name_messages("Status") | _COLOR_MESSAGES


class Members(Body, frozen=True):
    """Contacts to put into a group, or to take out of it."""

    contact_ids: ContactIds
    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("contact_ids", "required"): "Contact IDs are required",
        ("contact_ids", "array"): "Contact IDs must be an array",
        ("contact_ids", "invalid"): "Contact IDs must be integers",
        ("contact_ids", "max"): f"At most {MAX_MEMBERS:,} contact IDs can be given in one call",
    }


class GroupItem(msgspec.Struct):
    """A group of contacts."""

    id: int
    name: str
    created_at: str
    updated_at: str


class SourceItem(msgspec.Struct):
    """Where contacts come from."""

    id: int
    name: str
    created_at: str
    updated_at: str


class StatusItem(msgspec.Struct):
    """How far one is with a contact."""

    id: int
    name: str
    color: str | None
    created_at: str
    updated_at: str


class Added(msgspec.Struct):
    """How many contacts came into a group that were not in it."""

    group_id: int
    contacts_added: int


class Removed(msgspec.Struct):
    """How many contacts left a group."""

    group_id: int
    contacts_removed: int


def listed(kind: Any, message: str, item: dict[str, Any]) -> dict[int, ResponseSpec]:
    """Describe the answers of a list."""
    return raises(ValidationFailed) | {
        200: response(Success[list[kind]], "One page.", message, [item], pagination=EXAMPLE_PAGE)
    }


def created(kind: Any, message: str, item: dict[str, Any]) -> dict[int, ResponseSpec]:
    """Describe the answers of a creation."""
    return raises(*READS_BODY, *IDEMPOTENT) | {
        201: response(Success[kind], "What was created.", message, item)
    }


def found(kind: Any, message: str, item: dict[str, Any]) -> dict[int, ResponseSpec]:
    """Describe the answers of reading one."""
    return raises(NotFound) | {200: response(Success[kind], "What was asked for.", message, item)}


def changed(kind: Any, message: str, item: dict[str, Any]) -> dict[int, ResponseSpec]:
    """Describe the answers of a change."""
    return raises(NotFound, *READS_BODY) | {200: response(Success[kind], "As it is now.", message, item)}


def deleted(message: str, *, can_be_refused: bool) -> dict[int, ResponseSpec]:
    """Describe the answers of a deletion."""
    errors = (NotFound, ValidationFailed) if can_be_refused else (NotFound,)
    return raises(*errors) | {200: response(Success[None], "It is gone.", message, None)}


def added(message: str) -> dict[int, ResponseSpec]:
    """Describe the answers of putting contacts into a group."""
    body = {"group_id": 3, "contacts_added": 2}
    return raises(NotFound, *READS_BODY, *IDEMPOTENT) | {
        200: response(Success[Added], "How many are new in it.", message, body)
    }


def removed(message: str) -> dict[int, ResponseSpec]:
    """Describe the answers of taking contacts out of a group."""
    body = {"group_id": 3, "contacts_removed": 2}
    return raises(NotFound, *READS_BODY) | {
        200: response(Success[Removed], "How many left it.", message, body)
    }


def response(kind: Any, description: str, message: str, data: Any, **meta: Any) -> ResponseSpec:
    """Describe a good answer with an example."""
    return ResponseSpec(
        kind, description=description, generate_examples=False, examples=[example(message, data, **meta)]
    )
