from typing import Any

import aiohttp
import pytest

from .conftest import NUMBER, USER, WABA, Meta, Receiver


async def summary(meta: Meta) -> dict[str, Any]:
    found: dict[str, Any] = await meta.look("requests/summary")
    return found


@pytest.mark.parametrize(
    ("code", "http"),
    [
        (4, 400),
        (80007, 400),
        (130429, 400),
        (131056, 400),
        (190, 401),
        (131000, 500),
        (2, 503),
        (131057, 500),
    ],
)
async def test_an_error_refuses_the_message(meta: Meta, code: int, http: int) -> None:
    await meta.control("faults", {"effect": {"kind": "error", "code": code}})
    answered = await meta.send()
    assert (answered.status, answered.body["error"]["code"]) == (http, code)
    assert (await summary(meta))["accepted"] == 0


async def test_a_throttled_send_looks_like_the_golden_one(meta: Meta) -> None:
    await meta.control("faults", {"effect": {"kind": "error", "code": 130429}})
    answered = await meta.send()
    answered.body["error"].pop("fbtrace_id")
    assert answered.body == {
        "error": {
            "message": "(#130429) Rate limit hit",
            "type": "OAuthException",
            "code": 130429,
            "error_data": {
                "messaging_product": "whatsapp",
                "details": "Cloud API message throughput has been reached.",
            },
            "error_subcode": 2494055,
        }
    }


@pytest.mark.parametrize("code", [131026, 131047, 131048, 131049, 131050, 131053])
async def test_an_async_error_fails_the_accepted_message(meta: Meta, hook: Receiver, code: int) -> None:
    await meta.control("faults", {"effect": {"kind": "error", "code": code}})
    answered = await meta.send(opaque="mine")
    assert answered.status == 200
    wamid = answered.body["messages"][0]["id"]
    assert await hook.climbed(wamid, "failed") == ["failed"]
    [status] = hook.statuses(wamid)
    assert status["errors"][0]["code"] == code
    assert status["biz_opaque_callback_data"] == "mine"
    assert "pricing" not in status
    assert all("contacts" not in value for value in hook.values())


async def test_the_path_of_an_error_can_be_chosen(meta: Meta, hook: Receiver) -> None:
    await meta.control(
        "faults", {"effect": {"kind": "error", "code": 131026, "via": "sync"}, "when": {"next": 1}}
    )
    assert (await meta.send()).status == 400
    await meta.control("faults", {"effect": {"kind": "error", "code": 130429, "via": "async"}})
    wamid = (await meta.send()).body["messages"][0]["id"]
    assert await hook.climbed(wamid, "failed") == ["failed"]


async def test_a_reset_connection_really_is_reset(meta: Meta, hook: Receiver) -> None:
    await meta.control("faults", {"effect": "reset", "when": {"next": 1}})
    with pytest.raises(aiohttp.ClientOSError) as caught:
        await meta.send()
    assert isinstance(caught.value, ConnectionResetError) or "reset" in str(caught.value).lower()
    await meta.settle()
    assert hook.posts == []
    assert (await summary(meta))["accepted"] == 0
    assert (await meta.send()).status == 200


async def test_a_dropped_answer_is_no_answer_but_statuses_flow(meta: Meta, hook: Receiver) -> None:
    await meta.control("faults", {"effect": "drop_after_accept"})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await meta.send(opaque="lost")
    await hook.until(lambda: len(hook.statuses()) == 3)
    assert {status["biz_opaque_callback_data"] for status in hook.statuses()} == {"lost"}
    [entry] = (await meta.look("requests"))["data"]
    assert (entry["accepted"], entry["wire"]) == (True, "drop")


async def test_a_truncated_answer_breaks_off(meta: Meta, hook: Receiver) -> None:
    await meta.control("faults", {"effect": "truncated_200"})
    with pytest.raises(aiohttp.ClientPayloadError):
        await meta.send()
    await hook.until(lambda: len(hook.statuses()) == 3)


async def test_contacts_can_be_missing(meta: Meta) -> None:
    await meta.control("faults", {"effect": "no_contacts"})
    assert set((await meta.send()).body) == {"messaging_product", "messages"}


async def test_an_html_502_is_not_json(meta: Meta) -> None:
    await meta.control("faults", {"effect": "html_502"})
    answered = await meta.send()
    assert answered.status == 502
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert answered.raw.startswith(b"<!DOCTYPE html>")
    assert (await summary(meta))["accepted"] == 0


async def test_an_empty_500_is_empty(meta: Meta) -> None:
    await meta.control("faults", {"effect": "empty_500"})
    answered = await meta.send()
    assert (answered.status, answered.raw) == (500, b"")


async def test_a_custom_answer_is_given_as_is(meta: Meta) -> None:
    await meta.control("faults", {"effect": {"kind": "custom", "http": 429, "body": {"busy": True}}})
    answered = await meta.send()
    assert (answered.status, answered.raw) == (429, b'{"busy":true}')


async def test_latency_delays_and_still_accepts(meta: Meta) -> None:
    for effect in (
        {"kind": "latency", "seconds": 0.01},
        {"kind": "latency", "median": 0.01, "sigma": 0.3},
        {"kind": "latency", "seconds": 0.01, "after_accept": True},
    ):
        await meta.control("faults", {"effect": effect})
    await meta.control("settings", {"latency_median": 0.01, "latency_sigma": 0.3})
    assert (await meta.send()).status == 200
    assert [rule["struck"] for rule in (await meta.look("faults"))["data"]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ("always", [1, 1, 1, 1, 1, 1]),
        ({"next": 2}, [1, 1, 0, 0, 0, 0]),
        ({"every": 3}, [0, 0, 1, 0, 0, 1]),
        ({"probability": 0.0}, [0] * 6),
        ({"probability": 1.0}, [1] * 6),
    ],
)
async def test_a_rule_strikes_when_it_should(meta: Meta, when: Any, struck: list[int]) -> None:
    await meta.control("faults", {"effect": {"kind": "error", "code": 131000}, "when": when})
    assert [int((await meta.send()).status == 500) for _ in range(6)] == struck


async def test_chance_repeats_itself_with_its_seed(meta: Meta) -> None:
    runs = []
    for _ in range(2):
        await meta.control("faults", None, "DELETE")
        when = {"probability": 0.5, "seed": 3}
        await meta.control("faults", {"effect": {"kind": "error", "code": 131000}, "when": when})
        runs.append([(await meta.send()).status for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


@pytest.mark.parametrize(
    ("match", "is_struck"),
    [
        ({"phone_number_id": NUMBER}, True),
        ({"phone_number_id": "1"}, False),
        ({"to": "16505551234"}, True),
        ({"to": "+16505551234"}, True),
        ({"to": "4915112345678"}, False),
        ({"type": "text"}, True),
        ({"type": "template"}, False),
        ({"endpoint": "media"}, False),
        ({"endpoint": "*"}, True),
    ],
)
async def test_a_rule_strikes_what_it_matches(meta: Meta, match: dict[str, str], is_struck: bool) -> None:
    await meta.control("faults", {"match": match, "effect": {"kind": "error", "code": 131000}})
    assert ((await meta.send(USER)).status == 500) is is_struck


async def test_a_rule_can_strike_another_endpoint(meta: Meta) -> None:
    await meta.control(
        "faults", {"match": {"endpoint": "message_templates"}, "effect": {"kind": "error", "code": 80007}}
    )
    answered = await meta.graph("GET", f"{WABA}/message_templates")
    assert answered.body["error"]["code"] == 80007
    assert (await meta.graph("GET", f"{WABA}/phone_numbers")).status == 200


async def test_rules_are_lifted_one_by_one_or_all(meta: Meta) -> None:
    first = await meta.control("faults", {"effect": "html_502"})
    await meta.control("faults", {"effect": "empty_500"})
    assert await meta.control(f"faults?id={first['id']}", None, "DELETE") == {"removed": 1}
    assert (await meta.send()).status == 500
    assert await meta.control("faults", None, "DELETE") == {"removed": 1}
    assert (await meta.send()).status == 200


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"effect": "explode"},
        {"effect": "error"},
        {"effect": {"kind": "latency"}},
        {"effect": {"kind": "custom"}},
        {"effect": "reset", "when": {"every": 0}},
        {"effect": "reset", "match": {"colour": "red"}},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(meta: Meta, rule: dict[str, Any]) -> None:
    assert await meta.refused("faults", rule)
    assert (await meta.look("faults"))["data"] == []
