"""What requests mean that are not plainly right: forms, numbers for texts, blanks, names that mean nothing."""

import decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest

from rasl.domain.validation import Body, BodyRefused, Unknown, Upload, of_bytes, read, read_values, uploads_of
from rasl.domain.validation.forms import Several, nested
from rasl.domain.validation.names import suggestion
from rasl.errors import InvalidJson, ValidationFailed


class Row(Body, frozen=True):
    id: Annotated[str, msgspec.Meta(max_length=5)]
    title: str | None = None


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    latitude: float
    name: str | None = None


class Order(Body, frozen=True, kw_only=True):
    message: Annotated[str, msgspec.Meta(extra={"verbatim": True})]
    phone: str | None = None
    code: Annotated[str, msgspec.Meta(extra={"padded": 6})] | None = None
    count: int | None = None
    weight: float | None = None
    is_gift: bool | None = None
    kind: Literal["box", "bag"] | None = None
    country_id: (
        Annotated[int, msgspec.Meta(ge=0, extra={"zero_is_none": True})] | msgspec.UnsetType | None
    ) = msgspec.UNSET
    groups: Annotated[list[int], msgspec.Meta(max_length=4)] | None = None
    tags: list[str] | None = None
    rows: list[Row] | None = None
    row: Row | None = None
    place: Place | None = None
    parameters: dict[str, Annotated[str, msgspec.Meta(extra={"verbatim": True})]] | None = None
    data: dict[str, Any] | None = None
    reply_to: int | str | None = None
    attributes: dict[str, str | bool | float] | None = None
    file: Annotated[Upload, of_bytes(10, "A file.")] | None = None
    dry_run: bool = False

    messages: ClassVar[dict[tuple[str, str], str]] = {("message", "required"): "Message is required"}


@pytest.mark.parametrize(
    ("given", "field", "meant"),
    [
        ({"phone": 919876543210}, "phone", "919876543210"),
        ({"phone": " +44 20 "}, "phone", "+44 20"),
        ({"phone": "\u200e+44\ufeff"}, "phone", "+44"),
        ({"phone": "\xa0+44"}, "phone", "+44"),
        ({"phone": ""}, "phone", None),
        ({"phone": "\u200b"}, "phone", None),
        ({"phone": 0.5}, "phone", "0.5"),
        ({"code": 482913}, "code", "482913"),
        ({"code": 82913}, "code", "082913"),
        ({"code": 1234567}, "code", "1234567"),
        ({"code": "82913"}, "code", "82913"),
        ({"count": "5"}, "count", 5),
        ({"count": " 5 "}, "count", 5),
        ({"count": 5.0}, "count", 5),
        ({"weight": "1.5"}, "weight", 1.5),
        ({"weight": 2}, "weight", 2.0),
        ({"is_gift": "on"}, "is_gift", True),
        ({"is_gift": "No"}, "is_gift", False),
        ({"is_gift": "1"}, "is_gift", True),
        ({"is_gift": 0}, "is_gift", False),
        ({"is_gift": " true "}, "is_gift", True),
        ({"kind": " box"}, "kind", "box"),
        ({"country_id": 0}, "country_id", None),
        ({"country_id": "0"}, "country_id", None),
        ({"country_id": ""}, "country_id", None),
        ({"groups": "3"}, "groups", [3]),
        ({"groups": "3, 4"}, "groups", [3, 4]),
        ({"groups": "[3,4]"}, "groups", [3, 4]),
        ({"groups": ["3", 4]}, "groups", [3, 4]),
        ({"groups": {"0": "3", "2": "4"}}, "groups", [3, 4]),  # PHP, after array_filter
        ({"groups": {"10": "1", "9": "2"}}, "groups", [2, 1]),
        ({"groups": []}, "groups", []),
        ({"tags": [1, "b "]}, "tags", ["1", "b"]),
        ({"tags": '["a"]'}, "tags", ["a"]),
        ({"rows": [{"id": 1}]}, "rows", [Row("1")]),
        ({"rows": {"0": {"id": 1, "title": " x "}}}, "rows", [Row("1", "x")]),
        ({"row": '{"id":"1"}'}, "row", Row("1")),
        ({"place": {"latitude": "1.5", "name": " here "}}, "place", Place(1.5, "here")),
        ({"parameters": {"a": 5, "b": " x "}}, "parameters", {"a": "5", "b": " x "}),
        ({"parameters": []}, "parameters", {}),  # PHP's empty object
        ({"data": {"a": [1.5, {"b": " x "}]}}, "data", {"a": [1.5, {"b": " x "}]}),
        ({"attributes": {"tier": " gold ", "n": 7.5}}, "attributes", {"tier": "gold", "n": 7.5}),
        ({"reply_to": "wamid.X "}, "reply_to", "wamid.X"),
        ({"reply_to": 7}, "reply_to", 7),
        ({"message": " Hi \n"}, "message", " Hi \n"),
        ({"message": 5}, "message", "5"),
    ],
)  # fmt: skip
def test_a_value_means_what_its_field_says(given: dict[str, Any], field: str, meant: Any) -> None:
    values = {"message": "Hi"} | given
    assert getattr(read(Order, msgspec.json.encode(values)), field) == meant
    assert getattr(read_values(Order, values), field) == meant
    # The same where another field makes it be read slowly.
    assert getattr(read(Order, msgspec.json.encode(values | {"zzz": 1})), field) == meant


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"phone": True}, "phone"),
        ({"phone": []}, "phone"),
        ({"phone": {"a": 1}}, "phone"),
        ({"phone": Several(["1", "2"])}, "phone"),
        ({"phone": 1e30}, "phone"),
        ({"count": "5.5"}, "count"),
        ({"count": Several(["1", "1"])}, "count"),
        ({"is_gift": 2}, "is_gift"),
        ({"kind": "crate"}, "kind"),
        ({"country_id": -1}, "country_id"),
        ({"groups": "3;4"}, "groups"),
        ({"groups": 3}, "groups"),
        ({"groups": {"a": 3}}, "groups"),
        ({"groups": True}, "groups"),
        ({"groups": Several(["1", "2", "3", "4", "5"])}, "groups"),
        ({"rows": "[1"}, "rows"),
        ({"rows": [{"id": "toolong"}]}, "rows.0.id"),
        ({"rows": ["x"]}, "rows.0"),
        ({"row": [1]}, "row"),
        ({"place": {"latitude": "north"}}, "place"),
        ({"parameters": {"a": [1]}}, "parameters"),
        ({"file": "text"}, "file"),
        ({"file": {"size": 3}}, "file"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_path(given: dict[str, Any], path: str) -> None:
    with pytest.raises(BodyRefused) as caught:
        read_values(Order, {"message": "Hi"} | given)
    assert list(caught.value.details) == [path]
    assert caught.value.right == {"message": "Hi"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"5.50", "5.50"), (b"1000000", "1000000"), (b"0.10", "0.10"), (b"-3.0", "-3.0")],
)
def test_a_number_for_a_text_is_kept_as_it_is_written(raw: bytes, text: str) -> None:
    assert read(Order, b'{"message":"Hi","phone":%s}' % raw).phone == text
    assert read(Order, b'{"message":"Hi","parameters":{"a":%s}}' % raw).parameters == {"a": text}


def test_decimals_in_data_of_any_shape_stay_numbers() -> None:
    body = read(Order, b'{"message":5,"data":{"a":[5.50,{"b":1e3}]}}')
    assert body.data == {"a": [5.5, {"b": 1000.0}]}
    assert not isinstance(body.data["a"][0], decimal.Decimal)


@pytest.mark.parametrize("raw", [b'{"message":1e400}', b'{"message":"Hi","data":{"a":1e999}}'])
def test_no_number_becomes_infinite(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        read(Order, raw + b" ")


def test_names_that_mean_nothing_are_told_with_what_was_perhaps_meant() -> None:
    unknown: Unknown = {}
    values = {"text": "x", "message": "Hi", "to": "+44", "rows": [{"id": "1", "titel": "x"}], "zzz": None}
    assert read_values(Order, values, unknown).message == "Hi"
    assert unknown == {"text": "message", "to": "phone", "rows.0.titel": "title", "zzz": None}


@pytest.mark.parametrize("is_strict", [True, False])
def test_they_are_refused_for_who_is_strict_or_only_tries(*, is_strict: bool) -> None:
    values = {"message": "Hi", "to": "+44", "rows": [{"id": 1, "x": 1}]}
    if not is_strict:
        values["dry_run"] = "1"
    with pytest.raises(ValidationFailed) as caught:
        read_values(Order, values, is_strict=is_strict)
    assert caught.value.details == {
        "to": ['Unknown field; did you mean "phone"?'],
        "rows.0.x": ["Unknown field; this object takes id, title"],
    }


def test_a_file_is_taken_as_it_is() -> None:
    given = Upload(None, "a.png")  # type: ignore[arg-type]
    body = read_values(Order, {"message": "5", "zzz": 1, "file": given})
    assert body.file is given
    assert uploads_of(Order) == {"file": 10}
    assert uploads_of(Order | Row) == {"file": 10}


@pytest.mark.parametrize(
    ("pairs", "values"),
    [
        ("a=1", {"a": "1"}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[0]=1&a[1]=2", {"a": ["1", "2"]}),
        ("a[1]=2&a[0]=1", {"a": ["1", "2"]}),
        ("a[3]=1&a[5]=2", {"a": {"3": "1", "5": "2"}}),
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
        ("a.b=1&a.c=2", {"a": {"b": "1", "c": "2"}}),
        ("a[0][b]=1&a[0][c]=2&a[1][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        ("a[][b]=1&a[][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
        ("a[1]=x&a[]=y", {"a": {"1": "x", "2": "y"}}),
        ("a[=1", {"a[": "1"}),
        ("[a]=1", {"[a]": "1"}),
        ("a]b[=1", {"a]b[": "1"}),
        ("=1", {"": "1"}),
        ("a[b]c=1", {"a[b]c": "1"}),
        (f"a{'[b]' * 20}=1", {f"a{'[b]' * 20}": "1"}),
    ],
)
def test_names_with_brackets_become_lists_and_objects(pairs: str, values: dict[str, Any]) -> None:
    split = [tuple(pair.rsplit("=", 1)) for pair in pairs.split("&")]
    assert nested((name, value) for name, value in split) == values


@pytest.mark.parametrize(
    "pairs", [[("a", "1"), ("a[b]", "2")], [("a[b]", "1"), ("a", "2")], [("a[]", "1"), ("a[0][b]", "2")]]
)
def test_a_name_is_a_value_or_an_object(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        nested(pairs)
    assert caught.value.details == {"a": ["The a field must be given only once"]}


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("text", ["message", "phone"], "message"),
        ("body", ["body_text", "phone"], "body_text"),
        ("to", ["message", "phone"], "phone"),
        ("phone_number", ["message", "phone"], "phone"),
        ("frstname", ["firstname", "lastname"], "firstname"),
        ("Phone", ["phone"], "phone"),
        ("template-name", ["template_name"], "template_name"),
        ("group_id", ["groups"], "groups"),
        ("otp", ["code"], "code"),
        ("zzz", ["phone"], None),
        ("text", ["phone"], None),
    ],
)
def test_a_name_is_guessed_by_what_others_call_it_and_by_its_letters(
    name: str, known: list[str], meant: str | None
) -> None:
    assert suggestion(name, known) == meant
