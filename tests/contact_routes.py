"""Sample data of routes about contacts, their groups, sources and statuses, imports and exports."""

from collections.abc import Mapping
from typing import Any

from tests.routes import PHONE, Route


def label_routes(scope: str, path: str, key: str) -> dict[str, Route]:
    """Sample data of groups, sources and statuses."""
    one = f"{path}/{{{key}}}"
    named: Any = {"path": {key: key}}
    return {
        f"GET {path}": Route(f"{scope}:read"),
        f"POST {path}": Route(f"{scope}:write", {"name": "A new one"}, status=201),
        f"GET {one}": Route(f"{scope}:read", **named),
        f"PATCH {one}": Route(f"{scope}:write", {"name": "Another name"}, **named),
        f"DELETE {one}": Route(
            f"{scope}:delete", other_scope=None if scope == "groups" else f"{scope}:write", **named
        ),
    }


CONTACT_LABELS = {
    "source_id": "contact_source",
    "status_id": "contact_status",
    "groups": "contact_groups",
}


_NEW_CONTACT = Route(
    "contacts:write",
    {"firstname": "Priya", "lastname": "Nair", "phone": "", "type": "lead"},
    named=CONTACT_LABELS,
    status=201,
)


def _row(own: Mapping[str, Any]) -> dict[str, Any]:
    return {"contacts": [_NEW_CONTACT.body_of(own)]}


CONTACTS = {
    "GET /contacts": Route("contacts:read"),
    "POST /contacts": _NEW_CONTACT,
    "PUT /contacts": _NEW_CONTACT,
    "GET /contacts/{contact_id}": Route("contacts:read", path={"contact_id": "contact"}),
    "PATCH /contacts/{contact_id}": Route(
        "contacts:write",
        {"lastname": "Nair", "attributes": {"tier": "gold"}},
        path={"contact_id": "contact"},
        named=CONTACT_LABELS,
        empty_status=200,
    ),
    "DELETE /contacts/{contact_id}": Route("contacts:delete", path={"contact_id": "spare"}),
    "POST /contacts/batch": Route(
        "contacts:write",
        {"contacts": [{"phone": PHONE}]},
        probes={"contacts": _row},
        missing_status=200,  # told of the row
    ),
    "DELETE /contacts/batch": Route(
        "contacts:delete",
        {},
        named={"ids": "spares"},
        missing_status=200,  # counted as failed
    ),
    **label_routes("groups", "/groups", "group_id"),
    "POST /groups/{group_id}/contacts": Route(
        "groups:write",
        {},
        path={"group_id": "group_id"},
        named={"contact_ids": "contacts"},
    ),
    "DELETE /groups/{group_id}/contacts": Route(
        "groups:write",
        {},
        path={"group_id": "group_id"},
        named={"contact_ids": "contacts"},
        missing_status=200,  # passed over
    ),
    "POST /contacts/import": Route("contacts:write", file=b"phone\n+442079460099\n", status=202),
    "GET /contacts/imports": Route("contacts:read"),
    "GET /contacts/imports/{import_id}": Route("contacts:read", path={"import_id": "import"}),
    "GET /contacts/imports/{import_id}/errors": Route("contacts:read", path={"import_id": "import"}),
    "GET /contacts/export": Route("contacts:read"),
    **label_routes("sources", "/sources", "source_id"),
    **label_routes("statuses", "/statuses", "status_id"),
}
