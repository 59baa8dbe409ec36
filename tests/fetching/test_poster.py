"""Where webhooks may go, and what may come back: no address inside, whatever it is called or becomes."""

import random
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.domain import addresses
from rasl.domain.networks import read_networks
from rasl.domain.webhook_endpoints import may_be_reached, url_problem
from rasl.fetching.poster import KEPT_BYTES, Limits, Poster
from tests.receiving import NEVER, Receiver, receiving

QUICK = Limits(connect=0.5, total=0.8)
_V4 = (
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "0", "0.0.0.0",  # noqa: S104 - refused
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255", "100.64.0.1",
    "100.127.255.254", "169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.170.2", "168.63.129.16", "192.0.0.1",
    "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
_V6 = (
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip
_SPELLED = (
    "http://localhost/", "http://LOCALHOST./", "http://sub.localhost/", "http://127.0.0.1./", "http://127\u30020\u30020\u30021/",
    "http://\uff11\uff12\uff17.0.0.1/", "http://\u2460\u2461\u2466.0.0.1/", "http://user@127.0.0.1/", "http://example.com@127.0.0.1/",
    "http://127.0.0.1:80/", "http://[::1]:80/", "http://[::ffff:127.0.0.1]:8080/",
)  # fmt: skip
CORPUS = (
    *(f"http://{host}/" for host in _V4),
    *(f"http://[{host}]/" for host in _V6),
    *_SPELLED,
    "http://inside.example.test/",
    "https://inside.example.test:8443/",
)


@pytest.fixture
async def strict() -> AsyncIterator[Poster]:
    """One as in production."""
    poster = Poster(addresses.is_public, QUICK)
    yield poster
    await poster.close()


@pytest.fixture
async def loose() -> AsyncIterator[Poster]:
    """One that may call this machine."""
    poster = Poster(None, QUICK)
    yield poster
    await poster.close()


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where anybody tried to connect to."""
    seen: list[Any] = []

    async def connect(_loop: Any, _socket: Any, address: Any) -> None:
        seen.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", connect)
    return seen


@pytest.mark.parametrize("url", CORPUS)
async def test_nothing_inside_is_ever_connected_to(
    strict: Poster, connects: list[Any], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    if "inside" in url:

        async def resolve(*_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80))]

        monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolve)
    answer = await strict.post(url, {}, b"{}")
    assert answer.status is None
    assert answer.error is not None
    assert connects == []


def test_the_corpus_is_large() -> None:
    assert len(set(CORPUS)) >= 60


async def test_a_name_that_changes_its_mind_never_leads_inside(
    strict: Poster, connects: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of a thousand POSTs asks once; what it was told then is all that counts, mixed answers are refused."""
    dice, inside, outside = random.Random(13), [*_V4[10:18], "127.0.0.1"], ["93.184.216.34", "8.8.8.8"]
    asked = 0

    async def resolve(_loop: Any, _host: str, port: int, **_: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        numbers = [dice.choice(outside if dice.random() < 0.5 else inside) for _ in range(dice.randint(1, 3))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolve)
    for _ in range(1000):
        answer = await strict.post("http://flipping.example.test/", {}, b"{}")
        assert answer.status is None
    assert asked == 1000
    assert connects, "those with public addresses only were connected to"
    assert all(addresses.is_public(address[0]) for address in connects)


async def test_an_operator_may_let_webhooks_into_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = read_networks(("127.0.0.0/8",))
    async with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]

        async def resolve(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
            number = "127.0.0.1" if host == "n8n.test" else "10.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))]

        monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolve)
        poster = Poster(lambda number: may_be_reached(number, allowed), QUICK)
        assert (await poster.post(f"http://n8n.test:{port}/hook", {}, b"{}")).status == 200
        assert (await poster.post(f"{receiver.url}/hook", {}, b"{}")).status == 200
        other = await poster.post("http://other.test/", {}, b"{}")
        assert other.error == "The address leads into a private network, which is not allowed"
        await poster.close()
    assert url_problem("http://127.0.0.1:5678/", allowed) is None
    assert url_problem("http://10.0.0.1:5678/", allowed) is not None


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


async def test_a_redirect_is_not_followed_and_no_cookie_kept(loose: Poster, receiver: Receiver) -> None:
    receiver.answers["/a"].extend([302, 200])
    receiver.headers = {"location": receiver.url + "/b", "set-cookie": "a=b"}
    assert (await loose.post(receiver.url + "/a", {}, b"{}")).status == 302
    assert (await loose.post(receiver.url + "/a", {}, b"{}")).status == 200
    assert [it.path for it in receiver.got] == ["/a", "/a"]
    assert all("cookie" not in it.headers for it in receiver.got)


async def test_only_the_beginning_of_an_answer_is_kept(loose: Poster, receiver: Receiver) -> None:
    receiver.text = "\x00é" * 100_000
    answer = await loose.post(receiver.url + "/a", {}, b"{}")
    assert answer.status == 200
    assert answer.text is not None
    assert len(answer.text) <= KEPT_BYTES
    assert "\x00" not in answer.text


async def test_one_that_never_answers_or_goes_on_for_ever_is_cut_off(
    loose: Poster, receiver: Receiver
) -> None:
    receiver.always["/a"] = NEVER
    assert (await loose.post(receiver.url + "/a", {}, b"{}")).error == "No complete answer within 0.8 seconds"


async def test_what_went_wrong_is_said_in_words(loose: Poster) -> None:
    refused = await loose.post("http://127.0.0.1:9/", {}, b"{}")
    assert refused.error == "The connection was refused: nothing listens at this address"
    missing = await loose.post("http://nowhere.invalid/", {}, b"{}")
    assert missing.error == "The address names a host that does not exist"
