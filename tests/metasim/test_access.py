import pytest

from .conftest import NUMBER, WABA, Meta

OTHER = "106540352242999"


@pytest.mark.parametrize("path", [f"{NUMBER}/messages", "v17.0/" + NUMBER + "/messages"])
async def test_the_version_may_be_anything_or_missing(meta: Meta, path: str) -> None:
    payload = {"messaging_product": "whatsapp", "to": "+16505551234", "text": {"body": "hi"}}
    answered = await meta.call("POST", f"/{path}?access_token=t", json=payload)
    assert answered.status == 200
    assert answered.headers["facebook-api-version"] == ("v17.0" if path.startswith("v") else "v24.0")


@pytest.mark.parametrize("method", ["get", "post"])
async def test_an_unknown_object_does_not_exist(meta: Meta, method: str) -> None:
    answered = await meta.graph(method.upper(), "454545")
    error = answered.body["error"]
    assert answered.status == 400
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 33, "GraphMethodException")
    assert error["message"] == (
        f"Unsupported {method} request. Object with ID '454545' does not exist, cannot be loaded due to"
        " missing permissions, or does not support this operation. Please read the Graph API documentation at"
        " https://developers.facebook.com/docs/graph-api"
    )


async def test_an_unknown_edge_is_an_unknown_path(meta: Meta) -> None:
    answered = await meta.graph("GET", f"{NUMBER}/nonsense")
    assert (answered.status, answered.body["error"]["code"]) == (400, 2500)


async def test_a_wrong_method_is_unsupported(meta: Meta) -> None:
    answered = await meta.graph("DELETE", f"{NUMBER}/messages")
    assert answered.body["error"]["message"].startswith("Unsupported delete request.")


async def test_no_token_is_refused(meta: Meta) -> None:
    answered = await meta.post({}, token="")
    assert answered.status == 401
    assert answered.body["error"]["code"] == 104
    assert answered.body["error"]["message"] == "An access token is required to request this resource."


async def test_any_token_will_do_until_one_is_registered(meta: Meta) -> None:
    assert (await meta.graph("GET", NUMBER, "whatever")).status == 200
    await meta.control("tokens", {"token": "mine", "phone_number_ids": [NUMBER]})
    assert (await meta.graph("GET", NUMBER, "mine")).status == 200
    answered = await meta.graph("GET", NUMBER, "whatever")
    assert (answered.status, answered.body["error"]["code"]) == (401, 190)


async def test_a_token_of_another_number_sees_nothing(meta: Meta) -> None:
    await meta.control("numbers", {"phone_number_id": OTHER, "tokens": ["theirs"]})
    await meta.control("tokens", {"token": "mine", "phone_number_ids": [NUMBER]})
    for path in (NUMBER, WABA):
        answered = await meta.graph("GET", path, "theirs")
        assert (answered.status, answered.body["error"]["error_subcode"]) == (400, 33)


@pytest.mark.parametrize(
    ("state", "http", "code", "subcode"),
    [("expired", 401, 190, 463), ("revoked", 401, 190, 460), ("no_permission", 403, 10, None)],
)
async def test_a_spoilt_token_is_refused(
    meta: Meta, state: str, http: int, code: int, subcode: int | None
) -> None:
    await meta.control("tokens", {"token": "t", "state": state, "phone_number_ids": [NUMBER]})
    answered = await meta.graph("GET", NUMBER, "t")
    error = answered.body["error"]
    assert (answered.status, error["code"], error.get("error_subcode")) == (http, code, subcode)


async def test_registration_can_be_demanded(meta: Meta) -> None:
    await meta.control("settings", {"require_registered_tokens": True})
    assert (await meta.graph("GET", NUMBER)).status == 401


async def test_a_number_shows_the_fields_asked_for(meta: Meta) -> None:
    assert (await meta.graph("GET", f"{NUMBER}?fields=throughput,status")).body == {
        "throughput": {"level": "HIGH"},
        "status": "CONNECTED",
        "id": NUMBER,
    }
    default = (await meta.graph("GET", NUMBER)).body
    assert default["display_phone_number"] == "+1 555-078-3881"
    assert default["verified_name"] == "Acme"


async def test_an_account_lists_its_numbers(meta: Meta) -> None:
    await meta.control("numbers", {"phone_number_id": OTHER, "waba_id": WABA})
    first = (await meta.graph("GET", f"{WABA}/phone_numbers?limit=1")).body
    assert [item["id"] for item in first["data"]] == [NUMBER]
    second = await meta.call("GET", first["paging"]["next"].removeprefix(meta.url) + "&access_token=t")
    assert [item["id"] for item in second.body["data"]] == [OTHER]
    assert "next" not in second.body["paging"]
    assert (await meta.graph("GET", WABA)).body["id"] == WABA
