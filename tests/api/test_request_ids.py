"""What a client calls its request is found in the log beside what we call it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rasl import log
from rasl.services.sending import message_list
from tests.server.raw import connected, get
from tests.serving import Api

LIST = "/api/v2/messages"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    log.configure("console", "warning")


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


async def test_a_named_request_is_logged_with_both_ids(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    answer = await api.acme.send("+442079460011", headers={"x-request-id": "order-4711"})
    (line,) = [line for line in lines(capsys) if line["event"] == "answered"]
    assert line["request_id"] == answer.headers["x-request-id"] != "order-4711"
    assert line["client_request_id"] == "order-4711"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/v2/messages/text", 200)
    found = await api.acme.get(f"{LIST}/{answer.data['chat_message_id']}")
    assert found.data["request_id"] == line["request_id"]


async def test_other_requests_are_not_logged_unless_debugging(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "info")
    await api.acme.get(LIST)
    assert lines(capsys) == []
    log.configure("json", "debug")
    await api.acme.get(LIST)
    (line,) = [line for line in lines(capsys) if line["event"] == "answered"]
    assert "client_request_id" not in line
    log.configure("json", "warning")
    await api.acme.get(LIST, headers={"x-request-id": "order-4711"})
    assert lines(capsys) == []


async def test_every_line_of_the_request_has_both(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def explode(*_: Any) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(message_list, "fetch_page", explode)
    log.configure("json", "warning")
    answer = await api.acme.get(LIST, headers={"x-request-id": "order-4711"})
    (line,) = lines(capsys)
    assert (line["event"], line["client_request_id"]) == ("unexpected_error", "order-4711")
    assert line["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        (b"x" * 5000, "x" * 128),
        (b"a\tb c\xe4\xff", "abc"),
        (b'a"b\\', 'a"b\\'),
        (b"Bearer rasl_" + b"0aB" * 18, "Bearer[redacted]"),
        (b"EAAG" + b"0aB" * 20, "[redacted]"),
        (b"\xe4", None),
        (b"", None),
    ],
)
async def test_a_name_is_made_fit_to_be_logged(
    api: Api, capsys: pytest.CaptureFixture[str], sent: bytes, logged: str | None
) -> None:
    log.configure("json", "debug")
    async with connected(api.base_url) as raw:
        await raw.send(get("/livez", b"X-Request-Id: " + sent + b"\r\n"))
        status, headers, _ = await raw.answer()
    assert (status, len(headers["x-request-id"])) == (200, 36)
    (line,) = [line for line in lines(capsys) if line.get("route") == "/livez"]
    assert line.get("client_request_id") == logged
