"""What groups, sources and statuses have in common: a name, and what may speak against it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from rasl.api.nouns import Check
from rasl.db.labels import LabelTable
from rasl.domain.tenants import Caller
from rasl.domain.validation import read_id
from rasl.services.contacts import labels
from rasl.web.request import ApiRequest, Objections

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


def against_creating(table: LabelTable) -> Check:
    """Return what finds out what else speaks against a new label whose body is refused."""

    async def check(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
        return await labels.find_objections(request.resources.database, table, caller.tenant.id, right)

    return check


def against_changing(table: LabelTable) -> Check:
    """Return what finds out what else speaks against a change of a label whose body is refused: 404 goes first."""

    async def check(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
        id_ = read_id(request.path_params[f"{table.word}_id"])
        return await labels.find_objections(request.resources.database, table, caller.tenant.id, right, id_)

    return check
