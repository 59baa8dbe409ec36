"""Who a message is for: from what the caller wrote to the wa_id WhatsApp uses."""

import re
from typing import Any, NamedTuple

from metasim.errors import invalid, refusal
from metasim.statuses import user_id_of
from metasim.store import Number

_DRESSING = str.maketrans("", "", "+-(). \u00a0")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_MEXICO_LENGTH, _BRAZIL_LENGTH = 12, 13


class Recipient(NamedTuple):
    """A resolved recipient."""

    given: str
    wa_id: str
    user_id: str
    is_group: bool
    has_user_id: bool

    @property
    def key(self) -> str:
        """What limits and windows count this user by."""
        return self.wa_id or self.user_id

    def contact(self) -> dict[str, str]:
        """The recipient as the answer's contacts name it."""
        contact = {"input": self.given}
        if self.wa_id:
            contact["wa_id"] = self.wa_id
        if self.has_user_id:
            contact["user_id"] = self.user_id
        return contact


def resolve(payload: dict[str, Any], number: Number, *, is_rewritten: bool) -> Recipient:
    """The recipient of a message; `to` wins over `recipient` when both are there."""
    to, scoped = payload.get("to"), payload.get("recipient")
    if to is None or to == "":
        return _scoped(scoped)
    if isinstance(to, bool) or not isinstance(to, str | int):
        raise invalid("Param to must be a string.")
    given = str(to)
    if payload.get("recipient_type") == "group":
        return Recipient(given, given, "", is_group=True, has_user_id=False)
    digits = given.translate(_DRESSING)
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        raise refusal(131009, "The phone number is malformed: Please use the format: +1234567890.")
    wa_id = rewritten(digits) if is_rewritten else digits
    if wa_id == number.digits:
        raise refusal(131021)
    has_user_id = isinstance(scoped, str) and bool(_USER_ID.fullmatch(scoped))
    user = str(scoped) if has_user_id else user_id_of(wa_id)
    return Recipient(given, wa_id, user, is_group=False, has_user_id=has_user_id)


def _scoped(scoped: Any) -> Recipient:
    if scoped is None or scoped == "":
        raise invalid("The parameter to is required.")
    if not isinstance(scoped, str) or not _USER_ID.fullmatch(scoped):
        raise refusal(131009, "The business-scoped user ID is malformed.")
    return Recipient(scoped, "", scoped, is_group=False, has_user_id=True)


def rewritten(digits: str) -> str:
    """The wa_id behind a dialled Brazilian or Mexican mobile number."""
    if digits.startswith("55") and len(digits) == _BRAZIL_LENGTH and digits[4] == "9":
        return digits[:4] + digits[5:]
    if digits.startswith("52") and len(digits) == _MEXICO_LENGTH:
        return "521" + digits[2:]
    return digits
