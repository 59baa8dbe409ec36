import msgspec
import pytest

from rasl.domain import attributes, merge_fields
from rasl.domain.attributes import Attributes, Value


@pytest.mark.parametrize(
    ("old", "changes", "expected"),
    [
        ({}, {}, {}),
        ({}, {"a": 1, "b": None}, {"a": 1}),
        ({"a": 1, "b": "x"}, {"a": None}, {"b": "x"}),
        ({"a": 1}, {"a": "2", "c": False}, {"a": "2", "c": False}),
        ({"a": 0, "b": ""}, {}, {"a": 0, "b": ""}),
    ],
)
def test_changes_replace_keys_and_null_removes_them(
    old: dict[str, Value], changes: dict[str, Value], expected: dict[str, Value]
) -> None:
    assert attributes.merged(old, changes) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("gold", "gold"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-7, "-7"),
        (7.0, "7"),
        (1.5, "1.5"),
        (2**63 - 1, "9223372036854775807"),
        (1e300, "1e+300"),
    ],
)
def test_values_read_well_in_a_message(value: Value, text: str) -> None:
    assert attributes.as_text(value) == text


def test_attributes_are_merge_fields_beside_the_built_in_ones() -> None:
    values = {"contact_first_name": "Ana", **attributes.merge_values({"first_name": "X", "x2": 3.0})}
    text = (
        "@{contact_first_name} @{contact_attr_first_name} @{contact_attr_x2} @{contact_attr_no} @{contact_x2}"
    )
    assert merge_fields.render(text, values) == "Ana X 3  @{contact_x2}"


@pytest.mark.parametrize("value", ["1", 1, 1.5, True, None, "x" * 1000])
def test_scalars_keep_their_type(value: Value) -> None:
    raw = msgspec.json.encode({"a_1": value})
    assert msgspec.json.decode(raw, type=Attributes, strict=False) == {"a_1": value}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"A":1}',
        b'{"1a":1}',
        b'{"":1}',
        b'{"a-b":1}',
        b'{"a":[]}',
        b'{"a":{}}',
        b'{"a":9223372036854775808}',
        b"[]",
    ],
)
def test_other_keys_and_values_are_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(raw, type=Attributes, strict=False)
