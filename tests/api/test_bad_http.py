"""Whatever comes in, no answer has a body outside the envelope."""

import json
import random

import pytest

from tests.server.raw import HOST, connected, get
from tests.serving import Api

# (what is sent, the status and code of the answer)
CASES: list[tuple[bytes, int, str]] = [
    (b"\x00\x01\x02\r\n\r\n", 400, "BAD_REQUEST"),
    (bytes.fromhex("16030100a5010000a1"), 400, "BAD_REQUEST"),  # TLS
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "BAD_REQUEST"),
    (b"FOO / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
    (b"GET / HTTP/3.1\r\n\r\n", 400, "BAD_REQUEST"),
    (b"GET no-slash HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
    (b"GET http://x HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
    (b"GET http://x:99999999/ HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
    (b"CONNECT example.test:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "BAD_REQUEST"),
    (b"GET /\xff HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
    (b"GET /\x00 HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
    (get("/", b"Host : x\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"X: a\x00b\r\n"), 400, "BAD_REQUEST"),
    (get("/", b": x\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"Content-Length: -1\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"Content-Length: x\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"Content-Length: 99999999999999999999999\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"Content-Length: 2\r\nContent-Length: 3\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), 400, "BAD_REQUEST"),
    (get("/", b"Transfer-Encoding: chunked\r\n") + b"zz\r\n", 400, "BAD_REQUEST"),
    (get("/api/v2/messages", b"Authorization: Bearer \xff\xfe\r\n"), 401, "UNAUTHORIZED"),
    (get("/%zz%f"), 404, "NOT_FOUND"),
    (get("/%ff%fe%00"), 404, "NOT_FOUND"),
    (get("///nowhere"), 404, "NOT_FOUND"),
    (get("/" + "x" * 8000), 404, "NOT_FOUND"),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404, "NOT_FOUND"),
    (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 405, "METHOD_NOT_ALLOWED"),
    (b"TRACE /api/v2/messages HTTP/1.1\r\n" + HOST + b"\r\n", 405, "METHOD_NOT_ALLOWED"),
    (b"CONNECT /livez HTTP/1.1\r\n" + HOST + b"\r\n", 405, "METHOD_NOT_ALLOWED"),
    (b"PURGE /webhooks/whatsapp/x HTTP/1.1\r\n" + HOST + b"\r\n", 405, "METHOD_NOT_ALLOWED"),
    (get("/" + "x" * 9000), 414, "URI_TOO_LONG"),
    (get("/", b"X: " + b"x" * 70_000 + b"\r\n"), 431, "HEADERS_TOO_LARGE"),
]


@pytest.mark.parametrize("case", range(len(CASES)))
async def test_what_is_wrong_is_said_in_the_envelope(api: Api, case: int) -> None:
    sent, status, code = CASES[case]
    async with connected(api.base_url) as raw:
        await raw.send(sent)
        answered, headers, body = await raw.answer()
    assert (answered, body["success"], body["error"]["code"]) == (status, False, code)
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == body["meta"]["request_id"]
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert ("allow" in headers) == (status == 405)
    assert body["meta"]["timestamp"].endswith("+00:00")


async def test_an_authorization_in_a_trailer_lets_nobody_in(api: Api) -> None:
    token = api.acme._headers["authorization"].encode()
    async with connected(api.base_url) as raw:
        await raw.send(get("/api/v2/messages", b"Transfer-Encoding: chunked\r\n"))
        await raw.send(b"0\r\nAuthorization: " + token + b"\r\n\r\n")
        assert (await raw.answer())[0] == 401


async def test_a_body_without_a_token_is_not_read(api: Api) -> None:
    async with connected(api.base_url) as raw:
        await raw.send(
            b"POST /api/v2/messages/text HTTP/1.1\r\nContent-Length: 100000000\r\n" + HOST + b"\r\n"
        )
        assert await raw.refusal() == (401, "UNAUTHORIZED")


async def test_requests_with_random_faults_are_answered_in_the_envelope_or_not_at_all(api: Api) -> None:
    chance = random.Random(20261128)
    good = get("/api/v2/messages?page=1", b"Authorization: Bearer x\r\nContent-Length: 0\r\n")
    for _ in range(300):
        sent = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(sent))
            sent[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        async with connected(api.base_url) as raw:
            await raw.send(bytes(sent))
            raw.writer.write_eof()
            answer = await raw.ends()
        while answer:
            head, _, rest = answer.partition(b"\r\n\r\n")
            lines = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
            size = int(lines[b"content-length"])
            assert "success" in json.loads(rest[:size]), sent
            answer = rest[size:]
