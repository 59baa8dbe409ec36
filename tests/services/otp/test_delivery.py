"""What becomes of the messages that carry codes: first in line, sent again, erased, told as events."""

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.app import build_resources, running
from rasl.db import tenants
from rasl.db.pool import Database
from rasl.db.statuses import Report
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from rasl.domain import message_types
from rasl.errors import ServiceUnavailable
from rasl.services.ground.callers import read_number
from rasl.services.otp import guard, passwords
from rasl.services.sending import statuses
from rasl.services.sending.delivering import take_permit
from rasl.services.sending.lanes import LANE_OTP, LANE_SERVICE
from rasl.services.sending.outbox import Outbox
from tests.api.v2.codes import (
    CODE,
    PHONE,
    WRONG,
    connect_templates,
    events,
    payloads,
    rows,
    send_otp,
    sent_codes,
    standing,
    verify,
)
from tests.serving import Api, graph_requests

ASYNC = {"prefer": "respond-async"}
NOW = dt.datetime(2026, 3, 4, 9, 15, tzinfo=dt.UTC)


pytestmark = pytest.mark.usefixtures("hearing_of_codes")


@pytest.fixture(autouse=True)
async def templates(api: Api) -> None:
    await connect_templates(api)


@pytest.fixture
async def outbox(api: Api, shared_dsn: str) -> AsyncIterator[Outbox]:
    """A worker's outbox on the test's database."""
    async with running(build_resources(api.settings, shared_dsn)) as opened:
        yield opened


async def send_all_due(outbox: Outbox) -> None:
    sender = Loop(Sending(outbox))
    while await sender.step():
        await sender.drain()


async def texts_sent(api: Api) -> list[str]:
    """Return what WhatsApp got, in order: `code`, or the text."""
    bodies = [item["body"] for item in await graph_requests(api) if item["method"] == "POST"]
    return ["code" if "template" in body else body["text"]["body"] for body in bodies]


async def report(database: Database, tenant_id: int, status: str, **others: Any) -> None:
    """Apply what WhatsApp reports about the only message."""
    (row,) = await rows(database, "select id, wamid from messages")
    wamid = row["wamid"] or "wamid.ECHO"
    async with database.transaction() as db:
        await statuses.apply(db, [Report(tenant_id, wamid, status, NOW, message_id=row["id"], **others)])


async def test_a_code_overtakes_a_backlog_of_its_own_tenant_and_of_others(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for client in (api.acme, api.globex):
        for number in range(60):
            await client.send(f"+4420794{number:05}", "bulk", headers=ASYNC)
    await fill_backlog(database, 1000)
    assert (await send_otp(api.acme, headers=ASYNC)).status == 202
    sender = Loop(Sending(outbox))
    await sender.step()
    await sender.drain()
    assert "code" in (await texts_sent(api))[:2]
    assert len(await rows(database, "select from jobs where kind = 'send' and lane = $1", LANE_OTP)) == 0
    assert len(await rows(database, "select from jobs where lane = $1", LANE_SERVICE)) > 2000


async def fill_backlog(database: Database, each: int) -> None:
    """Let so many older messages of each number wait."""
    await rows(
        database,
        """
        insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
        select tenant_id, 'send', id * 1000000 + n, id, 1, now() - interval '1 hour', false
        from whatsapp_numbers, generate_series(1, $1::integer) n
        """,
        each,
    )


async def test_a_number_whose_throughput_is_used_up_still_sends_codes(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await rows(database, "update whatsapp_numbers set messages_per_second = 10")
    for number in range(8):
        await api.acme.send(f"+4420794{number:05}", "bulk", headers=ASYNC)
    sender = Loop(Sending(outbox))
    await sender.step()
    await sender.drain()
    assert len(await texts_sent(api)) < 8
    assert sender.kind.ask(0).paused
    await send_otp(api.acme, headers=ASYNC)
    assert await sender.step() == 1
    await sender.drain()
    assert (await texts_sent(api))[-1] == "code"


async def test_codes_run_ahead_of_the_throughput_and_the_others_make_up_for_it(
    api: Api, outbox: Outbox, database: Database
) -> None:
    async with database.connection() as db:
        (row,) = await tenants.load_numbers(db, [api.world.acme.number_id])
    number = read_number({**row, "messages_per_second": 4}, outbox.resources.sealer)  # type: ignore[arg-type]
    assert (await take_permit(outbox.resources.limits, number, is_first=False)).is_allowed
    assert not (await take_permit(outbox.resources.limits, number, is_first=False)).is_allowed
    codes = [(await take_permit(outbox.resources.limits, number, is_first=True)).is_allowed for _ in range(3)]
    assert codes == [True, True, False]
    refused = await take_permit(outbox.resources.limits, number, is_first=False)
    assert not refused.is_allowed
    assert refused.retry_after > 2 / 4, "what codes took in advance is not waited for"


async def test_there_is_room_for_codes_when_everything_else_is_in_flight(
    api: Api, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasl.dispatch.kinds.sending.IN_FLIGHT", 0)
    await api.acme.send("+442079460020", "bulk", headers=ASYNC)
    await send_otp(api.acme, headers=ASYNC)
    sender = Loop(Sending(outbox))
    assert await sender.step() == 1
    await sender.drain()
    assert await texts_sent(api) == ["code"]


async def test_a_process_full_of_sends_still_takes_codes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rasl.services.sending.delivering.MOST_IN_FLIGHT", 0)
    assert (await api.acme.send("+442079460020")).code == ServiceUnavailable.code
    assert (await send_otp(api.acme)).status == 200


async def test_a_code_nobody_knows_about_is_sent_again_and_is_the_same(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": "drop_after_accept"})
    answer = await send_otp(api.acme)
    assert answer.data["status"] == "unknown"
    asked = "select lane, extract(epoch from due_at - now())::float8 as wait from jobs where kind = 'send'"
    (job,) = await rows(database, asked)
    assert 100 < job["wait"] <= 120
    await rows(database, "update jobs set due_at = now()")
    await send_all_due(outbox)
    assert await sent_codes(api) == [CODE, CODE]
    (row,) = await rows(database, "select status, is_ambiguous, content from messages")
    assert (row["status"], row["is_ambiguous"]) == ("sent", True)
    assert (await verify(api.acme)).status == 200


async def test_a_code_whose_process_died_is_sent_again(api: Api, outbox: Outbox, database: Database) -> None:
    await send_otp(api.acme, headers=ASYNC)
    await rows(database, "update messages set status = 'sending'")
    await rows(
        database, "update jobs set is_leased = true, attempts = 1, due_at = now() - interval '1 second'"
    )
    await send_all_due(outbox)
    assert await payloads(api) == []
    await rows(database, "update jobs set due_at = now()")
    await send_all_due(outbox)
    assert await sent_codes(api) == [CODE]


async def test_a_code_that_expired_while_it_waited_is_not_sent(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await send_otp(api.acme, headers=ASYNC)
    await rows(database, "update messages set created_at = now() - interval '11 minutes'")
    await send_all_due(outbox)
    assert await payloads(api) == []
    (row,) = await rows(database, "select status, status_message, content from messages")
    assert row["status"] == "failed"
    assert "expired" in row["status_message"]
    assert "sealed_code" not in row["content"]
    assert await events(database) == ["otp.failed"]


async def test_an_expired_code_that_may_have_been_taken_stays_unknown(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": "drop_after_accept"})
    await send_otp(api.acme)
    await rows(database, "update messages set created_at = now() - interval '11 minutes'")
    await rows(database, "update jobs set due_at = now()")
    await send_all_due(outbox)
    assert await sent_codes(api) == [CODE]
    (row,) = await rows(database, "select status from messages")
    assert row["status"] == "unknown"
    assert await rows(database, "select from jobs where kind = 'send'") == []


@pytest.mark.parametrize("end", ["sent", "failed"])
async def test_the_sealed_code_is_erased_when_its_message_has_come_to_an_end(
    api: Api, outbox: Outbox, database: Database, end: str
) -> None:
    await send_otp(api.acme, headers=ASYNC)
    (row,) = await rows(database, "select type, text, content from messages")
    assert row["content"]["sealed_code"]
    assert CODE not in str(dict(row))
    assert row["text"] == "******** is your verification code."
    if end == "failed":
        effect = {"kind": "error", "code": 131026, "via": "sync"}
        await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": effect})
    await send_all_due(outbox)
    (row,) = await rows(database, "select status, type, text, content from messages")
    assert row["status"] == end
    assert "sealed_code" not in row["content"]
    assert message_types.load(row["type"], row["text"], row["content"]).sealed() is None


async def test_the_sealed_code_is_erased_when_an_echo_settles_its_message(
    api: Api, database: Database
) -> None:
    await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": "drop_after_accept"})
    await send_otp(api.acme)
    (row,) = await rows(database, "select content from messages")
    assert "sealed_code" in row["content"], "it is needed for the next attempt"
    await report(database, api.world.acme.tenant_id, "sent")
    (row,) = await rows(database, "select status, content from messages")
    assert row["status"] == "sent"
    assert "sealed_code" not in row["content"]
    assert await events(database) == ["otp.sent"]


async def test_the_sealed_code_is_erased_when_its_time_is_over(api: Api, database: Database) -> None:
    await send_otp(api.acme, headers=ASYNC)
    assert await passwords.sweep(database) == 0
    await rows(database, "update otps set expires_at = now() - interval '1 second'")
    assert await passwords.sweep(database) == 1
    (row,) = await rows(database, "select content from messages")
    assert "sealed_code" not in row["content"]
    assert await passwords.sweep(database) == 0


async def test_a_code_that_was_erased_too_early_never_goes_out_masked(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await send_otp(api.acme, headers=ASYNC)
    await rows(database, "update messages set content = content - 'sealed_code'")
    await send_all_due(outbox)
    assert await payloads(api) == []
    (row,) = await rows(database, "select status from messages")
    assert row["status"] == "failed"


async def test_delivery_is_told_by_the_status_and_as_an_event_once(api: Api, database: Database) -> None:
    await send_otp(api.acme)
    tenant_id = api.world.acme.tenant_id
    assert (await standing(api.acme))["message"]["status"] == "sent"
    for status in ("delivered", "sent", "delivered", "read"):
        await report(database, tenant_id, status)
    found = (await standing(api.acme))["message"]
    assert found["status"] == "read"
    assert found["delivered_at"] == NOW.isoformat()
    assert await events(database) == ["otp.sent", "otp.delivered"]


async def test_a_code_that_does_not_arrive_is_told_with_the_reason(api: Api, database: Database) -> None:
    await send_otp(api.acme)
    await report(database, api.world.acme.tenant_id, "failed", code=131026, title="Message undeliverable")
    found = (await standing(api.acme))["message"]
    assert (found["status"], found["failed_reason"]) == ("failed", "Message undeliverable")
    assert found["failed_at"] == NOW.isoformat()
    assert await events(database) == ["otp.sent", "otp.failed"]
    (event,) = await rows(database, "select payload from events where type = 'otp.failed'")
    assert event["payload"]["attributes"]["message"]["error_code"] == 131026


async def test_messages_without_a_code_make_no_event(api: Api, database: Database) -> None:
    await api.acme.send(PHONE)
    await report(database, api.world.acme.tenant_id, "delivered")
    assert await events(database) == []


async def test_an_alarm_is_raised_once_when_too_few_codes_come_back(api: Api, database: Database) -> None:
    settings = api.settings
    for number in range(6):
        await send_otp(api.acme, phone=f"+4479460{number:05}")
    for number in range(6):
        await send_otp(api.acme, phone=f"+4420794{number:05}")
        await verify(api.acme, phone=f"+4420794{number:05}")
    few: Any = {"otp_alarm_sends": 6, "otp_alarm_ratio": 0.5}
    assert await guard.raise_alarms(database, dataclasses.replace(settings, **few)) == 0, (
        "their time is not over"
    )
    await rows(database, "update otps set expires_at = now() where verified_at is null")
    assert (
        await guard.raise_alarms(database, dataclasses.replace(settings, **few | {"otp_alarm_ratio": 0.0}))
        == 0
    )
    assert await guard.raise_alarms(database, dataclasses.replace(settings, **few)) == 1
    assert await guard.raise_alarms(database, dataclasses.replace(settings, **few)) == 0
    (event,) = await rows(database, "select payload from events where type = 'otp.alarm'")
    found = event["payload"]["attributes"]
    assert (found["prefix"], found["country"], found["sent"], found["verified"]) == ("+447946", "GB", 6, 0)
    assert WRONG not in str(found)
