import dataclasses
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from metasim import SimulatorConfig, control
from metasim.faults import EffectKind

from .conftest import NUMBER, USER, Meta

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_every_call_and_setting_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, methods in control._CALLS.items():
        for method in methods:
            assert f"`{method} /_control/{name}" in page
    for field in dataclasses.fields(SimulatorConfig):
        shown = msgspec.json.encode(field.default).decode()
        assert f"| `{field.name}` | `{shown}` |" in page
    for kind in get_args(EffectKind):
        assert f"| `{kind}` |" in page


async def test_a_number_is_described_as_registered(meta: Meta) -> None:
    made = await meta.control("numbers", {"tokens": ["t"], "throughput": 5})
    assert made["phone_number_id"].isdigit()
    assert made["waba_id"].isdigit()
    assert (made["tokens"], made["throughput"], made["subscribed"]) == (["t"], 5, True)
    listed = (await meta.look("numbers"))["data"]
    assert [number["phone_number_id"] for number in listed] == [NUMBER, made["phone_number_id"]]


@pytest.mark.parametrize(
    "order",
    [
        {"phone_number_id": "abc"},
        {"colour": "red"},
        {"window": "ajar"},
        {"phone_number_id": NUMBER, "waba_id": "5"},
    ],
)
async def test_a_bad_number_is_refused(meta: Meta, order: dict[str, Any]) -> None:
    assert await meta.refused("numbers", order)


async def test_settings_change_and_are_checked(meta: Meta) -> None:
    changed = await meta.control("settings", {"read_delay": None, "webhook_batch": 5})
    assert (changed["read_delay"], changed["webhook_batch"]) == (None, 5)
    assert await meta.look("settings") == changed
    for patch in (
        {"nonsense": 1},
        {"seed": 2},
        {"webhook_batch": 1001},
        {"window": "ajar"},
        {"sent_delay": -1},
    ):
        assert await meta.refused("settings", patch)
    assert await meta.look("settings") == changed


async def test_duplicates_show_in_the_summary(meta: Meta) -> None:
    for opaque in ("a", "b", "a"):
        await meta.send(opaque=opaque)
    await meta.post({"messaging_product": "whatsapp"})
    found = await meta.look("requests/summary")
    assert (found["total"], found["accepted"], found["kept"]) == (4, 3, 4)
    assert found["by_biz_opaque_callback_data"] == {
        "distinct": 2,
        "duplicated": 1,
        "counts": {"a": 2, "b": 1},
    }
    assert found["by_recipient"]["counts"] == {"16505551234": 3}
    assert found["by_body"]["counts"] == {"hi": 3}
    assert found["by_phone_number_id"] == {NUMBER: 4}
    assert found["by_http"] == {"200": 3, "400": 1}
    assert found["by_code"] == {"100": 1}


async def test_requests_are_filtered(meta: Meta) -> None:
    await meta.send(opaque="a")
    await meta.send("+4915112345678")
    await meta.post({"messaging_product": "whatsapp"})
    for query, count in {
        "to=16505551234": 1,
        "biz_opaque_callback_data=a": 1,
        "http=400": 1,
        "accepted=true": 2,
        "accepted=false": 1,
        "type=text": 2,
        "code=100": 1,
        "since=1": 2,
        "limit=1": 3,
    }.items():
        assert (await meta.look(f"requests?{query}"))["matching"] == count, query
    first = (await meta.look("requests?to=16505551234"))["data"][0]
    assert first["body"]["text"] == {"body": "hi"}
    assert first["wamid"].startswith("wamid.")


async def test_a_reset_forgets(meta: Meta) -> None:
    await meta.control("settings", {"webhook_batch": 5})
    await meta.control("faults", {"effect": "html_502"})
    await meta.control("reset", {"keep_numbers": True})
    assert (await meta.send()).status == 200
    assert (await meta.look("settings"))["webhook_batch"] == 100
    await meta.control("reset")
    assert (await meta.look("numbers"))["data"] == []
    assert (await meta.look("health"))["requests"] == 0


async def test_the_same_seed_gives_the_same_ids(meta: Meta) -> None:
    runs = []
    for _ in range(2):
        await meta.control("reset", {"keep_numbers": True})
        runs.append([(await meta.send(USER)).body["messages"][0]["id"] for _ in range(3)])
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("method", "path", "http"), [("GET", "nothing", 404), ("GET", "inbound", 405), ("POST", "callback", 400)]
)
async def test_a_wrong_control_call_is_told(meta: Meta, method: str, path: str, http: int) -> None:
    answered = await meta.call(method, f"/_control/{path}", data=b"{")
    assert answered.status == http
    assert answered.body["error"]
