import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.message_status import MessageStatus
from rasl.graph import inbound
from rasl.graph.changes import (
    AccountFailure,
    Change,
    InboundMessage,
    Malformed,
    OtherChange,
    StatusChange,
)
from rasl.graph.errors import FailureKind
from rasl.graph.loose import moment
from rasl.graph.storable import NotJsonError, decode
from rasl.services.inbound import changes as kinds

FILES = {file.stem: file for file in sorted((Path(__file__).parent / "payloads").glob("*.json"))}
PHONE = "16505551234"
ANA = f"message wamid.IN from {PHONE} US.1349"
OUT = f"wamid.OUT to {PHONE} None"

EXPECTED: dict[str, list[str]] = {
    "text_username_no_phone": ["message wamid.IN from None US.13491208655302741918: text 'hola'"],
    "text_bsuid_in_from": ["message wamid.IN from None US.13491208655302741918: text 'hola'"],
    "text_phone_only_in_contact": [f"{ANA}: text 'hola'"],
    "text_sender_only_in_contact": [f"{ANA}: text 'hola'"],
    "text_without_sender": ["malformed: message without a sender"],
    "text_without_contacts": [f"message wamid.IN from {PHONE} None: text 'hola'"],
    "text_reply_forwarded": [f"{ANA}: text 'yes'"],
    "text_in_group": [f"{ANA}: text 'hi all'"],
    "text_numbers_for_texts": [f"message 12345 from {PHONE} None: text '42'"],
    "text_milliseconds": [f"{ANA}: text 'hi'"],
    "text_no_timestamp": [f"{ANA}: text 'hi'"],
    "text_nul_and_half_emoji": [f"{ANA}: text 'a\ufffdb\ufffd'"],
    "text_from_ad": [f"{ANA}: text 'Info?'"],
    "text_without_body": [f"{ANA}: text '[Text]'"],
    "image": [f"{ANA}: image '[Image]'"],
    "image_caption": [f"{ANA}: image 'our cat'"],
    "document": [f"{ANA}: document '[Document] invoice.pdf'"],
    "audio_voice": [f"{ANA}: audio '[Audio]'"],
    "video": [f"{ANA}: video '[Video]'"],
    "sticker": [f"{ANA}: sticker '[Sticker]'"],
    "location_named": [f"{ANA}: location '[Location] HQ, 1 Hacker Way'"],
    "location_bare": [f"{ANA}: location '[Location] 37.44, -122.16'"],
    "contacts": [f"{ANA}: contacts '[Contact] Bo Li, Cy'"],
    "reaction": [f"{ANA}: reaction '\U0001f600'"],
    "reaction_removed": [f"{ANA}: reaction '[Reaction removed]'"],
    "button": [f"{ANA}: button 'Stop'"],
    "interactive_button_reply": [f"{ANA}: interactive 'Yes'"],
    "interactive_list_reply": [f"{ANA}: interactive 'Tuesday'"],
    "interactive_flow_reply": [f"{ANA}: interactive 'Sent'"],
    "interactive_call_permission": [f"{ANA}: interactive '[Call permission] accept'"],
    "interactive_without_body": [f"{ANA}: interactive '[Reply]'", "account failure 131000"],
    "order": [f"{ANA}: order '[Order] 2 items'"],
    "system_number_changed": [
        f"message wamid.IN from {PHONE} None: system 'Ana changed from {PHONE} to 16505550000'"
    ],
    "edit": [f"{ANA}: edit 'better'"],
    "revoke": [f"{ANA}: revoke '[Message deleted]'"],
    "unsupported_poll": [f"{ANA}: unsupported '[Unsupported message: poll]'"],
    "unsupported_old_shape": [f"{ANA}: unsupported '[Unsupported message]'"],
    "unsupported_with_text": [f"{ANA}: unsupported 'still readable'"],
    "type_of_the_future": [f"{ANA}: hologram '[Unsupported message: hologram]'"],
    "location_without_type": [f"{ANA}: location '[Location] Pier, Road 1'"],
    "contacts_without_type": [f"{ANA}: contacts '[Contact] Bo, Cy'"],
    "text_without_type": [f"{ANA}: text 'hello'"],
    "voice_legacy": [f"{ANA}: audio '[Audio]'"],
    "voice_without_type": [f"{ANA}: audio '[Audio]'"],
    "text_long_ids": [
        "malformed: message without an id",
        f"message wamid.IN from {PHONE} None: text 'hi'",
        "malformed: message without a sender",
    ],
    "type_missing": [f"{ANA}: unknown '[Unsupported message]'"],
    "message_without_id": [
        "malformed: message without an id",
        "malformed: message without an id",
        f"message wamid.IN2 from {PHONE} US.1349: text 'ok'",
    ],
    "status_sent_v23": [f"sent {OUT}"],
    "status_delivered_v24": [f"delivered wamid.OUT to {PHONE} US.1349"],
    "status_read_bsuid_only": ["read wamid.OUT to None US.1349"],
    "status_bsuid_in_recipient_id": ["read wamid.OUT to None US.1349"],
    "status_played": [f"played {OUT}"],
    "status_failed": [f"failed {OUT} 131047"],
    "status_failed_old_error": [f"failed {OUT} 131026"],
    "status_failed_text_error_data": [f"failed {OUT} 131026"],
    "status_group_participant": ["sent wamid.OUT to None None"],
    "status_numbers_for_texts": [f"sent {OUT}"],
    "status_milliseconds": [f"sent {OUT}"],
    "status_unknown_and_known": ["other messages", f"sent wamid.OUT2 to {PHONE} None"],
    "status_payment": ["other messages"],
    "status_queued_is_not_metas": ["other messages"],
    "status_without_id": [
        "malformed: status without an id",
        "malformed: status without an id",
        f"sent {OUT}",
    ],
    "account_error": ["account failure 130429"],
    "batch": [
        f"sent wamid.A to {PHONE} None",
        f"read wamid.B to {PHONE} None",
        f"message wamid.C from {PHONE} US.1349: text 'one'",
        "message wamid.D from 4915112345678 None: text 'two'",
        f"sent wamid.E to {PHONE} None",
        "other account_update",
        f"delivered wamid.F to {PHONE} None",
    ],
    "template_rejected": ["other message_template_status_update"],
    "template_quality": ["other message_template_quality_update"],
    "template_components": ["other message_template_components_update"],
    "number_name": ["other phone_number_name_update"],
    "number_quality": ["other phone_number_quality_update"],
    "template_category": ["other template_category_update"],
    "user_preferences": ["other user_preferences"],
    "message_echo": ["other smb_message_echoes"],
    "field_of_the_future": ["other brand_new"],
    "messages_of_another_shape": ["other messages"],
    "value_null": ["malformed: messages without a phone_number_id"],
    "no_metadata": ["malformed: messages without a phone_number_id"],
    "no_entry": ["malformed: body without a list of entries"],
    "a_list": ["malformed: body without a list of entries"],
    "entries_odd": [
        "malformed: entry without a list of changes",
        "malformed: entry without a list of changes",
        "malformed: change without a field",
        "malformed: change without a field",
        "other flows",
    ],
}


def parse(raw: bytes) -> list[Change]:
    return [change for _, change, _ in kinds.read(raw)]


def parse_loosely(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    with monkeypatch.context() as patched:
        patched.setattr(inbound, "parse", lambda body: inbound.parts_of(decode(body)))
        return parse(raw)


def in_short(change: Change) -> str:
    match change:
        case InboundMessage():
            sender = f"{change.sender_phone} {change.sender_bsuid}"
            return f"message {change.wamid} from {sender}: {change.type} {change.text!r}"
        case StatusChange():
            codes = "".join(f" {failure.code}" for failure in change.errors)
            recipient = f"{change.recipient_wa_id} {change.recipient_bsuid}"
            return f"{change.status} {change.wamid} to {recipient}{codes}"
        case AccountFailure():
            return f"account failure {change.failure.code}"
        case OtherChange():
            return f"other {change.field}"
        case Malformed():
            return f"malformed: {change.reason}"


def changes(name: str) -> list[Change]:
    return parse(FILES[name].read_bytes())


def message(name: str) -> InboundMessage:
    (change,) = changes(name)
    assert isinstance(change, InboundMessage)
    return change


def status(name: str) -> StatusChange:
    (change,) = changes(name)
    assert isinstance(change, StatusChange)
    return change


def test_every_payload_file_has_a_row() -> None:
    assert set(FILES) == set(EXPECTED)


@pytest.mark.parametrize("name", FILES)
def test_a_payload_tells_everything_it_holds(name: str) -> None:
    assert [in_short(change) for change in changes(name)] == EXPECTED[name]


@pytest.mark.parametrize("name", FILES)
def test_the_fast_reading_and_the_loose_one_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = FILES[name].read_bytes()
    assert parse(raw) == parse_loosely(raw, monkeypatch)


@pytest.mark.parametrize("name", FILES)
def test_unread_spaces_and_unknown_fields_change_nothing(name: str) -> None:
    body = json.loads(FILES[name].read_bytes())
    if isinstance(body, dict):
        body["future"] = {"a": [1]}
    assert [in_short(change) for change in parse(json.dumps(body, indent=3).encode())] == EXPECTED[name]


def test_a_message_keeps_everything_meta_said_about_its_sender() -> None:
    change = message("text_username_no_phone")
    assert change.profile_name == "Ana"
    assert change.username == "ana.k"
    assert change.parent_bsuid == "US.ENT.77"
    assert change.timestamp == datetime.fromtimestamp(1780000000, UTC)
    assert change.payload["text"] == {"body": "hola"}


def test_a_reply_names_the_message_it_answers() -> None:
    assert message("text_reply_forwarded").context_wamid == "wamid.OUT"
    assert message("image").context_wamid is None


def test_a_group_message_is_told_apart() -> None:
    assert message("text_in_group").group_id is not None
    assert message("image").group_id is None


def test_times_may_come_in_milliseconds_or_not_at_all() -> None:
    assert message("text_milliseconds").timestamp == datetime(2026, 5, 28, 20, 26, 40, 500_000, tzinfo=UTC)
    assert status("status_milliseconds").timestamp == datetime(2026, 5, 28, 20, 27, 0, 999_000, tzinfo=UTC)
    assert message("text_no_timestamp").timestamp is None


@pytest.mark.parametrize(
    "odd", [None, "", "x", [], {}, "9" * 30, -1e30, float("nan"), float("inf"), True, "1" * 5000]
)
def test_no_timestamp_is_too_odd(odd: Any) -> None:
    assert odd is True or moment(odd) is None


def test_a_status_carries_our_id_and_the_price() -> None:
    change = status("status_delivered_v24")
    assert change.opaque == "job_01J"
    assert change.pricing is not None
    assert change.pricing["type"] == "free_customer_service"
    assert status("status_sent_v23").conversation == {
        "id": "72b1",
        "expiration_timestamp": "1780086430",
        "origin": {"type": "marketing"},
    }


@pytest.mark.parametrize("name", ["voice_legacy", "voice_without_type"])
def test_a_voice_message_is_an_audio_that_says_so(name: str) -> None:
    content = message(name).payload["audio"]
    assert (content["id"], content["voice"]) == ("1003383421387256", True)


def test_a_failure_is_classified() -> None:
    (failure,) = status("status_failed").errors
    assert failure.kind is FailureKind.FIX
    assert failure.details == "More than 24 hours have passed."
    assert status("status_failed_old_error").errors[0].details == "old place"


def test_a_group_status_names_the_participant() -> None:
    assert status("status_group_participant").participant == PHONE


def test_each_change_belongs_to_its_own_number_and_account() -> None:
    owners = [
        (change.phone_number_id, change.waba_id)
        for change in changes("batch")
        if not isinstance(change, Malformed)
    ]
    number = "106540352242922"
    assert owners == [
        (number, "1"),
        (number, "1"),
        ("200", "1"),
        ("200", "1"),
        ("200", "1"),
        (None, "2"),
        ("200", "2"),
    ]


def test_metas_status_names_are_ours() -> None:
    assert status("status_played").status is MessageStatus.PLAYED


@pytest.mark.parametrize(
    "raw", [b"", b"not json", b"{", b"\xff\xfe{}", b'{"entry":[{]}', b"[" * 100_000, b'{"a":"\x00"}', b"\x00"]
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJsonError):
        inbound.parse(raw)


ODD_VALUES: list[Any] = [None, 0, True, "", "x", -1.5, [], [None], {}, {"x": None}, 2**70, "\x00", "\ud800"]


def spoilt(value: Any) -> Iterator[Any]:
    """Yield the value with each of its parts replaced by each odd value, one at a time."""
    yield from ODD_VALUES
    if isinstance(value, dict):
        for key, item in value.items():
            yield {other: kept for other, kept in value.items() if other != key}
            for worse in spoilt(item):
                yield {**value, key: worse}
    if isinstance(value, list):
        for index, item in enumerate(value):
            for worse in spoilt(item):
                yield [*value[:index], worse, *value[index + 1 :]]


@pytest.mark.parametrize("name", FILES)
def test_no_spoilt_part_breaks_the_parsing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in spoilt(json.loads(FILES[name].read_bytes())):
        raw = json.dumps(body).encode()
        found = parse(raw)
        assert found == parse_loosely(raw, monkeypatch)
        assert "\x00" not in repr(found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    )
)
def test_no_value_breaks_the_parsing(value: Any) -> None:
    change = {"field": "messages", "value": {"metadata": {"phone_number_id": "1"}, "messages": value}}
    for body in (value, {"entry": value}, {"entry": [{"id": "1", "changes": [change]}]}):
        parse(json.dumps(body).encode())
