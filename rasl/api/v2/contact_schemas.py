"""Bodies and answers of contacts, with their part of the OpenAPI document."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from rasl.api.v2.groups import GROUP_EXAMPLE, GroupItem
from rasl.api.v2.sources import SOURCE_EXAMPLE, SourceItem
from rasl.api.v2.statuses import STATUS_EXAMPLE, StatusItem
from rasl.domain import attributes
from rasl.domain.attributes import Attributes
from rasl.domain.emails import MAX_EMAIL, PATTERN
from rasl.domain.validation import MAX_ID, Body
from rasl.errors import FeatureLimitExceeded, NotFound, ValidationFailed
from rasl.services.contacts.contacts import MAX_BATCH
from rasl.services.contacts.creation import LONGEST_PHONE, NO_SOURCE, NO_STATUS
from rasl.web.envelope import Success
from rasl.web.responses import EXAMPLE_PAGE, IDEMPOTENT, READS_BODY, raises, response

LISTED = "Contacts retrieved successfully"
CREATED = "Contact created successfully"
FOUND = "Contact retrieved successfully"
CHANGED = "Contact updated successfully"
DELETED = "Contact deleted successfully"
BATCH_CREATED = "Batch of contacts processed"
BATCH_DELETED = "Contacts deleted successfully"

_TYPE = "Type must be either lead, customer, or guest"
Name = Annotated[str, msgspec.Meta(max_length=255)]
PhoneText = Annotated[
    str,
    msgspec.Meta(
        max_length=LONGEST_PHONE,
        description="Kept as given; unique by the number it means. Without + it is read in the default country.",
    ),
]
Type = Literal["lead", "customer", "guest"]
Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=MAX_EMAIL,
        pattern=PATTERN,
        description="Unique in the account, in any case of letters.",
    ),
]
Zip = Annotated[str, msgspec.Meta(max_length=20)]
Address = Annotated[str, msgspec.Meta(max_length=500)]
GroupIds = Annotated[list[Id], msgspec.Meta(max_length=1_000, description="Ids of groups.")]

_MESSAGES: dict[tuple[str, str], str] = {
    ("firstname", "required"): "First name is required",
    ("lastname", "required"): "Last name is required",
    ("phone", "required"): "Phone number is required",
    ("phone", "string"): "Phone number must be a string",
    ("phone", "max"): f"Phone number must not be greater than {LONGEST_PHONE} characters",
    ("type", "required"): _TYPE,
    ("type", "invalid"): _TYPE,
    ("source_id", "required"): "Source is required",
    ("source_id", "range"): NO_SOURCE,
    ("status_id", "required"): "Status is required",
    ("status_id", "range"): NO_STATUS,
    ("email", "pattern"): "Email must be a valid email address",
    ("groups", "array"): "Groups must be an array of group ids",
    ("groups", "invalid"): "Groups must be an array of group ids",
    ("attributes", "invalid"): attributes.INVALID,
}


class CreateContact(Body, frozen=True):
    """A new contact."""

    firstname: Name
    lastname: Name
    phone: PhoneText
    type: Type
    source_id: Id
    status_id: Id
    email: Email | None = None
    company: Name | None = None
    description: str | None = None
    city: Name | None = None
    state: Name | None = None
    zip: Zip | None = None
    address: Address | None = None
    country_id: Id | None = None
    assigned_id: Id | None = None
    groups: GroupIds | None = None
    attributes: Attributes | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = _MESSAGES


class ChangeContact(Body, frozen=True):
    """A change of a contact: what is left out stays, null clears, `groups` replaces, `attributes` merges."""

    firstname: Name | UnsetType = UNSET
    lastname: Name | UnsetType = UNSET
    phone: PhoneText | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    source_id: Id | UnsetType = UNSET
    status_id: Id | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    company: Name | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    city: Name | UnsetType | None = UNSET
    state: Name | UnsetType | None = UNSET
    zip: Zip | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET
    country_id: Id | UnsetType | None = UNSET
    assigned_id: Id | UnsetType | None = UNSET
    groups: GroupIds | UnsetType | None = UNSET
    attributes: Attributes | UnsetType | None = UNSET

    messages: ClassVar[dict[tuple[str, str], str]] = _MESSAGES


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

    contacts: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
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


class ContactItem(msgspec.Struct):
    """A contact; what it refers to appears when it was asked for with `include`, or has just been written."""

    id: int
    firstname: str
    lastname: str
    company: str | None
    type: str
    email: str | None
    phone: str | None
    status_id: int
    source_id: int
    description: str | None
    city: str | None
    state: str | None
    zip: str | None
    address: str | None
    country_id: int | None
    assigned_id: int | None
    group_id: list[int]
    is_opted_out: bool
    attributes: dict[str, str | bool | float]
    created_at: str
    updated_at: str
    groups: list[GroupItem] | UnsetType = UNSET
    source: SourceItem | UnsetType | None = UNSET
    status: StatusItem | UnsetType | None = UNSET


class BatchSummary(msgspec.Struct):
    """How many contacts of a batch became what."""

    total: int
    created: int
    skipped: int
    failed: int


class SkippedRow(msgspec.Struct):
    """A contact of the batch that was passed over."""

    index: int
    reason: str
    data: Any


class FailedRow(msgspec.Struct):
    """A contact of the batch that could not be created: each wrong field with its messages."""

    index: int
    code: str
    errors: dict[str, list[str]]
    data: Any


class BatchCreated(msgspec.Struct):
    """What became of a batch."""

    success: bool
    summary: BatchSummary
    created: list[ContactItem]
    skipped: list[SkippedRow]
    errors: list[FailedRow]


class DeletionSummary(msgspec.Struct):
    """How many ids of a batch were deleted, and how many are no contact of the account."""

    total: int
    deleted: int
    failed: int


class BatchDeleted(msgspec.Struct):
    """What became of a batch deletion."""

    success: bool
    summary: DeletionSummary


_EXAMPLE = {
    "id": 812,
    "firstname": "Priya",
    "lastname": "Nair",
    "company": "Harbour Books",
    "type": "lead",
    "email": "priya@harbour.test",
    "phone": "+442079460011",
    "status_id": 2,
    "source_id": 5,
    "description": None,
    "city": "Leeds",
    "state": None,
    "zip": "LS1 4AP",
    "address": None,
    "country_id": 230,
    "assigned_id": 4,
    "group_id": [3],
    "is_opted_out": False,
    "attributes": {"tier": "gold", "visits": 7},
    "created_at": "2026-02-11T08:00:00+00:00",
    "updated_at": "2026-03-04T09:15:22+00:00",
}
_WITH_GROUPS = _EXAMPLE | {"groups": [GROUP_EXAMPLE]}
_WITH_ALL = _WITH_GROUPS | {"source": SOURCE_EXAMPLE, "status": STATUS_EXAMPLE}
_SKIPPED = {"index": 1, "reason": "duplicate_phone", "data": {"phone": "+442079460011"}}
_FAILED = {
    "index": 2,
    "code": "VALIDATION_ERROR",
    "errors": {"type": [_TYPE]},
    "data": {"firstname": "Rui", "type": "vip"},
}

LIST_RESPONSES = raises(ValidationFailed) | {
    200: response(Success[list[ContactItem]], "One page.", LISTED, [_EXAMPLE], pagination=EXAMPLE_PAGE)
}
CREATE_RESPONSES = raises(FeatureLimitExceeded, *READS_BODY, *IDEMPOTENT) | {
    201: response(Success[ContactItem], "The new contact, with its groups.", CREATED, _WITH_GROUPS)
}
GET_RESPONSES = raises(NotFound, ValidationFailed) | {
    200: response(Success[ContactItem], "The contact.", FOUND, _WITH_ALL)
}
CHANGE_RESPONSES = raises(NotFound, *READS_BODY) | {
    200: response(Success[ContactItem], "The contact as it is now, with its groups.", CHANGED, _WITH_GROUPS)
}
DELETE_RESPONSES = raises(NotFound) | {200: response(Success[None], "It is gone.", DELETED, None)}
BATCH_CREATE_RESPONSES = raises(FeatureLimitExceeded, *READS_BODY, *IDEMPOTENT) | {
    200: response(
        Success[BatchCreated],
        "What became of each contact.",
        BATCH_CREATED,
        {
            "success": True,
            "summary": {"total": 3, "created": 1, "skipped": 1, "failed": 1},
            "created": [_WITH_GROUPS],
            "skipped": [_SKIPPED],
            "errors": [_FAILED],
        },
    )
}
BATCH_DELETE_RESPONSES = raises(*READS_BODY) | {
    200: response(
        Success[BatchDeleted],
        "How many are gone.",
        BATCH_DELETED,
        {"success": True, "summary": {"total": 3, "deleted": 2, "failed": 1}},
    )
}
