import pytest

from metasim import limits
from metasim.limits import Limits

from .conftest import NUMBER, Meta


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


def test_throughput_is_per_second(clock: Clock) -> None:
    kept = Limits()
    assert [kept.takes_throughput("1", 80) for _ in range(81)] == [True] * 80 + [False]
    assert kept.takes_throughput("2", 80)
    clock.now += 0.5
    assert sum(kept.takes_throughput("1", 80) for _ in range(80)) == 40


def test_a_pair_may_borrow_45_messages_and_pays_them_back(clock: Clock) -> None:
    kept = Limits()
    assert sum(kept.takes_pair("1", "user") for _ in range(60)) == 45
    assert kept.takes_pair("1", "other")
    clock.now += 45 * 6 - 1
    assert not kept.takes_pair("1", "user")
    clock.now += 1
    assert kept.takes_pair("1", "user")


def test_a_pair_may_have_one_message_every_six_seconds(clock: Clock) -> None:
    kept = Limits()
    for _ in range(100):
        assert kept.takes_pair("1", "user")
        clock.now += 6


async def test_a_number_is_throttled(meta: Meta) -> None:
    await meta.control("numbers", {"phone_number_id": NUMBER, "throughput": 1})
    answered = [await meta.send() for _ in range(3)]
    assert 130429 in {a.body["error"]["code"] for a in answered if a.status == 400}
    await meta.control("settings", {"enforce_throughput": False})
    assert (await meta.send()).status == 200


async def test_a_pair_is_throttled_when_switched_on(meta: Meta) -> None:
    await meta.control("settings", {"enforce_pair_rate": True})
    codes = [(await meta.send()).body.get("error", {}).get("code") for _ in range(46)]
    assert codes == [None] * 45 + [131056]
    assert (await meta.send("+4915112345678")).status == 200
