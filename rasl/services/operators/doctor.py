"""Checks of a running installation, each with what to do about it; no secret is ever part of a text."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl import clock
from rasl.db import doctor as rows
from rasl.db import ingests as ingest_rows
from rasl.db import jobs
from rasl.db import tenants as tenant_rows
from rasl.db.pool import Database, Db, Row
from rasl.domain.tenants import DELETING
from rasl.graph.client import Fetched, GraphClient, ReadOutcome, Refused
from rasl.sealing import Sealer
from rasl.services.operators import installation
from rasl.services.tenancy.numbers import callback_url

_FIELDS = "id,display_phone_number,status,quality_rating,webhook_configuration"
_GOOD_STATES = frozenset({"CONNECTED", "LINKED"})
_WORST_SKEW_SECONDS = 2.0
_WORST_LAG_SECONDS = 60.0
_QUARANTINE_DAYS = 7
_PARKED_FOR = dt.timedelta(minutes=10)
_UNKNOWN_FOR = dt.timedelta(days=1)
_NO_ANSWER = "Check RASL_GRAPH_BASE_URL and that this machine may reach Meta (DNS, proxy, firewall)."


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, and how to mend it."""

    name: str
    ok: bool
    message: str
    fix: str | None = None


async def examine(
    database: Database, sealer: Sealer, graph: GraphClient, base_url: str, unknown_window_seconds: float
) -> list[Check]:
    """Look at everything behind the database."""
    async with database.connection() as db:
        asked_at = clock.now()
        database_time = await rows.ask_time(db)
        answered_at = clock.now()
        tenants = await tenant_rows.list_tenants(db)
        numbers = await rows.list_numbers(db)
        backlog = await jobs.backlog(db)
        failing_jobs = await jobs.count_failing(db)
        ingests = await rows.ask_ingest_backlog(db)
        failing_deliveries = await ingest_rows.count_failing(db)
        quarantined = await rows.count_quarantined(db, _QUARANTINE_DAYS)
        parked = await rows.count_parked(db, _PARKED_FOR)
        is_our_key = await _is_our_key(db, sealer)
        unknown = await rows.count_unknown(db, dt.timedelta(seconds=unknown_window_seconds), _UNKNOWN_FOR)
    checks = [
        _check_clock(asked_at, database_time, answered_at),
        *_check_tenants(tenants),
        _check_key(numbers, sealer, is_our_key),
        _check_backlog([*backlog, *([ingests] if ingests else [])]),
        _check_failing_jobs(failing_jobs),
        _check_failing_deliveries(failing_deliveries),
        _check_quarantine(quarantined),
        _check_parked(parked),
        _check_unknown(unknown),
    ]
    for number in numbers:
        checks += await check_number(number, sealer, graph, base_url)
    return checks


def _check_clock(asked_at: dt.datetime, database_time: dt.datetime, answered_at: dt.datetime) -> Check:
    middle = asked_at + (answered_at - asked_at) / 2
    skew = abs((database_time - middle).total_seconds())
    return Check(
        "clock",
        skew <= _WORST_SKEW_SECONDS,
        f"this machine and the database differ by {skew:.1f} s",
        None if skew <= _WORST_SKEW_SECONDS else "Let both machines keep time with NTP.",
    )


def _check_tenants(tenants: Sequence[Row]) -> list[Check]:
    if not tenants:
        return [Check("tenants", True, "there is no tenant yet", "rasl tenant create NAME --subdomain S")]
    return [_check_tenant(tenant) for tenant in tenants]


def _check_tenant(tenant: Row) -> Check:
    name, subdomain = f"tenant {tenant['subdomain']}", tenant["subdomain"]
    if tenant["status"] == DELETING:
        return Check(name, True, "is being deleted: the worker goes on with it", None)
    if tenant["status"] != "active":
        fix = f"rasl tenant set --tenant {subdomain} --status active"
        return Check(name, True, "is suspended: its tokens are refused", fix)
    missing = [key for key in ("default_status_id", "default_source_id") if tenant[key] is None]
    if missing:
        options = " ".join(f"--{key.replace('_', '-')} ID" for key in missing)
        return Check(
            name,
            False,
            f"has no {' and no '.join(missing)}: it cannot write to people it does not know yet",
            f"rasl tenant set --tenant {subdomain} {options}",
        )
    if not tenant["numbers"]:
        return Check(
            name,
            False,
            "has no WhatsApp number",
            f"rasl whatsapp connect --tenant {subdomain} ... (see --help)",
        )
    return Check(name, True, "has its defaults and a number")


async def _is_our_key(db: Db, sealer: Sealer) -> bool:
    try:
        await installation.check_key(db, sealer)
    except installation.WrongKeyError:
        return False
    return True


def _check_key(numbers: Sequence[Row], sealer: Sealer, is_ours: bool) -> Check:
    closed = [number["phone_number_id"] for number in numbers if not _opens(number, sealer)]
    if closed:
        what = f"does not open the stored secrets of {', '.join(closed)}"
    elif not is_ours:
        what = "is not the one that this database's secrets are stored with"
    else:
        what = "opens every stored secret" if numbers else "nothing is encrypted with it yet"
    is_well = is_ours and not closed
    return Check("secret key", is_well, what, None if is_well else installation.WRONG_KEY_CURE)


def _opens(number: Row, sealer: Sealer) -> bool:
    return all(sealer.opens(number[f"{name}_sealed"], name) for name in ("access_token", "app_secret"))


def _check_backlog(queues: Sequence[Row]) -> Check:
    waiting = sum(queue["waiting"] for queue in queues)
    lag = max((queue["lag"] for queue in queues), default=0.0)
    is_fine = lag <= _WORST_LAG_SECONDS
    return Check(
        "backlog",
        is_fine,
        f"{waiting} jobs wait, the oldest is due for {lag:.0f} s",
        None if is_fine else "Is a worker running? Start `rasl worker`, or more of them.",
    )


def _check_failing_deliveries(found: Sequence[Row]) -> Check:
    if not found:
        return Check(
            "failing deliveries", True, "no delivery from Meta has failed and waits to be tried again"
        )
    what = "; ".join(
        f"{row['deliveries']} of app {row['app_id']} ({', '.join(row['subdomains'] or ['no number'])}), the oldest "
        f"for {row['lag']:.0f} s, tried up to {row['failures']} times ({row['last_error']})"
        for row in found
    )
    return Check(
        "failing deliveries",
        False,
        f"deliveries from Meta that fail and are tried again: {what}",
        "Nothing is lost: they are set aside after some tries, see `rasl quarantine list`. If the reason is no fault "
        "of yours, report it.",
    )


def _check_failing_jobs(found: Sequence[Row]) -> Check:
    if not found:
        return Check("failing jobs", True, "no job keeps failing")
    what = "; ".join(
        f"{row['kind']}: {row['failing']} put off, {row['set_aside']} set aside (last: {row['last_error']})"
        for row in found
    )
    return Check(
        "failing jobs",
        False,
        what,
        "`rasl jobs list` names them. What is put off is tried again by itself; what is set aside after you mended the "
        "cause and called `rasl jobs retry`.",
    )


def _check_quarantine(found: Sequence[Row]) -> Check:
    if not found:
        return Check("quarantine", True, f"every change of the last {_QUARANTINE_DAYS} days found its number")
    what = "; ".join(
        f"{row['changes']} for {row['phone_number_id'] or 'no number'} ({row['reason']})" for row in found
    )
    return Check(
        "quarantine",
        False,
        f"changes from Meta that were not applied in the last {_QUARANTINE_DAYS} days: {what}",
        "Connect these numbers with `rasl whatsapp connect`, with the secret of the app that calls us, "
        "or remove our callback from the app or account they belong to. `rasl quarantine` shows and retries them.",
    )


def _check_parked(count: int) -> Check:
    if not count:
        return Check("parked statuses", True, "no status waits for its message")
    # Other systems that send from the same number cause this, so it is told and not counted as a failure.
    return Check(
        "parked statuses",
        True,
        f"{count} statuses belong to messages that we did not send",
        "Nothing to do if another system sends from the same number; they are dropped after some days.",
    )


def _check_unknown(found: Sequence[Row]) -> Check:
    if not found:
        return Check("unknown messages", True, "the fate of every message of the last day is known")
    what = ", ".join(f"{row['messages']} of {row['subdomain']}" for row in found)
    return Check(
        "unknown messages",
        False,
        f"Meta may or may not have sent these of the last day: {what}",
        "If statuses do not arrive either, mend the callback first. Look at the messages and send again what is "
        "missing, or let it happen: rasl tenant set --tenant S --unknown-policy resend.",
    )


async def check_number(number: Row, sealer: Sealer, graph: GraphClient, base_url: str) -> list[Check]:
    """Look at one number of `list_numbers` as Meta has it: its state, its account's subscription, its callback."""
    name = f"number {number['phone_number_id']}"
    if not sealer.opens(number["access_token_sealed"], "access_token"):
        return []
    token = sealer.unseal(number["access_token_sealed"], "access_token")
    outcome = await graph.get_json(number["phone_number_id"], token, {"fields": _FIELDS})
    if not isinstance(outcome, Fetched):
        return [Check(name, False, *_told(outcome, number["subdomain"]))]
    checks = [_check_state(name, outcome.value)]
    apps = await graph.get_json(f"{number['waba_id']}/subscribed_apps", token)
    checks.append(_check_subscription(number, apps))
    wanted = callback_url(base_url, number["callback_key"])
    checks += _check_callback(number["phone_number_id"], outcome.value.get("webhook_configuration"), wanted)
    return checks


def _told(outcome: ReadOutcome, subdomain: str) -> tuple[str, str]:
    if isinstance(outcome, Refused):
        failure = outcome.failure
        code = "" if failure.code is None else f" ({failure.code})"
        again = f"rasl whatsapp connect --tenant {subdomain} ... stores a new access token."
        return f"Meta refuses: {failure.title}{code}", f"{failure.cure} {again}"
    reason = "" if isinstance(outcome, Fetched) else f" ({outcome.reason})"
    return f"Meta does not answer{reason}", _NO_ANSWER


def _check_state(name: str, value: dict[str, Any]) -> Check:
    state = str(value.get("status") or "CONNECTED")
    if state in _GOOD_STATES:
        return Check(
            name,
            True,
            f"is {state.lower()} as {value.get('display_phone_number', 'unnamed')}, the token is good",
        )
    return Check(
        name, False, f"is {state} at Meta", "Open WhatsApp Manager > Phone numbers: it says what Meta wants."
    )


def _check_subscription(number: Row, outcome: ReadOutcome) -> Check:
    name = f"subscription {number['waba_id']}"
    if not isinstance(outcome, Fetched):
        return Check(name, False, *_told(outcome, number["subdomain"]))
    if outcome.value.get("data"):
        return Check(name, True, "an app is subscribed to the account's webhooks")
    return Check(
        name,
        False,
        "no app is subscribed to the account: no webhook will ever arrive",
        f"POST /{number['waba_id']}/subscribed_apps at Meta with the same access token.",
    )


def _check_callback(phone_number_id: str, configuration: Any, wanted: str) -> list[Check]:
    if not isinstance(configuration, dict):
        return []
    levels = ("phone_number", "whatsapp_business_account", "application")
    url = next((configuration[level] for level in levels if configuration.get(level)), None)
    name = f"callback {phone_number_id}"
    if url == wanted:
        return [Check(name, True, "Meta calls us")]
    where = "nobody" if url is None else "another address"
    return [
        Check(
            name,
            False,
            f"Meta calls {where} when something happens to this number",
            f"Enter {wanted} at Meta under WhatsApp > Configuration; set RASL_PUBLIC_URL if it begins wrongly.",
        )
    ]
