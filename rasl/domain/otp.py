"""One-time passwords: what a code may be, and what speaks against one that somebody enters (api-v2 section 4)."""

import datetime as dt

import msgspec

from rasl.domain.fixed_windows import WindowLimit
from rasl.errors import OtpRejected

NONE_ACTIVE = "No active OTP found"
DEFAULT_PURPOSE = "authentication"
DEFAULT_LANGUAGE = "en"
MAX_PURPOSE = 50
DEFAULT_EXPIRY_MINUTES = 10
MIN_LENGTH, MAX_LENGTH = 4, 8  # of codes that we make
DEFAULT_LENGTH = 6
PADDED_LENGTH = 6  # of a code given as a number, which has lost its leading zeros
CODE_PATTERN = r"^[0-9A-Za-z]{4,10}(?![\s\S])"  # of codes that callers choose (section 17, row 17)

VERIFY_LIMIT = WindowLimit("otp-verify", 10, dt.timedelta(minutes=1))
RESEND_LIMIT = WindowLimit("otp-resend", 3, dt.timedelta(minutes=5))


class Standing(msgspec.Struct, frozen=True):
    """An active password as the database knows it."""

    attempts: int
    max_attempts: int
    is_expired: bool

    @property
    def attempts_remaining(self) -> int:
        """Return how many wrong codes it still takes."""
        return max(0, self.max_attempts - self.attempts)


def refusal(standing: Standing | None) -> OtpRejected | None:
    """Return why no code at all is accepted: found, attempts, expiry is the order (section 17, row 20)."""
    if standing is None:
        return not_found()
    if standing.attempts_remaining == 0:
        return OtpRejected("MAX_ATTEMPTS_EXCEEDED", "Too many wrong codes: request a new one", 0)
    if standing.is_expired:
        return OtpRejected("OTP_EXPIRED", "The verification code has expired: request a new one")
    return None


def not_found() -> OtpRejected:
    """Return the answer where nothing is active for the phone and the purpose."""
    return OtpRejected("OTP_NOT_FOUND", NONE_ACTIVE)


def wrong_code(attempts_remaining: int) -> OtpRejected:
    """Return the answer to a code that was evaluated and is wrong."""
    return OtpRejected("INVALID_CODE", "Invalid verification code", attempts_remaining)


def readings(guess: str) -> tuple[str, ...]:
    """Return the codes that a guess may stand for: itself, and with the leading zeros that a number has lost.

    A code that was sent as a number has 6 digits; one that was sent as a text may have 4 or 5, and come back as a
    number. Each reading has another length, and codes of one service have one length: no guess counts for two.
    """
    if not (guess.isascii() and guess.isdecimal()):
        return (guess,)
    lengths = range(max(len(guess), MIN_LENGTH), PADDED_LENGTH + 1)
    return tuple(dict.fromkeys((guess, *(guess.zfill(length) for length in lengths))))


def hashed_text(tenant_id: int, otp_id: str, code: str) -> str:
    """Return what the keyed hash of a code is made of: it is worth nothing for another tenant or password."""
    return f"{tenant_id}:{otp_id}:{code}"
