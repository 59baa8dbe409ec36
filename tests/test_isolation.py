"""What belongs to another tenant behaves like what does not exist, at every place that names a thing."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from rasl.db.pool import Database
from tests.api.v2.media_calls import form
from tests.documented import OPERATIONS
from tests.places import PLACES, Place, around, kinds_of
from tests.serving import Answer, Api, Client
from tests.test_every_route import ROUTES, call, without_meta
from tests.things import MISSING

# A body that names one of these is refused as a path would be.
_LIKE_A_PATH = frozenset({"contact_id", "media_id"})


def turn(name: str) -> int:
    """Return when an operation has its turn: what takes away what others need comes last, what changes it before."""
    method, path = name.split(" ")
    takes_some = method == "DELETE" and not path.endswith("}")
    return ("GET", "POST", "PUT", "some", "PATCH", "DELETE").index("some" if takes_some else method)


TRIED = sorted(
    (
        (name, place, kind)
        for name, places in PLACES.items()
        for place in places
        for kind in kinds_of(name, ROUTES[name], place)
    ),
    key=lambda it: (turn(it[0]), it[1].where),
)
KEYED = [
    name
    for name, operation in OPERATIONS.items()
    if any(it["name"] == "Idempotency-Key" for it in operation.get("parameters", ()))
]
PAGED = [
    name
    for name, operation in OPERATIONS.items()
    if any(it["name"] == "cursor" for it in operation.get("parameters", ()))
]


def test_every_place_that_names_a_thing_is_tried() -> None:
    assert len(TRIED) > 130
    assert {name for name, _, _ in TRIED} >= {name for name in OPERATIONS if "{" in name}


async def test_a_strangers_thing_is_as_good_as_none(
    api: Api, things: dict[str, Any], database: Database
) -> None:
    before = await belongings(database, api.world.globex.tenant_id)
    wrong = [it for name, place, kind in TRIED async for it in differences(api, things, name, place, kind)]
    assert wrong == []
    assert await belongings(database, api.world.globex.tenant_id) == before
    blind = [it for name, place, kind in TRIED async for it in not_looked_at(api, things, name, place, kind)]
    assert blind == []


async def differences(
    api: Api, things: dict[str, Any], name: str, place: Place, kind: str
) -> AsyncIterator[tuple[Any, ...]]:
    """Yield how a stranger's thing is told from one that does not exist."""
    own, foreign = things["acme"], things["globex"][kind]
    assert own[kind] != foreign
    body = around(place, ROUTES[name], own)
    theirs = await ask(api.acme, name, own, place, foreign, body)
    missing = await ask(api.acme, name, own, place, MISSING[kind], body)
    if anonymous(theirs, place, foreign) != anonymous(missing, place, MISSING[kind]):
        yield name, place.name, theirs.body, missing.body
    usual = {"query": 200, "path": 404}.get(place.where, 404 if place.path[-1] in _LIKE_A_PATH else 422)
    expected = (ROUTES[name].missing_status or usual) if place.where == "body" else usual
    if theirs.status != expected:
        yield name, place.name, theirs.status, expected


async def not_looked_at(
    api: Api, things: dict[str, Any], name: str, place: Place, kind: str
) -> AsyncIterator[tuple[Any, ...]]:
    """Yield where a thing of the caller's own makes no difference: such a place would hide a stranger's, too."""
    own = things["acme"]
    body = around(place, ROUTES[name], own)
    missing = await ask(api.acme, name, own, place, MISSING[kind], body)
    mine = await ask(api.acme, name, own, place, own[kind], around(place, ROUTES[name], own))
    is_found = mine.status != 404 if place.where == "path" else mine.status == ROUTES[name].status
    if not is_found or without_meta(mine) == without_meta(missing):
        yield name, place.name, mine.status, mine.body


async def ask(
    client: Client, name: str, own: Mapping[str, Any], place: Place, value: Any, body: Mapping[str, Any]
) -> Answer:
    """Make the sample call of a route with this value at a place, and see all that may be included."""
    query = {"include": ",".join(relations_of(name))} if relations_of(name) else {}
    if place.where == "path":
        return await call(client, name, own, ("path", place.path[0], value), query)
    if place.where == "query":
        return await call(client, name, own, ("query", place.name, value), query)
    route = ROUTES[name]
    if route.file is None:
        return await call(client, name, own, query=query, json=place.put(body, value))
    written = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    fields = {**route.fields, place.name: written}
    return await call(client, name, own, data=form(route.file, "", route.file_field, **fields))


def relations_of(name: str) -> list[str]:
    """Return what an operation can show beside what was asked for."""
    told = [it for it in OPERATIONS[name].get("parameters", ()) if it["name"] == "include"]
    return [word for it in told for word in it["schema"].get("enum") or _listed(it["description"])]


def _listed(description: str) -> list[str]:
    return description.rpartition(": ")[2].rstrip(".").split(", ")


def anonymous(answer: Answer, place: Place, value: Any) -> Any:
    """Return all of an answer but its request id and time, and what it repeats of the place."""
    status, body, pagination = without_meta(answer)
    told = json.dumps(value)
    return status, body.replace(f'"{place.path[-1]}": {told}', f'"{place.path[-1]}": "*"'), pagination


async def belongings(database: Database, tenant_id: int) -> dict[str, list[str]]:
    """Return all rows of a tenant, in all tables; when a token was last used is written now and then."""
    async with database.connection() as db:
        tables = await db.fetch(
            """
            select c.table_name as name from information_schema.columns c
            join information_schema.tables t using (table_schema, table_name)
            where c.table_schema = 'public' and c.column_name = 'tenant_id' and t.table_type = 'BASE TABLE'
            """
        )
        assert len(tables) > 20
        found = {
            row["name"]: await db.fetch(
                f"select (to_jsonb(t) - 'last_used_at')::text as line from {row['name']} t "
                "where tenant_id = $1 order by 1",
                tenant_id,
            )
            for row in tables
        }
        own = await db.fetch("select to_jsonb(t)::text as line from tenants t where id = $1", tenant_id)
    return {name: [row["line"] for row in rows] for name, rows in (found | {"tenants": own}).items()}


async def test_a_key_of_a_strangers_is_a_new_one(api: Api, things: dict[str, Any]) -> None:
    headers = {"idempotency-key": "the-same"}
    for name in KEYED:
        first = await call(api.globex, name, things["globex"], headers=headers | {"idempotency-key": name})
        mine = await call(api.acme, name, things["acme"], headers=headers | {"idempotency-key": name})
        assert {first.status, mine.status} == {ROUTES[name].status}, (first.body, mine.body)
        assert "idempotent-replayed" not in mine.headers
        assert mine.body["meta"]["request_id"] != first.body["meta"]["request_id"]


async def test_a_cursor_of_a_strangers_shows_nothing_of_theirs(api: Api, things: dict[str, Any]) -> None:
    orders = ("", "created_at", "-created_at")
    for name in PAGED:
        mine, theirs = [
            {row["id"] for row in (await call(client, name, own, query={"per_page": 100})).data}
            for client, own in ((api.acme, things["acme"]), (api.globex, things["globex"]))
        ]
        assert bool(mine) & bool(theirs), name
        assert not mine & theirs
        for order in orders:
            page = await call(api.globex, name, things["globex"], query={"per_page": 1, "sort": order})
            cursor = page.body["meta"]["pagination"].get("next_cursor")
            answer = await call(api.acme, name, things["acme"], query={"cursor": cursor or "", "sort": order})
            assert {row["id"] for row in answer.data} <= mine, name
