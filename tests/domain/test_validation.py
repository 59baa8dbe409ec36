from collections.abc import Set
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.api.v2.sends.text import SendText
from rasl.domain.validation import MAX_ID, Body, read, read_values
from rasl.errors import InvalidJson, ValidationFailed


class Parcel(Body, frozen=True):
    label: Annotated[str, msgspec.Meta(min_length=2, max_length=5, pattern="^[a-z]+$")]
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    serial: int | None = None
    is_fragile: bool | None = None
    stops: list[int] | None = None
    note: str | None = None
    sender: str | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("label", "required"): "Label is required",
        ("label", "max"): "Label is too long",
    }

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        return {"sender": ["Sender is required"]} if "note" in given and "sender" not in given else {}


def _problems(raw: bytes, body_type: type[Body] = Parcel) -> dict[str, Any]:
    with pytest.raises(ValidationFailed) as caught:
        read(body_type, raw, is_strict=True)
    return caught.value.details


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b'{"label":"abc"}', Parcel("abc")),
        (b' {"label" : "abc", "weight": 1000 } ', Parcel("abc", 1000)),
        (b'{"label":"abc","weight":"12"}', Parcel("abc", 12)),  # as forms send it
        (b'{"label":"abc","serial":"-5"}', Parcel("abc", serial=-5)),
        (b'{"label":"abc","is_fragile":"true"}', Parcel("abc", is_fragile=True)),
        (b'{"label":"abc","stops":["1",2]}', Parcel("abc", stops=[1, 2])),
        (b'{"label":"abc","weight":null}', Parcel("abc")),
        (b'{"label":"abc","weight":""}', Parcel("abc")),  # left out, as forms say it
        (b'{"label":"abc","weight":"","serial":"7"}', Parcel("abc", serial=7)),
        (b'{"label":"abc","note":"a\\\\u0000b","sender":"x"}', Parcel("abc", note="a\\u0000b", sender="x")),
        (
            b'{"label":"abc","note":"\\ud83d\\ude00","sender":"x"}',
            Parcel("abc", note="\U0001f600", sender="x"),
        ),
    ],
)
def test_it_reads_what_is_right(raw: bytes, body: Parcel) -> None:
    assert read(Parcel, raw) == body


@pytest.mark.parametrize(
    ("raw", "field", "problem"),
    [
        (b"{}", "label", "Label is required"),
        (b"", "label", "Label is required"),
        (b'{"label":null}', "label", "Label is required"),
        (b'{"label":""}', "label", "Label is required"),
        (b'{"label":"  \\n"}', "label", "Label is required"),
        (b'{"label":true}', "label", "The label field must be a string"),
        (b'{"label":["abc"]}', "label", "The label field must be a string"),
        (b'{"label":"a"}', "label", "The label field must be at least 2 characters"),
        (b'{"label":"abcdef"}', "label", "Label is too long"),
        (b'{"label":"ABC"}', "label", "The label field format is invalid"),
        (b'{"label":"abc","weight":0}', "weight", "The weight field must be between 1 and 1000"),
        (b'{"label":"abc","weight":1001}', "weight", "The weight field must be between 1 and 1000"),
        (b'{"label":"abc","weight":"1001"}', "weight", "The weight field must be between 1 and 1000"),
        (b'{"label":"abc","weight":1.5}', "weight", "The weight field must be an integer"),
        (b'{"label":"abc","weight":1e30}', "weight", "The weight field must be an integer"),
        (b'{"label":"abc","weight":true}', "weight", "The weight field must be an integer"),
        (b'{"label":"abc","weight":"x"}', "weight", "The weight field must be an integer"),
        (b'{"label":"abc","weight":"1_0"}', "weight", "The weight field must be an integer"),
        (b'{"label":"abc","weight":"0x10"}', "weight", "The weight field must be an integer"),
        ('{"label":"abc","weight":"\u0663"}'.encode(), "weight", "The weight field must be an integer"),
        (b'{"label":"abc","weight":{}}', "weight", "The weight field must be an integer"),
        (b'{"label":"abc","note":"x"}', "sender", "Sender is required"),
        (b'{"label":"ab\\u0000"}', "label", "The label field must not contain NUL characters"),
        (
            b'{"label":"abc","sender":"a\\u0000b"}',
            "sender",
            "The sender field must not contain NUL characters",
        ),
        (b'{"label":"abc","lable":1}', "lable", 'Unknown field; did you mean "label"?'),
        (b'{"label":"abc","Label":1}', "Label", 'Unknown field; did you mean "label"?'),
        (
            b'{"label":"abc","zzz":1}',
            "zzz",
            "Unknown field; this endpoint takes label, weight, serial, is_fragile, stops, note, sender",
        ),
    ],
)
def test_it_says_which_rule_is_broken(raw: bytes, field: str, problem: str) -> None:
    assert _problems(raw) == {field: [problem]}


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"label":"abc","is_fragile":"maybe"}', "is_fragile"),
        (b'{"label":"abc","stops":["x"]}', "stops"),
        (b'{"label":"abc","stops":5}', "stops"),
        (b'{"label":"abc","serial":"%s"}' % (b"9" * 5000), "serial"),
        (b'{"label":"abc","serial":"-%s"}' % (b"9" * 5000), "serial"),
        (b'{"label":"abc","weight":"%s"}' % (b"9" * 5000), "weight"),
        (b'{"label":"abc","weight":"%s1"}' % (b"0" * 5000), "weight"),
        (b'{"label":"abc","weight":%s}' % (b"9" * 300), "weight"),
        (b'{"label":"abc","stops":["%s"]}' % (b"9" * 5000), "stops"),
        (b'{"label":"abc","\\u0000":1}', "\x00"),
    ],
)
def test_values_of_any_size_or_kind_are_refused_by_field(raw: bytes, field: str) -> None:
    assert set(_problems(raw)) == {field}


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b"3",
        b'"text"',
        b"   ",
        b"{",
        b"{'label': 'abc'}",
        b'{"label":"abc"}{}',
        b'{"label":"abc",}',
        b'{"label":NaN}',
        b'{"weight":1e400}',
        b'{"weight":%s}' % (b"9" * 5000),
        b'{"label":"\xff\xfe"}',
        b'{"\xff":1}',
        '{"label":"abc"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"label":"abc"}',
        b'{"label":"a\x00b"}',  # control characters must be escaped
        b'{"label":"\\ud800"}',
        b'{"label":"\\udc00"}',
        b'{"\\ud800":1}',
        b"label=abc&weight=3",
        b"<parcel/>",
        b"[" * 100_000,
        b'{"label":' + b"[" * 100_000,
        b'{"label":"abc","more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"label":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_no_json_object_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(InvalidJson) as caught:
        read(Parcel, raw)
    assert caught.value.details["reason"]


def test_it_names_every_wrong_field_at_once() -> None:
    raw = b'{"label":"A","weight":"x","stops":{},"note":"hi","lable":1,"is_fragile":7}'
    assert set(_problems(raw)) == {"label", "weight", "stops", "sender", "lable", "is_fragile"}


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        (b"{}", {"message": ["Message is required"], "phone": ["Phone number is required"]}),
        (
            b'{"message":"Hi","phone":"07 abc 1234"}',
            {"phone": ["Phone number may contain only digits, +, -, spaces and parentheses"]},
        ),
        (b'{"message":"Hi","phone":true}', {"phone": ["Phone number must be a string"]}),
        (b'{"message":"Hi","phone":"123456789"}', {"phone": ["Phone number must be at least 10 characters"]}),
        (
            b'{"message":"Hi","phone":"123456789012345678901"}',
            {"phone": ["Phone number must not be greater than 20 characters"]},
        ),
        (
            b'{"message":"%s","contact_id":1}' % (b"x" * 4097),
            {"message": ["The message field must not be greater than 4096 characters"]},
        ),
        *(
            (
                b'{"message":"Hi","contact_id":%s}' % value,
                {"contact_id": [f"The contact_id field must be between 1 and {MAX_ID}"]},
            )
            for value in (b"0", b"-1", b"9223372036854775808", b'"9223372036854775808"')
        ),
        (
            b'{"mesage":"Hi","to":"+442079460011"}',
            {
                "mesage": ['Unknown field; did you mean "message"?'],
                "to": ['Unknown field; did you mean "phone"?'],
                "message": ["Message is required"],
                "phone": ["Phone number is required"],
            },
        ),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else "",
)
def test_a_text_message_is_refused_in_the_contracts_words(raw: bytes, problems: dict[str, list[str]]) -> None:
    assert _problems(raw, SendText) == problems


@pytest.mark.parametrize(
    ("raw", "contact_id"),
    [
        (b'{"message":"Hi","contact_id":"812"}', 812),
        (b'{"message":"Hi","contact_id":"9223372036854775807"}', MAX_ID),
        (b'{"message":"Hi","phone":"","contact_id":5}', 5),
    ],
)
def test_a_recipient_may_be_a_known_contact(raw: bytes, contact_id: int) -> None:
    assert read(SendText, raw) == SendText(message="Hi", contact_id=contact_id)


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*Parcel.__struct_fields__, "other"]), _JSON) | _JSON)
def test_whatever_json_is_sent_is_read_or_refused(value: Any) -> None:
    try:
        raw = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return
    try:
        body = read(Parcel, raw)
    except (ValidationFailed, InvalidJson):
        return
    assert "\x00" not in body.label + (body.note or "")


_NUMBERS = [
    "812.0",
    '"812.0"',
    "812.5",
    '"+5"',
    '" 5 "',
    '"007"',
    '"-0"',
    "-0.0",
    "1e2",
    '"1e2"',
    "1e30",
    "true",
    '"\u0663"',
]


@pytest.mark.parametrize("number", _NUMBERS)
@pytest.mark.parametrize("field", ["weight", "serial"])
def test_a_number_means_the_same_whether_or_not_another_field_is_wrong(number: str, field: str) -> None:
    alone = f'{{"label":"abc","{field}":{number}}}'.encode()
    beside_a_blank = f'{{"label":"abc","{field}":{number},"note":""}}'.encode()
    assert _outcome(alone) == _outcome(beside_a_blank)
    if isinstance(_outcome(alone), dict):
        assert set(_problems(alone)) == {field}
        assert "Expected" not in str(_problems(alone))  # our words, not the library's


def _outcome(raw: bytes) -> Parcel | dict[str, Any]:
    try:
        return read(Parcel, raw)
    except ValidationFailed as error:
        return error.details


@given(st.binary(max_size=60))
def test_whatever_bytes_are_sent_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises((ValidationFailed, InvalidJson)):
        read(Parcel, raw)


class Change(Body, frozen=True):
    label: Annotated[str, msgspec.Meta(max_length=5)] | msgspec.UnsetType = msgspec.UNSET
    note: Annotated[str, msgspec.Meta(max_length=5)] | msgspec.UnsetType | None = msgspec.UNSET
    stops: Annotated[list[int], msgspec.Meta(min_length=1, max_length=2)] | msgspec.UnsetType = msgspec.UNSET
    extras: dict[str, str] | msgspec.UnsetType = msgspec.UNSET

    messages: ClassVar[dict[tuple[str, str], str]] = {("extras", "invalid"): "Extras must be texts"}


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"{}", Change()),
        (b'{"note":null}', Change(note=None)),
        (b'{"note":" "}', Change(note=None)),
        (b'{"note":"a","stops":["1"]}', Change(note="a", stops=[1])),
    ],
)
def test_a_field_that_may_be_unset_tells_null_from_absent(raw: bytes, body: Change) -> None:
    assert read(Change, raw) == body
    assert read_values(Change, msgspec.json.decode(raw)) == body


@pytest.mark.parametrize(
    ("raw", "field", "problem"),
    [
        (b'{"label":null}', "label", "The label field is required"),
        (b'{"label":""}', "label", "The label field is required"),
        (b'{"stops":{}}', "stops", "The stops field must be an array"),
        (b'{"stops":[]}', "stops", "The stops field must have at least 1 items"),
        (b'{"stops":[1,2,3]}', "stops", "The stops field must not have more than 2 items"),
        (b'{"extras":{"a":[1]}}', "extras", "Extras must be texts"),
        (b'{"extras":{"a":"b\\u0000"}}', "extras", "The extras field must not contain NUL characters"),
        (b'{"extras":{"a\\u0000":"b"}}', "extras", "The extras field must not contain NUL characters"),
    ],
)
def test_lists_and_objects_are_named_when_wrong(raw: bytes, field: str, problem: str) -> None:
    assert _problems(raw, Change) == {field: [problem]}
    with pytest.raises(ValidationFailed) as caught:
        read_values(Change, msgspec.json.decode(raw))
    assert caught.value.details == {field: [problem]}


def test_a_row_that_is_no_object_is_named() -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_values(Change, ["label"])
    assert caught.value.details == {"": ["Expected an object"]}
