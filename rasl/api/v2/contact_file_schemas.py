"""Answers of imports and exports, with what the OpenAPI document says of form, query and files."""

from typing import Annotated, Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, Schema
from litestar.openapi.spec.enums import OpenAPIType

from rasl.api.listing import parameters
from rasl.api.operations import operation, query_parameter
from rasl.domain.records.contact import CONTACT_LIST
from rasl.domain.validation import Upload, of_bytes
from rasl.errors import NotFound, ValidationFailed
from rasl.services.contacts import exports
from rasl.services.imports.uploads import MAX_FILE_BYTES, Options, Status
from rasl.web.responses import raises


class ImportItem(msgspec.Struct):
    """An import and how far it is."""

    id: int
    status: Status
    file_name: str | None
    dry_run: bool
    on_duplicate: str
    total: int
    created: int
    updated: int
    skipped: int
    failed: int
    percentage: float
    failure: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class FailedRow(msgspec.Struct):
    """A row that failed."""

    row: int
    reasons: list[str]
    values: dict[str, str]


class ImportDetail(ImportItem):
    """An import with the first rows that failed."""

    errors: list[FailedRow]


QUEUED: dict[str, Any] = {
    "id": 17,
    "status": "queued",
    "file_name": "people.csv",
    "dry_run": False,
    "on_duplicate": "skip",
    "total": 120_000,
    "created": 0,
    "updated": 0,
    "skipped": 0,
    "failed": 0,
    "percentage": 0.0,
    "failure": None,
    "created_at": "2026-03-04T09:15:22+00:00",
    "started_at": None,
    "finished_at": None,
}
RUNNING = QUEUED | {
    "status": "running",
    "created": 14_990,
    "skipped": 9,
    "failed": 1,
    "percentage": 12.5,
    "started_at": "2026-03-04T09:15:23+00:00",
}
_FAILED_ROW = {
    "row": 42,
    "reasons": ["phone: The phone number has too few digits for its country code."],
    "values": {"Phone": "+44 20", "Name": "Priya Nair"},
}
DETAIL = RUNNING | {"errors": [_FAILED_ROW]}


def csv_responses(description: str, text: str, *errors: Any) -> dict[int, ResponseSpec]:
    """Describe an answer that is a CSV file."""
    example = Example(id="success", summary=description, value=text)
    good = ResponseSpec(
        str, generate_examples=False, description=description, media_type="text/csv", examples=[example]
    )
    return raises(*errors) | {200: good}


ERRORS_RESPONSES = csv_responses(
    "Every failed row: its number, why, and its cells",
    "row,error,Phone,Name\r\n42,phone: The phone number has too few digits for its country code.,+44 20,Priya Nair\r\n",
    NotFound,
)
EXPORT_RESPONSES = csv_responses(
    "All contacts that match",
    f"{','.join(exports.COLUMNS)},attributes.tier\r\n",
    ValidationFailed,
)


class ImportContacts(Options, frozen=True, kw_only=True):
    """A file of contacts to import."""

    file: Annotated[Upload, of_bytes(MAX_FILE_BYTES, "CSV with a header row.")]


# What finds contacts in a list, without what makes pages of them.
EXPORT_QUERY = operation(
    *(item for item in parameters(CONTACT_LIST) if item.name in {"search", "filter"}),
    query_parameter(
        "bom",
        Schema(type=OpenAPIType.BOOLEAN),
        "`true`: begin with a byte order mark, for spreadsheets that ask for one.",
    ),
)
