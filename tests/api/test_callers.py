"""Who may call: tokens, scopes, rate limits."""

import asyncio

import pytest

from rasl import ids
from rasl.db import tenants
from rasl.db.pool import Database
from rasl.domain import credentials
from rasl.domain.scopes import ALL_SCOPES
from rasl.services.ground.callers import hash_token
from tests.server.raw import connected, get
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


# Each with a part of the sentence that says what is wrong; TOKEN stands for one that works.
WRONG: list[tuple[dict[str, str], str]] = [
    ({}, "No API token was sent"),
    ({"authorization": ""}, "No API token was sent"),
    ({"authorization": "Bearer"}, "no token after Bearer"),
    ({"authorization": "Bearer nonsense"}, "no token of this API"),
    ({"authorization": "TOKEN"}, "does not begin with Bearer"),
    ({"authorization": "Basic cmFzbDpyYXNs"}, "does not begin with Bearer"),
    ({"authorization": "Bearer \u00e4\u00f6\u00fc"}, "no token of this API"),
    ({"authorization": "Bearer TOKENx"}, "no token of this API"),
    ({"authorization": "Bearer Bearer TOKEN"}, "Bearer before it once too often"),
    ({"x-api-key": ""}, "X-API-Key header is empty"),
    ({"x-api-key": "Bearer TOKEN"}, "Bearer before it once too often"),
    ({"x-api-key": "nonsense"}, "no token of this API"),
    ({"authorization": "Bearer TOKEN", "x-api-key": ids.mint_token()}, "Two different"),
    ({"authorization": f"Bearer {ids.mint_token()}"}, credentials.UNKNOWN),
    ({"x-api-key": ids.mint_token()}, credentials.UNKNOWN),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
async def test_a_bad_token_is_refused_in_words_that_tell_what_is_wrong_with_it(api: Api, case: int) -> None:
    headers, text = WRONG[case]
    token = api.world.acme.token
    sent = {name: value.replace("TOKEN", token) for name, value in headers.items()}
    answer = await api.nobody.get(LIST, headers=sent)
    assert (answer.status, answer.code, answer.details) == (401, "UNAUTHORIZED", {})
    assert text in answer.body["error"]["message"]
    assert token[5:] not in str(answer.body)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "TOKEN"},
        {"x-api-key": " TOKEN "},
        {"X-API-KEY": "TOKEN", "authorization": "bearer TOKEN"},
        {"x-api-key": "", "authorization": "Bearer TOKEN"},
        {"x-api-key": "TOKEN", "authorization": "Basic cmFzbDpyYXNs"},  # for a proxy before us
        {"x-api-key": "TOKEN", "authorization": ""},
    ],
)
async def test_a_token_may_come_as_an_api_key(api: Api, headers: dict[str, str]) -> None:
    sent = {name: value.replace("TOKEN", api.world.acme.token) for name, value in headers.items()}
    answer = await api.nobody.get(LIST, headers=sent)
    assert answer.status == 200
    assert answer.headers["x-ratelimit-limit"] == "1000000"


async def test_a_header_that_is_there_twice_must_say_the_same(api: Api) -> None:
    good, other = api.world.acme.token.encode(), api.world.globex.token.encode()
    async with connected(api.base_url) as raw:
        for name in (b"Authorization: Bearer ", b"X-API-Key: "):
            await raw.send(get(LIST, name + good + b"\r\n" + name + good + b"\r\n"))
            assert (await raw.answer())[0] == 200
            await raw.send(get(LIST, name + good + b"\r\n" + name + other + b"\r\n"))
            status, _, body = await raw.answer()
            assert (status, body["error"]["message"][:13]) == (401, "Two different")
        await raw.send(get(LIST, b"X-API-Key: " + good + b"\r\nAccept: a\r\nAccept: b\r\n"))
        assert (await raw.answer())[0] == 200


async def test_a_revoked_token_ends_in_under_a_second(api: Api, database: Database) -> None:
    assert (await api.acme.get(LIST)).status == 200
    async with database.connection() as db:
        await tenants.revoke_token(db, api.world.acme.tenant_id, api.world.acme.token_id)
    assert await until_refused(api.acme) == 401


async def test_an_expired_token_ends(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update tokens set expires_at = now()")
    assert await until_refused(api.acme) == 401


async def test_a_suspended_tenants_token_says_that_it_is_suspended(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update tenants set status = 'suspended'")
    assert await until_refused(api.acme) == 403
    answer = await api.acme.get(LIST)
    assert (answer.status, answer.code, answer.details) == (403, "ACCOUNT_SUSPENDED", {})
    assert (await api.nobody.get(LIST, headers={"x-api-key": ids.mint_token()})).status == 401


async def test_a_missing_scope_is_named(api: Api) -> None:
    answer = await api.reader.send("+442079460011")
    assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE")
    assert answer.details == {"required_scope": "messages:send"}
    assert answer.headers["x-ratelimit-limit"] == "1000000"


@pytest.mark.parametrize("noun", ["sources", "statuses"])
@pytest.mark.parametrize("verb", ["write", "delete", "read"])
async def test_either_of_two_scopes_lets_delete_labels(
    api: Api, database: Database, noun: str, verb: str
) -> None:
    path = f"/api/v2/{noun}"
    made = (await api.acme.post(path, {"name": "Fair"})).data
    client = await client_with(api, database, 1000, (f"{noun}:{verb}",))
    answer = await client.call("DELETE", f"{path}/{made['id']}")
    assert answer.status == (403 if verb == "read" else 200)
    if verb == "read":
        both = [f"{noun}:delete", f"{noun}:write"]
        assert answer.details == {"required_scope": both[0], "any_of_scopes": both}
        assert " or ".join(both) in answer.body["error"]["message"]
    assert (await api.acme.get(f"{path}/{made['id']}")).status == (200 if verb == "read" else 404)


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
