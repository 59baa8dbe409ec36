import asyncio
import json
from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from metasim.ids import Mint, user_id
from metasim.payloads import encode, signatures
from metasim.timers import Timers

BODY = rb'{"object":"whatsapp_business_account","entry":[],"note":"\u00e4\u00f6\u00e5 \ud83d\udc4d"}'
HOUR = 3600.0
HEX = "8db57106da8170ea5920a65d90d252726ebf5dbabf43eb630cabd0390f66569e"


def test_the_signature_is_the_documented_one() -> None:
    assert signatures(BODY, "app-secret")["X-Hub-Signature-256"] == f"sha256={HEX}"


def test_the_bytes_are_the_documented_ones() -> None:
    assert encode({"object": "whatsapp_business_account", "entry": [], "note": "äöå 👍"}) == BODY


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaping_is_ascii_and_loses_nothing(text: str) -> None:
    raw = encode({"text": text})
    assert raw.isascii()
    assert b"/" not in raw.replace(b"\\/", b"")
    assert json.loads(raw) == {"text": text}


def test_a_wamid_has_metas_layout() -> None:
    mint = Mint(1)
    for wamid, direction in (
        (mint.outbound_wamid("16505551234"), b"\x11\x18\x12"),
        (mint.inbound_wamid("16505551234"), b"\x12\x18\x14"),
    ):
        raw = b64decode(wamid.removeprefix("wamid."))
        assert raw.startswith(b"\x1c\x18\x0b16505551234\x15\x02\x00" + direction)
        assert raw.endswith(b"\x00")


def test_a_user_id_is_stable_and_knows_its_country() -> None:
    assert user_id("4915112345678") == user_id("4915112345678")
    assert [user_id(phone)[:3] for phone in ("16505551234", "4915112345678", "97150", "999")] == [
        "US.",
        "DE.",
        "AE.",
        "ZZ.",
    ]


async def test_timers_fire_in_order_of_their_time() -> None:
    timers, fired, done = Timers(), list[int](), asyncio.Event()

    def fire(number: int) -> None:
        fired.append(number)
        if number == 1:
            timers.after(0.0, fire, 2)
        if number == 2:
            # A third one due in milliseconds would be due before the second on a loop that is held up between the two.
            timers.advance(HOUR)
        if number == 3:
            done.set()

    timers.after(HOUR, fire, 3)
    timers.after(0.0, fire, 1)
    await asyncio.wait_for(done.wait(), 10)
    assert fired == [1, 2, 3]


async def test_timers_keep_their_order_on_a_loop_that_is_held_up() -> None:
    timers, fired, done = Timers(), list[int](), asyncio.Event()
    for number, delay in ((3, 0.03), (1, 0.0), (2, 0.0), (4, 0.03)):
        timers.after(delay, fired.append, number)
    timers.after(0.04, lambda event: event.set(), done)
    timers.advance(HOUR)  # everything is late, as it is when the loop has not run for long
    await asyncio.wait_for(done.wait(), 10)
    assert fired == [1, 2, 3, 4]


async def test_cleared_timers_do_not_fire() -> None:
    timers, later = Timers(), asyncio.Event()
    fired = list[int]()
    timers.after(0.0, fired.append, 1)
    timers.clear()
    timers.after(0.001, lambda event: event.set(), later)
    await asyncio.wait_for(later.wait(), 10)
    assert fired == []
