"""An account's webhook subscription and the overrides of its callback."""

from typing import Any

from metasim.errors import GraphError, invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.forms import decode_body
from metasim.handshake import HandshakeRefusedError, verify
from metasim.journal import Entry
from metasim.state import State
from metasim.store import Callback, Waba

_LONGEST_URL = 200
_APP = {"link": "https://www.facebook.com/games/?app_id=1", "name": "Simulated app", "id": "1"}


async def override(state: State, given: dict[str, Any], app_secret: str) -> Callback | None:
    """The callback an override asks for, verified; nothing when it clears one."""
    url = given.get("override_callback_uri")
    if not url:
        return None
    token = given.get("verify_token")
    if not isinstance(url, str) or len(url) > _LONGEST_URL:
        raise invalid(f"Param override_callback_uri must be at most {_LONGEST_URL} characters long.")
    if not isinstance(token, str) or not token:
        raise invalid("The parameter verify_token is required.")
    callback = Callback(url, token, app_secret)
    try:
        await verify(callback, state.courier, state.mint, state.config.webhook_timeout)
    except HandshakeRefusedError as error:
        raise GraphError(
            f"(#2200) Callback verification failed with the following errors: {error}", code=2200
        ) from None
    return callback


async def list_subscriptions(_state: State, _request: Request, waba: Waba, _entry: Entry) -> Answer:
    """GET /{waba_id}/subscribed_apps."""
    if not waba.subscribed:
        return json_answer({"data": []})
    item: dict[str, Any] = {"whatsapp_business_api_data": _APP}
    if waba.callback is not None:
        item["override_callback_uri"] = waba.callback.url
    return json_answer({"data": [item]})


async def subscribe(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """POST /{waba_id}/subscribed_apps; with an override_callback_uri it also moves the account's webhooks."""
    body = decode_body(request)
    if body.get("override_callback_uri"):
        waba.callback = await override(state, body, waba.app_secret)
    waba.subscribed = True
    return json_answer({"success": True})


async def unsubscribe(_state: State, _request: Request, waba: Waba, _entry: Entry) -> Answer:
    """DELETE /{waba_id}/subscribed_apps: no webhook arrives from now on."""
    waba.subscribed = False
    return json_answer({"success": True})
