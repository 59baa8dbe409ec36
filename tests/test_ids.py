import random
import string

import pytest

from rasl import ids

LETTERS = string.ascii_letters + string.digits


def test_a_token_is_recognised() -> None:
    assert all(ids.is_token(ids.mint_token()) for _ in range(100))


def test_tokens_never_repeat() -> None:
    assert len({ids.mint_token() for _ in range(1000)}) == 1000


def test_a_token_is_one_word_that_scanners_find_by_its_prefix() -> None:
    token = ids.mint_token()
    assert token.startswith("rasl_")
    assert len(token) == len("rasl_") + 48 + 6
    assert set(token.removeprefix("rasl_")) <= set(LETTERS)


def test_tokens_of_operators_are_another_kind() -> None:
    token, other = ids.mint_token(ids.ADMIN_PREFIX), ids.mint_token()
    assert token.startswith("rasladm_")
    assert ids.is_token(token)
    assert ids.is_token(token, ids.ADMIN_PREFIX)
    assert not ids.is_token(token, ids.TOKEN_PREFIX)
    assert not ids.is_token(other, ids.ADMIN_PREFIX)
    assert not ids.is_token(token.replace("rasladm_", "rasl_adm"))


def test_one_changed_character_anywhere_is_noticed_offline() -> None:
    token, chance = ids.mint_token(), random.Random(1)
    for place in range(len(token)):
        other = chance.choice([letter for letter in LETTERS if letter != token[place]])
        assert not ids.is_token(token[:place] + other + token[place + 1 :]), place


def test_two_swapped_characters_are_noticed() -> None:
    token = ids.mint_token()
    for place in range(5, len(token) - 1):
        swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
        assert ids.is_token(swapped) is (swapped == token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rasl_",
        "rasl_rasl_",
        "Bearer",
        "rasl_" + "0" * 54,
        "rasl_" + "0" * 5000,
        "rasl_" + "é" * 54,
        "rasl_" + "\u0660" * 54,
        "rasl_" + "\x00" * 54,
        "rasl_" + "\ud800" * 54,
        "rasl_" + " " * 54,
    ],
)
def test_what_is_no_token_is_none(text: str) -> None:
    assert not ids.is_token(text)


@pytest.mark.parametrize("change", ["no_prefix", "space_before", "newline_after", "short", "long", "upper"])
def test_a_token_that_was_copied_badly_is_none(change: str) -> None:
    token = ids.mint_token()
    spoiled = {
        "no_prefix": token.removeprefix("rasl_"),
        "space_before": f" {token}",
        "newline_after": f"{token}\n",
        "short": token[:-1],
        "long": f"{token}0",
        "upper": token.replace("rasl_", "RASL_"),
    }
    assert not ids.is_token(spoiled[change])


@pytest.mark.parametrize("length", [0, 1, 32])
def test_random_text_has_the_wanted_length(length: int) -> None:
    assert len(ids.mint_random(length)) == length
