"""Budgets against pumping: how many codes may go to one phone, prefix, country, and out of one tenant."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from rasl.domain.phone import Phone, calling_code

_PERIODS = {"hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}
_NOUNS = {
    "phone": "to this phone number",
    "prefix": "to numbers that begin with {subject}",
    "country": "to {subject}",
    "tenant": "by this account",
}


class Budgets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Codes per hour and day; 0 is no limit."""

    phone_per_hour: int = 10
    phone_per_day: int = 20
    prefix_per_hour: int = 100
    prefix_per_day: int = 500
    country_per_hour: int = 2_000
    country_per_day: int = 10_000
    tenant_per_hour: int = 3_000
    tenant_per_day: int = 20_000

    def with_changes(self, changes: Mapping[str, int]) -> "Budgets":
        """Return the budgets of a tenant that has some of its own."""
        known = {name: value for name, value in changes.items() if name in BUDGET_NAMES}
        return msgspec.structs.replace(self, **known) if known else self


BUDGET_NAMES = Budgets.__struct_fields__


class Destination(msgspec.Struct, frozen=True):
    """Where a code goes, as budgets see it."""

    phone: str  # match key
    country: str  # ISO 3166, or the digits of the calling code where there is none
    prefix: str  # calling code and the first digits of the national number


class Key(msgspec.Struct, frozen=True, order=True):
    """One counter."""

    tenant_id: int
    scope: str
    subject: str
    period: str


class Overdraft(msgspec.Struct, frozen=True):
    """A budget that is used up."""

    key: Key
    budget: int

    @property
    def reason(self) -> str:
        """Name it, for programs: `prefix_budget_per_hour`."""
        return f"{self.key.scope}_budget_per_{self.key.period}"

    @property
    def sentence(self) -> str:
        """Name it, for people."""
        whom = _NOUNS[self.key.scope].format(subject=self.key.subject)
        return f"The budget of {self.budget} codes per {self.key.period} {whom} is used up"


def destination(phone: Phone, prefix_digits: int) -> Destination:
    """Say where a phone belongs."""
    code = calling_code(phone.digits)
    return Destination(
        phone=phone.match_key,
        country=phone.country or f"+{code}",
        prefix=f"+{phone.digits[: len(code) + prefix_digits]}",
    )


def keys(tenant_id: int, to: Destination) -> list[Key]:
    """Return the counters of one send, the narrowest first: it is the one to name."""
    subjects = {"phone": to.phone, "prefix": to.prefix, "country": to.country, "tenant": ""}
    return [
        Key(tenant_id, scope, subject, period) for scope, subject in subjects.items() for period in _PERIODS
    ]


def find_overdraft(budgets: Budgets, counters: Sequence[Key], sent: Mapping[Key, int]) -> Overdraft | None:
    """Return the first budget that has no place left, or None."""
    for key in counters:
        budget: int = getattr(budgets, f"{key.scope}_per_{key.period}")
        if 0 < budget <= sent[key]:
            return Overdraft(key, budget)
    return None


def starts_at(period: str, now: dt.datetime) -> dt.datetime:
    """Return when the hour or day began, in UTC."""
    moment = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return moment if period == "hour" else moment.replace(hour=0)


def ends_at(period: str, now: dt.datetime) -> dt.datetime:
    """Return when the hour or day ends."""
    return starts_at(period, now) + _PERIODS[period]
