"""POST /messages/template, through the door the client uses, before the simulator's own validation."""

import json
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.templated import BODY, ORDER, PHONE, SEND, have, register, send, sent, template
from tests.serving import Api, graph_requests

OTP_BODY = {"type": "BODY", "text": "*{{1}}* is your verification code.", "add_security_recommendation": True}
OTP_BUTTON = {"type": "URL", "text": "Copy code", "url": "https://www.whatsapp.com/otp/code/?code=otp{{1}}"}
LOGIN = template("login", OTP_BODY, {"type": "BUTTONS", "buttons": [OTP_BUTTON]}, category="AUTHENTICATION")


def buttons(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(items)}


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    async with database.connection() as db:
        return list(await db.fetch(sql, *values))


async def test_it_binds_the_stored_definition_and_answers_as_the_contract_says(
    api: Api, database: Database
) -> None:
    await have(api, ORDER)
    answer = await send(api, "order_update", field_1="Ana", field_2="#A-1044")
    assert answer.status == 200
    data = answer.data
    assert (data["template_name"], data["language"], data["status"], data["phone"]) == (
        "order_update",
        "en_GB",
        "sent",
        "442079460011",
    )
    parameters = [{"type": "text", "text": "Ana"}, {"type": "text", "text": "#A-1044"}]
    assert await sent(api) == {
        "name": "order_update",
        "language": {"code": "en_GB"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    [row] = await rows(database, "select * from messages")
    assert (row["type"], row["text"]) == ("template", "Hi Ana, order #A-1044 is on its way")
    [version] = await rows(database, "select * from template_versions")
    assert row["content"]["version_id"] == version["id"]


KINDS: list[tuple[str, list[dict[str, Any]], dict[str, Any], dict[str, Any]]] = [
    ("nothing", [{"type": "BODY", "text": "We are open."}], {}, {}),
    (
        "named",
        [{"type": "BODY", "text": "Hi {{first_name}}, order {{order}} is here"}],
        {"parameters": {"order": "7"}, "field_1": "Ana"},
        {"parameter_format": "NAMED"},
    ),
    (
        "text_header",
        [{"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, BODY],
        {"header_field_1": "7", "field_1": "Ana", "field_2": "7"},
        {},
    ),
    (
        "place",
        [{"type": "HEADER", "format": "LOCATION"}, BODY],
        {"header_location": {"latitude": 51.5, "longitude": -0.1}, "field_1": "Ana", "field_2": "7"},
        {},
    ),
    (
        "product",
        [{"type": "HEADER", "format": "PRODUCT"}, {"type": "BODY", "text": "Look"}],
        {"header_product": {"product_retailer_id": "p1", "catalog_id": "9"}},
        {},
    ),
    (
        "links",
        [
            {"type": "BODY", "text": "Track it"},
            buttons(
                {"type": "QUICK_REPLY", "text": "Thanks"},
                {"type": "URL", "text": "Shop", "url": "https://x.test/"},
                {"type": "URL", "text": "Track", "url": "https://x.test/{{1}}"},
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550783881"},
            ),
        ],
        {"button_0": "thanks", "button_2": "A-1044"},
        {},
    ),
    (
        "offer",
        [
            {
                "type": "LIMITED_TIME_OFFER",
                "limited_time_offer": {"text": "Ends soon", "has_expiration": True},
            },
            {"type": "BODY", "text": "A quarter off"},
            buttons(
                {"type": "COPY_CODE", "example": "25OFF"},
                {"type": "URL", "text": "Go", "url": "https://x.test/{{1}}"},
            ),
        ],
        {
            "button_0": "25OFF",
            "button_1": "a",
            "limited_time_offer_expiration_ms": "2099-01-01T00:00:00+00:00",
        },
        {"category": "MARKETING"},
    ),
    (
        "flow",
        [{"type": "BODY", "text": "Sign up"}, buttons({"type": "FLOW", "text": "Open", "flow_id": "1"})],
        {"flow_action_data": {"name": "Ana"}},
        {},
    ),
    (
        "catalog",
        [{"type": "BODY", "text": "Our things"}, buttons({"type": "CATALOG", "text": "View catalog"})],
        {"button_0": "p1"},
        {"category": "MARKETING"},
    ),
    (
        "several_products",
        [{"type": "BODY", "text": "Our things"}, buttons({"type": "MPM", "text": "View items"})],
        {"button_0": "p1", "product_sections": [{"title": "New", "product_retailer_ids": ["p1", "p2"]}]},
        {"category": "MARKETING"},
    ),
]


@pytest.mark.parametrize(("name", "components", "fields", "extra"), KINDS, ids=[kind[0] for kind in KINDS])
async def test_what_is_bound_fits_the_template_for_every_kind(
    api: Api,
    name: str,
    components: list[dict[str, Any]],
    fields: dict[str, Any],
    extra: dict[str, Any],
) -> None:
    await have(api, template(name, *components, **extra))
    answer = await send(api, name, **fields)
    assert (answer.status, answer.body.get("error")) == (200, None)
    assert answer.data["status"] == "sent"


async def test_a_button_that_stands_late_is_named_by_its_place(api: Api) -> None:
    await have(api, template(*KINDS[5][0:1], *KINDS[5][1]))
    await send(api, "links", button_2="A-1044")
    assert (await sent(api))["components"] == [
        {
            "type": "button",
            "sub_type": "url",
            "index": "2",
            "parameters": [{"type": "text", "text": "A-1044"}],
        }
    ]


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        (
            {},
            {
                "field_1": ["The template needs a value for {{1}} of its body"],
                "field_2": ["The template needs a value for {{2}} of its body"],
            },
        ),
        ({"field_1": "", "field_2": "b"}, {"field_1": ["The template needs a value for {{1}} of its body"]}),
        (
            {"field_1": "a\nb", "field_2": "b"},
            {"field_1": ["WhatsApp takes no line breaks, tabs or more than 4 spaces in a row in a value"]},
        ),
        (
            {"field_1": "a", "field_2": "b", "auto_generate_otp": True},
            {"auto_generate_otp": ["Only AUTHENTICATION templates carry a code"]},
        ),
    ],
)
async def test_every_missing_or_wrong_field_is_named_and_nothing_is_sent(
    api: Api, database: Database, fields: dict[str, Any], details: dict[str, list[str]]
) -> None:
    await have(api, ORDER)
    answer = await send(api, "order_update", **fields)
    assert (answer.status, answer.code, answer.details) == (422, "VALIDATION_ERROR", details)
    assert await rows(database, "select from messages union all select from contacts") == []


async def test_a_template_or_language_that_is_not_there_is_not_found(api: Api) -> None:
    await have(api, ORDER)
    answer = await send(api, "other")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    answer = await send(api, "order_update", language="de")
    assert (answer.status, answer.details) == (404, {"languages": ["en_GB"]})


async def test_a_language_may_be_written_with_a_hyphen(api: Api) -> None:
    await have(api, ORDER)
    answer = await send(api, "order_update", language="en-GB", field_1="a", field_2="b")
    assert answer.data["language"] == "en_GB"


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "PAUSED", "DISABLED", "SOMETHING_NEW"])
async def test_only_an_approved_template_is_sent(api: Api, status: str) -> None:
    await have(api, {**ORDER, "status": status, "rejected_reason": "INVALID_FORMAT"})
    answer = await send(api, "order_update", field_1="a", field_2="b")
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    [text] = answer.details["template_name"]
    assert status in text
    assert "INVALID_FORMAT" in text


async def test_another_tenants_template_is_missing(api: Api) -> None:
    await have(api, ORDER)
    body = {"phone": PHONE, "template_name": "order_update", "language": "en_GB"}
    answer = await api.globex.post(SEND, body | {"field_1": "a", "field_2": "b"})
    assert (answer.status, answer.details) == (404, {})


async def test_merge_fields_are_filled_and_measured_afterwards(api: Api, database: Database) -> None:
    await have(api, ORDER)
    await api.acme.send(PHONE)
    await rows(database, "update contacts set firstname = 'Priya'")
    answer = await send(api, "order_update", field_1="@{contact_first_name}", field_2="7")
    assert answer.status == 200
    assert (await sent(api))["components"][0]["parameters"][0]["text"] == "Priya"
    answer = await send(api, "order_update", field_1="@{contact_email}", field_2="7")
    assert answer.details == {"field_1": ["The value is empty after merging"]}
    await rows(database, "update contacts set firstname = repeat('x', 1025)")
    answer = await send(api, "order_update", field_1="@{contact_first_name}", field_2="7")
    assert "1024" in answer.details["field_1"][0]


async def test_the_service_window_does_not_hold_templates_back(api: Api, database: Database) -> None:
    await rows(database, "update tenants set window_policy = 'reject'")
    await have(api, ORDER)
    assert (await send(api, "order_update", field_1="a", field_2="b")).status == 200


async def test_an_authentication_template_gets_its_code_in_body_and_button(api: Api) -> None:
    await have(api, LOGIN)
    assert (await send(api, "login", field_1="123456")).status == 200
    code = [{"type": "text", "text": "123456"}]
    assert (await sent(api))["components"] == [
        {"type": "body", "parameters": code},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": code},
    ]


async def test_the_server_makes_a_code_of_six_digits(api: Api) -> None:
    await have(api, LOGIN)
    answer = await send(api, "login", auto_generate_otp=True)
    [code] = (await sent(api))["components"][0]["parameters"]
    assert len(code["text"]) == 6
    assert code["text"].isdecimal()
    assert code["text"] not in json.dumps(answer.body["data"]).replace(answer.data["message_id"], "")


async def test_a_code_of_a_template_is_verified_and_counted_like_any_other(
    api: Api, database: Database
) -> None:
    await have(api, LOGIN)
    answer = await send(api, "login", auto_generate_otp=True)
    [code] = (await sent(api))["components"][0]["parameters"]
    entered = {"phone": PHONE, "code": code["text"]}
    assert (await api.globex.post("/api/v2/auth/verify", entered)).status == 422
    assert (await api.acme.post("/api/v2/auth/verify", entered)).status == 200
    by_contact = {"contact_id": answer.data["contact_id"], "template_name": "login", "language": "en_GB"}
    for _ in range(9):
        assert (await api.acme.post(SEND, {**by_contact, "auto_generate_otp": True})).status == 200
    refused = await send(api, "login", auto_generate_otp=True)
    assert (refused.status, refused.code, refused.details["reason"]) == (
        403,
        "OTP_BLOCKED",
        "phone_budget_per_hour",
    )
    assert len(await rows(database, "select 1 from messages")) == 10


async def test_a_code_cannot_stand_in_for_a_message(api: Api) -> None:
    await have(api, LOGIN)
    fallback = {"template_name": "login", "language": "en_GB", "auto_generate_otp": True}
    answer = await api.acme.post(
        "/api/v2/messages/text", {"phone": PHONE, "message": "Hi", "fallback_template": fallback}
    )
    assert (answer.status, list(answer.details)) == (422, ["fallback_template.template_name"])


async def test_a_code_is_nowhere_stored_in_the_clear(api: Api, database: Database) -> None:
    await have(api, LOGIN)
    await send(api, "login", field_1="918273")
    [row] = await rows(database, "select m::text as everything, text from messages m")
    assert row["text"] == "*" * 8 + " is your verification code."
    assert "918273" not in row["everything"]


async def test_a_queued_code_is_opened_when_its_turn_comes(api: Api, database: Database) -> None:
    await have(api, LOGIN)
    answer = await api.acme.post(
        SEND,
        {"phone": PHONE, "template_name": "login", "language": "en_GB", "field_1": "918273"},
        headers={"prefer": "respond-async"},
    )
    assert answer.status == 202
    [row] = await rows(database, "select everything from (select m::text as everything from messages m) x")
    assert "918273" not in row["everything"]


@pytest.mark.parametrize(
    ("code", "is_right"), [("1" * 15, True), ("1" * 16, False), ("12 34", False), ("@{contact_email}", False)]
)
async def test_a_code_has_at_most_15_visible_characters(api: Api, code: str, *, is_right: bool) -> None:
    await have(api, LOGIN)
    answer = await send(api, "login", field_1=code)
    assert (answer.status == 200) is is_right
    assert is_right or list(answer.details) == ["field_1"]


async def test_a_dry_run_shows_the_components_and_sends_nothing(api: Api) -> None:
    await have(api, ORDER)
    before = len(await graph_requests(api))
    answer = await send(api, "order_update", field_1="a", field_2="b", dry_run=True)
    assert answer.data["payload"]["template"]["name"] == "order_update"
    assert len(await graph_requests(api)) == before


async def test_a_pause_at_meta_stops_sends_as_soon_as_it_is_known(api: Api) -> None:
    await have(api, ORDER)
    await send(api, "order_update", field_1="a", field_2="b")
    await register(api, {**ORDER, "status": "PAUSED"})
    answer = await api.acme.post("/api/v2/templates/sync")
    assert answer.data["updated"] == 1
