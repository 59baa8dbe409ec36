"""What a host does with a tenant from its first day to another machine, with the commands alone."""

from pathlib import Path
from typing import Any

import pytest

from pgbox import EmbeddedPostgres
from tests.acceptance.conftest import command as ask
from tests.acceptance.fleet import Fleet, Tenant, create_tenant
from tests.acceptance.processes import Server
from tests.conftest import with_database
from tests.services.operators.test_backup import contents_of
from tests.waiting import until

pytestmark = pytest.mark.acceptance

_PHONES = [f"+4420794600{number:02}" for number in range(11, 20)]


class Host:
    """A host with a tenant, who calls the API as its customer does."""

    def __init__(self, fleet: Fleet, server: Server, tenant: Tenant) -> None:
        self.fleet, self.server, self.tenant = fleet, server, tenant

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the API."""
        headers = {"authorization": f"Bearer {self.tenant.token}"}
        url = f"{self.server.url}/api/v2{path}"
        async with self.fleet.session.request(method, url, headers=headers, json=body) as answer:
            value = await answer.json()
        return answer.status, value["data"] if value["success"] else value["error"]

    async def send(self, phone: str) -> tuple[int, Any]:
        """Send a text."""
        return await self.call("POST", "/messages/text", {"phone": phone, "message": f"Hello {phone}"})

    async def until_answered(self, expected: int, method: str, path: str) -> Any:
        """Call until the answer has this status: what a host changes is in force within a second."""
        told: Any = None

        async def is_so() -> bool:
            nonlocal told
            status, told = await self.call(method, path)
            return status == expected

        await until(is_so, 10, self.fleet.logs)
        return told

    async def until_limit(self, maximum: int) -> None:
        """Wait until a limit is in force."""

        async def is_so() -> bool:
            _, usage = await self.call("GET", "/account/usage")
            return bool(usage["conversations"]["limit"] == maximum)

        await until(is_so, 10, self.fleet.logs)

    async def use_up(self, phones: list[str], maximum: int) -> None:
        """Send to all of them, and to one too many."""
        for phone in phones:
            status, told = await self.send(phone)
            assert status == 200, told
        status, refused = await self.send(_PHONES[-1])
        assert (status, refused["code"]) == (403, "FEATURE_LIMIT_EXCEEDED")
        assert refused["details"] == {"feature": "conversations", "current": maximum, "maximum": maximum}


async def test_a_tenant_from_its_plan_to_another_machine(
    fleet: Fleet, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await fleet.command("plan", "create", "starter", "--conversations", "2")
    tenant = create_tenant(fleet.env, "hosted", "7", 1000)
    await fleet.command("tenant", "plan", "--tenant", "hosted", "starter", "--subscription", "active")
    server, worker = await fleet.serve(), await fleet.work()
    await fleet.connect(tenant, server)
    host = Host(fleet, server, tenant)
    await host.use_up(_PHONES[:2], 2)
    await fleet.command("plan", "change", "starter", "--conversations", "4")
    await host.until_limit(4)
    await host.use_up(_PHONES[2:4], 4)
    await suspend_and_resume(host)
    before = await seen(host)
    assert before["usage"]["conversations"]["current"] == 4
    server.terminate()
    worker.terminate()
    assert [await server.exit_code(30), await worker.exit_code(30)] == [0, 0]
    await ask(postgres, "create database elsewhere template template0")
    try:
        dsn = with_database(postgres.dsn, "elsewhere")
        await move(fleet, dsn, tmp_path)
        there = {"RASL_DATABASE_URL": dsn, "RASL_DATA_DIR": str(tmp_path / "there")}
        host.server = await fleet.serve(1, **there)
        assert await seen(host) == before
        status, refused = await host.send(_PHONES[-1])
        assert (status, refused["code"]) == (403, "FEATURE_LIMIT_EXCEEDED")
        assert (await host.send(_PHONES[0]))[0] == 200
    finally:
        fleet.close()
        await ask(postgres, "drop database elsewhere with (force)")


async def suspend_and_resume(host: Host) -> None:
    """Suspend the tenant while somebody writes to it, and let it go on."""
    await host.fleet.command("tenant", "suspend", "--tenant", "hosted")
    refused = await host.until_answered(403, "GET", "/account")
    assert refused["code"] == "ACCOUNT_SUSPENDED"
    inbound = {"phone_number_id": host.tenant.phone_number_id, "from": "442079460011", "body": "Is it there?"}
    assert (await host.fleet.control("POST", "inbound", inbound))["ok"]

    async def is_kept() -> bool:
        return bool(await host.fleet.fetch("select from messages where direction = 'inbound'"))

    await until(is_kept, 30, host.fleet.logs)
    assert (await host.send(_PHONES[0]))[1]["code"] == "ACCOUNT_SUSPENDED"
    await host.fleet.command("tenant", "resume", "--tenant", "hosted")
    await host.until_answered(200, "GET", "/account")
    status, told = await host.send(_PHONES[0])
    assert status == 200, told


async def seen(host: Host) -> dict[str, Any]:
    """Return what the tenant sees of itself, once nothing is on its way any more."""

    async def is_quiet() -> bool:
        waiting = "select from messages where direction = 'outbound' and status not in ('delivered', 'read')"
        unread = "select from ingests where applied_at is null"
        return not await host.fleet.fetch(waiting) and not await host.fleet.fetch(unread)

    await until(is_quiet, 30, host.fleet.logs)
    found = {
        name: (await host.call("GET", path))[1]
        for name, path in (
            ("account", "/account"),
            ("usage", "/account/usage"),
            ("limits", "/account/limits"),
            ("messages", "/messages?sort=id"),
            ("contacts", "/contacts?sort=id"),
            ("numbers", "/numbers"),
            ("audit", "/audit"),
        )
    }
    assert "Is it there?" in {row["message"] for row in found["messages"]}
    return found


async def move(fleet: Fleet, dsn: str, folder: Path) -> None:
    """Back everything up, and bring it into an empty place; every table is the same there."""
    archive = str(folder / "everything.tar")
    told = await fleet.command("backup", archive)
    fleet.env, here = (
        {**fleet.env, "RASL_DATABASE_URL": dsn, "RASL_DATA_DIR": str(folder / "there")},
        fleet.env,
    )
    restored = await fleet.command("restore", archive)
    fleet.env = here
    assert restored["restored"]["rows"] == told["rows"]
    assert await contents_of(dsn) == await contents_of(fleet.dsn)
