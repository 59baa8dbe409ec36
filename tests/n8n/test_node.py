"""What the n8n node makes of what people enter, and which deliveries its trigger believes; run by Node."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from tests.n8n.trying import Node, raw

KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOW = 1_772_615_722
BODY = b'{"event":{"id":"evt_1"},"data":{"text":"J\xc3\xb8rgen"}}'


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node(tmp_path_factory.mktemp("n8n"))


def signature(key: bytes = KEY, at: int = NOW, body: bytes = BODY, webhook_id: str = "evt_1") -> str:
    digest = hmac.new(key, f"{webhook_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def delivery(**changed: Any) -> dict[str, Any]:
    return {"id": "evt_1", "timestamp": str(NOW), "signature": signature(), "body": raw(BODY)} | changed


DELIVERIES = {
    "as it is signed": (delivery(), NOW, True),
    "five minutes old": (delivery(), NOW + 300, True),
    "from a clock that is ahead": (delivery(), NOW - 300, True),
    "signed with two secrets, ours second": (
        delivery(signature=f"{signature(b'other')} {signature()}"),
        NOW,
        True,
    ),
    "with a signature of a kind to come": (delivery(signature=f"v1a,xyz {signature()}"), NOW, True),
    "too old": (delivery(), NOW + 301, False),
    "from the future": (delivery(), NOW - 301, False),
    "with another body": (delivery(body=raw(BODY + b" ")), NOW, False),
    "with another id": (delivery(id="evt_2"), NOW, False),
    "with another moment": (delivery(timestamp=str(NOW + 1)), NOW, False),
    "of another secret": (delivery(signature=signature(b"other")), NOW, False),
    "with a cut signature": (delivery(signature=signature()[:-8]), NOW, False),
    "of another kind alone": (delivery(signature=signature().replace("v1,", "v2,")), NOW, False),
    "without a signature": (delivery(signature=None), NOW, False),
    "with an empty signature": (delivery(signature=""), NOW, False),
    "with two headers of one name": (delivery(signature=[signature(), signature()]), NOW, False),
    "without an id": (delivery(id=None), NOW, False),
    "without a moment": (delivery(timestamp=None), NOW, False),
    "with a moment that is none": (delivery(timestamp=f"{NOW}.0"), NOW, False),
}


def test_the_trigger_believes_what_is_ours_and_recent(node: Node) -> None:
    calls = [
        ["RaslTrigger/signature", "isGenuine", told, SECRET, now] for told, now, _ in DELIVERIES.values()
    ]
    wanted = {name: good for name, (_, _, good) in DELIVERIES.items()}
    assert dict(zip(DELIVERIES, node.call(*calls), strict=True)) == wanted


def test_nothing_is_believed_without_a_secret(node: Node) -> None:
    told = delivery(signature=signature(b""))
    calls = [["RaslTrigger/signature", "isGenuine", told, secret, NOW] for secret in ("", "whsec_")]
    assert node.call(*calls) == [False, False]


FIELDS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "a number": ({"kind": "number"}, "5", 5),
    "a number taken away": ({"kind": "number"}, "", None),
    "numbers with commas": ({"kind": "list", "of": "number"}, "3, 4,\n5", [3, 4, 5]),
    "chosen numbers": ({"kind": "list", "of": "number"}, [3, "4"], [3, 4]),
    "nothing chosen": ({"kind": "list", "of": "number"}, "", []),
    "words": ({"kind": "list", "of": "string"}, "STOP, end", ["STOP", "end"]),
    "no number": ({"kind": "number"}, "five", {"error": '"five" is not a number'}),
    "no number in a list": ({"kind": "list", "of": "number"}, "3, x", {"error": '"x" is not a number'}),
    "JSON": ({"kind": "json"}, '{"a": [1]}', {"a": [1]}),
    "an object by expression": ({"kind": "json"}, {"a": 1}, {"a": 1}),
    "names and values": (
        {"kind": "map"},
        {"item": [{"name": "tier", "value": "gold"}, {"name": "visits", "value": 7}]},
        {"tier": "gold", "visits": 7},
    ),
    "a group": (
        {
            "kind": "group",
            "fields": [{"name": "message_id", "kind": "string"}, {"name": "n", "kind": "number"}],
        },
        {"item": {"message_id": "9030", "n": ""}},
        {"message_id": "9030"},
    ),
    "an empty group": ({"kind": "group", "fields": []}, {}, {}),
    "several groups": (
        {"kind": "groups", "fields": [{"name": "id", "kind": "string"}, {"name": "title", "kind": "string"}]},
        {"item": [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}]},
        [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}],
    ),
}


def test_what_is_entered_becomes_what_the_api_takes(node: Node) -> None:
    calls = [
        ["Rasl/values", "valueOf", {"name": "x", **field}, entered] for field, entered, _ in FIELDS.values()
    ]
    assert dict(zip(FIELDS, node.call(*calls), strict=True)) == {
        name: right for name, (_, _, right) in FIELDS.items()
    }


def test_filters_and_variables_have_the_names_of_the_api(node: Node) -> None:
    conditions = {
        "item": [
            {"field": "type", "operator": "=", "value": "lead"},
            {"field": "created_at", "operator": ">=", "value": "2026-01-01"},
        ]
    }
    variables = {
        "value": {"field_1": "Priya", "button_0": 1044, "name": "Maya", "header_field_1": "", "field_2": None}
    }
    assert node.call(
        ["Rasl/values", "filtersOf", conditions],
        ["Rasl/values", "variablesOf", variables],
        ["Rasl/values", "variablesOf", {"value": None}],
    ) == [
        {"filter[type]": "lead", "filter[created_at][>=]": "2026-01-01"},
        {"field_1": "Priya", "button_0": "1044", "parameters": {"name": "Maya"}},
        {},
    ]


def test_a_file_travels_as_a_form(node: Node) -> None:
    about = {"fileName": 'a"b\r\n.txt', "mimeType": "text/plain"}
    file = {"name": "media_file", "about": about, "content": raw(b"\x00\xff")}
    (form,) = node.call(["Rasl/form", "formOf", {"caption": "Hi", "contact": {"groups": "3"}}, [file]])
    boundary = form["contentType"].partition("boundary=")[2]
    parts = form["body"].encode("latin-1").split(f"--{boundary}".encode())
    file_part = (
        b'Content-Disposition: form-data; name="media_file"; filename="a_b__.txt"',
        b"Content-Type: text/plain",
        b"",
        b"\x00\xff",
        b"",
    )
    assert parts[1:] == [
        b'\r\nContent-Disposition: form-data; name="caption"\r\n\r\nHi\r\n',
        b'\r\nContent-Disposition: form-data; name="contact"\r\n\r\n{"groups":"3"}\r\n',
        b"\r\n" + b"\r\n".join(file_part),
        b"--\r\n",
    ]


def shown(properties: list[dict[str, Any]], operation: str) -> dict[str, dict[str, Any]]:
    return {
        one["name"]: one
        for one in properties
        if operation in one.get("displayOptions", {}).get("show", {}).get("operation", ())
    }


def test_n8n_shows_what_is_needed_first_and_the_rest_on_demand(node: Node) -> None:
    (operations,) = node.call(["Rasl/operations", "OPERATIONS"])
    (properties,) = node.call(["Rasl/describe", "describe", operations])
    resource, *menus = (one for one in properties if one["name"] in {"resource", "operation"})
    values = {option["value"] for option in resource["options"]}
    assert values == {menu["displayOptions"]["show"]["resource"][0] for menu in menus}
    assert [
        menu["default"] for menu in menus if menu["displayOptions"]["show"]["resource"] == ["message"]
    ] == ["sendText"]
    text = shown(properties, "sendText")
    assert list(text) == ["phone", "message", "additionalFields"]
    assert "required" not in text["phone"]
    assert text["message"]["required"] is True
    more = {option["name"]: option for option in text["additionalFields"]["options"]}
    assert {"contact_id", "context", "idempotencyKey", "inBackground"} <= more.keys()
    assert more["from_phone_number_id"]["typeOptions"] == {"loadOptionsMethod": "numbers"}
    assert list(shown(properties, "sendTemplate")) == [
        *("phone", "template_name", "language", "variables", "additionalFields"),
    ]
    assert list(shown(properties, "listContacts")) == ["returnAll", "limit", "additionalFields"]


def test_what_n8n_shows_is_whole(node: Node) -> None:
    """Every property has a name, a title, a kind and a default, and none stands twice in one place."""
    (operations,) = node.call(["Rasl/operations", "OPERATIONS"])
    (properties,) = node.call(["Rasl/describe", "describe", operations])

    def check(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            assert {"displayName", "name", "type", "default"} <= row.keys(), row
            if row["type"] == "collection":
                check(row["options"])
            if row["type"] == "fixedCollection":
                check([field for option in row["options"] for field in option["values"]])

    check(properties)
    for operation in operations:
        names = [
            one["name"]
            for one in properties
            if operation["id"] in one.get("displayOptions", {}).get("show", {}).get("operation", ())
        ]
        assert len(set(names)) == len(names), operation["id"]
