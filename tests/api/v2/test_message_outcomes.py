"""What the client hears when Meta refuses, stalls, hangs up or asks for patience."""

import asyncio
from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.services.sending import delivering
from tests.serving import Api, graph_requests
from tests.waiting import until

PHONE = "+442079460011"


async def fault(api: Api, effect: dict[str, Any], when: Any = "always") -> None:
    """Let the simulator misbehave."""
    answer = await api.simulator.post("/_control/faults", {"when": when, "effect": effect})
    assert answer.status == 200, answer.body


async def message_of(database: Database) -> Any:
    async with database.connection() as db:
        return await db.fetchrow("select * from messages order by id desc limit 1")


async def timeline(api: Api, message_id: int) -> list[dict[str, Any]]:
    answer = await api.acme.get(f"/api/v2/messages/{message_id}?include=timeline")
    return list(answer.data["timeline"])


async def test_a_refusal_carries_metas_code_and_the_cure(api: Api, database: Database) -> None:
    await fault(api, {"kind": "error", "code": 131030})
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.code) == (500, "MESSAGE_SEND_FAILED")
    assert answer.details["meta_code"] == 131030
    assert answer.details["meta_title"] == "Recipient phone number not in allowed list"
    assert answer.details["fbtrace_id"]
    assert answer.details["cure"]
    stored = await message_of(database)
    assert (stored["status"], stored["error_code"]) == ("failed", 131030)
    [accepted, attempt] = await timeline(api, answer.details["chat_message_id"])
    assert accepted["step"] == "accepted"
    assert (attempt["step"], attempt["outcome"], attempt["code"]) == ("attempt", "refused", 131030)
    assert attempt["fbtrace_id"] == answer.details["fbtrace_id"]
    assert attempt["cure"] == answer.details["cure"]


async def test_a_dead_access_token_is_told_at_once(api: Api) -> None:
    await fault(api, {"kind": "error", "code": 190})
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.details["meta_code"]) == (500, 190)
    assert api.world.acme.access_token not in str(answer.body)


@pytest.mark.parametrize("code", [131026, 2**31, 10**30, "131026\x00"])
@pytest.mark.parametrize("words", ["a\x00b", "\x00"])
async def test_a_refusal_of_unstorable_words_is_recorded_as_the_refusal_it_is(
    api: Api, database: Database, code: object, words: str
) -> None:
    error = {
        "message": words,
        "code": code,
        "error_subcode": 99999999999,
        "error_data": {"messaging_product": "whatsapp", "details": words},
        "error_user_title": words,
        "fbtrace_id": words,
    }
    await fault(api, {"kind": "custom", "http": 400, "body": {"error": error}})
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.code) == (500, "MESSAGE_SEND_FAILED")
    stored = await message_of(database)
    assert stored["status"] == "failed"
    assert stored["error_code"] == (131026 if code == 131026 else None)
    [_, attempt] = await timeline(api, answer.details["chat_message_id"])
    assert (attempt["outcome"], attempt["fbtrace_id"]) == ("refused", words.replace("\x00", "\ufffd"))
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0


@pytest.mark.parametrize("wamid", ["wamid.\x00", "wamid." + "x" * 4000])
async def test_an_id_that_no_index_takes_leaves_no_message_without_an_end(
    api: Api, database: Database, wamid: str
) -> None:
    body = {"messaging_product": "whatsapp", "contacts": [], "messages": [{"id": wamid}]}
    await fault(api, {"kind": "custom", "http": 200, "body": body})
    answer = await api.acme.send(PHONE)
    assert answer.status < 500 or answer.code == "MESSAGE_SEND_FAILED"
    assert (await message_of(database))["status"] in {"sent", "unknown"}


@pytest.mark.parametrize("code", [130429, 131056, 131000])
async def test_a_passing_refusal_is_tried_again_within_the_request(
    api: Api, database: Database, code: int
) -> None:
    await fault(api, {"kind": "error", "code": code}, {"next": 1})
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.data["status"]) == (200, "sent")
    steps = await timeline(api, answer.data["chat_message_id"])
    assert [(step.get("outcome"), step.get("code")) for step in steps[1:]] == [
        ("refused", code),
        ("accepted", None),
    ]
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0


async def test_a_lasting_throttle_leaves_the_message_to_the_worker(api: Api, database: Database) -> None:
    await fault(api, {"kind": "error", "code": 130429})
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.data["status"], answer.data["message_id"]) == (200, "queued", None)
    async with database.connection() as db:
        [job] = await db.fetch("select * from jobs")
    assert not job["is_leased"]
    assert (await message_of(database))["status"] == "queued"


@pytest.mark.parametrize("kind", ["drop_after_accept", "reset", "html_502", "empty_500", "truncated_200"])
async def test_an_ambiguous_outcome_is_unknown_and_never_sent_again(
    api: Api, database: Database, kind: str
) -> None:
    await fault(api, {"kind": kind})
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.data["status"], answer.data["message_id"]) == (200, "unknown", None)
    assert "do not send it again" in answer.body["message"]
    stored = await message_of(database)
    assert (stored["status"], stored["is_ambiguous"]) == ("unknown", True)
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0
    assert [step["step"] for step in await timeline(api, stored["id"])] == ["accepted", "attempt", "unknown"]


async def test_resending_an_ambiguous_message_is_the_tenants_own_choice(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update tenants set unknown_policy = 'resend'")
    await fault(api, {"kind": "drop_after_accept"})
    answer = await api.acme.send(PHONE)
    assert answer.data["status"] == "unknown"
    async with database.connection() as db:
        seconds = await db.fetchval("select extract(epoch from due_at - now()) from jobs where not is_leased")
    assert 60 < seconds <= 120


async def test_the_fiftieth_message_to_one_person_waits_its_turn(api: Api, database: Database) -> None:
    answers = [await api.acme.send(PHONE, headers={"prefer": "respond-async"}) for _ in range(50)]
    assert {answer.status for answer in answers} == {202}
    async with database.connection() as db:
        waits = await db.fetch(
            "select extract(epoch from due_at - now())::float8 as wait from jobs order by subject_id"
        )
    assert all(row["wait"] <= 0 for row in waits[:45])
    assert [round(row["wait"] / 6) for row in waits[46:]] == [1 + n for n in range(1, 5)]


async def test_the_answer_drops_out_but_the_graph_got_it_once(api: Api) -> None:
    await fault(api, {"kind": "drop_after_accept"})
    await api.acme.send(PHONE)
    assert len(await graph_requests(api)) == 1


async def test_more_than_it_can_carry_is_refused_before_anything_is_stored(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "MOST_IN_FLIGHT", 3)
    await fault(api, {"kind": "latency", "seconds": 0.3})
    first = [asyncio.create_task(api.acme.send(f"+44207946000{n}")) for n in range(3)]

    async def are_leased() -> bool:
        async with database.connection() as db:
            return int(await db.fetchval("select count(*) from jobs where is_leased")) == 3

    await until(are_leased)
    refused = await api.acme.send("+442079460009")
    assert (refused.status, refused.code) == (503, "SERVICE_UNAVAILABLE")
    assert refused.headers["retry-after"] == "2"
    assert {answer.status for answer in await asyncio.gather(*first)} == {200}
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from messages") == 3
