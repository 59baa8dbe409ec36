from typing import Any

import pytest

from .conftest import NUMBER, WABA, Meta, Receiver

ORDER: dict[str, Any] = {
    "name": "order_update",
    "language": "en_US",
    "components": [
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "Hi {{1}}, order {{2}} is on its way"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://x.test/{{1}}"}]},
    ],
}
HEADER = {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.test/a.png"}}]}
BODY = {"type": "body", "parameters": [{"type": "text", "text": "Ana"}, {"type": "text", "text": "5"}]}
BUTTON = {
    "type": "button",
    "sub_type": "url",
    "index": "0",
    "parameters": [{"type": "text", "text": "5"}],
}


async def send(meta: Meta, name: str, *components: Any, code: str = "en_US") -> Any:
    template = {"name": name, "language": {"code": code}, "components": list(components)}
    return await meta.send(type="template", template=template)


async def test_a_template_that_fits_is_accepted(meta: Meta) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": [ORDER]})
    answered = await send(meta, "order_update", HEADER, BODY, BUTTON)
    assert answered.body["messages"][0]["message_status"] == "accepted"


@pytest.mark.parametrize(
    ("name", "components", "http", "code", "details"),
    [
        ("other", (), 404, 132001, "template name (other) does not exist in en_US"),
        (
            "order_update",
            (BODY, BUTTON),
            400,
            132012,
            "header: Format mismatch, expected IMAGE, received UNKNOWN",
        ),
        (
            "order_update",
            (HEADER, BUTTON),
            400,
            132000,
            "body: number of localizable_params (0) does not match the expected number of params (2)",
        ),
        (
            "order_update",
            (HEADER, BODY),
            400,
            131008,
            "buttons: Button at index 0 of type Url requires a parameter",
        ),
    ],
)
async def test_a_template_that_does_not_fit_is_refused(
    meta: Meta, name: str, components: tuple[Any, ...], http: int, code: int, details: str
) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": [ORDER]})
    answered = await send(meta, name, *components)
    error = answered.body["error"]
    assert (answered.status, error["code"], error["error_data"]["details"]) == (http, code, details)


@pytest.mark.parametrize(("status", "code"), [("PAUSED", 132015), ("DISABLED", 132016), ("PENDING", 132001)])
async def test_only_an_approved_template_is_sent(meta: Meta, status: str, code: int) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": [{"name": "x", "status": status}]})
    assert (await send(meta, "x")).body["error"]["code"] == code


async def test_templates_are_listed_page_by_page(meta: Meta) -> None:
    names = [f"t{n:02}" for n in range(60)]
    await meta.control("templates", {"waba_id": WABA, "templates": [{"name": name} for name in names]})
    path = f"/v24.0/{WABA}/message_templates?access_token=t"
    found, pages = [], 0
    while path:
        body = (await meta.call("GET", path)).body
        found += [item["name"] for item in body["data"]]
        pages += 1
        path = body["paging"].get("next", "").removeprefix(meta.url)
        path = path and path + "&access_token=t"
    assert (found, pages) == (names, 3)


async def test_templates_are_filtered_and_replaced(meta: Meta) -> None:
    order = {"waba_id": WABA, "templates": [{"name": "a"}, {"name": "b", "status": "PAUSED"}]}
    first = (await meta.control("templates", order))["data"]
    again = (await meta.control("templates", order))["data"]
    assert first == again
    listed = (
        await meta.graph("GET", f"{WABA}/message_templates?status=paused&fields=name&summary=total_count")
    ).body
    assert listed["data"] == [{"name": "b", "id": first[1]["id"]}]
    assert listed["summary"]["total_count"] == 1
    assert (await meta.graph("GET", first[0]["id"])).body["name"] == "a"


@pytest.mark.parametrize(("version", "code"), [("v23.0", 100), ("v24.0", 131059)])
async def test_a_bad_cursor_is_refused(meta: Meta, version: str, code: int) -> None:
    answered = await meta.call("GET", f"/{version}/{WABA}/message_templates?after=zzz&access_token=t")
    assert answered.body["error"]["code"] == code


CARD = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi {{1}}"}]
TEMPLATES: list[dict[str, Any]] = [
    {"name": "named", "components": [{"type": "BODY", "text": "Hi {{first_name}}"}]},
    {"name": "plain", "components": [{"type": "BODY", "text": "Hi"}]},
    {
        "name": "offer",
        "category": "MARKETING",
        "components": [
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "x", "has_expiration": True}},
            {"type": "BODY", "text": "Hi"},
            {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}, {"type": "QUICK_REPLY", "text": "x"}]},
        ],
    },
    {
        "name": "cards",
        "category": "MARKETING",
        "components": [
            {"type": "BODY", "text": "Hi"},
            {"type": "CAROUSEL", "cards": [{"components": CARD}, {"components": CARD}]},
        ],
    },
    {
        "name": "code",
        "category": "AUTHENTICATION",
        "components": [
            {"type": "BODY", "text": "*{{1}}* is your code."},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x.test/{{1}}"}]},
        ],
    },
]


def text(value: str, **more: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": value, **more}]}


def button(sub_type: str, index: int | str, **parameter: Any) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


def coupon(code: str = "25OFF") -> dict[str, Any]:
    return button("COPY_CODE", 0, type="coupon_code", coupon_code=code)


def expiry(value: Any = 1_900_000_000_000) -> dict[str, Any]:
    offer = {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": value}}
    return {"type": "limited_time_offer", "parameters": [offer]}


def cards(*indexes: int, link: str = "https://x.test/a.png") -> dict[str, Any]:
    image = {"type": "header", "parameters": [{"type": "image", "image": {"link": link}}]}
    filled = [{"card_index": index, "components": [image, text("Ana")]} for index in indexes]
    return {"type": "carousel", "cards": filled}


def code(value: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return text(value), button("url", "0", type="text", text=value)


@pytest.mark.parametrize(
    ("name", "components"),
    [
        ("named", (text("Ana", parameter_name="first_name"),)),
        ("plain", ()),
        ("offer", (expiry(), coupon())),
        ("offer", (expiry(), coupon(), button("quick_reply", "1", type="payload", payload="x"))),
        ("cards", (cards(0, 1),)),
        ("code", code("123456")),
    ],
)
async def test_it_accepts(meta: Meta, name: str, components: tuple[Any, ...]) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": TEMPLATES})
    answered = await send(meta, name, *components)
    assert answered.status == 200, answered.body


@pytest.mark.parametrize(
    ("name", "components", "expected"),
    [
        ("named", (text("Ana"),), 100),
        ("plain", (text("Ana"),), 132000),
        ("plain", ({"type": "header", "parameters": [{"type": "text", "text": "x"}]},), 132000),
        ("plain", (button("url", "0", type="text", text="x"),), 132018),
        ("named", (text(""),), 100),
        ("named", (text("a\nb", parameter_name="first_name"),), 132018),
        ("offer", (coupon(),), 131008),
        ("offer", (expiry("soon"), coupon()), 131008),
        ("offer", (expiry(),), 131008),
        ("offer", (expiry(), coupon("x" * 21)), 131009),
        ("offer", (expiry(), button("url", 0, type="text", text="x")), 132018),
        ("cards", (), 131008),
        ("cards", (cards(0),), 132000),
        ("cards", (cards(0, 2),), 131009),
        ("cards", (cards(0, 1, link="ftp://x"),), 100),
        ("code", code("x" * 16), 131009),
        ("code", (text("1"),), 131008),
        ("plain", ({"type": "button", "index": 0},), 100),
        ("plain", ({"type": "body", "parameters": [{"type": "video", "video": {}}]},), 132018),
        ("plain", ({"type": "body", "parameters": [{"type": "image", "image": {"id": "1"}}]},), 100),
        ("plain", ({"type": "body", "parameters": [{"type": "currency", "currency": {}}]},), 100),
    ],
)
async def test_it_refuses(meta: Meta, name: str, components: tuple[Any, ...], expected: int) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": TEMPLATES})
    assert (await send(meta, name, *components)).body["error"]["code"] == expected


async def test_a_template_is_looked_for_before_its_parameters_are(meta: Meta) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": TEMPLATES})
    assert (await send(meta, "unknown", text(""))).body["error"]["code"] == 132001


async def test_codes_do_not_go_to_user_ids(meta: Meta) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": TEMPLATES})
    template = {"name": "code", "language": {"code": "en_US"}, "components": [*code("123456")]}
    payload = {"messaging_product": "whatsapp", "recipient": "US.1", "type": "template", "template": template}
    assert (await meta.post(payload)).body["error"]["code"] == 131062


async def test_utility_is_free_while_the_window_is_open(meta: Meta, hook: Receiver) -> None:
    templates = [
        {
            "name": name,
            "language": "en_US",
            "category": category,
            "components": [{"type": "BODY", "text": "Hello"}],
        }
        for name, category in (("shipped", "UTILITY"), ("spring", "MARKETING"))
    ]
    await meta.control("templates", {"waba_id": WABA, "templates": templates})
    told = {}
    for is_open in (False, True):
        if is_open:
            await meta.control("inbound", {"phone_number_id": NUMBER, "from": "16505551234", "body": "hi"})
        for name in ("shipped", "spring"):
            wamid = (await send(meta, name)).body["messages"][0]["id"]
            await hook.climbed(wamid, "sent", "delivered")
            pricing = hook.statuses(wamid)[0]["pricing"]
            told[name, is_open] = pricing["category"], pricing["type"], pricing["billable"]
    assert told == {
        ("shipped", False): ("utility", "regular", True),
        ("spring", False): ("marketing", "regular", True),
        ("shipped", True): ("utility", "free_customer_service", False),
        ("spring", True): ("marketing", "regular", True),
    }
