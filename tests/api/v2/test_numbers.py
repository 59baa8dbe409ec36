"""The numbers of a tenant over the API, with Meta asked before anything is stored."""

import json
from typing import Any

import pytest

from rasl.app import create_app
from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.api.v2.codes import rows
from tests.ingest import posts
from tests.ingest.posts import Post, text
from tests.serving import Api, Client, served, settings_for

NUMBERS = "/api/v2/numbers"
TOKEN = "EAAofinitech0123456789"
SECOND, WABA = "306540352242922", "302290129340398"
WISH: dict[str, Any] = {
    "waba_id": WABA,
    "phone_number_id": SECOND,
    "access_token": TOKEN,
    "app_secret": "initech-app-secret",
    "verify_token": "a-word",
}

ORDER = {
    "phone_number_id": SECOND,
    "waba_id": WABA,
    "display_phone_number": "+1 555-078-3899",
    "verified_name": "Initech",
    "tokens": [TOKEN, "EAAanother0123456789"],
    "app_secret": WISH["app_secret"],
    "throughput": 1000,
}


@pytest.fixture
async def known(api: Api) -> None:
    """Meta knows a second number."""
    assert (await api.simulator.post("/_control/numbers", ORDER)).status == 200


async def test_what_is_not_known_is_null(api: Api) -> None:
    acme = api.world.acme
    (item,) = (await api.acme.get(NUMBERS)).data
    assert (item["phone_number_id"], item["state"], item["is_default"]) == (
        acme.phone_number_id,
        "connected",
        True,
    )
    unknown = ("verified_name", "quality_rating", "meta_status", "messaging_limit", "last_webhook_at")
    assert [item[name] for name in unknown] == [None] * 5
    assert not any(
        secret in json.dumps(item) for secret in (acme.access_token, acme.app_secret, acme.verify_token)
    )


@pytest.mark.usefixtures("known")
async def test_a_number_is_connected_chosen_and_sent_from(api: Api, database: Database) -> None:
    answer = await api.acme.post(NUMBERS, WISH)
    assert answer.status == 201, answer.body
    made = answer.data
    assert (made["display_phone_number"], made["verified_name"]) == ("+1 555-078-3899", "Initech")
    assert (made["messages_per_second"], made["is_default"], made["is_subscribed"]) == (1000, False, True)
    assert made["quality_rating"] == "GREEN"
    assert made["callback_url"].startswith("http")
    assert "phone_number_quality_update" in made["fields"]
    chosen = await api.acme.call("PATCH", f"{NUMBERS}/{SECOND}", json={"is_default": True})
    assert chosen.data["is_default"] is True
    assert [item["is_default"] for item in (await api.acme.get(NUMBERS)).data] == [False, True]
    entries = await rows(database, "select *, audit_log::text as text from audit_log order by id")
    assert [entry["action"] for entry in entries] == ["number.connected", "number.made_default"]
    assert not any(
        WISH[name] in entry["text"] for entry in entries for name in ("access_token", "app_secret")
    )


@pytest.mark.usefixtures("known")
async def test_messages_arrive_after_a_connection(api: Api, dsn: str) -> None:
    async def subscribed(path: str, token: str) -> list[Any]:
        answer = await api.simulator.get(f"/v24.0/{path}", headers={"authorization": f"Bearer {token}"})
        return list(answer.body["data"])

    await api.simulator.post("/_control/numbers", {**ORDER, "subscribed": False})
    left = (await api.acme.post(NUMBERS, {**WISH, "subscribe": False})).data
    assert (left["is_subscribed"], left["is_app_subscribed"], len(left["to_do"])) == (False, False, 2)
    assert await subscribed(f"{WABA}/subscribed_apps", TOKEN) == []
    reached = settings_for(api.settings.graph_base_url, public_url=api.base_url)
    async with served(create_app(reached, dsn)) as url:
        there = Client(api.acme.session, url, api.world.acme.headers)
        made = (await there.post(NUMBERS, {**WISH, "app_id": "77"})).data
    assert (made["is_subscribed"], made["is_app_subscribed"], made["to_do"]) == (True, True, [])
    assert len(await subscribed(f"{WABA}/subscribed_apps", TOKEN)) == 1
    [app] = await subscribed("77/subscriptions", f"77|{WISH['app_secret']}")
    assert app["callback_url"] == made["callback_url"]
    assert [field["name"] for field in app["fields"]] == made["fields"]


@pytest.mark.usefixtures("known")
async def test_what_meta_does_not_subscribe_is_told_in_its_words(
    api: Api, dsn: str, database: Database
) -> None:
    away = settings_for(api.settings.graph_base_url, public_url="http://127.0.0.1:9")
    async with served(create_app(away, dsn)) as url:
        there = Client(api.acme.session, url, api.world.acme.headers)
        answer = await there.post(NUMBERS, {**WISH, "app_id": "77"})
    assert answer.status == 201
    assert (answer.data["is_subscribed"], answer.data["is_app_subscribed"]) == (True, False)
    assert "The app 77 was not subscribed" in answer.data["to_do"][0]
    assert "(2200)" in answer.data["to_do"][0], "Meta's own code and words"
    assert "enter callback_url" in answer.data["to_do"][1]
    assert len(await rows(database, "select from whatsapp_numbers")) == 3


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"access_token": "EAAofnobody"}, "access_token", ("refuses the access token", "System users")),
        ({"phone_number_id": "999"}, "access_token", ("no number 999", "not the number itself")),
        ({"waba_id": "+1", "phone_number_id": "x"}, "phone_number_id", ("format is invalid",)),
        ({"access_token": "two words"}, "access_token", ("without blanks",)),
        ({"app_secret": None}, "app_secret", ("required",)),
    ],
)
async def test_what_is_refused_is_explained_and_not_stored(
    api: Api, database: Database, changes: dict[str, Any], field: str, says: tuple[str, ...]
) -> None:
    answer = await api.acme.post(NUMBERS, {**WISH, **changes})
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    told = " ".join(answer.details[field])
    assert all(word in told for word in says), told
    assert len(await rows(database, "select from whatsapp_numbers")) == 2
    assert await rows(database, "select from audit_log") == []


async def test_a_number_of_another_account_cannot_be_taken(api: Api) -> None:
    globex = api.world.globex
    theirs = {"phone_number_id": globex.phone_number_id, "waba_id": globex.waba_id}
    answer = await api.acme.post(NUMBERS, {**WISH, **theirs, "access_token": globex.access_token})
    assert (answer.status, answer.details.keys()) == (422, {"phone_number_id"})
    assert "globex" not in str(answer.body).lower()


async def test_meta_that_does_not_answer_is_told(api: Api, dsn: str, database: Database) -> None:
    async with served(create_app(settings_for("http://127.0.0.1:9"), dsn)) as url:
        answer = await Client(api.acme.session, url, api.world.acme.headers).post(NUMBERS, WISH)
    assert (answer.status, answer.code) == (502, "WHATSAPP_REQUEST_FAILED")
    assert "does not answer" in answer.details["problems"][0]
    assert await rows(database, "select from audit_log") == []


@pytest.mark.usefixtures("known")
async def test_an_access_token_is_changed_when_meta_takes_it(
    api: Api, database: Database, sealer: Sealer
) -> None:
    await api.acme.post(NUMBERS, WISH)
    path = f"{NUMBERS}/{SECOND}"

    async def stored() -> str:
        (row,) = await rows(
            database, "select access_token_sealed from whatsapp_numbers where phone_number_id = $1", SECOND
        )
        return sealer.unseal(row["access_token_sealed"], "access_token")

    refused = await api.acme.call("PATCH", path, json={"access_token": "EAAofnobody", "is_default": True})
    assert (refused.status, refused.details.keys()) == (422, {"access_token"})
    assert await stored() == TOKEN
    assert (await api.acme.get(path)).data["is_default"] is False
    assert (await api.acme.call("PATCH", path, json={"access_token": "EAAanother0123456789"})).status == 200
    assert await stored() == "EAAanother0123456789"
    (entry,) = await rows(database, "select after from audit_log where action = 'number.changed'")
    assert entry["after"] == {"access_token": "(hidden)"}
    wrong = await api.acme.call("PATCH", path, json={"is_default": False})
    assert (wrong.status, wrong.details.keys()) == (422, {"is_default"})


async def test_a_disconnected_number_keeps_its_history(api: Api, database: Database) -> None:
    path = f"{NUMBERS}/{api.world.acme.phone_number_id}"
    sent = (await api.acme.send("+442079460011")).data
    for _ in range(2):
        assert (await api.acme.call("DELETE", path)).status == 200
    item = (await api.acme.get(path)).data
    assert (item["state"], item["is_default"], item["disconnected_at"] is None) == (
        "disconnected",
        False,
        False,
    )
    assert (await api.acme.get(f"/api/v2/messages/{sent['chat_message_id']}")).status == 200
    changed = await api.acme.call("PATCH", path, json={"is_default": True})
    assert (changed.status, changed.details) == (409, {"state": "disconnected"})
    assert len(await rows(database, "select from audit_log")) == 1


async def test_a_strangers_number_is_as_if_it_were_not(api: Api) -> None:
    path = f"{NUMBERS}/{api.world.globex.phone_number_id}"
    for method in ("GET", "PATCH", "DELETE"):
        answer = await api.acme.call(method, path, json={"is_default": True})
        assert (answer.status, answer.body["error"]["message"]) == (404, "Number not found")
    assert (await api.globex.get(path)).data["state"] == "connected"


async def test_what_meta_tells_of_a_number_is_shown(api: Api, database: Database, sealer: Sealer) -> None:
    acme, post = api.world.acme, Post(database, sealer)
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "Hello", 5)))
    path = f"{NUMBERS}/{acme.phone_number_id}"
    assert (await api.acme.get(path)).data["last_webhook_at"] is not None
    limit = {
        "display_phone_number": "15550783881",
        "event": "ONBOARDING",
        "max_daily_conversations_per_business": "TIER_10K",
    }
    name = {"display_phone_number": "15550783881", "decision": "APPROVED", "requested_verified_name": "Acme"}
    told = (("phone_number_quality_update", limit), ("phone_number_name_update", name))
    for field, value in told:
        changes = [{"field": field, "value": value}]
        body = {"object": "whatsapp_business_account", "entry": [{"id": acme.waba_id, "changes": changes}]}
        await post.deliver(
            api.world.globex, json.dumps(body).encode()
        )  # another app speaks for nobody's number
        assert (await api.acme.get(path)).data["messaging_limit"] != "TIER_10K" or field != told[0][0]
        await post.deliver(acme, json.dumps(body).encode())
    item = (await api.acme.get(path)).data
    assert (item["messaging_limit"], item["verified_name"]) == ("TIER_10K", "Acme")
    assert (await api.globex.get(NUMBERS)).data[0]["messaging_limit"] is None
