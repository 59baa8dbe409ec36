"""The document of what webhooks are told: it is whole, and every example is what it says."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from rasl.api.docs import events
from rasl.domain.events.catalogue import CATALOGUE
from tests.serving import Api

DOCUMENT = events.document()


def content_of(type_: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["webhooks"][type_]["post"]["requestBody"]["content"]["application/json"]
    return found


def valid(type_: str, value: Any) -> bool:
    schema = {**content_of(type_)["schema"], "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(schema).is_valid(value))


def test_it_is_an_openapi_document() -> None:
    OpenAPIV31SpecValidator({**DOCUMENT, "paths": {}}).validate()


async def test_it_is_served_to_anybody(api: Api) -> None:
    answer = await api.nobody.get("/api/v2/events.json")
    assert answer.body == DOCUMENT


@pytest.mark.parametrize("type_", CATALOGUE)
def test_every_example_is_as_its_schema_says(type_: str) -> None:
    example = content_of(type_)["example"]
    assert valid(type_, example)
    resource = example["data"]["resource"]
    other = "webhook.disabled" if type_ != "webhook.disabled" else "contact.created"
    assert not valid(other, example), "a schema tells its event from others"
    for name in resource["attributes"]:
        rest = {key: value for key, value in resource["attributes"].items() if key != name}
        broken = example | {"data": example["data"] | {"resource": resource | {"attributes": rest}}}
        assert not valid(type_, broken), name
