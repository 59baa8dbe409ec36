"""What happens, watched from the terminal: told once, without anybody's secrets, until Ctrl-C."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from tests.cli.commands import environment
from tests.serving import Api
from tests.world import SECRET_KEY, World

_SECONDS = 60


class Tail:
    """A running `rasl tail --json`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self) -> dict[str, Any]:
        """Return the next thing that it tells."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _SECONDS)
        value = json.loads(line)
        assert isinstance(value, dict)
        return value

    async def end(self) -> tuple[int | None, str]:
        """Press Ctrl-C, and return how it ends and what it said besides."""
        self._process.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(self._process.communicate(), _SECONDS)
        return self._process.returncode, said.decode()


@contextlib.asynccontextmanager
async def tailing(dsn: str, folder: Path, *arguments: str) -> AsyncIterator[Tail]:
    """Have `rasl tail` running inside the block."""
    settings = {"RASL_DATABASE_URL": dsn, "RASL_SECRET_KEY": SECRET_KEY}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rasl", "tail", *arguments, "--json",
        env=environment(folder, settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Tail(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def report(api: Api, database: Database, wamid: str, status: str) -> None:
    """Let Meta report a status, and apply it."""
    acme = api.world.acme
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": acme.phone_number_id},
        "statuses": [
            {"id": wamid, "status": status, "timestamp": "1790000000", "recipient_id": "15550100001"}
        ],
    }
    await deliver(database, acme.app_id, acme.waba_id, value)


async def deliver(database: Database, app_id: int, waba_id: str, value: Any) -> None:
    changes = [{"field": "messages", "value": value}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": waba_id, "changes": changes}]})
    async with database.transaction() as db:
        await db.execute("insert into ingests (app_id, body) values ($1, $2)", app_id, body.encode())


async def test_messages_are_told_with_what_becomes_of_them(
    api: Api, database: Database, sealer: Sealer, shared_dsn: str, tmp_path: Path
) -> None:
    await api.simulator.post("/_control/settings", {"sent_delay": None})
    first = (await api.acme.send("+15550100001", "Before\x1b[2J")).data
    await api.globex.send("+15550100002", "Of the stranger")
    async with tailing(shared_dsn, tmp_path, "messages", "--tenant", "acme") as tail:
        told = await tail.next()
        assert (told["event"], told["id"], told["text"]) == (
            "message",
            first["chat_message_id"],
            "Before\x1b[2J",
        )
        assert (told["tenant"], told["status"], told["direction"]) == ("acme", "sent", "outbound")
        await api.globex.send("+15550100002", "Of the stranger again")
        second = (await api.acme.send("+15550100001", "After")).data
        told = await tail.next()
        assert (told["id"], told["text"]) == (second["chat_message_id"], "After")
        await report(api, database, second["message_id"], "read")
        await applying.apply_due(database, sealer, 10)
        told = await tail.next()
        assert (told["event"], told["id"], told["status"]) == ("status", second["chat_message_id"], "read")
        code, said = await tail.end()
    assert code == 0
    assert "Traceback" not in said


async def test_codes_are_told_to_nobody(
    api: Api, shared_dsn: str, database: Database, tmp_path: Path
) -> None:
    sent = (await api.acme.send("+15550100001", "Your code is 482913")).data
    async with database.transaction() as db:
        await db.execute(
            """
            insert into otps (tenant_id, id, phone, purpose, code_hash, message_id, template_name, language, country,
                              prefix, max_attempts, expires_at)
            values ($1, gen_random_uuid(), '15550100001', 'login', '', $2, 't', 'en', 'US', '1555', 3, now())
            """,
            api.world.acme.tenant_id,
            sent["chat_message_id"],
        )
    async with tailing(shared_dsn, tmp_path, "messages") as tail:
        assert (await tail.next())["text"] == "(one-time password)"
        assert (await tail.end())[0] == 0


async def test_deliveries_are_told_when_they_come_and_when_they_are_applied(
    api: Api, database: Database, sealer: Sealer, shared_dsn: str, tmp_path: Path
) -> None:
    acme = api.world.acme
    await report(api, database, "wamid.nobodys", "delivered")
    async with tailing(shared_dsn, tmp_path, "webhooks") as tail:
        told = await tail.next()
        assert (told["event"], told["is_applied"], told["tenants"]) == ("delivery", False, ["acme"])
        assert [change["what"] for change in told["changes"]] == ["status delivered"]
        await deliver(
            database, acme.app_id, acme.waba_id, {"metadata": {"phone_number_id": "9"}, "messages": [{}]}
        )
        told = await tail.next()
        assert (told["event"], told["is_applied"], told["tenants"]) == ("delivery", False, [])
        await applying.apply_due(database, sealer, 10)
        rest = [await tail.next() for _ in range(3)]
        assert sorted(item["event"] for item in rest) == ["delivery", "delivery", "quarantined"]
        assert all(item["is_applied"] for item in rest if item["event"] == "delivery")
        assert (await tail.end())[0] == 0


async def test_errors_are_told_before_and_after(
    api: Api, database: Database, sealer: Sealer, shared_dsn: str, tmp_path: Path
) -> None:
    await api.acme.send("+15550100001", "Good")
    rule = {"match": {"endpoint": "messages"}, "effect": {"kind": "error", "code": 131026, "via": "sync"}}
    assert (await api.simulator.post("/_control/faults", rule)).status == 200
    assert (await api.acme.send("+15550100001", "Bad")).status != 200
    async with tailing(shared_dsn, tmp_path, "errors") as tail:
        told = await tail.next()
        assert (told["event"], told["status"], told["error_code"], told["text"]) == (
            "message",
            "failed",
            131026,
            "Bad",
        )
        await deliver(
            database, api.world.acme.app_id, "1", {"metadata": {"phone_number_id": "9"}, "messages": [{}]}
        )
        await applying.apply_due(database, sealer, 10)
        assert (await tail.next())["event"] == "quarantined"
        async with database.transaction() as db:
            await db.execute(
                """
                insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased, failures, last_error)
                values ($1, 'media', 5, 1, 0, now() + interval '1 hour', false, 3, 'OSError')
                """,
                api.world.acme.tenant_id,
            )
        told = await tail.next()
        assert (told["event"], told["kind"], told["failures"], told["error"]) == (
            "job",
            "media",
            3,
            "OSError",
        )
        assert (await tail.end())[0] == 0


async def test_an_unknown_tenant_ends_it(world: World, shared_dsn: str, tmp_path: Path) -> None:
    assert world.acme.subdomain != "nobody"
    async with tailing(shared_dsn, tmp_path, "messages", "--tenant", "nobody") as tail:
        assert (await tail.next())["error"]["code"] == "NOT_FOUND"
