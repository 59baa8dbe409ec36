"""What may come in on a connection: how much, how long, and from how many."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from rasl.server import Limits
from tests.server.raw import Echo, connected, get, post, post_chunked
from tests.serving import serving
from tests.waiting import until

QUICK = Limits(request_seconds=0.4)


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """A server with the limits of every installation."""
    async with serving(Echo()) as (_, url):
        yield url


@pytest.mark.parametrize(
    "head",
    [
        get("/", b"X-Long: " + b"x" * 70_000 + b"\r\n"),
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\nX-Never-Ending: " + b"x" * 3_000_000,
        get("/", b"".join(b"X-%d: x\r\n" % number for number in range(100))),
        get("/", b"a: b\r\n" * 20_000),
        get("/") + get("/", b"a: b\r\n" * 20_000),
    ],
    ids=["line", "path", "never-ending", "count", "small-ones", "second-request"],
)
async def test_a_head_over_the_limit_is_refused(url: str, head: bytes) -> None:
    async with connected(url) as raw:
        sending = asyncio.create_task(raw.send(head))
        if head.startswith(get("/") + b"GET"):
            assert (await raw.answer())[0] == 200
        assert await raw.refusal() == (431, "HEADERS_TOO_LARGE")
        await sending


async def test_a_head_within_the_limit_is_taken_in_whatever_pieces(url: str) -> None:
    value = b"x" * 60_000
    head = get("/?" + "y" * 1000, b"X-Long: " + value + b"\r\n")
    async with connected(url) as raw:
        for size in (len(head), 1000, 4096):
            for start in range(0, len(head), size):
                await raw.send(head[start : start + size])
                await asyncio.sleep(0)
            status, _, body = await raw.answer()
            assert (status, len(body["headers"]["x-long"])) == (200, len(value))


async def test_a_long_query_is_taken_and_a_long_path_is_not(url: str) -> None:
    # Section 18 of the contract: every field of a write may stand in the query, 4,096 characters of text too.
    async with connected(url) as raw:
        await raw.send(get("/?message=" + "%F0%9F%98%80" * 4096))
        assert (await raw.answer())[0] == 200
        await raw.send(get("/" + "x" * 9000))
        assert await raw.refusal() == (414, "URI_TOO_LONG")


@pytest.mark.parametrize(
    "part", [b"", b"GET / HT", get("/")[:-2], post("/", 10) + b"12345", post_chunked("/") + b"5\r\n12"]
)
async def test_a_request_must_be_complete_in_time(part: bytes) -> None:
    async with serving(Echo(), QUICK) as (_, url), connected(url) as raw:
        await raw.send(part)
        if part:
            assert await raw.refusal() == (408, "REQUEST_TIMEOUT")
        else:
            assert not await raw.ends()  # nothing was asked, so nothing is answered


async def test_drops_of_a_request_do_not_buy_time() -> None:
    async with serving(Echo(), QUICK) as (_, url), connected(url) as raw:
        await raw.send(get("/"))
        assert (await raw.answer())[0] == 200

        async def drip() -> None:
            await raw.send(b"\r\n" + get("/")[:-2])
            for _ in range(2000):
                await raw.send(b"x: y\r\n" if raw.reader.at_eof() is False else b"")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await raw.refusal() == (408, "REQUEST_TIMEOUT")
        dripping.cancel()


async def test_a_known_caller_has_more_time_as_long_as_bytes_come() -> None:
    limits = dataclasses.replace(QUICK, bytes_a_second=1000)
    async with serving(Echo(), limits) as (_, url), connected(url) as known, connected(url) as stranger:
        for raw, path in ((known, "/known"), (stranger, "/")):
            await raw.send(post(path, 10_000) + b"x" * 9_999)
        assert await stranger.refusal() == (408, "REQUEST_TIMEOUT")
        await known.send(b"x")
        assert (await known.answer())[2]["size"] == 10_000
        await known.send(post("/known", 10_000) + b"x")
        assert await known.refusal() == (408, "REQUEST_TIMEOUT")


async def test_an_application_that_takes_its_time_is_not_the_clients_fault() -> None:
    app = Echo()
    async with serving(app, QUICK) as (_, url), connected(url) as whole, connected(url) as part:
        await whole.send(get("/wait"))
        await part.send(post("/wait/known", 500_000) + b"x" * 400_000)
        await app.waiting.acquire()
        await app.waiting.acquire()
        async with connected(url) as clock:
            await clock.send(b"GET")
            assert await clock.refusal() == (408, "REQUEST_TIMEOUT")
        app.go_on.set()
        assert (await whole.answer())[0] == 200
        await part.send(b"x" * 100_000)
        assert (await part.answer())[2]["size"] == 500_000


async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    async with serving(Echo(), QUICK) as (server, url), connected(url) as raw:
        raw.reader._limit = 1  # type: ignore[attr-defined]  # stops reading at once
        await raw.send(get("/large"))

        async def is_gone() -> bool:
            return not server.server_state.connections

        await until(is_gone)


async def test_trailers_are_not_headers(url: str) -> None:
    async with connected(url) as raw:
        await raw.send(
            post_chunked("/") + b"2\r\nhi\r\n0\r\nAuthorization: Bearer stolen\r\nHost: evil\r\n\r\n"
        )
        _, _, body = await raw.answer()
        assert body["size"] == 2
        assert "authorization" not in body["headers"]
        assert body["headers"]["host"] == "rasl.test"


@pytest.mark.parametrize(
    "rest",
    [b"2;" + b"x" * 200_000, b"0\r\nX: " + b"x" * 200_000, b"0\r\n" + b"x: y\r\n" * 40_000],
    ids=["extension", "trailer", "trailers"],
)
async def test_a_body_of_nothing_but_frames_is_refused(url: str, rest: bytes) -> None:
    async with connected(url) as raw:
        sending = asyncio.create_task(raw.send(post_chunked("/known") + rest))
        assert await raw.refusal() == (400, "BAD_REQUEST")
        await sending


async def test_small_chunks_are_taken(url: str) -> None:
    async with connected(url) as raw:
        await raw.send(post_chunked("/known") + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n")
        assert (await raw.answer())[2]["size"] == 50_000


async def test_requests_sent_ahead_are_answered_in_order_up_to_a_limit() -> None:
    app = Echo()
    async with serving(app) as (_, url), connected(url) as raw:
        await raw.send(b"".join(get(f"/{number}") for number in range(3)) + post("/3", 2) + b"hi")
        for number in range(4):
            assert (await raw.answer())[2]["path"] == f"/{number}"
        await raw.send(b"".join(get(f"/{number}") for number in range(2000)))
        answered = 0
        while True:
            _, headers, body = await raw.answer()
            assert body["path"] == f"/{answered}"
            answered += 1
            if headers.get("connection") == "close":
                break
        assert not await raw.ends()
        assert 16 <= answered < 40
        assert len(app.seen) == answered + 4


async def test_what_cannot_be_understood_is_refused_behind_the_answers_before_it() -> None:
    app = Echo()
    async with serving(app) as (_, url), connected(url) as raw:
        await raw.send(get("/wait") + b"\x00garbage\r\n\r\n")
        await app.waiting.acquire()
        app.go_on.set()
        assert (await raw.answer())[2]["path"] == "/wait"
        assert await raw.refusal() == (400, "BAD_REQUEST")


async def test_an_answer_before_the_body_keeps_the_connection_only_if_little_is_left(url: str) -> None:
    async with connected(url) as raw:
        await raw.send(post("/unread", 100_000))
        status, headers, _ = await raw.answer()
        assert (status, "connection" in headers) == (200, False)
        await raw.send(b"x" * 100_000 + get("/next"))
        assert (await raw.answer())[2]["path"] == "/next"
        await raw.send(post("/unread", 50_000_000))
        assert (await raw.answer())[1]["connection"] == "close"
        # Cutting the client off in the middle of its body would take the answer with it.
        await raw.send(b"x" * 5_000_000)
        assert not await raw.ends()


async def test_a_body_that_was_not_asked_for_is_not_taken_for_the_next_request(url: str) -> None:
    async with connected(url) as raw:
        await raw.send(post("/unread", 10, b"Expect: 100-continue\r\n"))
        assert (await raw.answer())[1]["connection"] == "close"


async def test_who_sends_nothing_more_is_still_answered() -> None:
    app = Echo()
    async with serving(app) as (_, url), connected(url) as raw:
        await raw.send(get("/wait"))
        raw.writer.write_eof()
        await app.waiting.acquire()
        app.go_on.set()
        assert (await raw.answer())[2]["path"] == "/wait"
        assert not await raw.ends()


async def test_a_wish_for_another_protocol_is_answered_in_this_one(url: str) -> None:
    async with connected(url) as raw:
        await raw.send(get("/", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        status, headers, _ = await raw.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert not await raw.ends()


async def test_an_idle_connection_gives_way_to_a_new_one() -> None:
    limits = Limits(connections=2)
    async with (
        serving(Echo(), limits) as (_, url),
        connected(url) as first,
        connected(url) as second,
    ):
        for raw in (first, second):
            await raw.send(get())
            assert (await raw.answer())[0] == 200
        async with connected(url) as third:
            await third.send(get())
            assert (await third.answer())[0] == 200
            assert not await first.ends()
            await second.send(get())
            assert (await second.answer())[0] == 200


async def test_when_all_connections_are_busy_a_new_one_is_told_so() -> None:
    app = Echo()
    async with (
        serving(app, Limits(connections=2)) as (_, url),
        connected(url) as first,
        connected(url) as second,
    ):
        for raw in (first, second):
            await raw.send(get("/wait"))
            await app.waiting.acquire()
        async with connected(url) as third:
            await third.send(get())
            assert await third.refusal() == (503, "SERVICE_UNAVAILABLE")
        app.go_on.set()
        for raw in (first, second):
            assert (await raw.answer())[0] == 200


async def test_an_application_that_fails_still_answers_in_the_envelope(url: str) -> None:
    for path in ("/raise", "/nothing"):
        async with connected(url) as raw:
            await raw.send(get(path))
            assert await raw.refusal() == (500, "INTERNAL_ERROR")
