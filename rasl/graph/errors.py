"""What Meta's error means for us: one value, whether it came in an answer or in a webhook."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasl.graph import storable
from rasl.graph.error_table import ERRORS, ERRORS_BY_SUBCODE, FailureKind, KnownError
from rasl.log import redact

__all__ = ["FailureKind", "GraphFailure", "classify", "failure_from_body", "failure_from_error"]

# Meta calling one of these transient means "later", which the kind says better itself.
_NEVER_UPGRADED = frozenset(
    {FailureKind.THROTTLED, FailureKind.PAIR_THROTTLED, FailureKind.WAIT, FailureKind.SUPPRESS}
)
_UNKNOWN_TITLE = "Unknown error"
_UNKNOWN_CURES = {
    FailureKind.RETRY: "Meta had a problem. It is tried again by itself.",
    FailureKind.TOKEN: "Meta refused the access token. Create a new one and save it in the connection.",
    FailureKind.ACCOUNT: "Meta does not allow this for the account. Check its permissions and state at Meta.",
    FailureKind.FIX: "Correct what Meta names in the details, then try again.",
}
_LONGEST_TEXT = 1000
_LARGEST_CODE = 2**31 - 1
_LONGEST_CODE = 40
# Template endpoints answer with code 100 and say what is wrong in a subcode that is a row of its own; small
# subcodes only repeat the numbers of unrelated codes.
_FIRST_OWN_SUBCODE = 1_000_000


class GraphFailure(msgspec.Struct, frozen=True):
    """A refusal of Meta, classified; `code` is None when the answer was no Graph error at all."""

    kind: FailureKind
    code: int | None
    subcode: int | None
    title: str
    message: str
    details: str | None
    fbtrace_id: str | None
    cure: str


def classify(
    http_status: int,
    code: int | None,
    subcode: int | None = None,
    *,
    is_transient: bool = False,
    title: str | None = None,
    message: str | None = None,
    details: str | None = None,
    fbtrace_id: str | None = None,
) -> GraphFailure:
    """Return what an error asks of us: by subcode, then code, then HTTP status; never by its wording."""
    row = _row(http_status, code, subcode, title)
    kind = row.kind
    cure = row.cure
    if is_transient and kind not in _NEVER_UPGRADED:
        kind = FailureKind.RETRY
        cure = _UNKNOWN_CURES[kind] if row.kind is not kind else cure
    return GraphFailure(
        kind=kind,
        code=code,
        subcode=subcode,
        title=row.title,
        message=message or title or row.title,
        details=details,
        fbtrace_id=fbtrace_id,
        cure=cure,
    )


def failure_from_body(http_status: int, body: bytes) -> GraphFailure | None:
    """Return the failure that the body of an answer describes, or None if it is no Graph error."""
    try:
        answer = storable.decode(body)
    except storable.NotJsonError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    return failure_from_error(error, http_status) if isinstance(error, dict) else None


def failure_from_error(error: Mapping[str, Any], http_status: int = 400) -> GraphFailure:
    """Return the failure of one error object: an answer's `error` or one of a webhook's `errors`."""
    code, odd_code = _code(error.get("code"))
    message = _text(error.get("message"))
    return classify(
        http_status,
        code,
        _code(error.get("error_subcode"))[0],
        is_transient=error.get("is_transient") is True,
        title=_text(error.get("title")) or _text(error.get("error_user_title")),
        message=f"{message or _UNKNOWN_TITLE} (code {odd_code})" if odd_code else message,
        details=_details(error),
        fbtrace_id=_text(error.get("fbtrace_id")),
    )


def _row(http_status: int, code: int | None, subcode: int | None, title: str | None) -> KnownError:
    if code is not None:
        if subcode is not None:
            exact = ERRORS_BY_SUBCODE.get((code, subcode))
            if exact is None and code == 100 and subcode >= _FIRST_OWN_SUBCODE:
                exact = ERRORS.get(subcode)
            if exact is not None:
                return exact
        known = ERRORS.get(code)
        if known is not None:
            return known
    kind = _kind_of_status(http_status)
    return KnownError(kind, title or _UNKNOWN_TITLE, _UNKNOWN_CURES[kind])


def _kind_of_status(http_status: int) -> FailureKind:
    if http_status == 429 or http_status >= 500:
        return FailureKind.RETRY
    if http_status == 401:
        return FailureKind.TOKEN
    if http_status == 403:
        return FailureKind.ACCOUNT
    return FailureKind.FIX


def _details(error: Mapping[str, Any]) -> str | None:
    data = error.get("error_data")
    inner = data.get("details") if isinstance(data, dict) else data
    return _text(inner) or _text(error.get("details")) or _text(error.get("error_user_msg"))


def _code(value: object) -> tuple[int | None, str | None]:
    """Return a code of Meta's; one that is larger than any of theirs only as the text it is."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.isascii() or not text.removeprefix("-").isdigit():
        return None, None
    if len(text) <= len(str(_LARGEST_CODE)) + 1 and -_LARGEST_CODE <= int(text) <= _LARGEST_CODE:
        return int(text), None
    return None, text[:_LONGEST_CODE]


def _text(value: object) -> str | None:
    """Return Meta's own words without what Meta quotes in them: "Malformed access token EAA..."."""
    return redact(value)[:_LONGEST_TEXT] if isinstance(value, str) and value else None
