"""The table of requests in `docs/requests.md` is read as it stands there."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from rasl.api.docs.bodies import kind_of
from rasl.app import api_v2
from rasl.domain.validation import read, read_values
from rasl.domain.validation.forms import nested
from rasl.web.form import MAX_FIELD, MAX_PARTS
from rasl.web.input import MAX_BODY_BYTES

DOCUMENT = (Path(__file__).parents[3] / "docs/requests.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(/[^`]+)` \| `([^`]+)` \| `({.*})` \|$", DOCUMENT, re.MULTILINE)


def _kinds() -> dict[str, Any]:
    handlers = [
        (route.path_format, handler)
        for route in api_v2().routes
        for handler in getattr(route, "route_handlers", ())
    ]
    return {
        path.removeprefix("/api/v2"): kind_of(handler)
        for path, handler in handlers
        if "POST" in handler.http_methods
    }


KINDS = _kinds()


@pytest.mark.parametrize(("path", "sent", "meant"), ROWS)
def test_a_form_means_what_the_document_says(path: str, sent: str, meant: str) -> None:
    pairs = parse_qsl(sent, keep_blank_values=True)
    assert read_values(KINDS[path], nested(pairs), is_strict=True) == read(
        KINDS[path], meant.encode(), is_strict=True
    )


def test_the_document_has_examples_and_the_limits_that_hold() -> None:
    assert len(ROWS) > 10
    assert (MAX_BODY_BYTES, MAX_PARTS, MAX_FIELD) == (1024 * 1024, 10_000, 64 * 1024)
    assert "| Fields of a form or a query | 10,000 |" in DOCUMENT
