"""Tokens that look after tokens."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from rasl.app import create_app
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from tests.api.v2.codes import rows
from tests.serving import Api, Client, served, settings_for

TOKENS = "/api/v2/tokens"
LIST = "/api/v2/messages"
SOON = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).replace(microsecond=0)


def speaking(api: Api, token: str) -> Client:
    return Client(api.acme.session, api.base_url, {"authorization": f"Bearer {token}"})


async def created(client: Client, **wish: Any) -> dict[str, Any]:
    answer = await client.post(TOKENS, {"name": "Shop", "scopes": ["messages:read"], **wish})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.data
    return made


async def until(client: Client, status: int) -> None:
    """Call until the answer is this, no longer than a change takes to be in force."""
    for _ in range(50):
        if (await client.get(LIST)).status == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"no {status} came")


async def test_a_token_is_made_shown_once_and_works(api: Api, database: Database) -> None:
    made = await created(api.acme, expires_at=SOON.isoformat(), rate_limit_per_minute=30)
    token = made.pop("token")
    assert (made["last_four"], made["state"], made["allowed_cidrs"]) == (token[-4:], "active", [])
    assert (made["expires_at"], made["rate_limit_per_minute"]) == (SOON.isoformat(timespec="seconds"), 30)
    assert (await speaking(api, token).get(LIST)).headers["x-ratelimit-limit"] == "30"
    assert (await api.acme.get(f"{TOKENS}/{made['id']}")).data == made
    listed = await api.acme.get(f"{TOKENS}?filter[name]=Shop")
    assert listed.data == [made]
    (stored,) = await rows(database, "select tokens::text as text from tokens where name = 'Shop'")
    assert token not in stored["text"]
    (entry,) = await rows(database, "select *, audit_log::text as text from audit_log")
    assert (entry["action"], entry["subject_id"], entry["before"]) == ("token.created", str(made["id"]), None)
    assert (entry["actor_id"], entry["ip_address"]) == (api.world.acme.token_id, "127.0.0.1")
    assert entry["after"]["scopes"] == ["messages:read"]
    assert token not in entry["text"]


async def test_a_repeated_request_brings_everything_back_but_the_token(api: Api, database: Database) -> None:
    wish = {"name": "Shop", "scopes": ["messages:read"]}
    key = {"idempotency-key": "once"}
    first, again = [await api.acme.post(TOKENS, wish, headers=key) for _ in range(2)]
    assert (first.status, again.status, again.headers["idempotent-replayed"]) == (201, 201, "true")
    token = first.data["token"]
    assert {**again.data, "token": token} == first.data
    kept = await rows(database, "select k::text as text from idempotency_keys k")
    assert kept
    assert not any(token in row["text"] or token.encode().hex() in row["text"] for row in kept)
    path, key = f"{TOKENS}/{first.data['id']}/rotate", {"idempotency-key": "twice"}
    first, again = [await api.acme.post(path, {}, headers=key) for _ in range(2)]
    assert {**again.data, "token": first.data["token"]} == first.data


WRONG: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"scopes": ["nope", "never"], "name": " "}, {"name": "required", "scopes": "nope, never; choose of"}),
    ({"scopes": []}, {"scopes": "at least 1"}),
    ({"expires_at": "2020-01-01"}, {"expires_at": "in the future"}),
    (
        {"expires_at": "soon", "rate_limit_per_minute": 0},
        {"expires_at": "moment", "rate_limit_per_minute": "1"},
    ),
    (
        {"allowed_cidrs": ["10.0.0.1/8", "fe80::1%eth0", "2001:db8::/32"], "name": None},
        {"allowed_cidrs.0": "10.0.0.0/8", "allowed_cidrs.1": "zone: %eth0", "name": "required"},
    ),
]


@pytest.mark.parametrize(("wish", "told"), WRONG)
async def test_everything_wrong_is_named_at_once_and_nothing_made(
    api: Api, database: Database, wish: dict[str, Any], told: dict[str, str]
) -> None:
    answer = await api.acme.post(TOKENS, {"name": "Shop", "scopes": ["messages:read"], **wish})
    assert (answer.status, answer.details.keys()) == (422, told.keys())
    assert all(text in answer.details[name][0] for name, text in told.items())
    assert await rows(database, "select from tokens where name <> 'test'") == []
    assert await rows(database, "select from audit_log") == []


async def limited(api: Api, **more: Any) -> Client:
    """A client whose token may make tokens, within bounds."""
    wish = {
        "name": "limited",
        "scopes": ["tokens:write", "tokens:read", "messages:read"],
        "rate_limit_per_minute": 40,
        "expires_at": SOON.isoformat(),
        "allowed_cidrs": ["127.0.0.0/8"],
    }
    return speaking(api, (await created(api.acme, **{**wish, **more}))["token"])


async def test_a_token_never_makes_one_with_more_than_it_has(api: Api) -> None:
    client = await limited(api)
    wish = {
        "name": "More",
        "scopes": ["messages:send", "messages:read", "contacts:read"],
        "rate_limit_per_minute": 41,
        "expires_at": None,
        "allowed_cidrs": ["127.0.0.1", "0.0.0.0/0"],
    }
    answer = await client.post(TOKENS, wish)
    assert answer.status == 422
    assert answer.details.keys() == {"scopes", "rate_limit_per_minute", "expires_at", "allowed_cidrs.1"}
    assert answer.details["scopes"][0].endswith("messages:send, contacts:read")
    # What the body says wrongly and what it may not say are told together.
    answer = await client.post(TOKENS, {**wish, "name": ""})
    assert answer.details.keys() >= {"name", "scopes", "expires_at"}
    made = await created(client)
    assert (made["rate_limit_per_minute"], made["allowed_cidrs"]) == (40, ["127.0.0.0/8"])
    assert made["expires_at"] == SOON.isoformat(timespec="seconds")


async def test_it_makes_none_with_what_was_taken_from_it_a_moment_ago(api: Api, database: Database) -> None:
    client = await limited(api)
    assert (await client.get(TOKENS)).status == 200  # it is remembered now
    async with database.connection() as db:
        await db.execute("update tokens set scopes = '{tokens:write}' where name = 'limited'")
    answer = await client.post(TOKENS, {"name": "More", "scopes": ["messages:read"]})
    assert (answer.status, answer.details.keys()) == (422, {"scopes"})
    async with database.connection() as db:
        await db.execute("update tokens set revoked_at = now() where name = 'limited'")
    answer = await client.post(TOKENS, {"name": "More", "scopes": ["tokens:write"]})
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


async def test_a_change_is_in_force_within_a_second_and_in_the_audit(api: Api, database: Database) -> None:
    made = await created(api.acme)
    client, path = speaking(api, made["token"]), f"{TOKENS}/{made['id']}"
    assert (await client.get(LIST)).status == 200
    changed = await api.acme.call("PATCH", path, json={"scopes": ["contacts:read"], "name": "Other"})
    assert (changed.data["scopes"], changed.data["name"]) == (["contacts:read"], "Other")
    await until(client, 403)
    back = await api.acme.call("PATCH", path, json={"scopes": ["messages:read"], "allowed_cidrs": ["::1"]})
    assert back.data["allowed_cidrs"] == ["::1/128"]
    (_, first, second) = await rows(database, "select action, before, after from audit_log order by id")
    assert (first["action"], first["before"]) == (
        "token.changed",
        {"name": "Shop", "scopes": ["messages:read"]},
    )
    assert first["after"] == {"name": "Other", "scopes": ["contacts:read"]}
    assert second["after"] == {"scopes": ["messages:read"], "allowed_cidrs": ["::1/128"]}
    cleared = await api.acme.call("PATCH", path, json={"allowed_cidrs": None, "expires_at": None})
    assert (cleared.data["allowed_cidrs"], cleared.data["expires_at"]) == ([], None)
    assert (await api.acme.call("PATCH", path, json={})).data == cleared.data
    assert len(await rows(database, "select from audit_log")) == 4


async def test_who_has_less_takes_away_and_never_gives(api: Api) -> None:
    client = await limited(api)
    path = (
        f"{TOKENS}/{(await created(api.acme, scopes=['messages:send'], expires_at=SOON.isoformat()))['id']}"
    )
    for wish in ({"expires_at": None}, {"scopes": ["messages:send", "messages:read"]}):
        answer = await client.call("PATCH", path, json=wish)
        assert (answer.status, "scopes" in answer.details) == (422, True)
    assert (await client.call("PATCH", path, json={"rate_limit_per_minute": 5})).status == 200
    rotated = await client.post(f"{path}/rotate", {})
    assert (rotated.status, "scopes" in rotated.details) == (422, True)
    assert (await client.call("DELETE", path)).status == 200


async def test_a_rotated_token_works_beside_its_successor(api: Api, database: Database) -> None:
    made = await created(api.acme, allowed_cidrs=["127.0.0.1"], expires_at=SOON.isoformat())
    rotated = (await api.acme.post(f"{TOKENS}/{made['id']}/rotate", {"overlap_minutes": 30})).data
    assert rotated["replaces"]["id"] == made["id"]
    left = dt.datetime.fromisoformat(rotated["replaces"]["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=29) < left <= dt.timedelta(minutes=30)
    same = ("name", "scopes", "rate_limit_per_minute", "allowed_cidrs")
    assert [rotated[name] for name in same] == [made[name] for name in same]
    for token in (made["token"], rotated["token"]):
        assert (await speaking(api, token).get(LIST)).status == 200
    last = (await api.acme.post(f"{TOKENS}/{rotated['id']}/rotate", {"overlap_minutes": 0})).data
    await until(speaking(api, rotated["token"]), 401)
    ended = await api.acme.post(f"{TOKENS}/{rotated['id']}/rotate", {})
    assert (ended.status, ended.code, ended.details) == (409, "RESOURCE_CONFLICT", {"state": "expired"})
    (entry,) = await rows(
        database,
        "select * from audit_log where action = 'token.rotated' and subject_id = $1",
        str(made["id"]),
    )
    assert entry["after"]["id"] == rotated["id"]
    assert last["token"] not in str(await rows(database, "select audit_log::text from audit_log"))


async def test_a_token_that_ends_cannot_prolong_itself(api: Api) -> None:
    client = await limited(api)
    (own,) = (await client.get(f"{TOKENS}?filter[name]=limited")).data
    rotated = (await client.post(f"{TOKENS}/{own['id']}/rotate", {})).data
    assert rotated["expires_at"] == own["expires_at"]
    later = (SOON + dt.timedelta(days=1)).isoformat()
    answer = await client.call("PATCH", f"{TOKENS}/{own['id']}", json={"expires_at": later})
    assert (answer.status, answer.details.keys()) == (422, {"expires_at"})


async def test_a_revoked_token_ends_for_good_and_stays_in_the_list(api: Api, database: Database) -> None:
    made = await created(api.acme)
    client, path = speaking(api, made["token"]), f"{TOKENS}/{made['id']}"
    assert (await client.get(LIST)).status == 200
    for _ in range(2):
        answer = await api.acme.call("DELETE", path)
        assert (answer.status, answer.data) == (200, None)
    await until(client, 401)
    assert (await api.acme.get(path)).data["state"] == "revoked"
    changed = await api.acme.call("PATCH", path, json={"name": "Back"})
    assert (changed.status, changed.details) == (409, {"state": "revoked"})
    assert len(await rows(database, "select from audit_log where action = 'token.revoked'")) == 1


async def test_two_tokens_that_change_each_other_do_not_wait_for_ever(api: Api) -> None:
    wish = {"scopes": list(ALL_SCOPES), "rate_limit_per_minute": 1000}
    pair = [await created(api.acme, **wish) for _ in range(2)]
    clients = [speaking(api, made["token"]) for made in pair]
    calls = [
        client.call("PATCH", f"{TOKENS}/{other['id']}", json={"name": f"Round {number}"})
        for number in range(10)
        for client, other in zip(clients, reversed(pair), strict=True)
    ]
    assert {answer.status for answer in await asyncio.gather(*calls)} == {200}


async def test_a_token_works_from_its_addresses_alone(api: Api) -> None:
    elsewhere = await created(
        api.acme, allowed_cidrs=["203.0.113.0/24", "2001:db8::/32"], rate_limit_per_minute=1
    )
    for headers in ({}, {"x-forwarded-for": "203.0.113.7"}):
        answer = await speaking(api, elsewhere["token"]).get(LIST, headers=headers)
        assert (answer.status, answer.code) == (403, "ADDRESS_NOT_ALLOWED")
        assert answer.details == {"address": "127.0.0.1"}
    here = await created(api.acme, allowed_cidrs=["::1", "127.0.0.1"])
    assert (await speaking(api, here["token"]).get(LIST)).status == 200


async def test_behind_a_proxy_of_the_operators_it_is_the_address_behind_it(
    api: Api, dsn: str, simulator_url: str, database: Database
) -> None:
    elsewhere = await created(
        api.acme, scopes=["messages:read", "tokens:write"], allowed_cidrs=["203.0.113.0/24"]
    )
    settings = settings_for(simulator_url, trusted_proxies="127.0.0.0/8")
    async with served(create_app(settings, dsn)) as url:
        client = Client(api.acme.session, url, {"authorization": f"Bearer {elsewhere['token']}"})
        for forwarded, status in (("203.0.113.7", 200), ("203.0.113.7, 198.51.100.1", 403), ("x", 403)):
            answer = await client.get(LIST, headers={"x-forwarded-for": forwarded})
            assert (forwarded, answer.status) == (forwarded, status)
        wish = {"name": "Behind", "scopes": ["messages:read"]}
        answer = await client.post(TOKENS, wish, headers={"x-forwarded-for": "1.1.1.1, 203.0.113.8"})
        assert answer.data["allowed_cidrs"] == ["203.0.113.0/24"]
    (entry,) = await rows(database, "select ip_address from audit_log order by id desc limit 1")
    assert entry["ip_address"] == "203.0.113.8"


async def test_a_strangers_token_is_as_if_it_were_not(api: Api) -> None:
    made = await created(api.acme)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
        body = {"json": {"name": ""}} if method == "PATCH" else {}
        answer = await api.globex.call(method, f"{TOKENS}/{made['id']}{path}", **body)
        assert (answer.status, answer.body["error"]["message"]) == (404, "Token not found")
    assert made["id"] not in {item["id"] for item in (await api.globex.get(TOKENS)).data}
