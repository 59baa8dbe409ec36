"""What the OpenAPI document says where a generated client would trip over it."""

import copy
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from rasl.api.docs.schemas import objects
from rasl.domain.message_status import MessageStatus
from rasl.domain.scopes import ALL_SCOPES
from rasl.errors import ALL_ERRORS
from tests.api.operation_ids import OPERATION_IDS
from tests.documented import DOCUMENT, OPERATIONS, PATHS, schema_of
from tests.serving import Api

SCHEMAS = DOCUMENT["components"]["schemas"]
# 250 KiB were to be enough for 78 operations; each that came since may take as much as those do.
MOST_BYTES = 250 * 1024 * len(OPERATIONS) // 78
LISTS = [
    path
    for path, methods in PATHS.items()
    if any(item.get("name") == "fields" for item in methods.get("get", {}).get("parameters", ()))
]
WRITES = [name for name, operation in OPERATIONS.items() if "requestBody" in operation]


def fits(schema: dict[str, Any], value: Any) -> bool:
    return bool(Draft202012Validator({**schema, "components": DOCUMENT["components"]}).is_valid(value))


def page_of(path: str) -> dict[str, Any]:
    found: dict[str, Any] = PATHS[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return found


def test_a_long_pattern_stands_once() -> None:
    patterns = Counter(
        node["pattern"] for node in objects(SCHEMAS) if len(str(node.get("pattern", ""))) > 100
    )
    assert len(patterns) > 2
    assert {pattern for pattern, count in patterns.items() if count > 1} == set()


def test_what_every_good_answer_has_is_told_once() -> None:
    having = [name for name, it in SCHEMAS.items() if {"success", "meta"} <= it.get("properties", {}).keys()]
    assert having == ["Failure", "Success"]


def properties() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return every field of every schema: where it is, its name, and what it is."""
    for owner, schema in SCHEMAS.items():
        for name, told in schema_of(schema).get("properties", {}).items():
            yield owner, name, told


async def test_a_list_of_chosen_fields_is_as_described(api: Api) -> None:
    await api.acme.send("+442079460011")
    for path in ("/api/v2/contacts", "/api/v2/messages"):
        answer = await api.acme.get(f"{path}?fields=created_at")
        assert [sorted(item) for item in answer.data] == [["created_at", "id"]]
        assert fits(page_of(path), answer.body)


# What is shown once need not be shown again: `/messages/messages` is an alias.
SHOWN = PATHS["/api/v2/messages"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]


@pytest.mark.parametrize("path", LISTS)
def test_every_item_of_a_list_has_its_id_and_perhaps_the_rest(path: str) -> None:
    examples = PATHS[path]["get"]["responses"]["200"]["content"]["application/json"].get("examples", SHOWN)
    (example,) = (item["value"] for item in examples.values())
    assert fits(page_of(path), example)
    assert fits(page_of(path), example | {"data": [{"id": 7}]})
    assert not fits(page_of(path), example | {"data": [{}]})
    assert not fits(page_of(path), example | {"data": [{"id": "seven"}]})


def test_every_tag_in_use_is_described() -> None:
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


def test_no_schema_is_called_after_the_module_it_is_declared_in() -> None:
    assert [name for name in SCHEMAS if not name.isalnum() or name.endswith("Item")] == []


def test_no_two_schemas_have_one_title() -> None:
    titles = Counter(node["title"] for node in objects(SCHEMAS) if isinstance(node.get("title"), str))
    assert {title for title, count in titles.items() if count > 1} == set()


def test_one_contact_has_everything() -> None:
    (path,) = (path for path in PATHS if path.startswith("/api/v2/contacts/{contact_id"))
    page = page_of(path)
    assert not fits(page, {"success": True, "message": "", "meta": {}, "data": {"id": 7}})
    assert len(schema_of(SCHEMAS["Contact"])["required"]) > 10


@pytest.mark.parametrize("value", [7, 7.5, True, "gold", None])
def test_attributes_may_be_whole_numbers(value: object) -> None:
    schema = schema_of(SCHEMAS["CreateContact"])["properties"]["attributes"]
    assert fits(schema, {"tier": value})
    assert not fits(schema, {"tier": [value]})


def test_it_is_valid_by_the_rules_of_openapi_and_by_those_of_json_schema() -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(DOCUMENT)).validate()
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_operations_are_called_what_they_have_always_been_called() -> None:
    assert sorted(operation["operationId"] for operation in OPERATIONS.values()) == sorted(OPERATION_IDS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_needs(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["x-required-scope"] in {*ALL_SCOPES, None}
    assert operation["summary"]
    assert operation["description"]
    for parameter in operation.get("parameters", ()):
        assert parameter["description"]
        assert parameter["in"] != "path" or fits(parameter["schema"], parameter["example"])
    for status, answer in operation["responses"].items():
        assert "X-Request-Id" in answer["headers"], status
        assert "Retry-After" in answer["headers"] or status not in {"429", "default"}
        # That good answers have the limits is told once, at the top.
        is_good = status[0] == "2"
        assert "X-RateLimit-Remaining" in answer["headers"] or is_good or status in {"401", "400", "default"}
        key = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        assert ("Idempotent-Replayed" in answer["headers"]) == (key and status[0] == "2")


@pytest.mark.parametrize("name", WRITES)
def test_every_body_has_examples_that_fit(name: str) -> None:
    content = OPERATIONS[name]["requestBody"]["content"]
    shown = [
        (about["schema"], example["value"])
        for about in content.values()
        for example in about.get("examples", {}).values()
    ]
    assert shown, f"{name} has no example of its body"
    for schema, value in shown:
        assert fits(schema, value), value


@pytest.mark.parametrize("name", WRITES)
def test_every_body_may_come_as_a_form(name: str) -> None:
    assert "multipart/form-data" in OPERATIONS[name]["requestBody"]["content"]
    for about in OPERATIONS[name]["requestBody"]["content"].values():
        assert [node for node in objects(schema_of(about["schema"])) if "additionalProperties" in node] == [
            node for node in objects(schema_of(about["schema"])) if node.get("additionalProperties")
        ]


def test_only_a_form_brings_a_file() -> None:
    shown = {
        (name, kind)
        for name in WRITES
        for kind, content in OPERATIONS[name]["requestBody"]["content"].items()
        for node in objects(_resolved(content["schema"]))
        if "contentMediaType" in node
    }
    assert {kind for _, kind in shown} == {"multipart/form-data"}
    assert {"POST /media", "POST /messages/media", "POST /messages/template"} <= {name for name, _ in shown}


def _resolved(node: Any) -> Any:
    """Return a schema with all that it refers to in it."""
    if isinstance(node, list):
        return [_resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(SCHEMAS[node["$ref"].rpartition("/")[2]])
    return {key: _resolved(item) for key, item in node.items()}


def test_a_body_is_required_where_it_has_to_say_something() -> None:
    needed = {name: OPERATIONS[name]["requestBody"].get("required", False) for name in WRITES}
    assert (needed["POST /messages/text"], needed["POST /auth/challenge"]) == (True, False)


def test_no_body_refuses_names_that_mean_nothing() -> None:
    assert [name for name, schema in SCHEMAS.items() if schema.get("additionalProperties") is False] == []


def test_every_kind_of_answer_is_shown_once() -> None:
    good = [
        answer["content"]["application/json"]
        for operation in OPERATIONS.values()
        for status, answer in operation["responses"].items()
        if status[0] == "2" and "application/json" in answer.get("content", {})
    ]
    shown = {msgspec.json.encode(content["schema"]) for content in good if "examples" in content}
    assert [it["schema"] for it in good if msgspec.json.encode(it["schema"]) not in shown] == []


def test_null_is_a_type_and_no_keyword() -> None:
    assert [node for node in objects(DOCUMENT) if "nullable" in node] == []
    for node in objects(SCHEMAS):
        plain = [it.keys() == {"type"} for it in node.get("anyOf", ())]
        assert not plain or not all(plain) or {"type": "object"} in node["anyOf"], node


def test_moments_are_moments() -> None:
    moments = [(owner, told) for owner, name, told in properties() if name.endswith("_at")]
    assert len(moments) > 20
    for owner, told in moments:
        assert schema_of(told).get("format") == "date-time", owner


def test_bounds_of_integers_are_integers() -> None:
    for node in objects(SCHEMAS):
        if node.get("type") == "integer":
            assert all(isinstance(node.get(key, 0), int) for key in ("minimum", "maximum")), node
            assert node.get("maximum", 0) < 2**53


def test_what_is_one_of_a_few_words_says_which() -> None:
    assert SCHEMAS["ErrorCode"]["enum"] == sorted({error.code for error in ALL_ERRORS})
    assert set(SCHEMAS["MessageStatus"]["enum"]) == set(MessageStatus)
    for owner, name, told in properties():
        if name in {"status", "category", "direction", "quality"} and told.get("type") == "string":
            assert told.get("enum") or told.get("const"), (owner, name)


def test_every_reference_leads_somewhere_and_everything_is_referred_to() -> None:
    places = {node["$ref"] for node in objects(DOCUMENT) if isinstance(node.get("$ref"), str)}
    there = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in named
    }
    assert places - there == set()
    assert there - places == set()


def test_the_token_may_come_in_either_header() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert [next(iter(item)) for item in DOCUMENT["security"]] == list(schemes)
    assert schemes["apiKey"]["name"] == "X-API-Key"


async def test_it_is_small_and_comes_compressed_when_asked(api: Api) -> None:
    plain = await api.nobody.call("GET", "/api/v2/openapi.json", headers={"accept-encoding": "identity"})
    assert plain.body == DOCUMENT
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) < MOST_BYTES
    url = f"{api.base_url}/api/v2/openapi.json"
    async with api.nobody.session.get(url, headers={"accept-encoding": "br;q=1, gzip"}) as answer:
        assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert int(answer.headers["content-length"]) < MOST_BYTES / 6
        assert await answer.json() == DOCUMENT
    assert len(gzip.compress(json.dumps(DOCUMENT).encode())) > 1000
