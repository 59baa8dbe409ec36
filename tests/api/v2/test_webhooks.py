"""Webhooks as tenants look after them."""

import asyncio
from typing import Any

import pytest

from rasl.app import create_app
from rasl.db.pool import Database
from rasl.domain.events.catalogue import CATALOGUE, CONTRACT
from tests.api.v2.codes import rows
from tests.receiving import INACTIVE, receiving
from tests.serving import Api, Client, served, settings_for

WEBHOOKS = "/api/v2/webhooks"
URL = "https://example.com/hook"


async def created(client: Client, **wish: Any) -> dict[str, Any]:
    answer = await client.post(WEBHOOKS, {"url": URL, **wish})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.data
    return made


async def test_a_webhook_is_made_its_secret_shown_once_and_kept_sealed(api: Api, database: Database) -> None:
    wish = {
        "events": ["contact.*", "message.received"],
        "format": "default",
        "description": "Our CRM",
        "headers": {"X-Team": "crm", "Authorization": "Bearer letmein"},
        "is_ordered": True,
        "max_per_second": 20,
    }
    made = await created(api.acme, **wish)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert {name: made[name] for name in wish} == wish | {
        "headers": {"X-Team": "crm", "Authorization": "(hidden)"}
    }
    assert made["is_active"] is True
    assert (await api.acme.get(f"{WEBHOOKS}/{made['id']}")).data == made
    assert (await api.acme.get(WEBHOOKS)).data == [made]
    stored = await rows(
        database, "select w::text as text from webhook_endpoints w union all select a::text from audit_log a"
    )
    assert len(stored) == 2
    assert not any(text in row["text"] for row in stored for text in (secret, "letmein"))


async def test_what_is_left_out_is_the_contracts(api: Api) -> None:
    made = await created(api.acme)
    assert (made["events"], made["format"]) == ([*CONTRACT], "n8n")
    await api.acme.call("PATCH", "/api/v2/settings", json={"webhook_format": "default"})
    assert (await created(api.acme))["format"] == "default"


async def test_a_repeated_request_brings_everything_back_but_the_secret(api: Api) -> None:
    key = {"idempotency-key": "once"}
    first = (await api.acme.post(WEBHOOKS, {"url": URL}, headers=key)).data
    again = (await api.acme.post(WEBHOOKS, {"url": URL}, headers=key)).data
    assert again == {name: value for name, value in first.items() if name != "secret"}


async def test_it_names_every_wrong_field_at_once(api: Api, shared_dsn: str) -> None:
    settings = settings_for(api.settings.graph_base_url, allow_private_urls=False)
    async with served(create_app(settings, shared_dsn)) as url:
        strict = Client(api.acme.session, url, api.world.acme.headers)
        answer = await strict.post(
            WEBHOOKS,
            {
                "url": "http://127.0.0.1/",
                "events": ["contact.create", "nonsense"],
                "format": "xml",
                "headers": {"Host": "x", "X-A": "a\r\nb"},
                "max_per_second": 0,
                "is_ordered": "perhaps",
            },
        )
    assert answer.status == 422
    assert answer.details.keys() == {
        "url", "events.0", "events.1", "format", "headers.Host", "headers.X-A", "max_per_second", "is_ordered",
    }  # fmt: skip
    assert 'did you mean "contact.created"?' in answer.details["events.0"][0]


async def test_a_change_leaves_the_rest_and_hidden_headers_as_they_were(api: Api, database: Database) -> None:
    made = await created(api.acme, headers={"Authorization": "Bearer x"}, description="Old")
    path = f"{WEBHOOKS}/{made['id']}"
    changed = await api.acme.call(
        "PATCH", path, json={"headers": {"Authorization": "(hidden)", "X-New": "1"}, "description": None}
    )
    assert changed.data["headers"] == {"Authorization": "(hidden)", "X-New": "1"}
    assert (changed.data["description"], changed.data["url"]) == (None, URL)
    paused = (await api.acme.call("PATCH", path, json={"is_active": False})).data
    assert (paused["is_active"], paused["paused_at"] is None) == (False, False)
    back = (await api.acme.call("PATCH", path, json={"is_active": True})).data
    assert (back["is_active"], back["paused_at"]) == (True, None)
    assert (await api.acme.call("PATCH", path, json={})).data == back
    told = await rows(database, "select action, before, after from audit_log order by id")
    assert [row["action"] for row in told] == ["webhook.created", *["webhook.changed"] * 3]
    assert told[1]["after"] == {"description": None, "headers": ["Authorization", "X-New"]}


async def test_what_all_webhooks_want_together_stands_at_the_tenant(api: Api, database: Database) -> None:
    async def wanted() -> list[str]:
        sql = "select webhook_events from tenants where id = $1"
        async with database.connection() as db:
            found: list[str] = await db.fetchval(sql, api.world.acme.tenant_id)
        return found

    made = await asyncio.gather(
        *(created(api.acme, events=[f"{noun}.*", "*"]) for noun in ("contact", "message", "otp"))
    )
    assert await wanted() == ["*", "contact.*", "message.*", "otp.*"]
    await api.acme.call("PATCH", f"{WEBHOOKS}/{made[0]['id']}", json={"events": ["source.created"]})
    assert await wanted() == ["*", "message.*", "otp.*", "source.created"]
    await asyncio.gather(*(api.acme.call("DELETE", f"{WEBHOOKS}/{it['id']}") for it in made))
    assert await wanted() == []


async def test_there_are_never_more_than_the_limit(api: Api) -> None:
    most = api.settings.webhook_endpoints
    answers = await asyncio.gather(*(api.acme.post(WEBHOOKS, {"url": URL}) for _ in range(most + 5)))
    assert sorted(it.status for it in answers) == [201] * most + [403] * 5
    refused = next(it for it in answers if it.status == 403)
    assert (refused.code, refused.details["maximum"]) == ("FEATURE_LIMIT_EXCEEDED", most)
    assert (await api.globex.post(WEBHOOKS, {"url": URL})).status == 201


async def test_a_deleted_one_is_gone(api: Api) -> None:
    made = await created(api.acme)
    path = f"{WEBHOOKS}/{made['id']}"
    assert (await api.acme.call("DELETE", path)).status == 200
    for method, below in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/deliveries"),
        ("POST", "/replay"),
        ("POST", "/test"),
    ):
        assert (await api.acme.call(method, path + below, json={})).status == 404
    assert (await api.acme.get(WEBHOOKS)).data == []


async def test_trying_one_says_what_came_back(api: Api) -> None:
    async with receiving() as receiver:
        made = await created(api.acme, url=f"{receiver.url}/hook", is_active=False)
        path = f"{WEBHOOKS}/{made['id']}/test"
        tried = (await api.acme.post(path, {"event": "message.received"})).data
        assert (tried["is_taken"], tried["status"], tried["response"], tried["error"]) == (
            True,
            200,
            "ok",
            None,
        )
        assert receiver.got[-1].json["event"]["id"] == tried["event_id"]
        assert receiver.got[-1].headers["x-webhook-test"] == "true"
        receiver.always["/hook"] = 404
        tried = (await api.acme.post(path, {})).data
        assert (tried["is_taken"], tried["status"], tried["response"]) == (False, 404, INACTIVE)
        assert (await api.acme.post(path, {"event": "contact.*"})).details.keys() == {"event"}
        assert (await api.acme.post(path, {"event": "nonsense"})).details.keys() == {"event"}
    nobody = (await api.acme.post(path, {})).data
    assert (nobody["status"], nobody["is_taken"]) == (None, False)
    assert "nothing listens" in nobody["error"]


async def test_the_catalogue_is_listed_with_a_sample_in_every_format(api: Api) -> None:
    listed = (await api.acme.get(f"{WEBHOOKS}/events")).data
    assert [it["type"] for it in listed] == [*CATALOGUE]
    assert all(it["samples"].keys() == {"n8n", "default", "meta"} for it in listed)
    assert listed[0]["samples"]["n8n"]["event"]["type"] == listed[0]["type"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "pending"}, "state"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2999-01-01T00:00:00Z"}, "since"),
    ],
)
async def test_a_replay_that_cannot_be_meant_is_refused(api: Api, body: dict[str, str], field: str) -> None:
    made = await created(api.acme)
    answer = await api.acme.post(f"{WEBHOOKS}/{made['id']}/replay", body)
    assert (answer.status, [*answer.details]) == (422, [field])
