"""The account: what the contract prints, limits that hold, subscriptions that end."""

import asyncio
import random
import time
from typing import Any

import pytest

from rasl.db import tenants, usage
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from rasl.errors import NotFound
from tests.api.test_callers import client_with
from tests.serving import Answer, Api, graph_requests
from tests.waiting import until

ACCOUNT = "/api/v2/account"
CONTACTS = "/api/v2/contacts"


async def change(database: Database, sql: str, *values: Any) -> None:
    async with database.connection() as db:
        await db.execute(sql, *values)


async def in_force(api: Api, path: str, **expected: Any) -> None:
    """Wait until the process has read the change."""

    async def is_there() -> bool:
        found = (await api.acme.get(f"{ACCOUNT}{path}")).data
        return all(found[name] == value for name, value in expected.items())

    await until(is_there)


def contact(api: Api, number: int) -> dict[str, Any]:
    acme = api.world.acme
    return {
        "firstname": "Priya",
        "lastname": "Nair",
        "phone": f"+4420794{number:05}",
        "type": "lead",
        "source_id": acme.source_id,
        "status_id": acme.status_id,
    }


async def test_the_account_is_told_with_its_token(api: Api, database: Database) -> None:
    await change(
        database,
        """
        update tenants set subscription_status = 'active', subscription_ends_at = '2199-12-31T23:00:00Z'
        where id = $1
        """,
        api.world.acme.tenant_id,
    )
    client = await client_with(api, database, 77, ("account:read", "messages:send"))
    answer = await client.get(ACCOUNT)
    assert answer.body["message"] == "Account information retrieved successfully"
    data = dict(answer.data)
    assert data.pop("created_at").endswith("+00:00")
    plan_id = data["subscription"].pop("plan_id")
    assert isinstance(plan_id, int)
    assert data == {
        "id": api.world.acme.tenant_id,
        "name": "Acme",
        "subdomain": "acme",
        "status": "active",
        "subscription": {
            "plan_name": "Unlimited",
            "status": "active",
            "expires_at": "2199-12-31T23:00:00+00:00",
        },
        "token": {
            "name": "made for a test",
            "scopes": ["account:read", "messages:send"],
            "expires_at": None,
            "rate_limit_per_minute": 77,
        },
    }
    assert (await api.globex.get(ACCOUNT)).data["subscription"]["status"] is None


async def test_the_limits_are_those_of_the_plan_and_the_tenants_own(api: Api, database: Database) -> None:
    await change(database, "update tenants set plan = 'free', limit_overrides = '{\"contacts\": 700}'")
    await change(
        database,
        """
        update plans set max_staff = null, max_campaigns = 5, max_api_calls_per_minute = 900, chatbot = false
        where name = 'free'
        """,
    )
    answer = await api.acme.get(f"{ACCOUNT}/limits")
    assert answer.body["message"] == "Plan limits retrieved successfully"

    def limit(number: int | None, name: str) -> dict[str, Any]:
        return {"limit": number, "feature_name": name, "is_unlimited": number == -1}

    assert answer.data == {
        "limits": {
            "contacts": limit(700, "Total Contacts"),
            "conversations": limit(1000, "Conversations per Month"),
            "campaigns": limit(5, "Active Campaigns"),
            "staff": limit(None, "Team Members"),
            "api_calls_per_minute": limit(900, "API Calls per Minute"),
        },
        "features": {
            "whatsapp_templates": True,
            "bulk_messaging": True,
            "chatbot": False,
            "advanced_analytics": True,
            "api_access": True,
            "custom_branding": True,
        },
    }


async def test_usage_is_told_of_each_limit(api: Api, database: Database) -> None:
    await change(database, "update tenants set plan = 'free'")
    await change(
        database, "update plans set max_contacts = 3, max_staff = null, max_campaigns = 5 where name = 'free'"
    )
    for number in (1, 2):
        assert (await api.acme.send(f"+4420794600{number:02}")).status == 200
    assert (await api.acme.post(CONTACTS, contact(api, 60003))).status == 201
    answer = await api.acme.get(f"{ACCOUNT}/usage")
    assert answer.body["message"] == "Usage statistics retrieved successfully"
    assert answer.data["contacts"] == {
        "current": 3, "limit": 3, "remaining": 0, "percentage_used": 100.0, "is_unlimited": False
    }  # fmt: skip
    assert answer.data["conversations"] == {
        "current": 2, "limit": 1000, "remaining": 998, "percentage_used": 0.2, "is_unlimited": False
    }  # fmt: skip
    assert answer.data["campaigns"]["remaining"] == 5
    assert answer.data["staff"] == {
        "current": 0, "limit": None, "remaining": None, "percentage_used": 0.0, "is_unlimited": False
    }  # fmt: skip
    assert list(answer.data) == ["contacts", "conversations", "campaigns", "staff"]


async def test_a_tenant_that_is_gone_has_no_account(database: Database) -> None:
    async with database.connection() as db:
        with pytest.raises(NotFound, match="Account not found"):
            await tenants.get_account(db, 10**9)
        with pytest.raises(NotFound, match="Tenant not found"):
            await usage.load_usage(db, 10**9)


async def test_limits_are_exact_under_fifty_writers_of_every_kind(api: Api, database: Database) -> None:
    own = '{"contacts": 11, "conversations": 7}'
    await change(database, "update tenants set limit_overrides = $1::text::jsonb", own)
    answers: list[Answer] = await asyncio.gather(
        *(api.acme.post(CONTACTS, contact(api, 70_000 + n)) for n in range(25)),
        *(api.acme.send(f"+4420794{80_000 + n:05}") for n in range(25)),
    )
    refused = [answer for answer in answers if answer.status == 403]
    assert {answer.status for answer in answers} <= {200, 201, 403}
    assert {answer.code for answer in refused} == {"FEATURE_LIMIT_EXCEEDED"}
    for answer in refused:
        details = answer.details
        assert (
            details["current"]
            == details["maximum"]
            == {"contacts": 11, "conversations": 7}[details["feature"]]
        )
    shown = (await api.acme.get(f"{ACCOUNT}/usage")).data
    assert shown["contacts"]["current"] == 11
    assert shown["conversations"]["current"] == sum(answer.status == 200 for answer in answers) <= 7
    assert await recount(api, database) == (11, shown["conversations"]["current"])
    own = '{"contacts": 12, "conversations": -1}'
    await change(database, "update tenants set limit_overrides = $1::text::jsonb", own)
    await in_force(api, "/usage", contacts={
        "current": 11, "limit": 12, "remaining": 1, "percentage_used": 91.67, "is_unlimited": False
    })  # fmt: skip
    assert (await api.acme.post(CONTACTS, contact(api, 90_001))).status == 201
    assert (await api.acme.post(CONTACTS, contact(api, 90_002))).status == 403


async def test_usage_equals_a_recount_after_a_random_walk(api: Api, database: Database) -> None:
    chance = random.Random(12)
    own = '{"contacts": 40, "conversations": 30}'
    await change(database, "update tenants set limit_overrides = $1::text::jsonb", own)
    known: list[int] = []

    async def step() -> None:
        act, number = chance.randrange(5), 60_000 + chance.randrange(80)
        if act == 0:
            answer = await api.acme.post(CONTACTS, contact(api, number))
            known.extend([answer.data["id"]] if answer.status == 201 else [])
        elif act == 1:
            await api.acme.send(f"+4420794{number:05}", headers={"prefer": "respond-async"})
        elif act == 2:
            rows = [contact(api, number + n) for n in range(3)]
            answer = await api.acme.post(f"{CONTACTS}/batch", {"contacts": rows})
        elif act == 3 and known:
            await api.acme.call("DELETE", f"{CONTACTS}/{known.pop(chance.randrange(len(known)))}")
        elif known:
            ids = [known.pop() for _ in range(min(len(known), 2))]
            await api.acme.call("DELETE", f"{CONTACTS}/batch", json={"contact_ids": ids})

    for _ in range(6):
        await asyncio.gather(*(step() for _ in range(15)))
        shown = (await api.acme.get(f"{ACCOUNT}/usage")).data
        counted = (shown["contacts"]["current"], shown["conversations"]["current"])
        assert counted == await recount(api, database)
    assert counted[0] > 5
    assert counted[1] > 5


async def recount(api: Api, database: Database) -> tuple[int, int]:
    """Count contacts, and conversations in which something was sent: within a day and a month each counts once."""
    async with database.connection() as db:
        return (
            await db.fetchval("select count(*) from contacts where tenant_id = $1", api.world.acme.tenant_id),
            await db.fetchval(
                """
                select count(distinct conversation_id) from messages
                where tenant_id = $1 and direction = 'outbound'
                """,
                api.world.acme.tenant_id,
            ),
        )


async def test_all_tokens_together_have_a_limit_and_the_stricter_one_speaks(
    api: Api, database: Database
) -> None:
    await change(database, "update plans set max_api_calls_per_minute = 6 where name = 'unlimited'")
    strict, wide = await client_with(api, database, 3), await client_with(api, database, 1000)
    answers = [await client.get(f"{ACCOUNT}/limits") for client in (strict, wide, wide, strict, wide, wide)]
    assert [answer.status for answer in answers] == [200] * 6
    assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["3", "6", "6", "3", "6", "6"]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "4", "3", "1", "1", "0"]
    for client in (wide, strict):
        refused = await client.get(f"{ACCOUNT}/limits")
        assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
        assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("6", "0")
        assert int(refused.headers["retry-after"]) == refused.details["retry_after"] >= 1
    other = await api.globex.get(f"{ACCOUNT}/limits")
    assert (other.status, other.headers["x-ratelimit-limit"]) == (200, "6")


async def test_the_limit_of_all_tokens_is_exact_under_fifty_calls_at_once(
    api: Api, database: Database
) -> None:
    await change(database, "update plans set max_api_calls_per_minute = 20 where name = 'unlimited'")
    clients = [await client_with(api, database, 1000) for _ in range(5)]
    before = time.monotonic()
    answers = await asyncio.gather(*(client.get(f"{ACCOUNT}/limits") for client in clients * 10))
    good = sum(answer.status == 200 for answer in answers)
    assert {answer.status for answer in answers} == {200, 429}
    # One comes back every three seconds, should it take so long.
    assert 20 <= good <= 20 + (time.monotonic() - before) / 3


@pytest.mark.parametrize(
    ("status", "ends_at", "shown"),
    [
        ("expired", None, "expired"),
        ("active", "2026-01-31T00:00:00Z", "expired"),
        ("cancelled", "2026-01-31T00:00:00Z", "cancelled"),
    ],
)
async def test_after_its_subscription_a_tenant_reads_everything_and_sends_nothing(
    api: Api, database: Database, status: str, ends_at: str | None, shown: str
) -> None:
    sent = await api.acme.send("+442079460011")
    await change(
        database,
        "update tenants set subscription_status = $1, subscription_ends_at = $2::text::timestamptz where id = $3",
        status,
        ends_at,
        api.world.acme.tenant_id,
    )
    await until(lambda: _has_status(api, shown))
    contacts = (await api.acme.get(f"{ACCOUNT}/usage")).data["contacts"]["current"]
    for path, body in (
        ("/messages/text", {"phone": "+442079460077", "message": "hi"}),
        ("/messages/location", {"phone": "+442079460077", "latitude": 1, "longitude": 1}),
    ):
        refused = await api.acme.post(f"/api/v2{path}", body)
        assert (refused.status, refused.code) == (403, "FEATURE_NOT_AVAILABLE")
        expected = None if ends_at is None else ends_at.replace("Z", "+00:00")
        assert refused.details == {"feature": "sending", "subscription_status": shown, "expires_at": expected}
        dry = await api.acme.post(f"/api/v2{path}", {**body, "dry_run": True})
        assert [problem["code"] for problem in dry.data["problems"]] == ["FEATURE_NOT_AVAILABLE"]
    assert (await api.acme.get(f"{ACCOUNT}/usage")).data["contacts"]["current"] == contacts
    assert (await api.acme.get(f"/api/v2/messages/{sent.data['chat_message_id']}")).status == 200
    assert (await api.globex.send("+442079460011")).status == 200
    assert len(await graph_requests(api)) == 2


async def _has_status(api: Api, status: str) -> bool:
    found: str | None = (await api.acme.get(ACCOUNT)).data["subscription"]["status"]
    body = {"phone": "+442079460011", "message": "x", "dry_run": True}
    rehearsed = await api.acme.post("/api/v2/messages/text", body)
    return found == status and not rehearsed.data["would_send"]


async def test_a_plan_without_templates_sends_none(api: Api, database: Database) -> None:
    order = {
        "waba_id": api.world.acme.waba_id,
        "templates": [{"name": "hello", "language": "en", "category": "UTILITY", "status": "APPROVED",
                       "components": [{"type": "BODY", "text": "Hello"}]}],
    }  # fmt: skip
    await api.simulator.post("/_control/templates", order)
    await api.acme.post("/api/v2/templates/sync")
    body = {"phone": "+442079460011", "template_name": "hello", "language": "en"}
    assert (await api.acme.post("/api/v2/messages/template", body)).status == 200
    await change(database, "update plans set whatsapp_templates = false")

    async def is_off() -> bool:
        limits = (await api.acme.get(f"{ACCOUNT}/limits")).data
        return limits["features"]["whatsapp_templates"] is False

    await until(is_off)
    refused = await api.acme.post("/api/v2/messages/template", body | {"phone": "+442079460099"})
    assert (refused.status, refused.code) == (403, "FEATURE_NOT_AVAILABLE")
    assert refused.details == {"feature": "whatsapp_templates"}
    assert (await api.acme.send("+442079460011")).status == 200
    assert (await api.acme.get(f"{ACCOUNT}/usage")).data["contacts"]["current"] == 1


def test_the_scope_is_one_that_tokens_can_have() -> None:
    assert "account:read" in ALL_SCOPES
