"""Everything that is wrong with a code or a template is named in one answer, whatever has to be looked up for it."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import AUTH, CODE, PHONE, connect_templates, rows
from tests.api.v2.templated import ORDER, have
from tests.serving import Answer, Api

NO_NUMBER = "The account has no WhatsApp number with this phone_number_id"
NO_PHONE = (
    "This cannot be read as a phone number that exists. "
    "Write it with + and its country code, for example +44 20 7946 0011."
)
UNKNOWN_NUMBER = {"from_phone_number_id": "999"}
TWO_CODES = {"code": CODE, "auto_generate": True}

# What is wrong besides the fields, for codes: what is sent, and what is named.
CODES: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    (
        {"phone": "2079460011", "template_name": "order", **UNKNOWN_NUMBER},
        {
            "phone": [NO_PHONE],
            "template_name": ["The template is UTILITY, not AUTHENTICATION"],
            "from_phone_number_id": [NO_NUMBER],
        },
    ),
    (
        {"phone": "2079460011", "template_name": "nothing"},
        {"phone": [NO_PHONE], "template_name": ["Template not found"]},
    ),
    (
        {"phone": PHONE, "template_name": "paused", "contact_id": 999_999_999},
        {
            "template_name": ["The template is PAUSED, not APPROVED"],
            "contact_id": ["Contact not found"],
        },
    ),
    (
        {"phone": "2079460011", "template_name": "with_more", "additional_params": ["x"]},
        {
            "phone": [NO_PHONE],
            "additional_params": ["The template needs a value for {{4}} of its body"],
        },
    ),
]


@pytest.mark.parametrize("path", ["send-otp", "resend"])
@pytest.mark.parametrize(("body", "details"), CODES)
async def test_all_that_speaks_against_a_code_is_named_at_once(
    api: Api, database: Database, path: str, body: dict[str, Any], details: dict[str, list[str]]
) -> None:
    await connect_templates(api)
    answer = await api.acme.post(f"{AUTH}/{path}", body)
    assert (answer.status, answer.details) == (422, details)
    assert await rows(database, "select from messages") == []


@pytest.mark.parametrize("path", ["send-otp", "resend"])
async def test_what_has_to_be_looked_up_is_named_beside_malformed_fields(api: Api, path: str) -> None:
    await connect_templates(api)
    wrong = {"phone": "2079460011", "template_name": "order", "contact_id": 999_999_999, **UNKNOWN_NUMBER}
    answer = await api.acme.post(f"{AUTH}/{path}", {**wrong, "expiry_minutes": 99, "language": ["en"]})
    assert (answer.status, answer.details) == (
        422,
        {
            "expiry_minutes": ["The expiry_minutes must be between 1 and 60"],
            "language": ["The language field must be a string"],
            "phone": [NO_PHONE],
            "template_name": ["The template is UTILITY, not AUTHENTICATION"],
            "contact_id": ["Contact not found"],
            "from_phone_number_id": [NO_NUMBER],
        },
    )
    stranger = (await api.globex.send(PHONE)).data["contact_id"]
    body = {"phone": PHONE, "template_name": "copy_code", "contact_id": stranger, "expiry_minutes": 0}
    answer = await api.acme.post(f"{AUTH}/{path}", body)
    assert answer.details.keys() == {"contact_id", "expiry_minutes"}


async def test_a_template_that_is_all_that_is_missing_is_not_found(api: Api) -> None:
    await connect_templates(api)
    answer = await api.acme.post(f"{AUTH}/send-otp", {"phone": PHONE, "template_name": "german"})
    assert (answer.status, answer.details) == (404, {"languages": ["de"]})


async def test_two_codes_are_named_beside_the_rest(api: Api) -> None:
    await connect_templates(api)
    answer = await api.acme.post(f"{AUTH}/send-otp", {**TWO_CODES, "expiry_minutes": 99})
    assert (
        answer.details.items()
        >= {
            "code": ["The code is given, and auto_generate asks for another"],
            "expiry_minutes": ["The expiry_minutes must be between 1 and 60"],
            "phone": ["Phone number is required"],
            "template_name": ["Template name is required"],
        }.items()
    )


NEW = {"name": "parcel", "language": "en_GB", "category": "UTILITY", "components": ORDER["components"]}


async def _create(api: Api, **fields: Any) -> Answer:
    return await api.acme.post("/api/v2/templates", NEW | fields)


async def test_all_that_speaks_against_a_new_template_is_named_at_once(api: Api) -> None:
    answer = await _create(
        api, name="Parcel!", waba_id=api.world.globex.waba_id, header_sample_media_id=999_999_999
    )
    assert answer.status == 422
    assert (
        answer.details.items()
        >= {
            "name": ["must be 1 to 512 of a-z, 0-9 and _"],
            "waba_id": ["The account has no such WhatsApp Business Account"],
            "header_sample_media_id": ["There is no such file"],
        }.items()
    )


async def test_a_new_template_with_malformed_fields_is_looked_at_all_the_same(api: Api) -> None:
    answer = await _create(
        api, language=None, message_send_ttl_seconds="soon", name="Parcel!", components=[], waba_id="1"
    )
    assert answer.details == {
        "language": ["The language field is required"],
        "message_send_ttl_seconds": ["The message_send_ttl_seconds field must be an integer"],
        "name": ["must be 1 to 512 of a-z, 0-9 and _"],
        "components": ["must be a list of at least one component"],
        "waba_id": ["The account has no such WhatsApp Business Account"],
    }
    answer = await _create(api, category=None, components=[], name="fine")
    assert answer.details == {"category": ["The category field is required"]}


async def test_all_that_speaks_against_a_change_is_named_at_once(api: Api) -> None:
    await have(api, {**ORDER, "category": "UTILITY"})
    [item] = (await api.acme.get("/api/v2/templates")).data
    answer = await api.acme.call(
        "PATCH",
        f"/api/v2/templates/{item['id']}",
        json={"category": "MARKETING", "components": [], "header_sample_media_id": 999_999_999},
    )
    assert (answer.status, answer.details) == (
        422,
        {
            "category": ["The category of an approved template cannot be changed"],
            "components": ["must be a list of at least one component"],
            "header_sample_media_id": ["There is no such file"],
        },
    )
    answer = await api.acme.call(
        "PATCH",
        f"/api/v2/templates/{item['id']}",
        json={"category": "MARKETING", "message_send_ttl_seconds": "soon"},
    )
    assert answer.details == {
        "category": ["The category of an approved template cannot be changed"],
        "message_send_ttl_seconds": ["The message_send_ttl_seconds field must be an integer"],
    }
