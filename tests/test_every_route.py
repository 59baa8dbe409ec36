"""Over the real route table: who may call, what strangers see, and that answers are what the document says.

A new route needs one line in ROUTES; without it the first test fails.
"""

import asyncio
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from rasl import ids
from rasl.app import api_v2
from rasl.db import tenants
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from rasl.errors import ALL_ERRORS
from rasl.services.ground.callers import hash_token
from rasl.web.request import ENDING
from tests.api.v2.media_calls import form
from tests.auth_routes import AUTH, LOGIN_CODE, codes_of
from tests.contact_routes import CONTACTS
from tests.documented import DOCUMENT, OPERATIONS, schema_of
from tests.routes import FILES, NAMING, NUMBERS, ORDER, SENDS, TEMPLATES, TOKENS, WEBHOOKS, Route
from tests.serving import Answer, Api, Client
from tests.things import MISSING, PREFIX, things_of

# What no client may ever set by naming it.
FORBIDDEN = {
    "tenant_id": 1,
    "id": 1,
    "status": "read",
    "created_at": "2020-01-01",
    "scopes": ["all"],
    "role": "x",
}


ROUTES = {
    **SENDS,
    **FILES,
    **TEMPLATES,
    **AUTH,
    **TOKENS,
    **WEBHOOKS,
    **NUMBERS,
    "GET /messages": Route("messages:read", places=(("query", "filter[interaction_id]", "conversation"),)),
    "GET /messages/messages": Route("messages:read", alias_of="GET /messages"),
    "GET /messages/{message_id}": Route(
        "messages:read",
        path={"message_id": "message"},
        places=(("path", "message_id", "message"), ("path", "message_id", "wamid")),
    ),
    **CONTACTS,
    "GET /account": Route("account:read"),
    "GET /account/usage": Route("account:read"),
    "GET /account/limits": Route("account:read"),
    "GET /account/costs": Route("account:read"),
    "GET /settings": Route("settings:read"),
    "PATCH /settings": Route(
        "settings:write",
        {"default_country": "GB"},
        places=(("body", "default_status_id", "status_id"), ("body", "default_source_id", "source_id")),
        free=frozenset({"default_assigned_id"}),
        missing_status=422,
        empty_status=200,
    ),
    "GET /audit": Route("audit:read"),
    "GET /comments/{mobile}": Route(None, path={"mobile": "mobile"}, places=(("path", "mobile", "mobile"),)),
    "POST /comments/{mobile}": Route(
        None,
        {"comment": "Call after five."},
        path={"mobile": "mobile"},
        places=(("path", "mobile", "mobile"),),
        free=frozenset({"message_id", "ref_message_id"}),
    ),
}
WRITING = [name for name, route in ROUTES.items() if route.body is not None]
EVERY = pytest.mark.parametrize("name", ROUTES)


def routes_of_the_app() -> set[str]:
    """Return every public route as `METHOD /path`."""
    found = set()
    for route in api_v2().routes:
        path = route.path_format.removeprefix(PREFIX)
        for handler in getattr(route, "route_handlers", ()):
            ending = handler.opt.get(ENDING, "")
            found |= {f"{method} {path}{ending}" for method in handler.http_methods if method != "OPTIONS"}
    return found


def problems(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Say where a value is not what a schema of the document describes."""
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def conforms(name: str, answer: Answer) -> Answer:
    """Check an answer against the document."""
    answers = OPERATIONS[name]["responses"]
    described = answers.get(str(answer.status), answers["default"])
    missing = [
        it for it, about in described["headers"].items() if about.get("required") and it not in answer.headers
    ]
    assert missing == []
    if "text/csv" in described["content"]:
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        return answer
    assert answer.headers["content-type"] == "application/json"
    assert problems(described["content"]["application/json"]["schema"], answer.body) == []
    if answer.status >= 400:
        assert answer.code in described["content"]["application/json"]["examples"], answer.body
    return answer


@pytest.fixture
async def things(api: Api, database: Database) -> dict[str, dict[str, Any]]:
    """Things of acme's and of globex's, by kind."""
    found = {
        "acme": await things_of(api.acme, database, "442079460021"),
        "globex": await things_of(api.globex, database, "442079460022"),
    }
    people = ((api.acme, api.world.acme), (api.globex, api.world.globex))
    for things, (client, person) in zip(found.values(), people, strict=True):
        order = {"waba_id": person.waba_id, "templates": [ORDER, LOGIN_CODE]}
        registered = await api.simulator.post("/_control/templates", order)
        await client.post(f"{PREFIX}/templates/sync")
        things["template"] = registered.body["data"][0]["id"]
        things["number"] = person.phone_number_id
        things |= {"waba": person.waba_id, "access_token": person.access_token}
        things.update(await codes_of(client))
    return found


async def call(
    client: Client,
    name: str,
    own: Mapping[str, Any],
    place: tuple[str, str, Any] | None = None,
    **options: Any,
) -> Answer:
    """Make the sample call of a route, perhaps with another value in one place, and hold it to the document."""
    route = ROUTES[name]
    method, path = name.split(" ")
    parts: dict[str, dict[str, Any]] = {
        "path": {key: own[kind] for key, kind in route.path.items()},
        "query": {},
        "body": route.body_of(own),
    }
    if place is not None:
        parts[place[0]][place[1]] = place[2]
    if route.body is not None and not {"json", "data"} & options.keys():
        options["json"] = parts["body"]
    if route.file is not None and "data" not in options:
        options["data"] = form(route.file, "", route.file_field, **route.fields)
    url = PREFIX + path.format(**parts["path"])
    return conforms(name, await client.call(method, url, params=parts["query"], **options))


def test_every_route_has_sample_data() -> None:
    assert routes_of_the_app() == set(ROUTES)


def test_every_route_is_documented_and_aliases_say_so() -> None:
    assert OPERATIONS.keys() == ROUTES.keys()
    for name, route in ROUTES.items():
        alias_of = OPERATIONS[name].get("x-alias-of")
        assert alias_of == (OPERATIONS[route.alias_of]["operationId"] if route.alias_of else None)
        assert OPERATIONS[name].get("deprecated", False) == bool(route.alias_of)
        assert OPERATIONS[name]["x-required-scope"] == route.scope


async def test_the_document_served_is_this_one(api: Api) -> None:
    assert (await api.nobody.get(f"{PREFIX}/openapi.json")).body == DOCUMENT


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_described_has_examples_that_fit(name: str) -> None:
    known = {error.code: error.status for error in ALL_ERRORS}
    for status, described in OPERATIONS[name]["responses"].items():
        (content,) = described["content"].values()
        is_good = status[0] == "2"  # what several answer alike is shown by the first of them
        assert content.get("examples") or is_good, f"{status} has no example"
        for code, example in content.get("examples", {}).items():
            assert problems(content["schema"], example["value"]) == []
            if status == "default" or int(status) >= 400:
                assert example["value"]["error"]["code"] == code
                assert status in {str(known[code]), "default"}


@EVERY
async def test_the_sample_call_works(api: Api, things: dict[str, Any], name: str) -> None:
    assert (await call(api.acme, name, things["acme"])).status == ROUTES[name].status


@EVERY
async def test_nobody_gets_in_without_a_token(api: Api, things: dict[str, Any], name: str) -> None:
    for headers in ({}, {"authorization": f"Bearer {ids.mint_token()}"}, {"authorization": "Basic YTpi"}):
        answer = await call(api.nobody, name, things["acme"], headers=headers)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_each_scope_opens_its_routes_and_no_others(
    api: Api, things: dict[str, Any], database: Database
) -> None:
    for scope in ALL_SCOPES:
        client = await client_with(api, database, scope)
        for name, route in ROUTES.items():
            answer = await call(client, name, things["acme"])
            if scope in route.scopes or not route.scopes:
                gone = {404} if route.other_scope else set()  # the other scope has deleted it
                assert answer.status in {route.status} | gone, (scope, name)
            else:
                assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE"), (scope, name)
                assert answer.details["required_scope"] == route.scope
                assert tuple(answer.details.get("any_of_scopes", [route.scope])) == route.scopes


async def client_with(api: Api, database: Database, scope: str) -> Client:
    token = ids.mint_token()
    async with database.connection() as db:
        await tenants.create_token(
            db, api.world.acme.tenant_id, scope, hash_token(token), token[-4:], (scope,), 1000, None
        )
    return Client(api.acme.session, api.base_url, {"authorization": f"Bearer {token}"})


@EVERY
async def test_a_strangers_id_answers_like_one_that_does_not_exist(
    api: Api, things: dict[str, Any], name: str
) -> None:
    for where, key, kind in ROUTES[name].places:
        own, foreign = things["acme"][kind], things["globex"][kind]
        assert own != foreign
        theirs = await call(api.acme, name, things["acme"], (where, key, foreign))
        missing = await call(api.acme, name, things["acme"], (where, key, MISSING[kind]))
        assert without_meta(theirs) == without_meta(missing)
        if where == "path":
            assert (theirs.status, theirs.code) == (404, "NOT_FOUND")
        if where == "body":
            route = ROUTES[name]
            assert theirs.status == route.missing_statuses.get(key, route.missing_status)
        mine = await call(api.acme, name, things["acme"], (where, key, own))
        assert mine.status == ROUTES[name].status
        assert without_meta(mine) != without_meta(missing)


def without_meta(answer: Answer) -> tuple[int, str, Any]:
    """Return all of an answer but its request id and time, to the byte; the page's numbers stay."""
    if isinstance(answer.body, str):
        return answer.status, answer.body, None
    body = dict(answer.body)
    pagination = body.pop("meta").get("pagination")
    return answer.status, json.dumps(body), pagination


def test_routes_that_name_things_say_where() -> None:
    for name, route in ROUTES.items():
        named = {key for where, key, _ in route.places if where == "path"}
        assert named == set(route.path), name
        assert all(f"{{{key}}}" in name for key in named)
        body = request_schema(name).get("properties", {})
        written = {key for where, key, _ in route.places if where == "body"}
        ids_in_body = {key for key in body if key.endswith(("_id", "_ids")) or key in NAMING}
        assert written | route.free == ids_in_body, name


def request_schema(name: str) -> dict[str, Any]:
    """Return the schema of a route's body, empty when it takes none."""
    operation = OPERATIONS[name]
    if "requestBody" not in operation:
        return {}
    if "application/json" not in operation["requestBody"]["content"]:
        return {}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    kinds = [schema_of(kind) for kind in schema.get("anyOf", [schema])]
    properties = {key: value for kind in kinds for key, value in kind["properties"].items()}
    return {**kinds[0], "properties": properties}


STRICT = {"prefer": "handling=strict"}


@pytest.mark.parametrize("name", WRITING)
async def test_nothing_can_be_set_by_naming_it(
    api: Api, things: dict[str, Any], database: Database, name: str
) -> None:
    before = await dump(database)
    fields = {key: value for key, value in FORBIDDEN.items() if key not in request_schema(name)["properties"]}
    for field, value in fields.items():
        answer = await call(api.acme, name, things["acme"], ("body", field, value), headers=STRICT)
        assert (answer.status, list(answer.details)) == (422, [field])
    whole = {**ROUTES[name].body_of(things["acme"]), **fields}
    answer = await call(api.acme, name, things["acme"], json=whole, headers=STRICT)
    assert (answer.status, set(answer.details)) == (422, set(fields))
    assert {item["field"] for item in answer.body["meta"]["ignored"]} == set(fields)
    assert await dump(database) == before


async def dump(database: Database) -> dict[str, Any]:
    """Return all rows of what clients write."""
    async with database.connection() as db:
        return {
            table: [str(row) for row in await db.fetch(f"select * from {table} order by 1, 2")]
            for table in (
                "tenants",
                "contacts",
                "contact_aliases",
                "contact_groups",
                "sources",
                "contact_statuses",
                "conversations",
                "messages",
                "comments",
                "jobs",
            )
        }


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/json", 422, "VALIDATION_ERROR"),
        (b"{", "application/json", 400, "INVALID_JSON"),
        (b"[]", "application/json", 400, "INVALID_JSON"),
        (b"{}", "application/json", 422, "VALIDATION_ERROR"),
        (b"", "application/x-www-form-urlencoded", 422, "VALIDATION_ERROR"),
        (b"<a/>", "text/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    api: Api, things: dict[str, Any], name: str, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"content-type": content_type}
    # Who waits for a 100 sees the refusal of a large body before sending any of it.
    options = {"data": io.BytesIO(body), "headers": headers, "expect100": len(body) > 1000}
    answer = await call(api.acme, name, things["acme"], None, **options)
    if code == "VALIDATION_ERROR" and ROUTES[name].empty_status != status:
        assert answer.status == ROUTES[name].empty_status
    else:
        assert (answer.status, answer.code) == (status, code)


@EVERY
async def test_other_methods_are_refused(api: Api, things: dict[str, Any], name: str) -> None:
    path = name.split(" ")[1].format(**{key: things["acme"][kind] for key, kind in ROUTES[name].path.items()})
    allowed = {other.split(" ")[0] for other in ROUTES if other.split(" ")[1] == name.split(" ")[1]}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        if method == "GET" and name.startswith("POST /messages/"):
            continue  # reads the message with the id `text`, or what else the path ends in
        answer = await api.acme.call(method, PREFIX + path)
        assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("effect", [{"kind": "error", "code": 131030}, "html_502"])
async def test_what_meta_does_is_answered_as_documented(
    api: Api, things: dict[str, Any], effect: Any
) -> None:
    await api.simulator.post("/_control/faults", {"effect": effect})
    sending = [name for name in WRITING if "dry_run" in request_schema(name)["properties"]]
    answers = await asyncio.gather(*(call(api.acme, name, things["acme"]) for name in sending))
    assert {answer.status for answer in answers} == ({200} if effect == "html_502" else {500})
    later = {"prefer": "respond-async"}
    answers = [await call(api.acme, name, things["acme"], headers=later) for name in sending]
    assert {answer.status for answer in answers} == {202}
