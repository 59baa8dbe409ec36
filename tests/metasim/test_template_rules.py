from typing import Any

import pytest

from .conftest import WABA, Answered, Meta

TEXT = "Hello there, this is all we have to say today."
BODY: dict[str, Any] = {"type": "BODY", "text": TEXT}
MARKETING = {"category": "MARKETING"}


def parts(*components: Any, **more: Any) -> dict[str, Any]:
    return {"components": list(components), **more}


def body(text: str, *examples: str) -> dict[str, Any]:
    return {"type": "BODY", "text": text, "example": {"body_text": [list(examples)]}}


def header(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "HEADER", "format": "TEXT", "text": text, **more}


def buttons(*given: Any) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(given)}


def reply(text: str) -> dict[str, Any]:
    return {"type": "QUICK_REPLY", "text": text}


def url(address: str = "https://x.test", **more: Any) -> dict[str, Any]:
    return {"type": "URL", "text": "Go", "url": address, **more}


def card(*more: Any) -> dict[str, Any]:
    media = {"type": "HEADER", "format": "PRODUCT"}
    return {"components": [media, BODY, buttons(reply("Yes")), *more]}


def otp(**more: Any) -> dict[str, Any]:
    button = {"type": "OTP", "otp_type": "COPY_CODE", **more}
    return parts({"type": "BODY"}, buttons(button), category="AUTHENTICATION")


CALL = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550001111"}
CODE = {"type": "COPY_CODE", "example": "25OFF"}
OFFER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Soon!", "has_expiration": True}}

REFUSED: dict[str, tuple[dict[str, Any], int | None]] = {
    "no body": (parts(header("Hi")), 2388043),
    "long body": (parts(body("x" * 1025)), 2388040),
    "long header": (parts(header("x" * 61), BODY), 2388040),
    "long footer": (parts(BODY, {"type": "FOOTER", "text": "x" * 61}), 2388040),
    "footer with a variable": (parts(BODY, {"type": "FOOTER", "text": "Hi {{1}}"}), 2388073),
    "header with two variables": (parts(header("{{1}} {{2}}"), BODY), 2388047),
    "header with formatting": (parts(header("*Hi*"), BODY), 2388047),
    "header without example": (parts(header("Hi {{1}}"), BODY), 2388043),
    "unknown handle": (
        parts({"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::x"]}}, BODY),
        None,
    ),
    "no example": (parts({"type": "BODY", "text": "Hello dear {{1}}, how are you today?"}), 2388043),
    "too few examples": (parts(body("Hello {{1}} and {{2}}, how are you all today?", "a")), 2388043),
    "gap in the numbers": (parts(body("Hello dear {{2}}, how are you today?", "a")), 2388072),
    "name among numbers": (parts(body("Hello dear {{name}}, how are you today?", "a")), 2388072),
    "adjacent variables": (parts(body("Hello {{1}}{{2}} to all of you and yours.", "a", "b")), 2388072),
    "variable at the start": (parts(body("{{1}}, how are you all today?", "a")), 2388299),
    "variable at the end": (parts(body("How are you all today, {{1}}!", "a")), 2388299),
    "too many variables": (parts(body("Hi {{1}} and {{2}} there", "a", "b")), 2388293),
    "same body and footer": (parts(BODY, {"type": "FOOTER", "text": TEXT}), None),
    "two bodies": (parts(BODY, BODY), None),
    "unknown component": (parts({"type": "HEAD"}, BODY), None),
    "eleven buttons": (parts(BODY, buttons(*[reply(str(n)) for n in range(11)])), None),
    "three links": (parts(BODY, buttons(url(), url(), url())), None),
    "two numbers to call": (parts(BODY, buttons(CALL, CALL)), None),
    "scattered replies": (parts(BODY, buttons(reply("a"), url(), reply("b"))), None),
    "same reply twice": (parts(BODY, buttons(reply("a"), reply("a"))), None),
    "long button": (parts(BODY, buttons(reply("x" * 26))), 2388040),
    "variable inside a link": (parts(BODY, buttons(url("https://x.test/{{1}}/y", example=["x"]))), None),
    "link without example": (parts(BODY, buttons(url("https://x.test/{{1}}"))), None),
    "long code": (parts(BODY, buttons({"type": "COPY_CODE", "example": "x" * 21})), 2388040),
    "flow without id": (parts(BODY, buttons({"type": "FLOW", "text": "Go"})), None),
    "otp elsewhere": (parts(BODY, buttons({"type": "OTP", "otp_type": "COPY_CODE"})), None),
    "offer in utility": (parts(OFFER, BODY, buttons(CODE)), None),
    "offer with footer": (parts(OFFER, BODY, {"type": "FOOTER", "text": "x"}, **MARKETING), None),
    "long offer": (
        parts({**OFFER, "limited_time_offer": {"text": "x" * 17}}, BODY, **MARKETING),
        2388040,
    ),
    "long body with an offer": (parts(OFFER, body("x" * 601), **MARKETING), 2388040),
    "one card": (parts(BODY, {"type": "CAROUSEL", "cards": [card()]}, **MARKETING), None),
    "different cards": (
        parts(BODY, {"type": "CAROUSEL", "cards": [card(), {"components": [BODY]}]}, **MARKETING),
        None,
    ),
    "footer in a card": (
        parts(
            BODY, {"type": "CAROUSEL", "cards": [card(), card({"type": "FOOTER", "text": "x"})]}, **MARKETING
        ),
        None,
    ),
    "carousel in utility": (parts(BODY, {"type": "CAROUSEL", "cards": [card(), card()]}), None),
    "text in an authentication": (parts(BODY, buttons({"type": "OTP"}), category="AUTHENTICATION"), None),
    "unknown otp": (otp(otp_type="SMS"), None),
    "one tap without apps": (otp(otp_type="ONE_TAP"), None),
    "short hash": (
        otp(otp_type="ONE_TAP", supported_apps=[{"package_name": "com.x.y", "signature_hash": "x"}]),
        None,
    ),
    "zero tap without terms": (
        otp(otp_type="ZERO_TAP", supported_apps=[{"package_name": "com.x.y", "signature_hash": "x" * 11}]),
        None,
    ),
    "bad name": (parts(BODY, name="Has Capitals"), None),
}

ACCEPTED: dict[str, dict[str, Any]] = {
    "everything": parts(
        header("Order {{1}}", example={"header_text": ["12"]}),
        body("Hello {{1}}, your order {{2}} is on its way to you today, thanks.", "Ana", "12"),
        {"type": "FOOTER", "text": "Acme"},
        buttons(reply("a"), reply("b"), url("https://x.test/{{1}}", example=["https://x.test/1"]), CALL),
    ),
    "lower case": parts({"type": "header", "format": "location"}, {"type": "body", "text": "Here we are."}),
    "names": parts(
        {
            "type": "BODY",
            "text": "Hello dear {{first_name}}, how are you all today?",
            "example": {"body_text_named_params": [{"param_name": "first_name", "example": "Ana"}]},
        },
        parameter_format="named",
    ),
    "flat example": parts(
        {**body("Hello dear {{1}}, how are you today?"), "example": {"body_text": ["Ana"]}}
    ),
    "offer": parts(OFFER, BODY, buttons(CODE, url()), **MARKETING),
    "carousel": parts(BODY, {"type": "CAROUSEL", "cards": [card(), card()]}, **MARKETING),
    "flow": parts(BODY, buttons({"type": "FLOW", "text": "Go", "flow_id": "1", "flow_action": "navigate"})),
    "catalog": parts(BODY, buttons({"type": "CATALOG", "text": "View catalog"}), **MARKETING),
    "otp": otp(text="Copy"),
    "ttl": parts(BODY, message_send_ttl_seconds=3600),
}


async def create(meta: Meta, given: dict[str, Any]) -> Answered:
    template = {"name": "greeting", "language": "en_US", "category": "UTILITY", **given}
    return await meta.graph("POST", f"{WABA}/message_templates", json=template)


@pytest.mark.parametrize(("given", "subcode"), REFUSED.values(), ids=REFUSED.keys())
async def test_it_refuses(meta: Meta, given: dict[str, Any], subcode: int | None) -> None:
    answered = await create(meta, given)
    error = answered.body["error"]
    assert (answered.status, error["code"], error["message"]) == (400, 100, "Invalid parameter")
    assert error.get("error_subcode") == subcode
    assert error["error_user_title"]
    assert error["error_user_msg"]


@pytest.mark.parametrize("given", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_it_accepts(meta: Meta, given: dict[str, Any]) -> None:
    answered = await create(meta, given)
    assert answered.status == 200, answered.body
    read = (await meta.graph("GET", answered.body["id"])).body
    assert all(part["type"].isupper() for part in read["components"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": None}, "(#100) The parameter name is required."),
        ({"language": "xx"}, "Param language must be one of the supported languages"),
        ({"category": "OTP"}, "Param category must be one of {AUTHENTICATION, MARKETING, UTILITY}"),
        ({}, "(#100) The parameter components is required."),
        ({"components": [BODY], "message_send_ttl_seconds": 5}, "must be between 30 and 43200"),
        ({"parameter_format": "NONE"}, "Param parameter_format must be one of"),
    ],
)
async def test_it_names_what_is_missing(meta: Meta, given: dict[str, Any], message: str) -> None:
    assert message in (await create(meta, given)).body["error"]["message"]


async def test_unpublished_rules_can_be_switched_off(meta: Meta) -> None:
    await meta.control(
        "settings",
        {"template_edges": False, "template_words_per_variable": 0, "template_handles": False},
    )
    media = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::x"]}}
    assert (await create(meta, parts(media, body("Hi {{1}}", "Ana")))).status == 200
