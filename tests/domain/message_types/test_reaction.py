import datetime as dt
from typing import Any

import pytest

from rasl.api.v2.sends.reaction import SendReaction
from rasl.domain.emoji import holds_emoji, is_one_emoji
from rasl.domain.message_types.reaction import Reaction, why_not
from rasl.domain.validation import read
from tests.domain.message_types.bodies import problems_of, reloaded


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_is_sent_as_meta_wants_it(emoji: str) -> None:
    content = Reaction("wamid.A", emoji)
    payload = {"type": "reaction", "reaction": {"message_id": "wamid.A", "emoji": emoji}}
    assert content.graph_fields({}) == payload
    assert content.preview() == emoji
    assert reloaded(content) == content


ONE = ["👍", "❤️", "❤", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇬🇧", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "©️"]  # fmt: skip
NONE = ["a", "1", "", " ", ":)", "🇬", "ok", "\u200d", "\ufe0f"]


@pytest.mark.parametrize("text", ONE)
def test_one_emoji_is_one_however_many_code_points_it_has(text: str) -> None:
    assert is_one_emoji(text)
    assert not is_one_emoji(text + text)
    assert not is_one_emoji(text + " ")
    assert holds_emoji(f"so {text} good") == (text != "©")


@pytest.mark.parametrize("text", NONE)
def test_other_texts_are_no_emoji(text: str) -> None:
    assert not is_one_emoji(text)


@pytest.mark.parametrize("text", ["Book 12 seats #3*", "Harbour™ ©", "Größe", "予約"])
def test_ordinary_texts_hold_no_emoji(text: str) -> None:
    assert not holds_emoji(text)


@pytest.mark.parametrize(
    ("raw", "emoji"),
    [
        (b'{"message_id":5,"emoji":"\xf0\x9f\x91\x8d"}', "👍"),
        (b'{"message_id":"wamid.A","emoji":""}', None),
        (b'{"message_id":"wamid.A","emoji":null}', None),
    ],
)
def test_a_reaction_needs_no_recipient(raw: bytes, emoji: str | None) -> None:
    assert read(SendReaction, raw).emoji == emoji


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (
            {},
            {
                "message_id": ["The message_id field is required"],
                "emoji": ["The emoji field is required; an empty one takes the reaction back"],
            },
        ),
        ({"message_id": 5, "emoji": "👍👍"}, {"emoji": ["The emoji field must be exactly one emoji"]}),
        ({"message_id": 5, "emoji": "ok"}, {"emoji": ["The emoji field must be exactly one emoji"]}),
        (
            {"message_id": 5, "emoji": "👍", "context": {"message_id": 5}},
            {"context": ["A reaction cannot quote a message"]},
        ),
    ],
)
def test_what_is_no_reaction_is_refused(fields: Any, problems: Any) -> None:
    assert problems_of(SendReaction, **fields) == problems


@pytest.mark.parametrize(
    ("target_type", "age", "is_allowed"),
    [
        ("text", dt.timedelta(days=30), True),
        ("text", dt.timedelta(days=30, seconds=1), False),
        ("reaction", dt.timedelta(0), False),
    ],
)
def test_not_every_message_can_be_reacted_to(
    target_type: str, age: dt.timedelta, *, is_allowed: bool
) -> None:
    assert (why_not(target_type, age) is None) is is_allowed
