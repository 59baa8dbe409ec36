"""No request of the document or against it is answered otherwise than the document says."""

import asyncio
import os
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.documented import DOCUMENT, OPERATIONS
from tests.fuzz.owned import owned
from tests.fuzz.running import Report, fuzz
from tests.serving import Api
from tests.test_mass_assignment import all_stored
from tests.world import World

# How many requests an operation gets beside its examples and what its schema has at its edges; `make fuzz` sets it.
EXAMPLES = int(os.environ.get("RASL_FUZZ", "0"))
# What takes away what the other requests need.
LAST = ("changeSettings", "changeToken", "rotateToken", "revokeToken", "disconnectNumber", "deleteWebhook")
# The same object in every send: the tests try its edges in none, `make fuzz` in all.
_COMMON = frozenset({"fallback_template", "context", "dry_run"})
# What may be refused every time: it needs a file, somebody new, or what another request has changed before. That right
# requests go well there is shown by `test_every_route.py`.
NEVER_GOOD = frozenset(
    {
        "POST /media",
        "POST /contacts",
        "POST /groups/{group_id}/contacts",
        "DELETE /groups/{group_id}/contacts",
        "POST /messages/reaction",
        "POST /messages/sticker",
        "POST /messages/template",
        "POST /messages/{message_id}/read",
    }
)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def with_bodies(document: dict[str, Any], *kinds: str) -> dict[str, Any]:
    """Leave out of a document how bodies are sent otherwise than in these ways, where one of them will do."""
    paths = {
        path: {method: _sent_as(operation, kinds) for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    return {**document, "paths": paths}


def _sent_as(operation: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    left = {kind: content[kind] for kind in kinds if kind in content}
    return {**operation, "requestBody": {**operation["requestBody"], "content": left}} if left else operation


def shorter(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a document what every send has in common."""
    components = document["components"]
    schemas = {name: _without(schema, _COMMON) for name, schema in components["schemas"].items()}
    return {**document, "components": {**components, "schemas": schemas}}


def _without(schema: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    if "properties" not in schema:
        return schema
    return {
        **schema,
        "properties": {name: it for name, it in schema["properties"].items() if name not in names},
    }


@pytest.mark.filterwarnings("ignore")  # those of Schemathesis
async def test_every_answer_is_as_the_document_says(
    api: Api, things: dict[str, Any], database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    # What comes as a form of either kind is read by the same code; multipart alone brings files.
    document = with_bodies(DOCUMENT, JSON, FORM) if EXAMPLES else shorter(with_bodies(DOCUMENT, JSON))
    document = owned(document, things["acme"], api.world.acme)
    report = await asyncio.to_thread(
        fuzz,
        document,
        api.base_url,
        api.world.acme.token,
        phases=("examples", "coverage", "fuzzing", "stateful") if EXAMPLES else ("examples", "coverage"),
        examples=EXAMPLES or 1,
        last=LAST,
    )
    assert report.findings == [], f"{len(report.findings)}:\n" + "\n\n".join(report.findings[:20])
    assert_it_saw_something(report)
    logged = "".join(capfd.readouterr())
    assert_no_secret(api.world, logged + await all_stored(database))


def assert_it_saw_something(report: Report) -> None:
    """A run whose requests are all refused finds nothing."""
    assert report.cases > 1000
    assert len(report.answers) == len(OPERATIONS)
    blind = {
        name.replace("/api/v2", "")
        for name, told in report.answers.items()
        if not any(it < 300 for it in told)
    }
    assert blind <= NEVER_GOOD


def assert_no_secret(world: World, text: str) -> None:
    """Whatever was asked, no secret is in a log line or a table."""
    for person in (world.acme, world.globex):
        for secret in (person.token, person.access_token, person.app_secret, person.verify_token):
            assert secret not in text
            assert secret.encode().hex() not in text
