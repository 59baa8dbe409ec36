import asyncio
from pathlib import Path

import aiohttp
import pytest

from metasim.magic import MAGIC

from .conftest import Meta, Receiver

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"

LADDERS = {
    "15550100001": ["sent", "delivered", "read"],
    "15550100002": ["sent", "delivered"],
    "15550100003": ["failed"],
    "15550100004": ["failed"],
    "15550100005": ["failed"],
    "15550100011": ["sent", "sent", "delivered", "delivered", "read", "read"],
    "15550100012": ["read", "delivered", "sent"],
    "15550100013": ["sent"],
    "15550100015": ["sent", "read"],
    "15550100016": ["failed", "delivered"],
}
REFUSED_ONCE = {"15550100006": 131056, "15550100007": 130429}
LOST = {"15550100009": aiohttp.ServerDisconnectedError, "15550100014": aiohttp.ClientOSError}
OTHERS = {"15550100008", "15550100010"}


def test_every_magic_number_is_tested() -> None:
    assert set(MAGIC) == {*LADDERS, *REFUSED_ONCE, *LOST, *OTHERS}


@pytest.mark.parametrize(("to", "ladder"), LADDERS.items())
async def test_a_magic_number_gets_its_statuses(
    meta: Meta, hook: Receiver, to: str, ladder: list[str]
) -> None:
    await meta.control("settings", {"window": "sync"})
    wamid = (await meta.send(f"+{to}")).body["messages"][0]["id"]
    await hook.climbed(wamid, *ladder)
    await meta.settle()
    assert hook.rungs(wamid) == ladder


@pytest.mark.parametrize(
    ("to", "code"), [("15550100003", 131026), ("15550100004", 131047), ("15550100005", 131049)]
)
async def test_a_magic_number_fails_with_its_code(meta: Meta, hook: Receiver, to: str, code: int) -> None:
    wamid = (await meta.send(to)).body["messages"][0]["id"]
    await hook.climbed(wamid, "failed")
    assert hook.statuses(wamid)[0]["errors"][0]["code"] == code


async def test_out_of_order_statuses_claim_their_proper_times(meta: Meta, hook: Receiver) -> None:
    await meta.control("settings", {"read_delay": 3.0, "sent_delay": 0.0, "delivered_delay": 0.0})
    wamid = (await meta.send("15550100012")).body["messages"][0]["id"]
    await hook.climbed(wamid, "read", "delivered")
    read, delivered = hook.statuses(wamid)[:2]
    assert int(read["timestamp"]) == int(delivered["timestamp"]) + 3


@pytest.mark.parametrize(("to", "code"), REFUSED_ONCE.items())
async def test_a_magic_number_refuses_every_other_time(meta: Meta, to: str, code: int) -> None:
    codes = [(await meta.send(to)).body.get("error", {}).get("code") for _ in range(4)]
    assert codes == [code, None, code, None]


@pytest.mark.parametrize(("to", "expected"), LOST.items())
async def test_a_magic_number_gives_no_answer(meta: Meta, to: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await meta.send(to)
    assert (await meta.look("health"))["accepted"] == (1 if to == "15550100009" else 0)


async def test_a_slow_number_is_read_before_it_is_answered(meta: Meta, hook: Receiver) -> None:
    sending = asyncio.create_task(meta.send("15550100008"))
    await hook.until(lambda: len(hook.statuses()) == 3)
    assert not sending.done()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_broken_edge_answers_html(meta: Meta) -> None:
    answered = await meta.send("15550100010")
    assert (answered.status, answered.body) == (502, None)


def test_the_table_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for to, magic in MAGIC.items():
        assert f"| `{to}` | {magic.outcome} |" in page


async def test_the_table_is_served(meta: Meta) -> None:
    listed = (await meta.look("magic"))["data"]
    assert [row["to"] for row in listed] == list(MAGIC)


async def test_magic_can_be_switched_off(meta: Meta) -> None:
    await meta.control("settings", {"magic_recipients": False})
    assert (await meta.send("15550100010")).status == 200
