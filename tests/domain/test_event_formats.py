"""How events are delivered: the contract's envelopes to the letter, from what is kept."""

import datetime as dt
import uuid
from typing import Any

import msgspec
import pytest

from rasl.domain.events import matches
from rasl.domain.events.catalogue import CATALOGUE, CONTRACT, is_pattern
from rasl.domain.events.formats import Stored, request_id_of, sample
from tests.hearing import ACCOUNT, told

AT = dt.datetime(2026, 3, 4, 9, 15, 22, 5000, tzinfo=dt.timezone(dt.timedelta(hours=2)))
REQUEST = "5f0c1d7e-2b7a-4c1d-8a55-0c8a7e1f3b90"
KEY = "evt_1772615722_q8Zk2m"


def kept(type_: str, **payload: Any) -> Stored:
    return Stored(
        KEY,
        type_,
        AT,
        {"id": 812, "attributes": {"type": "customer", "id": 812}, "request_id": REQUEST} | payload,
    )


def test_an_envelope_for_n8n_is_the_contracts() -> None:
    related = {"status": {"id": 2, "name": "Won"}}
    assert told(kept("contact.updated", previous={"type": "lead"}, relationships=related)) == {
        "event": {
            "id": KEY,
            "type": "contact.updated",
            "timestamp": "2026-03-04T07:15:22.005Z",
            "version": "1.0",
        },
        "tenant": {"id": 17, "name": "Harbour Books", "domain": "harbour"},
        "data": {
            "resource": {"type": "contact", "id": 812, "attributes": {"id": 812, "type": "customer"}},
            "relationships": related,
        },
        "changes": {
            "previous": {"type": "lead"},
            "current": {"type": "customer"},
            "modified_fields": ["type"],
        },
        "metadata": {"source": "api_webhook_manager", "environment": "production", "request_id": REQUEST},
    }


RECORD = {"id": 812, "type": "customer"}


@pytest.mark.parametrize(
    ("type_", "previous", "changes"),
    [
        ("contact.created", None, {"previous": None, "current": RECORD, "modified_fields": None}),
        ("contact.deleted", None, {"previous": RECORD, "current": {}, "modified_fields": None}),
        ("message.sent", None, {"previous": None, "current": {}, "modified_fields": None}),
        (
            "template.quality",
            {"type": "a"},
            {"previous": {"type": "a"}, "current": {"type": "customer"}, "modified_fields": ["type"]},
        ),
    ],
)
def test_what_became_otherwise(type_: str, previous: Any, changes: dict[str, Any]) -> None:
    given = {} if previous is None else {"previous": previous}
    assert told(kept(type_, **given))["changes"] == changes


def test_the_default_format_is_the_one_before_it() -> None:
    assert told(kept("source.updated", previous={"type": "lead"}), "default") == {
        "event": "updated",
        "model": "App\\Models\\Tenant\\Source",
        "data": {"id": 812, "attributes": RECORD, "relations": {}},
        "original": {"id": 812, "type": "lead"},
        "timestamp": "2026-03-04T07:15:22.005Z",
    }
    assert told(kept("contact.created"), "default")["original"] is None
    message = told(sample("message.failed", ACCOUNT, AT, KEY), "default")
    assert message == {
        "event": "message.failed",
        "model": "WhatsAppMessage",
        "data": {
            "message_id": None,
            "status": "failed",
            "error_message": "Message undeliverable",
            "text": "Hi Priya, your parcel is ready.",
            "type": "text",
            "tenant_id": 17,
        },
        "timestamp": "2026-03-04T07:15:22.005Z",
    }


def test_what_meta_posted_stands_as_it_stood() -> None:
    posted = '{"entry":[{"z":1.0,"a":"\\u00e9"}]}'
    body = told(kept("message.delivered", original=posted), "meta")
    assert body["whatsapp"] == {"original_payload": msgspec.json.decode(posted)}
    assert body["data"]["resource"]["type"] == "status"
    assert body["metadata"]["source"] == "whatsapp_webhook_forward"
    assert body["tenant"] == {"id": 17, "name": "Harbour Books"}
    assert told(kept("message.sent"), "meta")["whatsapp"] == {"original_payload": None}


def test_an_event_without_a_request_has_the_same_id_of_one_in_every_attempt() -> None:
    first = request_id_of(KEY, None)
    assert first == request_id_of(KEY, None) != request_id_of(f"{KEY}a", None)
    assert str(uuid.UUID(first)) == first
    assert request_id_of(KEY, REQUEST) == REQUEST


def test_what_a_program_of_before_kept_is_read() -> None:
    old = Stored(KEY, "otp.sent", AT, {"otp_id": "a", "phone": "1"})
    assert told(old)["data"]["resource"] == {
        "type": "otp",
        "id": None,
        "attributes": {"otp_id": "a", "phone": "1"},
    }


@pytest.mark.parametrize(
    ("patterns", "type_", "expected"),
    [
        (["*"], "contact.created", True),
        (["contact.*"], "contact.created", True),
        (["contact.created"], "contact.created", True),
        (["contact.created"], "contact.updated", False),
        (["message.*", "status.*"], "contact.created", False),
        ([], "contact.created", False),
    ],
)
def test_patterns(patterns: list[str], type_: str, expected: bool) -> None:
    assert matches(patterns, type_) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", True),
        ("contact.*", True),
        ("contact.created", True),
        ("contact", False),
        ("contact.", False),
        (".*", False),
        ("contact.born", False),
        ("meta", False),
    ],
)
def test_what_may_be_asked_for(text: str, expected: bool) -> None:
    assert is_pattern(text) is expected


def test_the_nine_of_the_contract_are_told_to_who_names_none() -> None:
    assert sorted(CONTRACT) == sorted(
        f"{noun}.{action}"
        for noun in ("contact", "source", "status")
        for action in ("created", "updated", "deleted")
    )


@pytest.mark.parametrize("type_", CATALOGUE)
def test_every_sample_is_as_its_schema_says(type_: str) -> None:
    kind = CATALOGUE[type_]
    assert kind.when.endswith(".")
    for format_ in ("n8n", "meta"):
        resource = told(sample(type_, ACCOUNT, AT, KEY), format_)["data"]["resource"]
        msgspec.convert(resource["attributes"], kind.shape)
        assert tuple(resource["attributes"]) == kind.shape.__struct_fields__
    if previous := kind.sample.previous:
        assert previous.keys() <= set(kind.shape.__struct_fields__)
