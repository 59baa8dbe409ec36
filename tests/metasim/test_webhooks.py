import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from .conftest import NUMBER, SECRET, WABA, Meta, Receiver, signature

OTHER = "106540352242999"
OTHER_WABA = "102290129340399"


def answering(response: Callable[[str], web.Response]) -> Callable[[str], web.Response]:
    return response


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        (answering(web.json_response), "instead of the raw challenge"),
        (answering(lambda c: web.Response(text=f"{c}\n")), "instead of the raw challenge"),
        (answering(lambda c: web.Response(status=403, text=c)), "answered HTTP 403 instead of 200"),
        (answering(lambda c: web.Response(status=302, text=c, headers={"Location": "/"})), "HTTP 302"),
    ],
)
async def test_a_handshake_without_the_raw_challenge_is_refused(
    meta: Meta, receiver: Receiver, challenge: Callable[[str], web.Response], reason: str
) -> None:
    receiver.challenge = challenge
    order = {"phone_number_id": NUMBER, "callback_url": receiver.url, "verify_token": "verify"}
    assert reason in await meta.refused("callback", order)
    await meta.send()
    await meta.settle()
    assert receiver.posts == []


async def test_a_handshake_with_a_wrong_verify_token_is_refused(meta: Meta, receiver: Receiver) -> None:
    order = {"waba_id": WABA, "callback_url": receiver.url, "verify_token": "guess"}
    assert "HTTP 403" in await meta.refused("callback", order)


async def test_a_callback_nobody_listens_on_is_refused(meta: Meta) -> None:
    order = {"waba_id": WABA, "callback_url": "http://127.0.0.1:1/hook", "verify_token": "verify"}
    assert "could not be reached" in await meta.refused("callback", order)


async def test_a_message_climbs_the_ladder(meta: Meta, hook: Receiver) -> None:
    wamid = (await meta.send(opaque="msg_1 ÄÖ/👍")).body["messages"][0]["id"]
    assert await hook.climbed(wamid, "sent", "delivered", "read") == ["sent", "delivered", "read"]
    for status in hook.statuses(wamid):
        assert status["recipient_id"] == "16505551234"
        assert status["biz_opaque_callback_data"] == "msg_1 ÄÖ/👍"
        assert status["timestamp"].isdigit()
    sent, delivered, read = hook.statuses(wamid)
    assert sent["pricing"] == delivered["pricing"]
    assert "pricing" not in read
    assert "conversation" not in sent
    [value] = [value for value in hook.values() if sent in value["statuses"]]
    assert value["metadata"] == {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
    assert value["contacts"][0]["wa_id"] == "16505551234"
    assert hook.bodies()[0]["object"] == "whatsapp_business_account"
    assert hook.bodies()[0]["entry"][0]["id"] == WABA


async def test_every_post_is_signed_over_its_escaped_bytes(meta: Meta, hook: Receiver) -> None:
    wamid = (await meta.send(opaque="ä/👍")).body["messages"][0]["id"]
    await hook.climbed(wamid, "sent", "delivered", "read")
    for headers, body in hook.posts:
        assert body.isascii()
        assert rb'"\u00e4\/\ud83d\udc4d"' in body
        assert headers["X-Hub-Signature-256"] == signature(body)
        assert headers["X-Hub-Signature"].startswith("sha1=")
        assert headers["Content-Type"] == "application/json"


async def test_the_older_payload_has_conversations(meta: Meta, hook: Receiver) -> None:
    await meta.control("settings", {"payload_version": "v23", "status_contacts": False, "user_ids": False})
    wamid = (await meta.send()).body["messages"][0]["id"]
    await hook.climbed(wamid, "sent", "delivered", "read")
    sent, delivered, read = hook.statuses(wamid)
    assert sent["conversation"]["expiration_timestamp"].isdigit()
    assert delivered["conversation"]["id"] == sent["conversation"]["id"]
    assert "conversation" not in read
    assert "recipient_user_id" not in sent
    assert all("contacts" not in value for value in hook.values())


async def test_played_comes_only_when_asked_for(meta: Meta, hook: Receiver) -> None:
    voice: dict[str, Any] = {"type": "audio", "audio": {"link": "https://x.test/a.ogg", "voice": True}}
    silent = (await meta.send(**voice)).body["messages"][0]["id"]
    await meta.control("settings", {"played_delay": 0.03})
    heard = (await meta.send(**voice)).body["messages"][0]["id"]
    await hook.climbed(heard, "sent", "delivered", "read", "played")
    await meta.settle()
    assert hook.rungs(heard)[-1] == "played"
    assert hook.rungs(silent) == ["sent", "delivered", "read"]


async def test_a_reaction_is_only_sent(meta: Meta, hook: Receiver) -> None:
    reaction: dict[str, Any] = {
        "type": "reaction",
        "reaction": {"message_id": "wamid.HBgTEST1", "emoji": "👍"},
    }
    wamid = (await meta.send(**reaction)).body["messages"][0]["id"]
    await hook.climbed(wamid, "sent")
    await meta.settle()
    assert hook.rungs(wamid) == ["sent"]


async def test_a_refused_post_is_repeated_with_the_same_bytes(meta: Meta, hook: Receiver) -> None:
    await meta.control("settings", {"delivered_delay": None, "read_delay": None})
    hook.answers = [500, 503, 302]
    await meta.send()
    await hook.until(lambda: len(hook.posts) == 4)
    await meta.settle()
    assert len({body for _, body in hook.posts}) == 1
    assert len({headers["X-Hub-Signature-256"] for headers, _ in hook.posts}) == 1
    log = (await meta.look("deliveries"))["data"]
    assert [(entry["attempt"], entry["http"]) for entry in log] == [(1, 500), (2, 503), (3, 302), (4, 200)]


async def test_it_gives_up_after_the_last_attempt(meta: Meta, hook: Receiver) -> None:
    await meta.control("settings", {"delivered_delay": None, "read_delay": None, "webhook_max_attempts": 2})
    hook.answers = [500] * 5
    await meta.send()
    await hook.until(lambda: len(hook.posts) == 2)
    await meta.settle()
    assert len(hook.posts) == 2
    assert (await meta.look("health"))["webhooks"]["dropped_updates"] == 1


async def test_what_is_due_while_busy_travels_together(meta: Meta, hook: Receiver) -> None:
    await meta.control(
        "settings",
        {"webhook_concurrency": 1, "webhook_batch": 7, "delivered_delay": None, "read_delay": None},
    )
    wamids = [
        answered.body["messages"][0]["id"]
        for answered in await asyncio.gather(*[meta.send() for _ in range(40)])
    ]
    await hook.until(lambda: len(hook.statuses()) == 40)
    assert {status["id"] for status in hook.statuses()} == set(wamids)
    sizes = [len(value["statuses"]) for value in hook.values()]
    assert max(sizes) <= 7
    assert len(hook.posts) < 40


async def test_overrides_go_from_number_to_account_to_app(meta: Meta, hook: Receiver) -> None:
    await meta.control("numbers", {"phone_number_id": OTHER, "waba_id": OTHER_WABA})
    value = {"messaging_product": "whatsapp"}
    app = {"callback_url": hook.url + "?at=app", "verify_token": "verify", "app_secret": "the app's"}
    await meta.control("callback", app)
    number = {**app, "callback_url": hook.url + "?at=number", "phone_number_id": NUMBER}
    await meta.control("callback", number)
    for order, at in (
        ({"phone_number_id": NUMBER}, "?at=number"),
        ({"waba_id": WABA}, ""),
        ({"phone_number_id": OTHER}, "?at=app"),
    ):
        assert (await meta.control("webhook", {**order, "value": value}))["url"] == hook.url + at


async def test_an_override_is_set_through_graph(meta: Meta, receiver: Receiver) -> None:
    wrong = {"override_callback_uri": receiver.url, "verify_token": "guess"}
    right = {**wrong, "verify_token": "verify"}
    assert (await meta.graph("POST", f"{WABA}/subscribed_apps", json=wrong)).body["error"]["code"] == 2200
    assert (await meta.graph("POST", f"{WABA}/subscribed_apps", json=right)).body == {"success": True}
    listed = (await meta.graph("GET", f"{WABA}/subscribed_apps")).body["data"]
    assert listed[0]["override_callback_uri"] == receiver.url
    number = {"webhook_configuration": right}
    assert (await meta.graph("POST", NUMBER, json=number)).body == {"success": True}
    shown = (await meta.graph("GET", f"{NUMBER}?fields=webhook_configuration")).body["webhook_configuration"]
    assert shown == {"whatsapp_business_account": receiver.url, "phone_number": receiver.url}


async def test_nothing_arrives_without_a_subscription(meta: Meta, hook: Receiver) -> None:
    assert (await meta.graph("DELETE", f"{WABA}/subscribed_apps")).body == {"success": True}
    assert (await meta.graph("GET", f"{WABA}/subscribed_apps")).body == {"data": []}
    await meta.send()
    await meta.settle()
    assert hook.posts == []
    await meta.graph("POST", f"{WABA}/subscribed_apps")
    wamid = (await meta.send()).body["messages"][0]["id"]
    await hook.climbed(wamid, "sent", "delivered", "read")


async def test_statuses_are_emitted_as_ordered(meta: Meta, hook: Receiver) -> None:
    await meta.control("settings", {"sent_delay": None, "delivered_delay": None, "read_delay": None})
    wamid = (await meta.send(opaque="mine")).body["messages"][0]["id"]
    order = [
        {"id": wamid, "status": "read"},
        {"id": wamid, "status": "sent", "repeat": 2},
        {"id": wamid, "status": "failed", "code": 131049, "omit": ["biz_opaque_callback_data"]},
        {
            "id": "wamid.HBgSTRANGE",
            "status": "delivered",
            "phone_number_id": NUMBER,
            "extra": {"type": "payment"},
        },
    ]
    done = await meta.control("statuses", {"statuses": order})
    assert done == {"deliveries": [{"url": hook.url, "updates": 5, "ok": True, "http": 200, "error": None}]}
    assert hook.rungs(wamid) == ["read", "sent", "sent", "failed"]
    failed = hook.statuses(wamid)[-1]
    assert "biz_opaque_callback_data" not in failed
    assert failed["errors"][0]["code"] == 131049
    assert hook.statuses(wamid)[0]["biz_opaque_callback_data"] == "mine"
    assert hook.statuses("wamid.HBgSTRANGE")[0]["type"] == "payment"


async def test_statuses_of_many_numbers_travel_in_one_post(meta: Meta, hook: Receiver) -> None:
    await meta.control("numbers", {"phone_number_id": OTHER, "waba_id": OTHER_WABA})
    same = {"callback_url": hook.url, "verify_token": "verify", "app_secret": SECRET, "waba_id": OTHER_WABA}
    await meta.control("callback", same)
    order = [
        {"id": f"wamid.{n}", "status": "sent", "phone_number_id": NUMBER if n % 2 else OTHER}
        for n in range(1000)
    ]
    await meta.control("statuses", {"statuses": order})
    [body] = hook.bodies()
    assert {entry["id"] for entry in body["entry"]} == {WABA, OTHER_WABA}
    assert {value["metadata"]["phone_number_id"] for value in hook.values()} == {NUMBER, OTHER}
    assert len(hook.statuses()) == 1000


async def test_one_post_per_status_when_asked(meta: Meta, hook: Receiver) -> None:
    order = [{"id": "wamid.1", "status": "sent", "phone_number_id": NUMBER}] * 3
    await meta.control("statuses", {"statuses": order, "batch": False})
    assert len(hook.posts) == 3


SIGNING: list[tuple[dict[str, Any], str | None]] = [
    ({}, SECRET),
    ({"sign": "wrong"}, "not the app secret"),
    ({"sign": "none"}, None),
    ({"secret": "another"}, "another"),
]


@pytest.mark.parametrize(("order", "secret"), SIGNING)
async def test_a_raw_webhook_is_signed_as_asked(
    meta: Meta, hook: Receiver, order: dict[str, Any], secret: str | None
) -> None:
    await meta.control("webhook", {"phone_number_id": NUMBER, "value": {"x": 1}, **order})
    [(headers, body)] = hook.posts
    assert headers.get("X-Hub-Signature-256") == (signature(body, secret) if secret else None)


async def test_a_raw_webhook_carries_anything(meta: Meta, hook: Receiver) -> None:
    changes = [
        {"field": "account_update", "value": {"event": "DISABLED_UPDATE"}},
        {"field": "unheard_of", "value": [1], "waba_id": "5"},
    ]
    await meta.control("webhook", {"waba_id": WABA, "changes": changes})
    await meta.control("webhook", {"waba_id": WABA, "raw": "{not json"})
    await meta.control("webhook", {"waba_id": WABA, "body": {"object": "page"}})
    first, *_ = hook.posts
    assert b'"time":' in first[1]
    assert [body for _, body in hook.posts[1:]] == [b"{not json", b'{"object":"page"}']


async def test_the_result_of_a_webhook_is_reported(meta: Meta, hook: Receiver) -> None:
    hook.answers = [401]
    done = await meta.control("webhook", {"phone_number_id": NUMBER, "value": {}})
    assert (done["ok"], done["http"]) == (False, 401)
    await meta.settle()
    assert len(hook.posts) == 1
