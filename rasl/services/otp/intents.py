"""One-time passwords in the transaction that accepts their messages: budgets first, then the password itself."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import msgspec

from rasl import metrics
from rasl.db import otp_budgets as budget_rows
from rasl.db import otps as otp_rows
from rasl.db.otps import Stored
from rasl.db.pool import Db
from rasl.domain import fixed_windows
from rasl.domain import otp_budgets as rules
from rasl.domain.events import Event
from rasl.domain.otp_budgets import Budgets, Destination, Key, Overdraft
from rasl.errors import OtpBlocked
from rasl.services.ground import events


class NewOtp(msgspec.Struct, frozen=True):
    """A password on its way; the code itself is in the message only, sealed."""

    tenant_id: int
    id: str  # a UUID
    destination: Destination
    purpose: str
    code_hash: bytes
    template_name: str
    language: str
    valid_for: dt.timedelta
    max_attempts: int
    budgets: Budgets

    @property
    def keys(self) -> list[Key]:
        """Return the counters it counts on."""
        return rules.keys(self.tenant_id, self.destination)


class Guard:
    """The budgets of one transaction: locked, so that what is compared is what will be counted."""

    def __init__(self, sent: Mapping[Key, int], now: dt.datetime) -> None:
        self._sent = Counter(sent)
        self._now = now
        self._added: Counter[Key] = Counter()
        self._blocked: Counter[Key] = Counter()
        self._events: list[tuple[int, Event]] = []

    @classmethod
    async def lock(cls, db: Db, wishes: Iterable[NewOtp]) -> Self:
        """Lock every counter the passwords count on; whoever sends to the same phone takes turns, too."""
        return cls(*await budget_rows.lock(db, [key for wish in wishes for key in wish.keys]))

    def admit(self, wish: NewOtp) -> OtpBlocked | None:
        """Take a place in every budget, or return which has none left."""
        found = rules.find_overdraft(wish.budgets, wish.keys, self._sent)
        if found is None:
            self._sent.update(wish.keys)
            return None
        self._blocked[found.key] += 1
        refusal = blocked(found, self._now)
        self._events.append((wish.tenant_id, _event(wish, found, refusal, self._now)))
        return refusal

    async def keep(self, db: Db, items: Sequence[tuple[NewOtp, int]]) -> None:
        """Store passwords, given with the ids of their messages, and count them; a place not used is free again."""
        if items:
            await otp_rows.insert(db, _stored(items))
        for otp, _ in items:
            self._added.update(otp.keys)
        await budget_rows.add(db, self._added, self._blocked)
        await events.record_many(db, self._events)
        metrics.OTP_BLOCKED.inc(self._blocked.total())


def blocked(found: Overdraft, now: dt.datetime) -> OtpBlocked:
    """Say which budget is used up, and when it is filled again."""
    left = (rules.ends_at(found.key.period, now) - now).total_seconds()
    return OtpBlocked(
        found.sentence,
        {
            "reason": found.reason,
            "subject": found.key.subject or None,
            "budget": found.budget,
            "period": found.key.period,
            "retry_after": fixed_windows.retry_after(left),
        },
    )


async def rehearse(db: Db, wish: NewOtp) -> OtpBlocked | None:
    """Return what the budgets say now, without counting."""
    sent, now = await budget_rows.read(db, wish.keys)
    found = rules.find_overdraft(wish.budgets, wish.keys, sent)
    return blocked(found, now) if found else None


def _stored(items: Sequence[tuple[NewOtp, int]]) -> list[Stored]:
    last = {_line(otp): message_id for otp, message_id in items}
    return [
        Stored(
            tenant_id=otp.tenant_id,
            id=otp.id,
            phone=otp.destination.phone,
            purpose=otp.purpose,
            code_hash=otp.code_hash,
            message_id=message_id,
            template_name=otp.template_name,
            language=otp.language,
            country=otp.destination.country,
            prefix=otp.destination.prefix,
            max_attempts=otp.max_attempts,
            valid_for=otp.valid_for,
            is_active=last[_line(otp)] == message_id,
        )
        for otp, message_id in items
    ]


def _line(otp: NewOtp) -> tuple[int, str, str]:
    return otp.tenant_id, otp.destination.phone, otp.purpose


def _event(wish: NewOtp, found: Overdraft, refusal: OtpBlocked, now: dt.datetime) -> Event:
    key, start = found.key, rules.starts_at(found.key.period, now)
    return Event(
        type="otp.blocked",
        id=None,
        attributes={
            **refusal.details,
            "phone": wish.destination.phone,
            "purpose": wish.purpose,
            "country": wish.destination.country,
            "prefix": wish.destination.prefix,
        },
        once=f"{key.scope}:{key.subject}:{key.period}:{start.isoformat()}:{found.budget}",
    )
