"""Bodies and answers of contacts, with their part of the OpenAPI document."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from rasl.api.v2.groups import GROUP_EXAMPLE, GroupItem
from rasl.api.v2.sources import SOURCE_EXAMPLE, SourceItem
from rasl.api.v2.statuses import STATUS_EXAMPLE, StatusItem
from rasl.domain.records import changes, creates, example_of, shows
from rasl.domain.records.contact import WRONG_TYPE, Contact
from rasl.domain.validation import Body
from rasl.errors import FeatureLimitExceeded, NotFound, ValidationFailed
from rasl.services.contacts.contacts import MAX_BATCH
from rasl.web.envelope import Success
from rasl.web.responses import EXAMPLE_PAGE, IDEMPOTENT, READS_BODY, raises, response

LISTED = "Contacts retrieved successfully"
CREATED = "Contact created successfully"
FOUND = "Contact retrieved successfully"
CHANGED = "Contact updated successfully"
DELETED = "Contact deleted successfully"
BATCH_CREATED = "Batch of contacts processed"
BATCH_DELETED = "Contacts deleted successfully"


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


_EXAMPLE = example_of(Contact)
_WITH_GROUPS = _EXAMPLE | {"groups": [GROUP_EXAMPLE]}
_WITH_ALL = _WITH_GROUPS | {"source": SOURCE_EXAMPLE, "status": STATUS_EXAMPLE}
_SKIPPED = {"index": 1, "reason": "duplicate_phone", "data": {"phone": "+442079460011"}}
_FAILED = {
    "index": 2,
    "code": "VALIDATION_ERROR",
    "errors": {"type": [WRONG_TYPE]},
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
