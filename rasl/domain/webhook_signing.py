"""How deliveries are signed: RASL's own header, and Standard Webhooks (https://www.standardwebhooks.com) beside it."""

import base64
import datetime as dt
import hmac
import secrets
from collections.abc import Sequence
from typing import Self

import msgspec

PREFIX = "whsec_"
_BYTES = 32
_MOST_OLD = 9  # that still work beside the new one


class Secret(msgspec.Struct, frozen=True):
    """A secret of an endpoint; one that was replaced works until its end."""

    text: str
    until: dt.datetime | None = None

    def __repr__(self) -> str:
        """Never show it."""
        return f"Secret(until={self.until!r})"

    @classmethod
    def mint(cls) -> Self:
        """Return a new one: 256 random bits."""
        return cls(PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode())


def rotated(known: Sequence[Secret], new: Secret, now: dt.datetime, overlap: dt.timedelta) -> list[Secret]:
    """Return the secrets after a rotation: the new one first, and those that work on for a while."""
    ends = now + overlap
    old = [msgspec.structs.replace(it, until=min(it.until or ends, ends)) for it in known]
    return [new, *working(old, now)][: 1 + _MOST_OLD]


def working(known: Sequence[Secret], now: dt.datetime) -> list[Secret]:
    """Return the secrets that are signed with at this moment."""
    return [it for it in known if it.until is None or it.until > now]


def headers_of(key: str, at: dt.datetime, body: bytes, known: Sequence[Secret]) -> dict[str, str]:
    """Return the headers that prove who sent a body; `key` is the public id of the event.

    During the overlap of a rotation `webhook-signature` holds one signature for each secret, as Standard Webhooks has
    it. `X-Webhook-Signature` can hold one only: it is the new secret's; that of the one before has a header beside it.
    """
    signing = [it.text for it in working(known, at)]
    timestamp = str(int(at.timestamp()))
    signed = f"{key}.{timestamp}.".encode() + body
    headers = {
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_standard(text, signed)}" for text in signing),
        "X-Webhook-Signature": _plain(signing[0], body),
    }
    if len(signing) > 1:
        headers["X-Webhook-Signature-Previous"] = _plain(signing[1], body)
    return headers


def _standard(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _plain(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()
