"""Fields of writes and filters stand in the query string, so pure luck may reach a log."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from rasl import log
from rasl.web import methods
from rasl.web.request import ApiRequest
from tests.serving import Api
from tests.test_every_route import ROUTES

FIELDS = {
    "phone": "+44 (0)20 7946-1234",
    "message": "The wedding of Zoë\nis at noon",
    "code": "918273",
    "template_name": "Hunter2Hunter2",
    "email": "Anna.Secretly@Example.test",
    "firstname": "Bob",
    "filter[phone]": "5550100",
    "zzz": "quux" * 30,
}
QUERY = urlencode(FIELDS)
# What would give a value away, in any case.
TRACES = (
    "wedding",
    "at noon",
    "zo",
    "918273",
    "hunter2",
    "secretly",
    "bob",
    "5550100",
    "quux",
    "7946",
    "442079461234",
)
FORMATS = pytest.mark.parametrize("log_format", ["json", "console"])


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    log.configure("console", "warning")
    log.QUERY.set(b"")


# Digits by chance: ids of requests, moments, durations.
CHANCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dt[\d:.]+z|seconds\W+[\d.e-]+")


def leaks(text: str) -> list[str]:
    text = CHANCE.sub("", text.lower())
    return [f"{trace}: {line}" for line in text.splitlines() for trace in TRACES if trace in line]


async def call_all(api: Api, body: Any) -> list[int]:
    """Call every route with the fields in the query, as somebody and as nobody."""
    statuses = []
    for name in ROUTES:
        method, path = name.split(" ")
        url = f"/api/v2{path}?{QUERY}".replace("{", "").replace("}", "")
        for client in (api.acme, api.nobody):
            options = {} if body is None else {"json": body}
            statuses.append((await client.call(method, url, **options)).status)
    return statuses


def quoting(scope: Any) -> RuntimeError:
    """An error that quotes all values of the query: whole, shortened, cleaned, in another case, as JSON and as repr."""
    values = [value for _, value in parse_qsl(scope["query_string"].decode())]
    wholes = " and ".join(values)
    error = RuntimeError(f"cannot use {wholes}\n  {wholes!r}\n{json.dumps(values)}")
    error.add_note(f"noted: {wholes.upper()}")
    digits = ["".join(filter(str.isdecimal, value)) for value in values]
    error.__cause__ = ValueError(f"{[value[:8] + '…' for value in values]} {digits}")
    return error


@FORMATS
async def test_no_line_of_any_route_shows_a_value(
    api: Api, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    log.configure(log_format, "debug")
    statuses = [*await call_all(api, None), *await call_all(api, {})]
    assert {401, 404, 422} <= set(statuses)
    assert 500 not in statuses
    await api.nobody.post(f"/nowhere?{QUERY}")
    await api.acme.call("PUT", f"/api/v2/messages?{QUERY}")
    await api.nobody.get(f"/webhooks/whatsapp/x?{QUERY}")
    await api.acme.call("DELETE", f"/api/v2/contacts/1?{QUERY}", headers={"x-request-id": "order-4711"})
    written = capsys.readouterr().err
    assert written.count("answered") >= len(statuses)
    assert "order-4711" in written
    assert leaks(written) == []


@FORMATS
async def test_an_unexpected_error_shows_where_it_was_and_no_value(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    def explode(request: ApiRequest) -> Any:
        raise quoting(request.scope)

    monkeypatch.setattr(ApiRequest, "resources", property(explode))
    monkeypatch.setattr(ApiRequest, "outbox", property(explode))
    log.configure(log_format, "info")
    failed = (await call_all(api, None)).count(500)
    written = capsys.readouterr().err
    assert failed > 10
    assert written.count("unexpected_error") == failed
    assert written.count("in explode") == failed
    assert written.count("RuntimeError: [hidden") == failed
    assert written.count("ValueError: [hidden") == failed
    assert leaks(written) == []


async def test_an_error_before_the_route_shows_no_value_either(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(_app: Any, scope: Any, *_: Any) -> Any:
        raise quoting(scope)

    monkeypatch.setattr(methods, "overriding", explode)
    log.configure("json", "info")
    answer = await api.acme.post(f"/api/v2/contacts?_method=DELETE&{QUERY}")
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    written = capsys.readouterr().err
    assert "RuntimeError: [hidden" in written
    assert leaks(written) == []


@FORMATS
def test_other_lines_of_the_request_hide_what_quotes_it(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    log.configure(log_format, "info")
    log.QUERY.set(QUERY.encode())
    log.get_logger().info("seen", reason="it was 918273", nested={"a": ["Bob"]})
    log.get_logger().info("said quuxquux and more")
    log.get_logger().info("seen", reason="pure luck", path="/api/v2/messages")
    written = capsys.readouterr().err
    assert "pure luck" in written
    assert written.count("[hidden") == 3
    assert leaks(written) == []


def test_a_request_without_a_query_shows_its_errors_whole(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.QUERY.set(b"page=2&flag")
    log.get_logger().error("seen", exc_info=RuntimeError("at noon"))
    assert "RuntimeError: at noon" in capsys.readouterr().err
