"""Over all routes of the operator API: who gets in, that answers are what its document says, what the audit keeps.

A new route needs one line in CALLS; without it the first test fails.
"""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from rasl import ids
from rasl.api.admin.routes import EDITION, admin_v1
from rasl.api.docs import document
from rasl.db.pool import Database
from tests.api.admin.conftest import PREFIX
from tests.api.v2.codes import rows
from tests.documented import DOCUMENT as PUBLIC
from tests.serving import Answer, Api, Client

DOCUMENT = document(admin_v1(), EDITION)
OPERATIONS = {
    f"{method.upper()} {path.removeprefix(PREFIX)}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
_NUMBER = {"waba_id": "102290129340398", "app_secret": "acme-secret", "verify_token": "acme-verify"}
# The body of a call that works, None where there is none; and the action that the audit keeps of it.
CALLS: dict[str, tuple[Mapping[str, Any] | None, str | None]] = {
    "GET /tenants": (None, None),
    "POST /tenants": ({"subdomain": "fresh", "name": "Fresh"}, "tenant.created"),
    "GET /tenants/{subdomain}": (None, None),
    "PUT /tenants/{subdomain}": ({"name": "Acme Ltd"}, "tenant.changed"),
    "PATCH /tenants/{subdomain}": ({"time_zone": "Europe/London"}, "settings.changed"),
    "POST /tenants/{subdomain}/suspend": (None, "tenant.suspended"),
    "POST /tenants/{subdomain}/resume": (None, None),
    "DELETE /tenants/{subdomain}": (None, "tenant.deleted"),
    "GET /plans": (None, None),
    "POST /plans": ({"name": "fresh"}, "plan.created"),
    "GET /plans/{plan_name}": (None, None),
    "PUT /plans/{plan_name}": ({"limits": {"staff": 3}}, "plan.changed"),
    "PATCH /plans/{plan_name}": ({"features": {"chatbot": False}}, "plan.changed"),
    "DELETE /plans/{plan_name}": (None, "plan.deleted"),
    "GET /tokens": (None, None),
    "POST /tokens": ({"tenant": "acme", "name": "x", "scopes": ["messages:send"]}, "token.created"),
    "GET /tokens/{token_id}": (None, None),
    "PATCH /tokens/{token_id}": ({"name": "Renamed"}, "token.changed"),
    "DELETE /tokens/{token_id}": (None, "token.revoked"),
    "POST /tokens/{token_id}/rotate": ({}, "token.rotated"),
    "GET /numbers": (None, None),
    "POST /numbers": (
        {"tenant": "acme", "phone_number_id": "106540352242922", "access_token": "EAAacmeaccess0123456789"}
        | _NUMBER,
        "number.connected",
    ),
    "GET /numbers/{phone_number_id}": (None, None),
    "PATCH /numbers/{phone_number_id}": ({"is_default": True}, "number.made_default"),
    "DELETE /numbers/{phone_number_id}": (None, "number.disconnected"),
    "GET /usage": (None, None),
    "GET /usage.csv": (None, None),
    "GET /audit": (None, None),
}
OF_INSTALLATION = {"plan.created", "plan.changed", "plan.deleted", "tenant.deleted"}
EVERY = pytest.mark.parametrize("name", CALLS)
CHANGING = [name for name in CALLS if not name.startswith("GET ")]


def problems(schema: Mapping[str, Any], value: Any) -> list[str]:
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def described(name: str, answer: Answer) -> dict[str, Any]:
    """Return what the document says of an answer, which is held to it."""
    answers = OPERATIONS[name]["responses"]
    told: dict[str, Any] = answers.get(str(answer.status), answers["default"])
    if "$ref" in told:
        told = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
    ((kind, content),) = told["content"].items()
    assert answer.headers["content-type"].partition(";")[0] == kind
    if kind == "application/json":
        assert problems(content["schema"], answer.body) == []
        assert answer.status < 400 or answer.code in content["examples"]
    return told


async def call(client: Client, api: Api, name: str, **options: Any) -> Answer:
    """Make the sample call of a route and hold the answer to the document."""
    method, path = name.split(" ")
    person = api.world.acme
    named = {
        "subdomain": person.subdomain,
        "plan_name": "spare",
        "token_id": person.token_id,
        "phone_number_id": person.phone_number_id,
    }
    body = CALLS[name][0]
    if body is not None and "json" not in options:
        options["json"] = body
    answer = await client.call(method, PREFIX + path.format(**named), **options)
    described(name, answer)
    return answer


@pytest.fixture
async def spare(admin: Client) -> None:
    """A plan that nobody has."""
    assert (await admin.post(f"{PREFIX}/plans", {"name": "spare"})).status == 201


def test_every_route_has_a_sample_call() -> None:
    assert OPERATIONS.keys() == CALLS.keys()


@pytest.mark.usefixtures("spare")
@EVERY
async def test_the_sample_call_works(api: Api, admin: Client, name: str) -> None:
    assert (await call(admin, api, name)).status in {200, 201}


@pytest.mark.usefixtures("spare")
@EVERY
async def test_nobody_else_gets_in(api: Api, database: Database, name: str) -> None:
    before = await rows(database, "select count(*) as entries from audit_log")
    strangers: tuple[dict[str, str], ...] = (
        {},
        {"authorization": f"Bearer {ids.mint_token(ids.ADMIN_PREFIX)}"},
        api.world.acme.headers,
        {"x-api-key": api.world.acme.token},
    )
    for headers in strangers:
        answer = await call(api.nobody, api, name, headers=headers)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert "token of an account" in answer.body["error"]["message"]
    assert await rows(database, "select count(*) as entries from audit_log") == before


@pytest.mark.usefixtures("spare")
@pytest.mark.parametrize("name", CHANGING)
async def test_what_it_changes_is_in_the_audit(
    api: Api, admin: Client, database: Database, name: str
) -> None:
    answer = await call(admin, api, name)
    request_id = answer.body["meta"]["request_id"]
    kept = await rows(
        database, "select *, audit_log::text as text from audit_log where request_id = $1", request_id
    )
    action = CALLS[name][1]
    suspended = {"tenant.suspended"} if name.startswith("DELETE /tenants") else set()  # while it is exported
    assert {row["action"] for row in kept} == suspended | ({action} if action else set())
    kept = [row for row in kept if row["action"] == action]
    for row in kept:
        assert (row["actor_type"], row["actor"], row["ip_address"]) == ("admin_token", "billing", "127.0.0.1")
        assert "EAA" not in row["text"]
        assert (row["tenant_id"] == 0) == (action in OF_INSTALLATION)


@pytest.mark.usefixtures("spare")
@pytest.mark.parametrize("name", [name for name, (body, _) in CALLS.items() if body])
async def test_what_means_nothing_and_what_cannot_be_read_is_refused(
    api: Api, admin: Client, database: Database, name: str
) -> None:
    before = await rows(database, "select count(*) as entries from audit_log")
    strict = {"prefer": "handling=strict"}
    wrong = {**(CALLS[name][0] or {}), "tenant_id": 2, "role": "x"}
    answer = await call(admin, api, name, json=wrong, headers=strict)
    assert (answer.status, set(answer.details)) == (422, {"tenant_id", "role"})
    answer = await call(admin, api, name, json=None, data=b"{", headers={"content-type": "application/json"})
    assert (answer.status, answer.code) == (400, "INVALID_JSON")
    assert await rows(database, "select count(*) as entries from audit_log") == before


@pytest.mark.parametrize("name", CALLS)
async def test_what_is_not_there_is_a_404(admin: Client, name: str) -> None:
    method, path = name.split(" ")
    if "{" not in path or method == "PUT":
        return
    missing = {"subdomain": "none", "plan_name": "none", "token_id": 999_999_999, "phone_number_id": "1"}
    for body in (
        CALLS[name][0],
        {"name": 7, "access_token": " ", "plan": "none"} if CALLS[name][0] else None,
    ):
        answer = await admin.call(method, PREFIX + path.format(**missing), json=body)
        described(name, answer)
        assert (answer.status, answer.code) in {(404, "NOT_FOUND"), (422, "VALIDATION_ERROR")}
    assert (await admin.call(method, PREFIX + path.format(**missing), json=CALLS[name][0])).status == 404


async def test_the_document_is_valid_and_shown_to_operators_alone(api: Api, admin: Client) -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(DOCUMENT)).validate()
    assert (await admin.get(f"{PREFIX}/openapi.json")).body == DOCUMENT
    assert (await api.acme.get(f"{PREFIX}/openapi.json")).status == 401
    assert "/api/admin" not in str(PUBLIC["paths"])
    assert "rasladm" not in str(PUBLIC)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_document_says_what_each_route_is_and_shows_bodies_that_fit(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            assert problems(content["schema"], example["value"]) == []
    codes = {
        code
        for it in DOCUMENT["components"]["responses"].values()
        for code in it["content"]["application/json"]["examples"]
    }
    assert not codes & EDITION.without


async def test_an_admin_token_is_taken_nowhere_else(admin: Client) -> None:
    for path in ("account", "tokens", "messages"):
        answer = await admin.get(f"/api/v2/{path}")
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert "token of operators" in answer.body["error"]["message"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    posted = await admin.call("POST", "/api/v2/contacts/5", data="_method=DELETE", headers=form)
    assert posted.status == 401


async def test_a_form_may_name_another_method_here_too(admin: Client) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await admin.call(
        "POST", f"{PREFIX}/tenants/acme", data="_method=PATCH&name=Acme+Ltd", headers=form
    )
    assert (answer.status, answer.data["name"]) == (200, "Acme Ltd")
