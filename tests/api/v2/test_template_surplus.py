"""A template send with more values than the template has variables: sent, and the surplus named."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests import samples
from tests.api.v2.codes import connect_templates, payloads, rows, send_otp
from tests.api.v2.media_calls import form
from tests.api.v2.templated import BODY, ORDER, PHONE, SEND, have, send, sent, template
from tests.serving import Answer, Api

AB = {"field_1": "a", "field_2": "b"}
STRICT: dict[str, Any] = {"headers": {"prefer": "handling=strict"}}
PLAIN = [{"type": "body", "parameters": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]


def ignored(answer: Answer) -> list[str]:
    return [item["field"] for item in answer.body["meta"].get("ignored", ())]


SURPLUS: list[tuple[dict[str, Any], list[str]]] = [
    ({f"field_{n}": "x" for n in range(3, 11)}, [f"field_{n}" for n in range(3, 11)]),
    ({f"field_{n}": "" for n in range(3, 11)} | {"button_0": " ", "header_field_1": ""}, []),
    ({"button_0": "c", "header_field_1": "d"}, ["button_0", "header_field_1"]),
    ({"parameters": {"name": "x"}}, ["parameters.name"]),
    ({"header_image_url": "http://127.0.0.1:1/nowhere.png"}, ["header_image_url"]),
    ({"header_media_id": 999_999_999}, ["header_media_id"]),
    ({"header_document_name": "bill.pdf"}, ["header_document_name"]),
    ({"cards": [{"field_1": "x", "header_image_url": "http://127.0.0.1:1/x.png"}]}, ["cards"]),
    ({"limited_time_offer_expiration_ms": 1}, ["limited_time_offer_expiration_ms"]),
    ({"field_9": "@{no_such_field}"}, ["field_9"]),
    ({"flow_action_data": {"a": 1}}, ["flow_action_data"]),
]


@pytest.mark.parametrize(("more", "names"), SURPLUS, ids=[str(case[1])[:30] for case in SURPLUS])
async def test_surplus_values_are_left_out_and_named(
    api: Api, database: Database, more: dict[str, Any], names: list[str]
) -> None:
    await have(api, ORDER)
    answer = await send(api, "order_update", **AB, **more)
    assert (answer.status, ignored(answer)) == (200, names), answer.body
    assert (await sent(api))["components"] == PLAIN
    assert await rows(database, "select from media") == []
    body = {"phone": PHONE, "template_name": "order_update", "language": "en_GB", **AB, **more}
    for refused in (
        await api.acme.post(SEND, body, **STRICT),
        await api.acme.post(SEND, body | {"dry_run": True}),
    ):
        assert (refused.status == 422) is bool(names)
        if names:
            assert set(names) <= set(refused.details)


async def test_a_missing_value_stays_refused_beside_surplus_ones(api: Api, database: Database) -> None:
    await have(api, ORDER)
    answer = await send(api, "order_update", field_1="a", field_2=" ", field_7="x")
    assert answer.details == {"field_2": ["The template needs a value for {{2}} of its body"]}
    assert await rows(database, "select from messages") == []


async def test_surplus_on_cards_is_named_by_card(api: Api) -> None:
    button = {"type": "URL", "text": "Shop", "url": "https://x.test/{{1}}"}
    parts = [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "Look at {{1}} please"},
        {"type": "BUTTONS", "buttons": [button]},
    ]
    carousel = {"type": "CAROUSEL", "cards": [{"components": parts}] * 2}
    await have(api, template("shop", {"type": "BODY", "text": "Hello"}, carousel, category="MARKETING"))
    stored = await api.acme.post("/api/v2/media", data=form(samples.PNG, media_type="image"))
    values = {"header_media_id": stored.data["id"], "field_1": "this", "button_0": "a"}
    answer = await send(api, "shop", cards=[values | {"field_2": "x"}, values | {"button_1": "y"}, values])
    assert ignored(answer) == ["cards.0.field_2", "cards.1.button_1", "cards.2"]
    [component] = (await sent(api))["components"]
    assert [item["card_index"] for item in component["cards"]] == [0, 1]


async def test_surplus_of_a_fallback_is_named_under_it(api: Api) -> None:
    await have(api, ORDER)
    fallback = {"template_name": "order_update", "language": "en_GB", **AB, "field_3": "c"}
    text = {"phone": PHONE, "message": "Hi", "fallback_template": fallback}
    answer = await api.acme.post("/api/v2/messages/text", text)
    assert (answer.data["sent_as"], ignored(answer)) == ("template", ["fallback_template.field_3"])
    assert (await sent(api))["components"] == PLAIN
    refused = await api.acme.post("/api/v2/messages/text", text, **STRICT)
    assert refused.details == {"fallback_template.field_3": ["The template has 2 body fields"]}


async def test_a_key_brings_back_what_was_ignored(api: Api) -> None:
    await have(api, template("plain", BODY))
    body = {"phone": PHONE, "template_name": "plain", "language": "en_GB", **AB, "field_3": "c"}
    answers = [await api.acme.post(SEND, body, headers={"idempotency-key": "x"}) for _ in range(2)]
    assert [ignored(answer) for answer in answers] == [["field_3"]] * 2


@pytest.mark.parametrize(
    ("name", "given", "texts", "names"),
    [
        ("copy_code", ["one", 2], ["734912"], ["additional_params.0", "additional_params.1"]),
        ("with_expiry", ["one"], ["734912", "10"], ["additional_params.0"]),
        ("with_more", ["one", "two", "three"], ["734912", "10", "one", "two"], ["additional_params.2"]),
    ],
)
async def test_parameters_that_a_code_s_template_has_no_place_for(
    api: Api, name: str, given: list[Any], texts: list[str], names: list[str]
) -> None:
    await connect_templates(api)
    answer = await send_otp(api.acme, template_name=name, additional_params=given)
    assert (answer.status, ignored(answer)) == (200, names)
    [content] = await payloads(api)
    assert [item["text"] for item in content["components"][0]["parameters"]] == texts
    refused = await send_otp(api.acme, template_name=name, additional_params=given, **STRICT)
    assert (refused.status, list(refused.details)) == (422, ["additional_params"])
