"""Contacts from and to CSV files: imports by the worker, exports as streams."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayReadContacts, MayWriteContacts
from rasl.api.idempotency import OWN_KEY, read_key
from rasl.api.nouns import Noun, from_row
from rasl.api.v2 import contact_file_schemas as schemas
from rasl.api.v2.contact_file_schemas import FailedRow, ImportDetail, ImportItem
from rasl.api.v2.contacts import CONTACTS
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.records.contact import CONTACT_LIST
from rasl.domain.validation import read_id
from rasl.errors import NotFound
from rasl.services.contacts import exports
from rasl.services.imports import uploads
from rasl.services.imports.uploads import IMPORT_LIST, Upload
from rasl.web.envelope import success
from rasl.web.input import input_of
from rasl.web.request import ApiRequest

_QUEUED = "Import queued"


def _shown(row: Row) -> dict[str, Any]:
    return {"dry_run": row["is_dry_run"], "percentage": uploads.percentage(row)}


def _item(row: Row) -> ImportItem:
    return from_row(ImportItem, row, **_shown(row))


IMPORTS = Noun("/contacts", CONTACTS.tag, "import", ImportItem, schemas.RUNNING, of=_item)


@IMPORTS.post(
    "/import",
    202,
    NotFound,
    says=_QUEUED,
    tells="Stored; a worker applies it.",
    example=schemas.QUEUED,
    asks={"file": {"file": "contacts.csv"}},
    options={"opt": {OWN_KEY: True}},
)
async def import_contacts(
    data: JSONBody[schemas.ImportContacts], caller: MayWriteContacts, request: ApiRequest
) -> ASGIApp:
    """Import contacts from a CSV file.

    A CSV file of up to 200 MB and 1,000,000 rows, UTF-8 or UTF-16 with a byte order mark. It is checked, stored and
    answered at once; a worker applies it. A row that is wrong never stops the others.
    """
    database, tenant_id = request.resources.database, caller.tenant.id
    identity = await input_of(request.scope).identity(request.receive)
    fingerprint = request.resources.sealer.digest(identity.hex(), "idempotency")
    upload = Upload(data.file.file, data.file.name, read_key(request.scope), fingerprint)
    accepted = await uploads.accept(database, tenant_id, upload, data)
    row, _ = await uploads.get_import(database, tenant_id, accepted.id)
    if accepted.is_replayed:
        request.context.headers.append((b"idempotent-replayed", b"true"))
    return success(request, _QUEUED, _item(row), status=202)


@IMPORTS.get_list(IMPORT_LIST, path="/imports", says="Imports retrieved successfully")
async def list_imports(caller: MayReadContacts, request: ApiRequest, query: ListQuery) -> Page:
    """List imports.

    Imports of contacts, newest first.
    """
    return await uploads.list_imports(request.resources.database, caller.tenant.id, query)


@IMPORTS.get(
    "/imports/{import_id:str}",
    NotFound,
    tells="The import with its first 100 failed rows.",
    example=schemas.DETAIL,
)
async def get_import(import_id: FromPath[str], caller: MayReadContacts, request: ApiRequest) -> ImportDetail:
    """Get an import.

    How far it is, and the first 100 rows that failed.
    """
    row, errors = await uploads.get_import(request.resources.database, caller.tenant.id, read_id(import_id))
    return from_row(ImportDetail, row, **_shown(row), errors=[_error(row, item) for item in errors])


@get(
    "/contacts/imports/{import_id:str}/errors",
    summary="Get the failed rows of an import as CSV",
    description="Row number (the header is row 1), reasons, and the row's own cells: mend them and import the file.",
    responses=schemas.ERRORS_RESPONSES,
    tags=["Contacts"],
)
async def get_import_errors(import_id: FromPath[str], caller: MayReadContacts, request: ApiRequest) -> Stream:
    """Stream the rows that failed."""
    database = request.resources.database
    row, _ = await uploads.get_import(database, caller.tenant.id, read_id(import_id))
    lines = uploads.read_error_file(database, caller.tenant.id, row)
    return await _file(lines, f"import-{row['id']}-errors.csv")


@get(
    "/contacts/export",
    summary="Export contacts as CSV",
    description="All contacts, or those that a search and filters find, in order of id. Importing the file again "
    "changes nothing. Cells that a spreadsheet would run as a formula begin with an apostrophe, phones do not.",
    operation_class=schemas.EXPORT_QUERY,
    responses=schemas.EXPORT_RESPONSES,
    tags=["Contacts"],
)
async def export_contacts(caller: MayReadContacts, request: ApiRequest) -> Stream:
    """Stream contacts."""
    database = request.resources.database
    has_bom = listing.read_flag(request.scope["query_string"], "bom")
    query = listing.read_query(request, CONTACT_LIST, ("search", "q", "bom"))
    export = await exports.begin(database, caller.tenant.id, query, has_bom)
    return await _file(exports.lines(database, export), "contacts.csv")


HANDLERS = (import_contacts, list_imports, get_import, get_import_errors, export_contacts)


async def _file(lines: AsyncIterator[bytes], name: str) -> Stream:
    """Stream a file whose beginning is read before the answer begins: what fails until then is told in the envelope."""
    first = await anext(lines)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for part in lines:
            yield part

    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Stream(whole(), media_type="text/csv", headers=headers)


def _error(row: Row, error: Row) -> FailedRow:
    cells = msgspec.json.decode(error["cells"], type=list[str])
    return FailedRow(
        error["row_number"], list(error["reasons"]), dict(zip(row["headers"], cells, strict=False))
    )
