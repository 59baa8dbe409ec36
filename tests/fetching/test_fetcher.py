"""Addresses of callers: what is loaded, what is refused, and how long anybody may take."""

import io
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.domain import addresses
from rasl.fetching.fetcher import Fetcher, FetchError, Limits
from tests import samples
from tests.misbehaving import Files, misbehaving

MOST = 5 * 1024 * 1024
QUICK = Limits(connect=0.5, silence=0.3, total=0.8)


@pytest.fixture(scope="module")
async def files() -> AsyncIterator[Files]:
    async with misbehaving() as server:
        yield server


@pytest.fixture
async def open_fetcher() -> AsyncIterator[Fetcher]:
    """One that may call this machine."""
    made = Fetcher(allow_private=True, limits=QUICK)
    yield made
    await made.close()


@pytest.fixture
async def strict() -> AsyncIterator[Fetcher]:
    """One as in production."""
    made = Fetcher(limits=QUICK)
    yield made
    await made.close()


async def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(url, io.BytesIO(), MOST)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "content", "name"),
    [
        ("/photo.png", samples.PNG, "photo.png"),
        ("/photo.png?v=1", samples.PNG, "photo.png"),
        ("/pdf", samples.PDF, "Price list.pdf"),
        ("/elsewhere?to=/photo.png", samples.PNG, "photo.png"),
    ],
)
async def test_a_file_is_loaded(
    files: Files, open_fetcher: Fetcher, path: str, content: bytes, name: str
) -> None:
    target = io.BytesIO()
    fetched = await open_fetcher.fetch(files.url + path, target, MOST)
    assert (target.getvalue(), fetched.size, fetched.name) == (content, len(content), name)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/page", "leads to a web page, not to a file"),
        ("/missing", "answered with HTTP 404 instead of a file"),
        ("/circle", "redirects more than 5 times"),
        ("/nowhere", "answered with a redirect that leads nowhere"),
        ("/elsewhere?to=ftp://example.test/x", "must be an http or https address"),
        ("/elsewhere?to=http://user:pw@example.test/", "must not hold a user name or password"),
        ("/silent", "answered nothing for 0.3 seconds"),
        ("/dripping", "could not be loaded within 0.8 seconds"),
        ("/endless", "leads to a file that is larger than 5,120 KB"),
        ("/large", "leads to a file that is larger than 5,120 KB"),
        ("/broken", "broke off before the file was complete"),
        ("/compressed", "answered with a compressed file although none was asked for"),
    ],
)
async def test_what_is_no_file_is_refused_with_the_reason(
    files: Files, open_fetcher: Fetcher, path: str, sentence: str
) -> None:
    assert await refused(open_fetcher, files.url + path) == sentence


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://example.test/a.png", "must be an http or https address"),
        ("file:///etc/passwd", "must be an http or https address"),
        ("/a.png", "must be an http or https address"),
        ("http:///a.png", "must be an http or https address"),
        ("http://example.test:0/", "must be an http or https address"),
        ("http://me:pw@example.test/", "must not hold a user name or password"),
        ("http://me@example.test/", "must not hold a user name or password"),
        ("http://example.test:99999/", "is not a valid address"),
        ("http://[::1", "is not a valid address"),
        ("http://example.test/" + "x" * 2048, "must not be longer than 2048 characters"),
    ],
)
async def test_what_is_no_public_address_is_refused(strict: Fetcher, url: str, sentence: str) -> None:
    assert await refused(strict, url) == sentence


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0.0.0.0",  # noqa: S104 - refused
        "localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "224.0.0.1",
        "①②⑦.⓪.⓪.①",
    ],
)
async def test_no_spelling_leads_into_a_private_network(strict: Fetcher, files: Files, host: str) -> None:
    port = files.url.rpartition(":")[2]
    before = files.asked.total()
    assert await refused(strict, f"http://{host}:{port}/photo.png") in {
        "leads into a private network, which is not allowed",
        "names a host that does not exist",
        "is not a valid address",
    }
    assert files.asked.total() == before


async def test_a_redirect_into_a_private_network_is_refused(
    strict: Fetcher, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first hop is let through as if it were public; the second is not.
    host = files.url.removeprefix("http://").partition(":")[0]
    real = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda number: number == host or real(number))
    url = f"{files.url}/elsewhere?to=http://[::1]:80/photo.png"
    assert await refused(strict, url) == "leads into a private network, which is not allowed"


@pytest.mark.parametrize("numbers", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:10.0.0.1"]])
async def test_a_name_with_any_private_address_is_refused(
    strict: Fetcher, monkeypatch: pytest.MonkeyPatch, numbers: list[str]
) -> None:
    asked: list[str] = []

    async def resolve(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolve)
    url = "http://rebinding.example.test/a.png"
    assert await refused(strict, url) == "leads into a private network, which is not allowed"
    assert asked == ["rebinding.example.test"]


async def test_what_was_checked_is_what_is_called(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere the second time it is resolved is resolved only once."""
    port = int(files.url.rpartition(":")[2])
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def resolve(_loop: Any, _host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in answers.pop(0)]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolve)
    monkeypatch.setattr(addresses, "is_public", lambda number: number == "127.0.0.1")
    target, fetcher = io.BytesIO(), Fetcher(limits=QUICK)
    await fetcher.fetch(f"http://rebinding.example.test:{port}/photo.png", target, MOST)
    await fetcher.close()
    assert target.getvalue() == samples.PNG
    assert answers == [["10.0.0.1"]]


async def test_neither_cookies_nor_credentials_travel_along(files: Files, open_fetcher: Fetcher) -> None:
    await open_fetcher.fetch(files.url + "/elsewhere?to=/photo.png", io.BytesIO(), MOST)
    assert {name.lower() for name in files.headers[-1]} <= {
        "host", "user-agent", "accept", "accept-encoding", "connection",
    }  # fmt: skip
