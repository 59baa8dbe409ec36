import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rasl.graph import client as client_module
from rasl.graph.client import (
    Ambiguous,
    Fetched,
    GraphClient,
    NotSent,
    ReadOutcome,
    Refused,
    SendOutcome,
    Taken,
)
from rasl.graph.errors import FailureKind
from tests.graph.meta import Play, answers, hangs_up, playing, resets, says_nothing, self_signed
from tests.ports import free_port

NUMBER = "106540352242922"
TOKEN = "EAAsecretsecretsecretsecret"
MESSAGE = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "h\u00e9"}}
ACCEPTED = json.dumps(
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+16505551234", "wa_id": "16505551234", "user_id": "US.1349"}],
        "messages": [{"id": "wamid.HBgL", "message_status": "accepted"}],
    }
).encode()


def graph_error(code: int, **more: Any) -> bytes:
    return json.dumps(
        {"error": {"message": "(#1) text", "type": "OAuthException", "code": code, **more}}
    ).encode()


async def send_to(base_url: str, *, seconds: float = 5.0, token: str = TOKEN) -> SendOutcome:
    async with GraphClient(base_url, "v24.0", seconds, 4) as graph:
        return await graph.send_message(NUMBER, token, MESSAGE)


async def send(play: Play, *, seconds: float = 5.0, reads: bool = True) -> SendOutcome:
    async with playing(play, reads=reads) as (base_url, _requests):
        return await send_to(base_url, seconds=seconds)


async def read(play: Play, *, seconds: float = 5.0) -> ReadOutcome:
    async with (
        playing(play) as (base_url, _requests),
        GraphClient(base_url, "v24.0", seconds, 4) as graph,
    ):
        return await graph.get_json(NUMBER, TOKEN, {"fields": "status,id"})


async def test_an_accepted_message_has_its_wamid() -> None:
    outcome = await send(answers(ACCEPTED, headers="X-FB-Request-Id: Req1\r\n"))
    assert outcome == Taken("wamid.HBgL", "16505551234")


async def test_the_request_is_what_graph_expects() -> None:
    async with playing(answers(ACCEPTED)) as (base_url, requests):
        await send_to(f"{base_url}/")
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert head.startswith(f"POST /v24.0/{NUMBER}/messages HTTP/1.1\r\n".encode())
    assert f"authorization: bearer {TOKEN}".lower() in lines
    assert "content-type: application/json" in lines
    assert not any(line.startswith("cookie:") for line in lines)
    assert json.loads(body) == MESSAGE


async def test_bytes_are_sent_as_they_are() -> None:
    async with (
        playing(answers(ACCEPTED)) as (base_url, requests),
        GraphClient(base_url, "v24.0", 5.0, 4) as graph,
    ):
        await graph.send_message(NUMBER, TOKEN, b'{"ready": 1}')
    assert requests[0].endswith(b'\r\n\r\n{"ready": 1}')


async def test_cookies_and_connections_of_one_answer_do_not_touch_the_next() -> None:
    play = answers(ACCEPTED, headers="Set-Cookie: a=b\r\n")
    async with playing(play) as (base_url, requests), GraphClient(base_url, "v24.0", 5.0, 4) as graph:
        for _ in range(3):
            assert isinstance(await graph.send_message(NUMBER, TOKEN, MESSAGE), Taken)
    assert len(requests) == 3
    assert not any(b"cookie" in request.lower() for request in requests)


@pytest.mark.parametrize(
    "answer",
    [
        {"contacts": [{"input": "x", "user_id": "US.1"}]},
        {},
        {"contacts": None},
        {"contacts": [None]},
        {"contacts": [{"wa_id": 5}]},
    ],
)
async def test_everything_but_the_wamid_may_be_missing(answer: dict[str, Any]) -> None:
    body = json.dumps({**answer, "messages": [{"id": "wamid.A"}]}).encode()
    assert await send(answers(body)) == Taken("wamid.A", None)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("400 Bad Request", 131009, "fix"),
        ("400 Bad Request", 130429, "throttled"),
        ("429 Too Many Requests", 131056, "pair_throttled"),
        ("401 Unauthorized", 190, "token"),
        ("403 Forbidden", 10, "account"),
        ("404 Not Found", 132001, "fix"),
        ("500 Internal Server Error", 131000, "retry"),
        ("503 Service Unavailable", 2, "retry"),
        ("200 OK", 131026, "suppress"),
    ],
)
async def test_an_error_of_graph_is_a_refusal_under_any_http_status(
    status: str, code: int, kind: str
) -> None:
    outcome = await send(answers(graph_error(code), status))
    assert isinstance(outcome, Refused)
    assert (outcome.failure.code, outcome.failure.kind) == (code, FailureKind(kind))


@pytest.mark.parametrize(
    ("headers", "code", "retry_after"),
    [
        ("", 130429, None),
        ("Retry-After: 30\r\n", 130429, 30.0),
        ("Retry-After: 30\r\n", 131009, 30.0),
        ("Retry-After: 99999999999\r\n", 130429, 86400.0),
        ("Retry-After: Wed, 04 Mar 2026 10:00:00 GMT\r\n", 130429, None),
        ('X-Business-Use-Case-Usage: {"1":[{"estimated_time_to_regain_access":0}]}\r\n', 80007, None),
        (
            'X-Business-Use-Case-Usage: {"1":[{"estimated_time_to_regain_access":3},{},7],"2":{}}\r\n',
            80007,
            180.0,
        ),
        ('X-Business-Use-Case-Usage: {"1":[{"estimated_time_to_regain_access":3}]}\r\n', 131056, None),
        ("X-Business-Use-Case-Usage: nonsense\r\n", 130429, None),
    ],
)
async def test_a_refusal_says_when_to_come_back(headers: str, code: int, retry_after: float | None) -> None:
    outcome = await send(answers(graph_error(code), "400 Bad Request", headers))
    assert isinstance(outcome, Refused)
    assert outcome.retry_after == retry_after


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", "fix"),
        ("401 Unauthorized", "token"),
        ("403 Forbidden", "account"),
        ("429 Too Many Requests", "retry"),
        ("302 Found", "fix"),
    ],
)
async def test_a_refusal_without_an_error_object_is_classified_by_its_status(status: str, kind: str) -> None:
    outcome = await send(answers(b"<html>no</html>", status))
    assert isinstance(outcome, Refused)
    assert (outcome.failure.code, outcome.failure.kind) == (None, FailureKind(kind))


async def test_a_redirect_is_not_followed() -> None:
    async with playing(answers(ACCEPTED)) as (elsewhere, strayed):
        redirect = answers(b"", "307 Temporary Redirect", f"Location: {elsewhere}/\r\n")
        assert isinstance(await send(redirect), Refused)
        assert strayed == []


@pytest.mark.parametrize(
    "play",
    [
        answers(b"<html>Bad Gateway</html>", "502 Bad Gateway"),
        answers(b"", "500 Internal Server Error"),
        answers(b'{"unrelated":1}', "503 Service Unavailable"),
        answers(b"", "408 Request Timeout"),
        answers(ACCEPTED[:40], length=len(ACCEPTED)),
        answers(ACCEPTED[:40]),
        answers(b""),
        answers(b"[]"),
        answers(b'{"messages":[]}'),
        answers(b'{"messages":[{"id":""}]}'),
        answers(b'{"messages":{"id":"wamid.A"}}'),
        answers(b" " * (client_module._LARGEST_ANSWER + 1)),
        answers(
            gzip.compress(b" " * (client_module._LARGEST_ANSWER + 1)), headers="Content-Encoding: gzip\r\n"
        ),
        answers(b"not gzip", headers="Content-Encoding: gzip\r\n"),
        answers(b"", status="nonsense"),
        hangs_up,
        resets,
    ],
    ids=[
        "html 502",
        "empty 500",
        "json 503 that is no error object",
        "408",
        "truncated 200",
        "truncated json",
        "empty 200",
        "200 with a list",
        "200 without messages",
        "200 with an empty wamid",
        "200 with odd messages",
        "answer too large",
        "compressed answer too large",
        "answer that does not decompress",
        "no http at all",
        "hangs up",
        "resets",
    ],
)
async def test_a_written_request_without_a_usable_answer_is_ambiguous(play: Play) -> None:
    assert isinstance(await send(play), Ambiguous)


async def test_a_message_that_is_never_answered_is_ambiguous() -> None:
    assert isinstance(await send(says_nothing, seconds=0.2), Ambiguous)


async def test_a_connection_that_drops_before_reading_is_ambiguous() -> None:
    assert isinstance(await send(resets, reads=False), Ambiguous)


async def test_a_refused_connection_is_not_sent() -> None:
    outcome = await send_to(f"http://127.0.0.1:{free_port()}")
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("ClientConnectorError")


async def test_an_untrusted_certificate_is_not_sent(tmp_path: Path) -> None:
    async with playing(answers(ACCEPTED), tls=self_signed(tmp_path)) as (base_url, requests):
        outcome = await send_to(base_url)
    assert isinstance(outcome, NotSent)
    assert "Certificate" in outcome.reason
    assert requests == []


async def test_a_server_without_tls_is_not_sent() -> None:
    async with playing(hangs_up, reads=False) as (base_url, _requests):
        outcome = await send_to(base_url.replace("http:", "https:"))
    assert isinstance(outcome, NotSent)


async def test_a_tls_handshake_that_never_ends_is_not_sent() -> None:
    async with playing(says_nothing, reads=False) as (base_url, _requests):
        outcome = await send_to(base_url.replace("http:", "https:"), seconds=0.2)
    assert isinstance(outcome, NotSent)


async def test_a_message_that_waits_in_vain_for_a_connection_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "_LONGEST_CONNECT_SECONDS", 0.05)
    is_connected, release = asyncio.Event(), asyncio.Event()

    async def waits(writer: asyncio.StreamWriter) -> None:
        is_connected.set()
        await release.wait()
        await answers(ACCEPTED)(writer)

    async with playing(waits) as (base_url, _requests), GraphClient(base_url, "v24.0", 5.0, 1) as graph:
        first = asyncio.create_task(graph.send_message(NUMBER, TOKEN, MESSAGE))
        await is_connected.wait()
        second = await graph.send_message(NUMBER, TOKEN, MESSAGE)
        release.set()
        assert isinstance(second, NotSent)
        assert isinstance(await first, Taken)


async def test_a_closed_client_sends_nothing() -> None:
    graph = GraphClient("http://127.0.0.1:9", "v24.0", 5.0, 4)
    await graph.close()
    assert isinstance(await graph.send_message(NUMBER, TOKEN, MESSAGE), NotSent)


async def test_a_token_that_breaks_the_headers_is_not_sent() -> None:
    async with playing(answers(ACCEPTED)) as (base_url, requests):
        outcome = await send_to(base_url, token=f"{TOKEN}\r\nX-Evil: 1")
    assert isinstance(outcome, NotSent)
    assert requests == []


@pytest.mark.parametrize("number", ["", "..", "1/2", "1?a=b", "1#", "\u0661"])
async def test_a_phone_number_id_cannot_lead_elsewhere(number: str) -> None:
    async with GraphClient("http://127.0.0.1:9", "v24.0", 5.0, 4) as graph:
        with pytest.raises(ValueError, match="phone_number_id"):
            await graph.send_message(number, TOKEN, MESSAGE)


@pytest.mark.parametrize(
    "play", [answers(graph_error(190), "401 Unauthorized"), answers(b"", "500 X"), hangs_up, resets]
)
async def test_no_outcome_and_no_log_line_shows_the_token(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    outcome = await send(play)
    assert TOKEN not in repr(outcome)
    assert TOKEN not in caplog.text


async def test_a_read_returns_the_object() -> None:
    play = answers(b'{"id":"106540352242922","status":"CONNECTED"}')
    async with playing(play) as (base_url, requests), GraphClient(base_url, "v24.0", 5.0, 4) as graph:
        outcome = await graph.get_json(NUMBER, TOKEN, {"fields": "status,id"})
    assert outcome == Fetched({"id": "106540352242922", "status": "CONNECTED"})
    assert requests[0].startswith(f"GET /v24.0/{NUMBER}?fields=status,id HTTP/1.1\r\n".encode())


async def test_a_read_of_a_missing_object_is_refused() -> None:
    outcome = await read(answers(graph_error(100, error_subcode=33), "400 Bad Request"))
    assert isinstance(outcome, Refused)
    assert outcome.failure.kind is FailureKind.ACCOUNT


@pytest.mark.parametrize("play", [answers(b"[]"), answers(b"", "502 Bad Gateway"), resets])
async def test_a_read_without_a_usable_answer_is_ambiguous(play: Play) -> None:
    assert isinstance(await read(play), Ambiguous)


async def test_a_read_that_is_never_answered_is_ambiguous() -> None:
    assert isinstance(await read(says_nothing, seconds=0.2), Ambiguous)


async def test_a_read_without_a_connection_is_not_sent() -> None:
    async with GraphClient(f"http://127.0.0.1:{free_port()}", "v24.0", 5.0, 4) as graph:
        assert isinstance(await graph.get_json(NUMBER, TOKEN), NotSent)


@pytest.mark.parametrize("path", ["", "/", "../x", "a//b", "a?b", "a/", "a b"])
async def test_a_read_cannot_be_led_elsewhere(path: str) -> None:
    async with GraphClient("http://127.0.0.1:9", "v24.0", 5.0, 4) as graph:
        with pytest.raises(ValueError, match="path"):
            await graph.get_json(path, TOKEN)
