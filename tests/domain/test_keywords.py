from typing import Literal

import pytest

from rasl.domain.keywords import START_WORDS, STOP_WORDS, consent_of


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        *((word, "stop") for word in sorted(STOP_WORDS)),
        *((word, "start") for word in sorted(START_WORDS)),
        ("STOP", "stop"),
        ("Stop.", "stop"),
        ("  stop!\n", "stop"),
        ('"STOP"', "stop"),
        ("Opt   Out", "stop"),
        ("opt\tin", "start"),
        ("UnStop", "start"),
        ("stop it", None),
        ("please stop", None),
        ("stopp", None),
        ("don't stop", None),
        ("restart", None),
        ("st op", None),
        ("", None),
        (" . ", None),
        (None, None),
    ],
)
def test_a_wish_is_the_whole_message_in_any_case(
    text: str | None, wish: Literal["stop", "start"] | None
) -> None:
    assert consent_of(text) == wish


def test_no_word_asks_for_both() -> None:
    assert not STOP_WORDS & START_WORDS
