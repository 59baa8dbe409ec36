"""Cursor paging as every Graph list does it."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

from metasim.errors import GraphError, invalid, refusal
from metasim.exchange import Request

DEFAULT_LIMIT = 25
_STRICT_SINCE = 24


def page(request: Request, items: list[dict[str, Any]], base: str, version: str) -> dict[str, Any]:
    """One page of a list with its cursors; `next` is there only when more follows."""
    query = request.query
    limit = _limit(query.get("limit"))
    end = len(items)
    start = 0
    if after := query.get("after"):
        start = _position(after, version, end)
    elif before := query.get("before"):
        end = _position(before, version, end)
        start = max(0, end - limit)
    chosen = items[start : min(end, start + limit)]
    if not chosen:
        return {"data": []}
    stop = start + len(chosen)
    paging: dict[str, Any] = {"cursors": {"before": _cursor(start), "after": _cursor(stop)}}
    kept = {key: value for key, value in query.items() if key not in {"after", "before", "access_token"}}
    address = f"{base}{request.path}"
    if stop < len(items):
        paging["next"] = f"{address}?{urlencode({**kept, 'after': _cursor(stop)})}"
    if start > 0:
        paging["previous"] = f"{address}?{urlencode({**kept, 'before': _cursor(start)})}"
    return {"data": chosen, "paging": paging}


def chosen_fields(item: dict[str, Any], request: Request, default: tuple[str, ...]) -> dict[str, Any]:
    """The fields asked for, or the default ones; the id is always there."""
    asked = request.query.get("fields")
    names = [name.strip().partition("{")[0] for name in asked.split(",")] if asked else default
    return {**{name: item[name] for name in names if name in item}, "id": item["id"]}


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not given.isdigit() or int(given) < 1:
        raise invalid("Param limit must be an integer greater than or equal to 1.")
    return int(given)


def _cursor(position: int) -> str:
    return urlsafe_b64encode(f"QVFI:{position}".encode()).decode()


def _position(cursor: str, version: str, most: int) -> int:
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
    except (ValueError, binascii.Error):
        raise _bad_cursor(version) from None
    prefix, _, position = text.partition(":")
    if prefix != "QVFI" or not position.isdigit() or int(position) > most:
        raise _bad_cursor(version)
    return int(position)


def _bad_cursor(version: str) -> GraphError:
    major = int(version[1:].partition(".")[0])
    return refusal(131059) if major >= _STRICT_SINCE else invalid("Invalid cursor")
