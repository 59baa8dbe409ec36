"""What the simulated Meta is told at each of its starts, because it forgets everything when it ends."""

from collections.abc import Iterator
from typing import Any

from rasl.api.v2.number_schemas import CONNECT_EXAMPLE
from rasl.sandbox.calls import call
from rasl.sandbox.demo import PEOPLE, Demo, Member, Person
from rasl.start.errors import StartError

_PER_PAGE = 100
_KEPT_FIELDS = (
    "name",
    "language",
    "status",
    "category",
    "components",
    "parameter_format",
    "message_send_ttl_seconds",
)
# Nobody's yet: what the documentation connects exists.
_NUMBER_TO_CONNECT = {
    "phone_number_id": CONNECT_EXAMPLE["phone_number_id"],
    "waba_id": CONNECT_EXAMPLE["waba_id"],
    "waba_name": "Acme Outlet",
    "verified_name": "Acme Outlet",
    "display_phone_number": "+1 555-078-3883",
    "tokens": [CONNECT_EXAMPLE["access_token"]],
    "app_secret": CONNECT_EXAMPLE["app_secret"],
    "window": "off",
}


def introduce(demo: Demo, api_url: str, simulator_url: str) -> None:
    """Register numbers, callbacks and the templates that the accounts have; raises StartError when it is refused."""
    for person, member, token in zip(PEOPLE, demo.members, demo.tokens_by_member(), strict=True):
        orders = {
            "numbers": _number(person, member),
            "templates": {"waba_id": person.waba_id, "templates": [*_templates(api_url, token)]},
            "callback": {
                "waba_id": person.waba_id,
                "callback_url": f"{api_url}{member.callback_path}",
                "verify_token": member.secrets.verify_token,
                "app_secret": member.secrets.app_secret,
            },
        }
        for name, body in orders.items():
            _order(simulator_url, name, body)
    _order(simulator_url, "numbers", _NUMBER_TO_CONNECT)


def _order(simulator_url: str, name: str, body: dict[str, Any]) -> None:
    status, answer = call("POST", f"{simulator_url}/_control/{name}", body)
    if status != 200:
        raise StartError("SANDBOX_NOT_STARTED", f"The simulator refused {name}: {answer.get('error')}")


def _number(person: Person, member: Member) -> dict[str, Any]:
    return {
        "phone_number_id": person.phone_number_id,
        "waba_id": person.waba_id,
        "waba_name": person.name,
        "verified_name": person.name,
        "display_phone_number": person.display_phone_number,
        "tokens": [member.secrets.access_token],
        "app_secret": member.secrets.app_secret,
        "subscribed": True,
        "window": "off",  # the first five minutes are not for the 24-hour rule
    }


def _templates(api_url: str, token: str) -> Iterator[dict[str, Any]]:
    """Yield what Meta would know of the account's templates: a sync on an empty Meta would delete them."""
    page, last = 1, 1
    while page <= last:
        url = f"{api_url}/api/v2/templates?per_page={_PER_PAGE}&page={page}&sort=created_at"
        status, answer = call("GET", url, token=token)
        if status != 200:
            raise StartError(
                "SANDBOX_NOT_STARTED", f"The API does not list its templates: {answer.get('error')}"
            )
        for item in answer["data"]:
            kept = {name: item[name] for name in _KEPT_FIELDS if item[name] is not None}
            unless_none = {
                "id": item["template_id"],
                "quality": item["quality"],
                "rejected_reason": item["rejected_reason"],
            }
            yield kept | {name: value for name, value in unless_none.items() if value is not None}
        page, last = page + 1, answer["meta"]["pagination"]["last_page"]
