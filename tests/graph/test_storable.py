import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.graph.storable import NotJsonError, decode

LARGE = 2**63


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (b'"a\\u0000b"', "a\ufffdb"),
        (b'{"\\u0000": 1}', {"\ufffd": 1}),
        (b'"\\ud83d"', "\ufffd"),
        (b"9223372036854775807", LARGE - 1),
        (b"9223372036854775808", "9223372036854775808"),
        (b"-9223372036854775809", "-9223372036854775809"),
        (b"[1e300]", ["1e+300"]),
        (b"9" * 400, "9" * 400),
        (b"[1e999, NaN, -Infinity]", [None, None, None]),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[" * 150 + b"]" * 150, None),
    ],
)
def test_every_value_becomes_storable(raw: bytes, value: Any) -> None:
    found = decode(raw)
    if value is not None:
        assert found == value
    assert depth(found) <= 101


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"1" * 5000, b"[" * 100_000 + b"]" * 100_000])
def test_what_cannot_be_read_is_no_json(raw: bytes) -> None:
    with pytest.raises(NotJsonError):
        decode(raw)


def depth(value: Any) -> int:
    return 1 + max(map(depth, parts(value)), default=0)


def parts(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=4)
        ),
    )
)
def test_what_was_read_can_be_written_and_read_again(value: Any) -> None:
    found = decode(json.dumps(value).encode())
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert "\\x00" not in repr(found)
