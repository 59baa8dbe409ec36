"""Deliveries taken apart by whom they name."""

import json
import re
from typing import Any

import pytest

from rasl.domain.deliveries import split

_ADA = re.compile("(^|[^0-9])(447700900001|US\\.13)([^0-9]|$)")


def _change(number: str = "1", **value: Any) -> dict[str, Any]:
    return {"field": "messages", "value": {"metadata": {"phone_number_id": number}, **value}}


def _delivery(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"object": "whatsapp_business_account", "entry": [{"id": "w", "changes": list(changes)}]}


ADA, BOB = {"from": "447700900001", "id": "a"}, {"from": "4477009000011", "id": "b"}


@pytest.mark.parametrize(
    ("delivery", "taken", "rest"),
    [
        (_delivery(_change(messages=[ADA])), [ADA], None),
        (_delivery(_change(messages=[ADA, BOB])), [ADA], _delivery(_change(messages=[BOB]))),
        (_delivery(_change(messages=[BOB])), [], _delivery(_change(messages=[BOB]))),
        # Another tenant's number in the same delivery is none of this tenant's business.
        (_delivery(_change("2", messages=[ADA])), [], _delivery(_change("2", messages=[ADA]))),
        (
            _delivery(_change(contacts=[{"wa_id": "447700900001"}], messages=[ADA]), _change(statuses=[BOB])),
            [{"wa_id": "447700900001"}, ADA],
            _delivery(_change(statuses=[BOB])),
        ),
        (
            _delivery(_change(statuses=[{"recipient_user_id": "US.13"}])),
            [{"recipient_user_id": "US.13"}],
            None,
        ),
        (_delivery(_change(user="447700900001")), [_change(user="447700900001")], None),
    ],
)
def test_what_names_somebody_is_taken_out(
    delivery: dict[str, Any], taken: list[Any], rest: dict[str, Any] | None
) -> None:
    parts = split(json.dumps(delivery).encode(), {"1"}, _ADA)
    assert parts.taken == taken
    assert (None if parts.rest is None else json.loads(parts.rest)) == rest


@pytest.mark.parametrize(
    "body", [b"no json", b"[]", b"{}", b'{"entry": [1]}', b'{"entry": [{"changes": [{}]}]}']
)
def test_what_is_no_delivery_is_taken_as_a_whole(body: bytes) -> None:
    assert split(body, {"1"}, _ADA) == ([body.decode()], None)
