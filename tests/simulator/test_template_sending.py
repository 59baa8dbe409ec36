from typing import Any

import pytest

from .conftest import WABA, Meta

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
