"""Sample data of routes about contacts, their groups, sources and statuses, imports and exports."""

from typing import Any

from tests.routes import PHONE, Route


def label_routes(scope: str, path: str, key: str) -> dict[str, Route]:
    """Sample data of groups, sources and statuses."""
    one = f"{path}/{{{key}}}"
    named: Any = {"path": {key: key}, "places": (("path", key, key),)}
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


CONTACT_PLACES = tuple(("body", key, kind) for key, kind in CONTACT_LABELS.items())
_NEW_CONTACT = Route(
    "contacts:write",
    {"firstname": "Priya", "lastname": "Nair", "phone": "", "type": "lead"},
    named=CONTACT_LABELS,
    places=CONTACT_PLACES,
    free=frozenset({"assigned_id", "country_id"}),
    status=201,
    missing_status=422,
)
CONTACTS = {
    "GET /contacts": Route(
        "contacts:read",
        places=(
            ("query", "filter[group_id]", "contact_group"),
            ("query", "filter[source_id]", "contact_source"),
            ("query", "filter[status_id]", "contact_status"),
        ),
    ),
    "POST /contacts": _NEW_CONTACT,
    "PUT /contacts": _NEW_CONTACT,
    "GET /contacts/{contact_id}": Route(
        "contacts:read", path={"contact_id": "contact"}, places=(("path", "contact_id", "contact"),)
    ),
    "PATCH /contacts/{contact_id}": Route(
        "contacts:write",
        {"lastname": "Nair", "attributes": {"tier": "gold"}},
        path={"contact_id": "contact"},
        named=CONTACT_LABELS,
        places=(*CONTACT_PLACES, ("path", "contact_id", "contact")),
        free=frozenset({"assigned_id", "country_id"}),
        missing_status=422,
        empty_status=200,
    ),
    "DELETE /contacts/{contact_id}": Route(
        "contacts:delete", path={"contact_id": "spare"}, places=(("path", "contact_id", "spare"),)
    ),
    "POST /contacts/batch": Route("contacts:write", {"contacts": [{"phone": PHONE}]}),
    "DELETE /contacts/batch": Route(
        "contacts:delete",
        {},
        named={"ids": "spares"},
        places=(("body", "ids", "spares"),),
        missing_status=200,  # counted as failed
    ),
    **label_routes("groups", "/groups", "group_id"),
    "POST /groups/{group_id}/contacts": Route(
        "groups:write",
        {},
        path={"group_id": "group_id"},
        named={"contact_ids": "contacts"},
        places=(("body", "contact_ids", "contacts"), ("path", "group_id", "group_id")),
        missing_status=422,
    ),
    "DELETE /groups/{group_id}/contacts": Route(
        "groups:write",
        {},
        path={"group_id": "group_id"},
        named={"contact_ids": "contacts"},
        places=(("body", "contact_ids", "contacts"), ("path", "group_id", "group_id")),
        missing_status=200,  # passed over
    ),
    "POST /contacts/import": Route("contacts:write", file=b"phone\n+442079460099\n", status=202),
    "GET /contacts/imports": Route("contacts:read"),
    "GET /contacts/imports/{import_id}": Route(
        "contacts:read", path={"import_id": "import"}, places=(("path", "import_id", "import"),)
    ),
    "GET /contacts/imports/{import_id}/errors": Route(
        "contacts:read", path={"import_id": "import"}, places=(("path", "import_id", "import"),)
    ),
    "GET /contacts/export": Route(
        "contacts:read",
        places=(
            ("query", "filter[status_id]", "contact_status"),
            ("query", "filter[source_id]", "contact_source"),
            ("query", "filter[group_id]", "contact_group"),
        ),
    ),
    **label_routes("sources", "/sources", "source_id"),
    **label_routes("statuses", "/statuses", "status_id"),
}
