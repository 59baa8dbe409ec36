"""The checker itself: a run that went well is green, and each forged one is red for the right reason."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.acceptance.checker import Stored, Taken, Verdict, check

pytestmark = pytest.mark.acceptance


def asked(op: int, body: str) -> dict[str, Any]:
    return {"event": "asked", "op": op, "body": body}


def answered(
    op: int, http: int = 200, status: str | None = "sent", code: str | None = None
) -> dict[str, Any]:
    return {"event": "answered", "op": op, "http": http, "status": status, "code": code, "id": op}


def broken(op: int) -> dict[str, Any]:
    return {"event": "broken", "op": op, "error": "ServerDisconnectedError"}


def at_meta(body: str, opaque: str | None = None) -> Taken:
    return Taken(body, opaque or f"opaque of {body}", f"wamid.{body}")


def stored(op: int, body: str, status: str = "delivered", *, is_ambiguous: bool = False) -> Stored:
    return Stored(op, body, status, f"wamid.{body}" if status != "unknown" else None, is_ambiguous)


GOOD = [
    *(asked(1, "a"), answered(1)),
    *(asked(2, "b"), broken(2)),
    *(asked(3, "c"), answered(3, 500, None, "MESSAGE_SEND_FAILED")),
    *(asked(4, "d"), answered(4, 503, None, "SERVICE_UNAVAILABLE")),
    *(asked(5, "e"), answered(5, status="unknown")),
    *(asked(6, "f"), answered(6, 202, "queued")),
]
AT_META = [at_meta("a"), at_meta("b"), at_meta("f")]
STORED = [
    stored(1, "a"),
    stored(2, "b", is_ambiguous=True),
    stored(3, "c", "failed"),
    stored(5, "e", "unknown", is_ambiguous=True),
    stored(6, "f"),
]


def test_a_run_that_went_well_is_green() -> None:
    verdict = check(GOOD, AT_META, STORED)
    assert verdict.is_green, str(verdict)
    assert verdict == Verdict(
        ok={"a", "b", "c", "f"}, held={"e"}, unanswered={"b", "d"}, ambiguous={"b", "e"}
    )
    assert verdict.settled == {"b"}


def without(body: str) -> list[Stored]:
    return [row for row in STORED if row.body != body]


@pytest.mark.parametrize(
    ("kind", "body", "meta", "rows"),
    [
        ("lost", "a", AT_META, without("a")),
        ("lost", "f", AT_META[:2], STORED),
        ("duplicated", "a", [*AT_META, at_meta("a", "another opaque")], STORED),
        ("duplicated", "callback data x", [*AT_META[:2], at_meta("f", "x"), at_meta("?", "x")], STORED),
        ("duplicated", "b", AT_META, [*STORED, stored(7, "b")]),
        ("unexpected", "?", [*AT_META, at_meta("?")], STORED),
        ("unexpected", "b", AT_META, without("b")),
        ("unexpected", "a", AT_META, [*without("a"), stored(1, "a", "failed")]),
        ("unexpected", "a", AT_META, [*without("a"), stored(9, "a")]),
        ("unexpected", "a", [at_meta("b"), at_meta("f")], [*without("a"), stored(1, "a", "failed")]),
        ("unexpected", "c", [*AT_META, at_meta("c")], [*without("c"), stored(3, "c")]),
        ("unexpected", "e", AT_META, [*without("e"), stored(5, "e", "unknown")]),
        ("unsettled", "a", AT_META, [*without("a"), stored(1, "a", "unknown", is_ambiguous=True)]),
        ("unsettled", "f", AT_META[:2], [*without("f"), stored(6, "f", "queued")]),
        ("unsettled", "f", AT_META, [*without("f"), stored(6, "f", "sending")]),
    ],
)
def test_a_forged_run_is_red(kind: str, body: str, meta: Sequence[Taken], rows: Sequence[Stored]) -> None:
    verdict = check(GOOD, meta, rows)
    assert not verdict.is_green
    assert body in getattr(verdict, kind), str(verdict)
