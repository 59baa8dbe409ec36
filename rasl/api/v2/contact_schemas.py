"""Bodies and answers of contacts, with their examples."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from rasl.api.v2.groups import GROUP_EXAMPLE, GroupItem
from rasl.api.v2.sources import SOURCE_EXAMPLE, SourceItem
from rasl.api.v2.statuses import STATUS_EXAMPLE, StatusItem
from rasl.domain.records import changes, creates, example_of, shows
from rasl.domain.records.contact import WRONG_TYPE, Contact
from rasl.domain.validation import Body
from rasl.services.contacts.contacts import MAX_BATCH


@creates(Contact)
class CreateContact(Body, frozen=True):
    """A new contact."""


@changes(Contact)
class ChangeContact(Body, frozen=True):
    """A change of a contact: what is left out stays, null clears, `groups` replaces, `attributes` merges."""


class BatchOptions(Body, frozen=True):
    """What a batch does with contacts that cannot be created."""

    continue_on_error: Annotated[
        bool, msgspec.Meta(description="false: the first error undoes the whole batch.")
    ] = True
    skip_duplicates: Annotated[
        bool, msgspec.Meta(description="true: a phone that exists is skipped and is no error.")
    ] = False


class CreateBatch(Body, frozen=True):
    """Contacts to create in one transaction; each as for creating one."""

    contacts: Annotated[
        list[Any],
        msgspec.Meta(
            min_length=1,
            max_length=MAX_BATCH,
            extra_json_schema={"items": {"$ref": "#/components/schemas/CreateContact"}},
        ),
    ]
    options: BatchOptions | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("contacts", "required"): "Contacts are required",
        ("contacts", "array"): "Contacts must be an array",
        ("contacts", "max"): f"At most {MAX_BATCH:,} contacts can be created in one call",
    }


class DeleteBatch(Body, frozen=True):
    """Contacts to delete in one transaction."""

    ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("ids", "required"): "Contact IDs are required",
        ("ids", "array"): "Contact IDs must be an array",
        ("ids", "invalid"): "Contact IDs must be integers",
        ("ids", "max"): f"At most {MAX_BATCH:,} contacts can be deleted in one call",
    }


@changes(Contact)
class PutContact(Body, frozen=True):
    """A contact to create, or to change if somebody has its phone or email.

    What a new one must have is as for creating one; of one that is known, what is left out stays.
    """

    match: Annotated[
        Literal["phone", "email"],
        msgspec.Meta(description="What tells whether the contact is known; may stand in the query."),
    ] = "phone"


@shows(Contact)
class ContactItem(msgspec.Struct):
    """A contact; what it refers to appears when it was asked for with `include`, or has just been written."""

    phone: str | None
    group_id: list[int]
    attributes: dict[str, str | bool | float]
    groups: list[GroupItem] | UnsetType = UNSET
    source: SourceItem | UnsetType | None = UNSET
    status: StatusItem | UnsetType | None = UNSET


class BatchSummary(msgspec.Struct):
    """How many contacts of a batch became what."""

    total: int
    created: int
    skipped: int
    failed: int


class SkippedContact(msgspec.Struct):
    """A contact of the batch that was passed over; `contact_id` is the one that has its phone."""

    index: int
    reason: str
    data: Any
    contact_id: int | UnsetType = UNSET


class RefusedContact(msgspec.Struct):
    """A contact of the batch that could not be created: each wrong field with its messages.

    `contact_id` and `email_contact_id` are the contacts that have its phone and its email already.
    """

    index: int
    code: str
    errors: dict[str, list[str]]
    data: Any
    contact_id: int | UnsetType = UNSET
    email_contact_id: int | UnsetType = UNSET


class BatchCreated(msgspec.Struct):
    """What became of a batch."""

    success: bool
    summary: BatchSummary
    created: list[ContactItem]
    skipped: list[SkippedContact]
    errors: list[RefusedContact]


class DeletionSummary(msgspec.Struct):
    """How many ids of a batch were deleted, and how many are no contact of the account."""

    total: int
    deleted: int
    failed: int


class BatchDeleted(msgspec.Struct):
    """What became of a batch deletion."""

    success: bool
    summary: DeletionSummary


EXAMPLE = example_of(Contact)
WITH_GROUPS = EXAMPLE | {"groups": [GROUP_EXAMPLE]}
WITH_ALL = WITH_GROUPS | {"source": SOURCE_EXAMPLE, "status": STATUS_EXAMPLE}
BATCH_CREATED: dict[str, Any] = {
    "success": True,
    "summary": {"total": 3, "created": 1, "skipped": 1, "failed": 1},
    "created": [WITH_GROUPS],
    "skipped": [
        {"index": 1, "reason": "duplicate_phone", "data": {"phone": "+442079460011"}, "contact_id": 812}
    ],
    "errors": [
        {
            "index": 2,
            "code": "VALIDATION_ERROR",
            "errors": {"type": [WRONG_TYPE]},
            "data": {"firstname": "Rui", "type": "vip"},
        }
    ],
}
_NEW = {"firstname": "Ada", "lastname": "Marsh", "type": "lead", "status_id": 2, "source_id": 5}
ASKS_CREATE = {
    "contact": _NEW
    | {
        "phone": "+442079460040",
        "email": "ada@marsh.test",
        "company": "Marsh & Sons",
        "groups": [3],
        "attributes": {"tier": "gold"},
    },
    "what_is_required": _NEW | {"phone": "+442079460041"},
}
ASKS_PUT = {
    "new": _NEW | {"phone": "+442079460044"},
    "known": {"match": "phone", "phone": "+44 20 7946 0011", "city": "York"},
}
ASKS_BATCH = {
    "two": {
        "contacts": [
            _NEW | {"phone": "+442079460042"},
            _NEW | {"phone": "+442079460043", "firstname": "Ben"},
        ],
        "options": {"skip_duplicates": True},
    }
}
BATCH_DELETED = {"success": True, "summary": {"total": 3, "deleted": 2, "failed": 1}}
