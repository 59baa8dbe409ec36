"""Credentials as an operator gives them, asked of Meta before they are stored, and the subscription to its webhooks."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db.numbers import Seen
from rasl.graph.client import Fetched, GraphClient, ReadOutcome, Refused
from rasl.services.tenancy.numbers import Connection

# https://developers.facebook.com/docs/whatsapp/cloud-api/overview#access-tokens
PERMISSIONS = ("whatsapp_business_messaging", "whatsapp_business_management")
_NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,status,quality_rating,throughput,"
    "whatsapp_business_manager_messaging_limit"
)
_BAD_TOKEN = frozenset({0, 102, 104, 190})
_LACKING = frozenset({3, 10, *range(200, 300)})
_UNKNOWN_OBJECT = 100
_MOST_PAGES = 20
_STANDARD, _HIGH = 80, 1000  # messages a second (https://developers.facebook.com/docs/whatsapp/throughput)
_MAKE_TOKEN = (
    "make one for a system user under Business settings > Users > System users, with the permissions "
    f"{' and '.join(PERMISSIONS)}"
)


class Findings(msgspec.Struct):
    """What Meta says of credentials; where there are problems they cannot be used."""

    display_phone_number: str | None = None
    verified_name: str | None = None
    status: str | None = None
    quality: str | None = None
    messaging_limit: str | None = None
    account: str | None = None
    messages_per_second: int = _STANDARD
    is_subscribed: bool = False
    is_unanswered: bool = False  # nobody said that they are wrong
    problems: list[str] = msgspec.field(default_factory=list)


async def examine(graph: GraphClient, given: Connection, app_id: str | None) -> Findings:
    """Ask Meta about the number, the account and the token; nothing is changed there."""
    found = Findings()
    number = await graph.get_json(given.phone_number_id, given.access_token, {"fields": _NUMBER_FIELDS})
    if not isinstance(number, Fetched):
        found.problems.append(_of_number(number, given.phone_number_id))
        found.is_unanswered = not isinstance(number, Refused)
        if not isinstance(number, Refused) or number.failure.code in _BAD_TOKEN:
            return found  # the rest would fail for the same reason
    else:
        _describe(found, number.value)
    account = await graph.get_json(given.waba_id, given.access_token, {"fields": "id,name"})
    if isinstance(account, Fetched):
        found.account = _text(account.value, "name")
        if isinstance(number, Fetched):
            found.problems += await _belongs(graph, given)
        found.is_subscribed = await _is_subscribed(graph, given)
    else:
        found.problems.append(_of_account(account, given.waba_id))
    found.problems += await _examine_token(graph, given, app_id)
    return found


def seen(found: Findings) -> Seen:
    """Return how Meta sees the number, to be kept with it."""
    return Seen(found.verified_name, found.quality, found.status, found.messaging_limit)


async def subscribe(
    graph: GraphClient, given: Connection, app_id: str | None, callback_url: str, fields: Sequence[str]
) -> list[str]:
    """Let Meta post to us: the account to the app, and with its id the app to our callback; returns problems."""
    problems = [await subscribe_account(graph, given)]
    if app_id is not None:
        problems.append(await subscribe_app(graph, given, app_id, callback_url, fields))
    return [problem for problem in problems if problem is not None]


async def subscribe_account(graph: GraphClient, given: Connection) -> str | None:
    """Subscribe the account to the token's app; returns what stood in the way."""
    outcome = await graph.call("POST", f"{given.waba_id}/subscribed_apps", given.access_token)
    if isinstance(outcome, Fetched):
        return None
    return f"the account {given.waba_id} was not subscribed: {_said(outcome)}"


async def subscribe_app(
    graph: GraphClient, given: Connection, app_id: str, callback_url: str, fields: Sequence[str]
) -> str | None:
    """Let the app call us, in place of whom it called; returns what stood in the way.

    https://developers.facebook.com/docs/graph-api/reference/app/subscriptions
    """
    body = {
        "object": "whatsapp_business_account",
        "callback_url": callback_url,
        "verify_token": given.verify_token,
        "fields": ",".join(fields),
    }
    outcome = await graph.call("POST", f"{app_id}/subscriptions", _app_token(app_id, given), body=body)
    if isinstance(outcome, Fetched):
        return None
    return (
        f"the app {app_id} was not subscribed: {_said(outcome)} Meta calls {callback_url} while it "
        "subscribes: is `rasl serve` running, and reached from outside?"
    )


async def unsubscribe(graph: GraphClient, waba_id: str, access_token: str) -> str | None:
    """Let Meta post nothing more of an account to the token's app; returns what stood in the way."""
    outcome = await graph.call("DELETE", f"{waba_id}/subscribed_apps", access_token)
    return None if isinstance(outcome, Fetched) else _said(outcome)


def _describe(found: Findings, number: Mapping[str, Any]) -> None:
    found.display_phone_number = _text(number, "display_phone_number")
    found.verified_name = _text(number, "verified_name")
    found.status = _text(number, "status")
    found.quality = _text(number, "quality_rating")
    found.messaging_limit = _text(number, "whatsapp_business_manager_messaging_limit")
    throughput = number.get("throughput")
    if isinstance(throughput, dict) and throughput.get("level") == "HIGH":
        found.messages_per_second = _HIGH


async def _belongs(graph: GraphClient, given: Connection) -> list[str]:
    """Tell of a number that is not one of the account's; what cannot be read is no reason to refuse.

    Nor is an account that shows no number at all: this token does see the number.
    """
    params, has_any = {"fields": "id", "limit": "100"}, False
    for _ in range(_MOST_PAGES):
        page = await graph.get_json(f"{given.waba_id}/phone_numbers", given.access_token, params)
        if not isinstance(page, Fetched):
            return [_of_account(page, given.waba_id)]
        items = page.value.get("data")
        if any(item.get("id") == given.phone_number_id for item in items or () if isinstance(item, dict)):
            return []
        has_any = has_any or bool(items)
        paging = page.value.get("paging")
        if not isinstance(paging, dict) or not paging.get("next"):
            if not has_any:
                return []
            number, account = given.phone_number_id, given.waba_id
            where = "Meta shows both ids side by side under WhatsApp > API Setup"
            return [f"the number {number} is not one of the WhatsApp Business account {account}: {where}"]
        params |= {"after": str(paging.get("cursors", {}).get("after"))}
    return []


async def _is_subscribed(graph: GraphClient, given: Connection) -> bool:
    apps = await graph.get_json(f"{given.waba_id}/subscribed_apps", given.access_token)
    return isinstance(apps, Fetched) and bool(apps.value.get("data"))


async def _examine_token(graph: GraphClient, given: Connection, app_id: str | None) -> list[str]:
    """Look at the token itself: whether it is valid, of which app, and what it may do (cloud-api 1.3).

    A token may look at itself where Meta lets it; with the app's id and secret Meta always answers.
    """
    asking = given.access_token if app_id is None else _app_token(app_id, given)
    outcome = await graph.get_json("debug_token", asking, {"input_token": given.access_token})
    if not isinstance(outcome, Fetched):
        if app_id is None or not isinstance(outcome, Refused):
            return []
        return [f"Meta does not know the app {app_id} with this app secret: {_said(outcome)}"]
    data = outcome.value.get("data")
    if not isinstance(data, dict):
        return []
    problems = []
    if data.get("is_valid") is False:
        return [f"the access token is not valid any more: {_MAKE_TOKEN}"]
    if app_id is not None and str(data.get("app_id", app_id)) != app_id:
        problems.append(f"the access token is of the app {data['app_id']}, not of {app_id}")
    scopes = data.get("scopes")
    if isinstance(scopes, list) and (missing := [name for name in PERMISSIONS if name not in scopes]):
        problems.append(f"the access token lacks the permission {' and '.join(missing)}: {_MAKE_TOKEN}")
    return problems


def _of_number(outcome: ReadOutcome, phone_number_id: str) -> str:
    if isinstance(outcome, Refused) and outcome.failure.code == _UNKNOWN_OBJECT:
        return (
            f"Meta shows this token no number {phone_number_id}: phone_number_id is the id under WhatsApp > API Setup, "
            "not the number itself, and the token's system user needs the account among its assets"
        )
    return _told(outcome)


def _of_account(outcome: ReadOutcome, waba_id: str) -> str:
    if isinstance(outcome, Refused) and outcome.failure.code == _UNKNOWN_OBJECT:
        return (
            f"Meta shows this token no WhatsApp Business account {waba_id}: waba_id is the id under WhatsApp > API "
            "Setup, and the token's system user needs the account among its assets"
        )
    return _told(outcome)


def _told(outcome: ReadOutcome) -> str:
    if isinstance(outcome, Refused):
        code = outcome.failure.code
        if code in _BAD_TOKEN:
            return f"Meta refuses the access token ({_said(outcome)}): {_MAKE_TOKEN}"
        if code in _LACKING:
            return f"the access token lacks a permission ({_said(outcome)}): {_MAKE_TOKEN}"
    return _said(outcome)


def _said(outcome: ReadOutcome) -> str:
    """Return what Meta answered, in its words."""
    if isinstance(outcome, Refused):
        failure = outcome.failure
        code = "" if failure.code is None else f" ({failure.code})"
        return f"{failure.title}{code}: {failure.details or failure.message}"
    reason = "" if isinstance(outcome, Fetched) else f" ({outcome.reason})"
    return f"Meta does not answer{reason}: may this machine reach RASL_GRAPH_BASE_URL (DNS, proxy, firewall)?"


def _app_token(app_id: str, given: Connection) -> str:
    """Return the token by which an app speaks for itself.

    https://developers.facebook.com/docs/facebook-login/guides/access-tokens#apptokens
    """
    return f"{app_id}|{given.app_secret}"


def _text(value: Mapping[str, Any], key: str) -> str | None:
    text = value.get(key)
    return text if isinstance(text, str) and text else None
