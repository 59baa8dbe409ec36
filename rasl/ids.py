"""Minting and recognising prefixed credentials."""

import secrets
import zlib

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_PREFIX = "rasl_"  # noqa: S105 - the public marker, not a secret
ADMIN_PREFIX = "rasladm_"  # of tokens for the operator API
_RANDOM_LENGTH = 48
_CHECKSUM_LENGTH = 6


def mint_token(prefix: str = TOKEN_PREFIX) -> str:
    """Return a new bearer token: prefix, 48 random characters (285 bits) and a checksum of 6."""
    random_part = mint_random(_RANDOM_LENGTH)
    return f"{prefix}{random_part}{_checksum(random_part)}"


def is_token(text: str, *prefixes: str) -> bool:
    """Tell offline whether the text can be one of our tokens, so that scanners can dismiss look-alikes.

    Without prefixes tokens of every kind count.
    """
    known = prefixes or (TOKEN_PREFIX, ADMIN_PREFIX)
    prefix = next((prefix for prefix in known if text.startswith(prefix)), None)
    if prefix is None:
        return False
    body = text[len(prefix) :]
    if len(body) != _RANDOM_LENGTH + _CHECKSUM_LENGTH:
        return False
    random_part, checksum = body[:_RANDOM_LENGTH], body[_RANDOM_LENGTH:]
    return random_part.isascii() and random_part.isalnum() and _checksum(random_part) == checksum


def mint_random(length: int) -> str:
    """Return unguessable letters and digits (5.95 bits each)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))
