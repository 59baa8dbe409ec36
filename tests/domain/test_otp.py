import re

import pytest

from rasl.domain.otp import CODE_PATTERN, Standing, hashed_text, readings, refusal, wrong_code


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (None, "OTP_NOT_FOUND"),
        (Standing(0, 5, is_expired=False), None),
        (Standing(4, 5, is_expired=False), None),
        (Standing(5, 5, is_expired=False), "MAX_ATTEMPTS_EXCEEDED"),
        (Standing(6, 5, is_expired=False), "MAX_ATTEMPTS_EXCEEDED"),
        (Standing(0, 5, is_expired=True), "OTP_EXPIRED"),
        (Standing(5, 5, is_expired=True), "MAX_ATTEMPTS_EXCEEDED"),
    ],
)
def test_found_attempts_expiry_is_the_order(standing: Standing | None, expected: str | None) -> None:
    found = refusal(standing)
    assert (found and found.details["error_code"]) == expected


@pytest.mark.parametrize(
    ("code", "is_good"),
    [
        ("1234", True),
        ("123456", True),
        ("aB3dE6gH9j", True),
        ("123", False),
        ("12345678901", False),
        ("12 34", False),
        ("12-34", False),
        ("1234\n", False),
        ("१२३४५६", False),
        ("", False),
    ],
)
def test_a_code_is_four_to_ten_letters_and_digits(code: str, is_good: bool) -> None:
    assert (re.search(CODE_PATTERN, code) is not None) is is_good


def test_a_wrong_code_is_a_validation_error_with_what_remains() -> None:
    error = wrong_code(3)
    assert (error.status, error.code) == (422, "VALIDATION_ERROR")
    assert error.details == {"error_code": "INVALID_CODE", "attempts_remaining": 3}


def test_a_hash_is_bound_to_tenant_and_password() -> None:
    texts = {
        hashed_text(1, "a", "23"),
        hashed_text(1, "b", "23"),
        hashed_text(2, "a", "23"),
        hashed_text(1, "a", "24"),
    }
    assert len(texts) == 4


READINGS = [
    # What comes in, the codes it is right for, and some that it is not.
    ("482913", {"482913"}, {"0482913", "48291", "482914"}),
    ("2913", {"2913", "02913", "002913"}, {"12913", "913", "0002913"}),
    ("123", {"123", "0123", "00123", "000123"}, {"1230", "0000123"}),
    ("0", {"0000", "00000", "000000"}, {"0000000", "000001"}),
    ("0123", {"0123", "00123", "000123"}, {"123"}),
    ("012913", {"012913"}, {"12913", "2913"}),
    ("12345678", {"12345678"}, {"012345678"}),
    ("K3Y9", {"K3Y9"}, {"00K3Y9", "k3y9"}),
    ("12 3", {"12 3"}, {"0012 3", "123"}),
    ("-123", {"-123"}, {"00-123", "-00123"}),
    ("१२३४", {"१२३४"}, {"00१२३४", "1234"}),
    ("", {""}, {"000000"}),
]


@pytest.mark.parametrize(("guess", "right_for", "wrong_for"), READINGS)
def test_a_guess_may_have_lost_leading_zeros(guess: str, right_for: set[str], wrong_for: set[str]) -> None:
    found = readings(guess)
    assert right_for <= set(found)
    assert not wrong_for & set(found)


def test_no_guess_counts_for_two_codes_of_one_length() -> None:
    for guess, _, _ in READINGS:
        lengths = [len(code) for code in readings(guess)]
        assert len(lengths) == len(set(lengths)) <= 4
