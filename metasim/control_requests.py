"""The bodies the control API takes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from metasim.config import Window
from metasim.store import TokenState

Signing = Literal["right", "wrong", "none"]


class ControlError(Exception):
    """A control request that cannot be carried out, with the reason."""

    def __init__(self, reason: str, http: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.http = http


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A body of the control API: unknown fields are refused."""


class NumberOrder(Order):
    """Register or change a number and the account it belongs to."""

    phone_number_id: str | None = None
    waba_id: str | None = None
    waba_name: str | None = None
    display_phone_number: str | None = None
    verified_name: str | None = None
    tokens: list[str] = []
    app_secret: str | None = None
    throughput: int | None = None
    window: Window | None = None
    subscribed: bool | None = None


class TokenOrder(Order):
    """Say what a token is worth and for which numbers."""

    token: str
    state: TokenState = "valid"
    phone_number_ids: list[str] = []


class CallbackOrder(Order):
    """Set the callback of a number, of an account, or of the whole app."""

    callback_url: str
    verify_token: str
    app_secret: str | None = None
    phone_number_id: str | None = None
    waba_id: str | None = None


class StatusOrder(Order):
    """One status to emit."""

    id: str
    status: str
    phone_number_id: str | None = None
    recipient_id: str | None = None
    timestamp: str | int | None = None
    code: int | None = None
    biz_opaque_callback_data: str | None = None
    omit: list[str] = []
    extra: dict[str, Any] = {}
    repeat: int = 1


class StatusesOrder(Order):
    """Statuses to emit now, in this order."""

    statuses: list[StatusOrder]
    batch: bool = True
    retries: bool = True


class Change(Order):
    """One raw change of a webhook."""

    value: Any
    field: str = "messages"
    waba_id: str | None = None


class WebhookOrder(Order):
    """A webhook with content of the caller's choice."""

    phone_number_id: str | None = None
    waba_id: str | None = None
    value: Any = None
    field: str = "messages"
    changes: list[Change] = []
    body: Any = None
    raw: str | None = None
    time: int | None = None
    sign: Signing = "right"
    secret: str | None = None
    retries: bool = False


class ResetOrder(Order):
    """What survives a reset."""

    keep_numbers: bool = False


class ClockOrder(Order):
    """How much time passes at once."""

    advance: float
