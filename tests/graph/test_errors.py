import json
from typing import Any

import pytest

from rasl.graph.error_table import ERRORS, ERRORS_BY_SUBCODE
from rasl.graph.errors import FailureKind, GraphFailure, classify, failure_from_body, failure_from_error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, "token"),
        (1, "retry"),
        (2, "retry"),
        (3, "account"),
        (4, "throttled"),
        (10, "account"),
        (33, "account"),
        (100, "fix"),
        (104, "token"),
        (190, "token"),
        (200, "account"),
        (299, "account"),
        (368, "account"),
        (613, "throttled"),
        (80007, "throttled"),
        (130429, "throttled"),
        (130472, "suppress"),
        (130497, "suppress"),
        (131000, "retry"),
        (131005, "account"),
        (131008, "fix"),
        (131009, "fix"),
        (131016, "retry"),
        (131021, "fix"),
        (131026, "suppress"),
        (131030, "fix"),
        (131031, "account"),
        (131037, "account"),
        (131042, "account"),
        (131047, "fix"),
        (131048, "wait"),
        (131049, "wait"),
        (131050, "suppress"),
        (131051, "fix"),
        (131053, "fix"),
        (131056, "pair_throttled"),
        (131057, "retry"),
        (131062, "fix"),
        (131063, "account"),
        (131064, "wait"),
        (132000, "fix"),
        (132001, "fix"),
        (132015, "fix"),
        (132068, "account"),
        (132069, "throttled"),
        (133004, "retry"),
        (133010, "account"),
        (133016, "wait"),
        (134101, "retry"),
        (134102, "account"),
        (137000, "fix"),
        (138007, "fix"),
        (1752041, "retry"),
        (2388019, "account"),
        (2494100, "account"),
    ],
)
@pytest.mark.parametrize("http_status", [400, 429, 500])
def test_a_known_code_is_classified_by_itself_and_not_by_the_http_status(
    code: int, kind: str, http_status: int
) -> None:
    assert classify(http_status, code).kind is FailureKind(kind)


@pytest.mark.parametrize(
    ("http_status", "kind"),
    [
        (429, "retry"),
        (500, "retry"),
        (503, "retry"),
        (401, "token"),
        (403, "account"),
        (400, "fix"),
        (404, "fix"),
    ],
)
@pytest.mark.parametrize("code", [None, 999999])
def test_an_unknown_code_is_classified_by_the_http_status(
    http_status: int, kind: str, code: int | None
) -> None:
    failure = classify(http_status, code)
    assert failure.kind is FailureKind(kind)
    assert failure.cure


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (999999, "retry"),
        (100, "retry"),
        (190, "retry"),
        (10, "retry"),
        (130429, "throttled"),
        (131056, "pair_throttled"),
        (131049, "wait"),
        (131050, "suppress"),
    ],
)
def test_transient_makes_a_failure_retryable_unless_its_kind_knows_better(code: int, kind: str) -> None:
    assert classify(400, code, is_transient=True).kind is FailureKind(kind)


@pytest.mark.parametrize(
    ("code", "subcode", "kind", "title"),
    [
        (100, 33, "account", "Object does not exist or cannot be accessed"),
        (100, 2388299, "fix", "Variable at the start or end of the template"),
        (100, 1, "fix", "Invalid parameter"),
        (190, 463, "token", "Access token has expired"),
        (190, 458, "token", "App is not authorised any more"),
        (130429, 2494055, "throttled", "Rate limit hit"),
    ],
)
def test_a_subcode_can_say_more_than_its_code(code: int, subcode: int, kind: str, title: str) -> None:
    failure = classify(400, code, subcode)
    assert (failure.kind, failure.title, failure.subcode) == (FailureKind(kind), title, subcode)


@pytest.mark.parametrize("row", [*ERRORS.values(), *ERRORS_BY_SUBCODE.values()], ids=lambda row: row.title)
def test_every_row_has_a_title_and_a_cure_in_plain_words(row: Any) -> None:
    assert row.title
    assert row.cure[0].isupper()
    assert row.cure.endswith(".")


THROTTLED: dict[str, Any] = {
    "message": "(#130429) Rate limit hit",
    "type": "OAuthException",
    "code": 130429,
    "error_data": {
        "messaging_product": "whatsapp",
        "details": "Cloud API message throughput has been reached.",
    },
    "error_subcode": 2494055,
    "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
}


def test_the_body_of_an_answer_keeps_what_meta_said() -> None:
    failure = failure_from_body(400, json.dumps({"error": THROTTLED}).encode())
    assert failure == GraphFailure(
        kind=FailureKind.THROTTLED,
        code=130429,
        subcode=2494055,
        title="Rate limit hit",
        message="(#130429) Rate limit hit",
        details="Cloud API message throughput has been reached.",
        fbtrace_id="Az8or2yhqkZfEZ-_4Qn_Bam",
        cure=ERRORS[130429].cure,
    )


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"error_data": "in plain text"}, "in plain text"),
        ({"error_data": None, "details": "old shape"}, "old shape"),
        ({"error_data": {}, "error_user_msg": "for people"}, "for people"),
        ({"error_data": {"details": 7}}, None),
        ({"error_data": ["odd"]}, None),
    ],
)
def test_details_are_found_in_every_shape(change: dict[str, Any], details: str | None) -> None:
    assert failure_from_error({**THROTTLED, **change}).details == details


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({}, None),
        ({"code": "131026"}, 131026),
        ({"code": True}, None),
        ({"code": "x"}, None),
        ({"code": 131026, "message": 5, "title": [], "fbtrace_id": {}, "error_subcode": "?"}, 131026),
    ],
)
def test_odd_error_objects_are_still_failures(error: dict[str, Any], code: int | None) -> None:
    assert failure_from_error(error).code == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"\xff\xfe",
        b"[]",
        b'"error"',
        b"{}",
        b'{"error":"text"}',
        b'{"error":null}',
        b'{"error":{"code":1',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_graph_error_is_none(body: bytes) -> None:
    assert failure_from_body(502, body) is None


@pytest.mark.parametrize(
    ("code", "kept", "told"),
    [
        (131047, 131047, "no"),
        ("131047", 131047, "no"),
        (2**31 - 1, 2**31 - 1, "no"),
        (-1, -1, "no"),
        (2**31, None, "no (code 2147483648)"),
        (10**30, None, "no (code 1000000000000000000000000000000)"),
        ("9" * 100, None, f"no (code {'9' * 40})"),
        (True, None, "no"),
        ("x", None, "no"),
        (1.5, None, "no"),
    ],
)
def test_a_code_that_no_integer_column_holds_is_told_in_words(
    code: object, kept: int | None, told: str
) -> None:
    failure = failure_from_error({"code": code, "message": "no"})
    assert (failure.code, failure.message) == (kept, told)


def test_an_answer_of_unstorable_characters_is_a_refusal_that_can_be_recorded() -> None:
    body = rb"""{"error": {"message": "a\u0000b", "code": 131026, "error_subcode": 99999999999,
        "error_data": {"details": "c\u0000d"}, "fbtrace_id": "e\u0000f", "title": "\ud800"}}"""
    failure = failure_from_body(400, body)
    assert failure is not None
    assert (failure.code, failure.subcode) == (131026, None)
    assert (failure.message, failure.details, failure.fbtrace_id) == ("a\ufffdb", "c\ufffdd", "e\ufffdf")
