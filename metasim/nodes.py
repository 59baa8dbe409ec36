"""Reading numbers and accounts, and a number's webhook override."""

from typing import Any

from metasim.accounts import override
from metasim.addresses import graph_base
from metasim.errors import invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.forms import decode_body
from metasim.journal import Entry
from metasim.paging import chosen_fields, page
from metasim.state import State
from metasim.store import Number, Waba

_HIGH_THROUGHPUT = 1000
_NUMBER_DEFAULTS = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
    "webhook_configuration",
    "id",
)
_WABA_DEFAULTS = ("name", "timezone_id", "message_template_namespace", "currency", "id")


def _number_fields(number: Number, state: State) -> dict[str, Any]:
    callbacks = {
        "application": state.registry.callback,
        "whatsapp_business_account": number.waba.callback,
        "phone_number": number.callback,
    }
    return {
        "id": number.id,
        "display_phone_number": number.display_phone_number,
        "verified_name": number.verified_name,
        "status": "CONNECTED",
        "quality_rating": "GREEN",
        "quality_score": {"score": "GREEN"},
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "account_mode": "LIVE",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "HIGH" if number.throughput >= _HIGH_THROUGHPUT else "STANDARD"},
        "is_official_business_account": False,
        "is_pin_enabled": True,
        "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
        "messaging_limit_tier": "TIER_UNLIMITED",
        "health_status": _health("PHONE_NUMBER", number.id),
        "webhook_configuration": {name: set_.url for name, set_ in callbacks.items() if set_ is not None},
    }


def _health(kind: str, node_id: str) -> dict[str, Any]:
    entity = {"entity_type": kind, "id": node_id, "can_send_message": "AVAILABLE"}
    return {"can_send_message": "AVAILABLE", "entities": [entity]}


async def get_number(state: State, request: Request, number: Number, _entry: Entry) -> Answer:
    """GET /{phone_number_id}."""
    return json_answer(chosen_fields(_number_fields(number, state), request, _NUMBER_DEFAULTS))


async def post_number(state: State, request: Request, number: Number, _entry: Entry) -> Answer:
    """POST /{phone_number_id} with a webhook_configuration sets or clears the number's override."""
    configuration = decode_body(request).get("webhook_configuration")
    if not isinstance(configuration, dict):
        raise invalid("The parameter webhook_configuration is required.")
    number.callback = await override(state, configuration, number.waba.app_secret)
    return json_answer({"success": True})


async def list_numbers(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """GET /{waba_id}/phone_numbers."""
    items = [
        chosen_fields(_number_fields(number, state), request, _NUMBER_DEFAULTS)
        for number in waba.numbers.values()
    ]
    return json_answer(page(request, items, graph_base(state, request), "v24.0"))


async def get_waba(_state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """GET /{waba_id}."""
    fields = {
        "id": waba.id,
        "name": waba.name,
        "timezone_id": "1",
        "message_template_namespace": f"{int(waba.id) % 10**12:012d}",
        "currency": "USD",
        "country": "US",
        "status": "ACTIVE",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "ownership_type": "SELF",
        "health_status": _health("WABA", waba.id),
        "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
    }
    return json_answer(chosen_fields(fields, request, _WABA_DEFAULTS))
