"""Objects and lists inside a body, and rules between several of its values."""

from collections.abc import Iterator, Set
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.api.v2.sends.contacts import SendContacts
from rasl.api.v2.sends.interactive_bodies import AnyInteractive
from rasl.api.v2.sends.location import SendLocation
from rasl.api.v2.sends.reaction import SendReaction
from rasl.domain.validation import Body, read, read_values
from rasl.domain.validation.rules import (
    Rule,
    alike,
    at_most_in_all,
    distinct,
    required_beside_others,
    values_at,
    where,
)
from rasl.errors import InvalidJson, ValidationFailed

Short = Annotated[str, msgspec.Meta(max_length=5)]


class Stop(Body, frozen=True):
    """Where a van halts."""

    town: Short
    note: Short | None = None
    gate: str | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = {("town", "required"): "A stop needs a town"}

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        return {"note": ["A gate needs a note"]} if "gate" in given and "note" not in given else {}


class Tour(Body, frozen=True):
    """A van's day."""

    stops: Annotated[list[Stop], msgspec.Meta(min_length=1, max_length=3)]
    driver: Stop | None = None
    tags: Annotated[list[Short], msgspec.Meta(max_length=3)] | None = None
    weight: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None

    rules: ClassVar[tuple[Rule, ...]] = (distinct("stops.*.town"), distinct("tags.*"))


def _problems(raw: bytes) -> dict[str, Any]:
    with pytest.raises(ValidationFailed) as caught:
        read(Tour, raw, is_strict=True)
    return caught.value.details


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b'{"stops":[{"town":"Leeds"}]}', Tour([Stop("Leeds")])),
        (b'{"stops":[{"town":"Leeds","note":" ","gate":null}]}', Tour([Stop("Leeds")])),
        (b'{"stops":[{"town":"Leeds"}],"driver":{"town":"York"}}', Tour([Stop("Leeds")], Stop("York"))),
        (b'{"stops":[{"town":"Leeds"}],"tags":["a","b"],"weight":"1.5"}', Tour([Stop("Leeds")], None, ["a", "b"], 1.5)),
        (b'{"stops":[{"town":"Leeds"}],"tags":[],"driver":null}', Tour([Stop("Leeds")], tags=[])),
    ],
)  # fmt: skip
def test_it_reads_what_is_right(raw: bytes, body: Tour) -> None:
    assert read(Tour, raw) == body
    assert read_values(Tour, msgspec.json.decode(raw)) == body


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        (b'{"stops":[{}]}', {"stops.0.town": ["A stop needs a town"]}),
        (b'{"stops":[{"town":"Leeds"},{"town":" "}]}', {"stops.1.town": ["A stop needs a town"]}),
        (
            b'{"stops":[{"town":"a"}],"driver":{"town":"b","gate":"4"}}',
            {"driver.note": ["A gate needs a note"]},
        ),
        (b'{"stops":[null]}', {"stops.0": ["The stops.0 field is required"]}),
        (b'{"stops":[[1]]}', {"stops.0": ["The stops.0 field must be an object"]}),
        (b'{"stops":{"one":{}}}', {"stops": ["The stops field must be an array"]}),
        (
            b'{"stops":[{"town":"London","note":true}]}',
            {
                "stops.0.town": ["The stops.0.town field must not be greater than 5 characters"],
                "stops.0.note": ["The stops.0.note field must be a string"],
            },
        ),
        (
            b'{"stops":[{"town":"a"},{"town":"b"},{"town":"c"},{"town":5}],"driver":5}',
            {
                "stops": ["The stops field must not have more than 3 items"],
                "driver": ["The driver field must be an object"],
            },
        ),
        (
            b'{"stops":[{"town":"a","note":"b\\u0000","x\\u0000":1}],"tags":["\\u0000"]}',
            {
                "stops.0.note": ["The stops.0.note field must not contain NUL characters"],
                "stops.0.x\x00": ["Unknown field; this object takes town, note, gate"],
                "tags.0": ["The tags.0 field must not contain NUL characters"],
            },
        ),
        (
            b'{"stops":[{"town":"a","nte":1}]}',
            {"stops.0.nte": ['Unknown field; did you mean "note"?']},
        ),
        (
            b'{"stops":[{"town":"a","gate":"3"}],"driver":{"town":"b","gate":"4"}}',
            {"stops.0.note": ["A gate needs a note"], "driver.note": ["A gate needs a note"]},
        ),
        (
            b'{"stops":[{"town":"a"},{"town":"a"}],"tags":["x","","x"]}',
            {
                "stops.1.town": ["The stops.1.town field has a duplicate value"],
                "tags.1": ["The tags.1 field is required"],
                "tags.2": ["The tags.2 field has a duplicate value"],
            },
        ),
        (
            b'{"stops":[{"town":"a"}],"tags":["x","x"]}',
            {"tags.1": ["The tags.1 field has a duplicate value"]},
        ),
        (
            b'{"stops":[{"town":"a"}],"weight":"nan","tags":[true,"123456"]}',
            {
                "weight": ["The weight field must be between 0 and 2"],
                "tags.0": ["The tags.0 field must be a string"],
                "tags.1": ["The tags.1 field must not be greater than 5 characters"],
            },
        ),
    ],
)
def test_every_wrong_field_is_named_by_its_path(raw: bytes, problems: dict[str, Any]) -> None:
    assert _problems(raw) == problems
    with pytest.raises(ValidationFailed) as caught:
        read_values(Tour, msgspec.json.decode(raw), is_strict=True)
    assert caught.value.details == problems


DATA = {"a": [{"b": [1, 2], "t": "x"}, {"b": [3], "t": "x"}, {"b": 5}, 7], "c": {"d": "x"}}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.*.b.*", [("a.0.b.0", 1), ("a.0.b.1", 2), ("a.1.b.0", 3)]),
        ("a.*.t", [("a.0.t", "x"), ("a.1.t", "x")]),
        ("c.d", [("c.d", "x")]),
        ("c.*", []),
        ("a.b", []),
        ("z.*.b", []),
    ],
)
def test_a_pattern_finds_values_of_any_depth(pattern: str, found: list[tuple[str, Any]]) -> None:
    assert list(values_at(DATA, pattern)) == found


def _kind(item: Any) -> str | None:
    return item.get("kind")  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("rule", "data", "wrong"),
    [
        (distinct("a.*"), {"a": ["x", "y", "x", "x", 5, 5]}, ["a.2", "a.3"]),
        (distinct("b.*", within="a.*"), {"a": [{"b": ["x", "x"]}, {"b": ["x"]}]}, ["a.0.b.1"]),
        (at_most_in_all("a", "a.*.b.*", 2, "rows"), {"a": [{"b": [1]}, {"b": [2]}]}, []),
        (at_most_in_all("a", "a.*.b.*", 2, "rows"), {"a": [{"b": [1, 2]}, {"b": [3]}]}, ["a"]),
        (required_beside_others("a", "t"), {"a": [{}]}, []),
        (required_beside_others("a", "t"), {"a": [{}, {"t": "x"}, {"t": ""}, 5]}, ["a.0.t", "a.2.t"]),
        (alike("a", _kind, "match"), {"a": [{}, {"kind": "x"}, {"kind": "y"}, {"kind": "x"}]}, ["a.2"]),
        (where("a", str.isupper, "shouts"), {"a": "HI"}, ["a"]),
        (where("a", str.isupper, "shouts"), {"a": "hi"}, []),
    ],
)
def test_rules_name_the_values_that_break_them(rule: Rule, data: Any, wrong: list[str]) -> None:
    assert [path for path, _ in rule(data)] == wrong


def _rules() -> Iterator[Rule]:
    yield distinct("a.*.b")
    yield distinct("b", within="a.*")
    yield at_most_in_all("a", "a.*.b.*", 1, "rows")
    yield required_beside_others("a", "b")
    yield alike("a", lambda item: str(item.get("b")), "match")
    yield where("a.*", str.isupper, "shouts")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from("ab"), JSON))
def test_rules_pass_over_data_of_any_other_shape(data: dict[str, Any]) -> None:
    for rule in _rules():
        assert all(path for path, _ in rule(data))


BODIES: tuple[Any, ...] = (AnyInteractive, SendLocation, SendContacts, SendReaction)
NAMES = (
    *("type", "phone", "body_text", "header_media_id", "buttons", "id", "title", "sections", "rows", "cards"),
    *("contacts", "name", "formatted_name", "phones", "org", "birthday", "latitude", "longitude", "emoji"),
    *("message_id", "context", "product_retailer_ids", "catalog_id", "flow_id", "flow_data", "flow_screen"),
    *("flow_button_text", "button_url", "button_text", "list_button_text"),
)
TYPES = ("button", "list", "cta_url", "flow", "product_list", "carousel", "product_carousel")
TEXTS = st.text(max_size=4) | st.sampled_from(("+442079460011", "https://a.test", "👍", "nan"))
NESTED: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(BODIES),
    st.dictionaries(st.sampled_from(NAMES), NESTED, max_size=6),
    st.none() | st.sampled_from(TYPES),
)
def test_whatever_json_is_sent_is_read_or_refused(
    body_type: Any, values: dict[str, Any], kind: str | None
) -> None:
    if kind is not None:
        values["type"] = kind
    try:
        raw = msgspec.json.encode(values)
    except UnicodeEncodeError:
        return
    # What is left to the library to say is said in its words.
    own = ("The message_id", "The context.message_id", "The phone")
    assert [text for text in _said(body_type, raw) if "Expected" in text and not text.startswith(own)] == []


def _said(body_type: Any, raw: bytes) -> list[str]:
    try:
        read(body_type, raw)
    except InvalidJson:
        return []
    except ValidationFailed as error:
        return [text for texts in error.details.values() for text in texts] or ["Expected a reason"]
    return []
