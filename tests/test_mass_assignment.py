"""No write can set what is not its own to set: not by naming it, and not in a row of a batch."""

from typing import Any

from rasl.db.pool import Database
from tests.api.v2.media_calls import form
from tests.documented import OPERATIONS, schema_of
from tests.serving import Api
from tests.test_every_route import ROUTES, call

# Values that nothing else has, so that they are found wherever they were stored.
WANTED: dict[str, Any] = {
    "tenant_id": 918273645501,
    "id": 918273645502,
    "status": "mass-assigned-status",
    "created_at": "1987-06-05T04:03:02+00:00",
    "role": "mass-assigned-role",
    "scopes": ["mass-assigned-scope"],
}
MARKS = ("918273645501", "918273645502", "mass-assigned", "1987-06-05")
WRITES = [name for name in ROUTES if name.split(" ")[0] != "GET"]
# What takes away what others need comes last.
WRITES.sort(key=lambda name: name.startswith("DELETE") and name.endswith("}"))


def fields_of(name: str) -> set[str]:
    """Return the fields that a write takes."""
    content = OPERATIONS[name].get("requestBody", {}).get("content", {})
    schemas = [part for it in content.values() for part in it["schema"].get("anyOf", [it["schema"]])]
    return {field for schema in schemas for field in schema_of(schema).get("properties", {})}


async def test_what_is_no_field_of_a_write_is_named_and_stored_nowhere(
    api: Api, things: dict[str, Any], database: Database
) -> None:
    for name in WRITES:
        route, own = ROUTES[name], things["acme"]
        extra = {field: value for field, value in WANTED.items() if field not in fields_of(name)}
        if route.file is None:
            answer = await call(api.acme, name, own, json=route.body_of(own) | extra)
        else:
            written = {field: str(value) for field, value in extra.items()}
            data = form(route.file, "", route.file_field, **route.fields, **written)
            answer = await call(api.acme, name, own, data=data)
        assert answer.status == route.status, (name, answer.body)
        if "requestBody" in OPERATIONS[name]:
            ignored = {item["field"] for item in answer.body["meta"]["ignored"]}
            assert ignored >= set(extra), name
        stored = await all_stored(database)
        assert [mark for mark in MARKS if mark in stored] == [], name


async def test_a_row_of_a_batch_cannot_either(api: Api, things: dict[str, Any], database: Database) -> None:
    (row,) = ROUTES["POST /contacts/batch"].probes["contacts"](things["acme"])["contacts"]
    answer = await api.acme.post("/api/v2/contacts/batch", {"contacts": [row | WANTED]})
    assert answer.data["summary"] == {"total": 1, "created": 1, "skipped": 0, "failed": 0}
    assert {item["field"] for item in answer.body["meta"]["ignored"]} == {f"contacts.0.{it}" for it in WANTED}
    stored = await all_stored(database)
    assert [mark for mark in MARKS if mark in stored] == []


async def all_stored(database: Database) -> str:
    """Return every row of every table as text."""
    async with database.connection() as db:
        tables = await db.fetch("select tablename from pg_tables where schemaname = 'public'")
        assert len(tables) > 20
        rows = [
            row["line"]
            for table in tables
            for row in await db.fetch(f"select t::text as line from {table['tablename']} t")
        ]
    return "\n".join(rows)
