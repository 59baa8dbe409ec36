"""Sending a template where the service window is closed to what was to be sent."""

from rasl.db.pool import Database
from tests.api.v2.codes import rows
from tests.api.v2.templated import ORDER, PHONE, have, sent
from tests.serving import Api

FALLBACK = {
    "template_name": "order_update",
    "language": "en_GB",
    "field_1": "@{contact_phone}",
    "field_2": "7",
}


async def test_a_fallback_goes_out_where_the_window_is_closed(api: Api, database: Database) -> None:
    await have(api, ORDER)
    text = {"phone": PHONE, "message": "Hi", "fallback_template": FALLBACK}
    answer = await api.acme.post("/api/v2/messages/text", text)
    assert answer.status == 200
    assert (answer.data["sent_as"], answer.data["message"], answer.data["template_name"]) == (
        "template",
        "Hi",
        "order_update",
    )
    assert (await sent(api))["components"][0]["parameters"][0]["text"] == "+442079460011"
    [row] = await rows(database, "select type, text from messages")
    assert row["type"] == "template"
    await rows(database, "update conversations set window_expires_at = now() + interval '1 hour'")
    answer = await api.acme.post("/api/v2/messages/text", text)
    assert (answer.data["sent_as"], answer.data["message"]) == ("text", "Hi")


async def test_a_wrong_fallback_is_named_before_anything_is_sent(api: Api, database: Database) -> None:
    await have(api, ORDER)
    fallback = {key: FALLBACK[key] for key in ("template_name", "language", "field_1")}
    answer = await api.acme.post(
        "/api/v2/messages/text", {"phone": PHONE, "message": "Hi", "fallback_template": fallback}
    )
    assert list(answer.details) == ["fallback_template.field_2"]
    assert await rows(database, "select from messages") == []


async def test_with_the_fallback_policy_a_text_without_one_is_refused_outside_the_window(
    api: Api, database: Database
) -> None:
    await rows(database, "update tenants set window_policy = 'fallback_template'")
    await have(api, ORDER)
    assert (await api.acme.send(PHONE)).code == "SERVICE_WINDOW_CLOSED"
    text = {"phone": PHONE, "message": "Hi", "fallback_template": FALLBACK}
    assert (await api.acme.post("/api/v2/messages/text", text)).data["sent_as"] == "template"


async def test_a_replayed_fallback_says_the_same(api: Api) -> None:
    await have(api, ORDER)
    text = {"phone": PHONE, "message": "Hi", "fallback_template": FALLBACK}
    headers = {"idempotency-key": "k1"}
    first = await api.acme.post("/api/v2/messages/text", text, headers=headers)
    again = await api.acme.post("/api/v2/messages/text", text, headers=headers)
    assert again.data == first.data
