"""Whether a message may go out, and when: the rules between a resolved recipient and the message row."""

import datetime as dt

import msgspec

from rasl.domain.gcra import PAIR, reserve
from rasl.domain.months import month_of
from rasl.domain.tenants import Tenant
from rasl.errors import ApiError, ContactOptedOut, FeatureNotAvailable, WindowClosed

COUNTED_FOR = dt.timedelta(hours=24)
SERVICE_WINDOW = dt.timedelta(hours=24)
_TEMPLATE = "template"


class Thread(msgspec.Struct):
    """A conversation with its contact as the database knows them; changed by each message admitted to it."""

    conversation_id: int
    contact_id: int
    is_opted_out: bool
    window_expires_at: dt.datetime | None
    counted_until: dt.datetime | None
    pair_tat: dt.datetime | None


def not_included(tenant: Tenant, type_name: str, now: dt.datetime) -> ApiError | None:
    """Return why the tenant may not send this type to anybody, or None."""
    subscription = tenant.subscription
    if not subscription.is_running(now):
        ended_at = subscription.ends_at.isoformat(timespec="seconds") if subscription.ends_at else None
        return FeatureNotAvailable.ended(subscription.status_at(now), ended_at)
    if type_name == _TEMPLATE and not tenant.plan.whatsapp_templates:
        return FeatureNotAvailable.of("whatsapp_templates")
    return None


def refusal(tenant: Tenant, thread: Thread, *, needs_window: bool, now: dt.datetime) -> ApiError | None:
    """Return why the message must not go out, or None."""
    if thread.is_opted_out:
        return ContactOptedOut(details={"contact_id": thread.contact_id})
    if (
        needs_window
        # With fallback_template, what comes without a template of its own is refused like with reject.
        and tenant.window_policy in {"reject", "fallback_template"}
        and not is_window_open(thread.window_expires_at, now)
    ):
        expires = thread.window_expires_at.isoformat() if thread.window_expires_at else None
        return WindowClosed(details={"window_expires_at": expires})
    return None


def is_window_open(window_expires_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Tell whether free-form messages reach the contact."""
    return window_expires_at is not None and window_expires_at > now


def opens_conversation(thread: Thread, now: dt.datetime, time_zone: str) -> bool:
    """Tell whether sending now counts against the month: one per contact, 24 hours and month (section 17, row 38).

    The month is that of the tenant's calendar.
    """
    counted_until = thread.counted_until
    if counted_until is None or counted_until <= now:
        return True
    counted_at = counted_until - COUNTED_FOR
    return month_of(counted_at, time_zone) != month_of(now, time_zone)


def admit(thread: Thread, *, is_new_conversation: bool, now: dt.datetime) -> dt.datetime:
    """Take a place in the recipient's lane; returns the moment the message may go out."""
    if is_new_conversation:
        thread.counted_until = now + COUNTED_FOR
    due_at, thread.pair_tat = reserve(PAIR, thread.pair_tat, now)
    return due_at
