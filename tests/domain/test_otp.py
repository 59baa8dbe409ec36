import re

import pytest

from rasl.domain.otp import CODE_PATTERN, Standing, hashed_text, refusal, wrong_code


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
