import secrets

import pytest

from rasl.domain.challenges import (
    ALPHABET,
    LENGTH,
    find_codes,
    hashed_text,
    link,
    make_code,
    shown,
    text_with,
)


def test_a_code_is_hard_to_guess_and_easy_to_read() -> None:
    assert len(ALPHABET) ** LENGTH > 2**38
    assert not set("01ILOUV") & set(ALPHABET)
    assert len({make_code(secrets.choice) for _ in range(1000)}) == 1000


def test_the_link_writes_the_text() -> None:
    code = make_code(secrets.choice)
    assert link("+1 555 078 3881", code).startswith(
        "https://wa.me/15550783881?text=My%20verification%20code%20is%20"
    )
    assert find_codes(text_with(code)) == (code,)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (None, ()),
        ("", ()),
        ("hello", ()),
        ("K7QM-2XWD", ("K7QM2XWD",)),
        ("k7qm2xwd", ("K7QM2XWD",)),
        ("K7QM 2XWD.", ("K7QM2XWD",)),
        ("K7QM\u20112XWD", ("K7QM2XWD",)),
        ("(K7QM-2XWD)", ("K7QM2XWD",)),
        ("test K7QM-2XWD", ("TESTK7QM", "K7QM2XWD")),
        ("K7QM-2XWD K7QM-2XWD", ("K7QM2XWD", "2XWDK7QM")),
        ("XK7QM-2XWD", ()),
        ("K7QM-2XWDX", ()),
        ("K7QM--2XWD", ()),
        ("K7QO-2XWD", ()),
    ],
)
def test_codes_are_found_in_what_people_write(text: str | None, codes: tuple[str, ...]) -> None:
    assert tuple(find_codes(text)) == codes


def test_a_long_text_is_not_a_list_of_guesses() -> None:
    assert len(find_codes(" ".join(shown(make_code(secrets.choice)) for _ in range(500)))) == 5


def test_a_hash_is_bound_to_the_tenant() -> None:
    assert hashed_text(1, "K7QM2XWD") != hashed_text(2, "K7QM2XWD")
