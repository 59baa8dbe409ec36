"""What the OpenAPI document says where a generated client would trip over it."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from rasl.api.docs import document
from rasl.app import api_v2
from tests.serving import Api

DOCUMENT = document(api_v2())
LISTS = [
    path
    for path, methods in DOCUMENT["paths"].items()
    if any(item.get("name") == "fields" for item in methods.get("get", {}).get("parameters", ()))
]


def fits(schema: dict[str, Any], value: Any) -> bool:
    return bool(Draft202012Validator({**schema, "components": DOCUMENT["components"]}).is_valid(value))


def page_of(path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    return found


async def test_a_list_of_chosen_fields_is_as_described(api: Api) -> None:
    await api.acme.send("+442079460011")
    for path in ("/api/v2/contacts", "/api/v2/messages"):
        answer = await api.acme.get(f"{path}?fields=created_at")
        assert [sorted(item) for item in answer.data] == [["created_at", "id"]]
        assert fits(page_of(path), answer.body)


@pytest.mark.parametrize("path", LISTS)
def test_every_item_of_a_list_has_its_id_and_perhaps_the_rest(path: str) -> None:
    page = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["examples"]
    (example,) = (item["value"] for item in page.values())
    assert fits(page_of(path), example)
    assert fits(page_of(path), example | {"data": [{"id": 7}]})
    assert not fits(page_of(path), example | {"data": [{}]})
    assert not fits(page_of(path), example | {"data": [{"id": "seven"}]})


def test_every_tag_in_use_is_described() -> None:
    used = {
        tag for methods in DOCUMENT["paths"].values() for item in methods.values() for tag in item["tags"]
    }
    assert used == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


def test_no_schema_is_called_after_the_module_it_is_declared_in() -> None:
    assert [name for name in DOCUMENT["components"]["schemas"] if "." in name] == []


def test_one_contact_has_everything() -> None:
    (path,) = (path for path in DOCUMENT["paths"] if path.startswith("/api/v2/contacts/{contact_id"))
    page = page_of(path)
    assert not fits(page, {"success": True, "message": "", "meta": {}, "data": {"id": 7}})
    assert "required" in DOCUMENT["components"]["schemas"]["ContactItem"]
    assert len(DOCUMENT["components"]["schemas"]["ContactItem"]["required"]) > 10


@pytest.mark.parametrize("value", [7, 7.5, True, "gold", None])
def test_attributes_may_be_whole_numbers(value: object) -> None:
    schema = DOCUMENT["components"]["schemas"]["CreateContact"]["properties"]["attributes"]
    assert fits(schema, {"tier": value})
    assert not fits(schema, {"tier": [value]})
