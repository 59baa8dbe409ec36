"""What an app asks about tokens, and its own subscription to webhooks (cloud-api 1.3 and 6)."""

from typing import Any

from metasim.access import bearer_token
from metasim.accounts import override
from metasim.errors import GraphError, invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.forms import decode_body
from metasim.journal import Entry
from metasim.state import State

DEBUG_TOKEN = "debug_token"  # noqa: S105 - the name of an edge
_APP_ID = "1"
_OBJECT = "whatsapp_business_account"
_SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]


async def debug_token(state: State, request: Request, _node: Any, _entry: Entry) -> Answer:
    """GET /debug_token?input_token=: what a token is worth, told to its app or to itself."""
    asking = bearer_token(request)
    app_id = asking.partition("|")[0] if _check_app(state, asking) else _APP_ID
    token = request.query.get("input_token")
    if not token:
        raise invalid("The parameter input_token is required.")
    anything_goes = not (state.registry.tokens or state.config.require_registered_tokens)
    known = state.registry.tokens.get(token, "valid" if anything_goes else None)
    is_valid = known in {"valid", "no_permission"}
    data: dict[str, Any] = {
        "app_id": app_id,
        "type": "SYSTEM_USER",
        "application": "Simulated app",
        "expires_at": 0,
        "is_valid": is_valid,
        "scopes": _SCOPES if known == "valid" else [],
    }
    if not is_valid:
        data["error"] = {"code": 190, "message": "Invalid OAuth access token."}
    return json_answer({"data": data})


async def subscribe(state: State, request: Request, _app_id: str, _entry: Entry) -> Answer:
    """POST /{app_id}/subscriptions: the app's own callback, verified first."""
    secret = _check_app(state, bearer_token(request))
    if secret is None:
        raise GraphError("(#15) This method must be called with an app access_token.", code=15)
    body = decode_body(request)
    if body.get("object") != _OBJECT:
        raise invalid(f"Param object must be one of {{{_OBJECT}}}.")
    if not body.get("fields") or not body.get("callback_url"):
        raise invalid("The parameters callback_url and fields are required.")
    given = {"override_callback_uri": body["callback_url"], "verify_token": body.get("verify_token")}
    state.registry.callback = await override(state, given, secret)
    state.registry.fields = [name.strip() for name in str(body["fields"]).split(",")]
    return json_answer({"success": True})


async def list_subscriptions(state: State, request: Request, _app_id: str, _entry: Entry) -> Answer:
    """GET /{app_id}/subscriptions."""
    _check_app(state, bearer_token(request))
    callback = state.registry.callback
    if callback is None:
        return json_answer({"data": []})
    fields = [{"name": name, "version": "v24.0"} for name in state.registry.fields]
    item = {"object": _OBJECT, "callback_url": callback.url, "active": True, "fields": fields}
    return json_answer({"data": [item]})


def _check_app(state: State, token: str) -> str | None:
    """Return the app secret in an app's token, None for another kind of token; refuses a wrong secret."""
    app_id, sign, secret = token.partition("|")
    if not sign:
        return None
    if not app_id.isdigit() or secret not in {waba.app_secret for waba in state.registry.wabas.values()}:
        raise GraphError("Error validating client secret.", code=1)
    return secret
