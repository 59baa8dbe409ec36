"""Who may call: tokens, scopes, rate limits."""

import asyncio

import pytest

from rasl import ids
from rasl.db import tenants
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from rasl.services.ground.callers import hash_token
from tests.serving import Api, Client

LIST = "/api/v2/messages"


async def client_with(
    api: Api, database: Database, rate_limit: int, scopes: tuple[str, ...] = ALL_SCOPES
) -> Client:
    """A client with a fresh token of acme's."""
    token = ids.mint_token()
    async with database.connection() as db:
        await tenants.create_token(
            db,
            api.world.acme.tenant_id,
            "made for a test",
            hash_token(token),
            token[-4:],
            scopes,
            rate_limit,
            None,
        )
    return Client(api.acme.session, api.base_url, {"authorization": f"Bearer {token}"})


async def until_refused(client: Client) -> int:
    """Call until the answer is no longer 200; returns that status."""
    for _ in range(200):
        answer = await client.get(LIST)
        if answer.status != 200:
            return answer.status
        await asyncio.sleep(0.02)
    return 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic cmFzbDpyYXNs"},
        {"authorization": f"Bearer {ids.mint_token()}"},
        {"authorization": "Bearer \u00e4\u00f6\u00fc"},
    ],
)
async def test_a_bad_token_is_refused_without_a_hint(api: Api, headers: dict[str, str]) -> None:
    answer = await api.nobody.get(LIST, headers=headers)
    assert (answer.status, answer.code, answer.details) == (401, "UNAUTHORIZED", {})
    assert answer.body["error"]["message"] == "Missing or invalid API token"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_token_ends_in_under_a_second(api: Api, database: Database) -> None:
    assert (await api.acme.get(LIST)).status == 200
    async with database.connection() as db:
        await tenants.revoke_token(db, api.world.acme.tenant_id, api.world.acme.token_id)
    assert await until_refused(api.acme) == 401


async def test_an_expired_token_ends(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update tokens set expires_at = now()")
    assert await until_refused(api.acme) == 401


async def test_a_suspended_tenants_token_ends(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update tenants set status = 'suspended'")
    assert await until_refused(api.acme) == 401


async def test_a_missing_scope_is_named(api: Api) -> None:
    answer = await api.reader.send("+442079460011")
    assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE")
    assert answer.details == {"required_scope": "messages:send"}
    assert answer.headers["x-ratelimit-limit"] == "1000000"


async def test_the_rate_limit_holds_and_says_when_to_come_back(api: Api, database: Database) -> None:
    client = await client_with(api, database, rate_limit=5)
    answers = [await client.get(LIST) for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == [
        "4",
        "3",
        "2",
        "1",
        "0",
        "0",
        "0",
    ]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"5"}
    refused = answers[-1]
    assert refused.code == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(refused.headers["retry-after"]) == refused.details["retry_after"] <= 12


async def test_the_rate_limit_is_exact_under_parallel_calls(api: Api, database: Database) -> None:
    client = await client_with(api, database, rate_limit=20)
    answers = await asyncio.gather(*(client.get(LIST) for _ in range(60)))
    assert sum(answer.status == 200 for answer in answers) == 20
    assert {answer.status for answer in answers} == {200, 429}


async def test_one_tokens_limit_is_not_anothers(api: Api, database: Database) -> None:
    first, second = await client_with(api, database, 1), await client_with(api, database, 1)
    statuses = [(await client.get(LIST)).status for client in (first, first, second, second)]
    assert statuses == [200, 429, 200, 429]
