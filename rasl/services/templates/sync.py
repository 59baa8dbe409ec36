"""Templates read from Meta: every page, safe beside another reading and beside Meta's own notices."""

import asyncio
import datetime as dt
import random

import msgspec

from rasl import log
from rasl.db import templates as template_rows
from rasl.db.templates import Account
from rasl.errors import ServiceUnavailable, WhatsAppFailed, WhatsAppNotConfigured
from rasl.graph import templates as graph_templates
from rasl.graph.client import Ambiguous, Fetched, NotSent, Refused
from rasl.graph.errors import FailureKind
from rasl.graph.templates import TemplatePage
from rasl.services.ground.resources import Resources
from rasl.services.templates import telling

_TRIES = 3
_RESTARTS = 2  # with fresh cursors
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0
_CLAIM = 5
_LEASE = dt.timedelta(minutes=15)
_RETRY_AFTER_FAILURE = dt.timedelta(minutes=30)
_PASSING = frozenset({FailureKind.RETRY, FailureKind.THROTTLED})
_logger = log.get_logger()


class Synced(msgspec.Struct, frozen=True):
    """What a reading found and changed."""

    synced: int
    created: int
    updated: int
    deleted: int
    synced_at: dt.datetime


class _BadCursorError(Exception):
    """Meta no longer knows the cursor: the list has to be read from its beginning."""


async def sync(resources: Resources, tenant_id: int) -> Synced:
    """Read all templates of a tenant; raises WhatsAppNotConfigured or WhatsAppFailed."""
    credentials = await load_credentials(resources, tenant_id)
    if not credentials:
        raise WhatsAppNotConfigured
    found = [
        await sync_account(resources, Account(tenant_id, waba_id), access_token)
        for waba_id, access_token in credentials.items()
    ]
    return Synced(
        synced=sum(item.synced for item in found),
        created=sum(item.created for item in found),
        updated=sum(item.updated for item in found),
        deleted=sum(item.deleted for item in found),
        synced_at=max(item.synced_at for item in found),
    )


async def load_credentials(resources: Resources, tenant_id: int) -> dict[str, str]:
    """Return the access token of each business account of a tenant."""
    async with resources.database.connection() as db:
        rows = await template_rows.list_accounts(db, tenant_id)
    return {
        row["waba_id"]: resources.sealer.unseal(row["access_token_sealed"], "access_token") for row in rows
    }


async def sync_account(resources: Resources, account: Account, access_token: str) -> Synced:
    """Read all templates of one account; only a walk to the end of the list removes what it did not show."""
    async with resources.database.connection() as db:
        started_at = await template_rows.now(db)
    for restart in range(_RESTARTS + 1):
        try:
            synced, created, updated = await _walk(resources, account, access_token)
        except _BadCursorError:
            if restart == _RESTARTS:
                raise WhatsAppFailed("WhatsApp's list of templates kept changing; try again") from None
        else:
            break
    async with resources.database.transaction() as db:
        await template_rows.lock_accounts(db, [account])
        async with telling.told(db, [account]):
            deleted = await template_rows.remove_unseen(db, account, started_at)
        synced_at = await template_rows.finish_sync(db, account, synced, _next_turn(resources))
    resources.templates.forget(account.tenant_id)
    return Synced(synced, created, updated, deleted, synced_at)


async def _walk(resources: Resources, account: Account, access_token: str) -> tuple[int, int, int]:
    """Write page after page; returns how many there are, are new, and changed."""
    synced = created = updated = 0
    after: str | None = None
    while True:
        async with resources.database.connection() as db:
            read_at = await template_rows.now(db)
        page = await _page(resources, account.waba_id, access_token, after)
        async with resources.database.transaction() as db:
            await template_rows.lock_accounts(db, [account])
            async with telling.told(db, [account]):
                is_new, is_changed = await template_rows.keep(db, account, page.templates, read_at)
        resources.templates.forget(account.tenant_id)
        synced += len(page.templates)
        created += is_new
        updated += is_changed
        if page.after is None or page.after == after:
            return synced, created, updated
        after = page.after


async def _page(resources: Resources, waba_id: str, access_token: str, after: str | None) -> TemplatePage:
    """Read one page, again where that may help."""
    attempt = 0
    while True:
        attempt += 1
        outcome = await graph_templates.list_page(resources.graph, waba_id, access_token, after)
        if isinstance(outcome, TemplatePage):
            return outcome
        is_cursor = isinstance(outcome, Refused) and outcome.failure.code == graph_templates.INVALID_CURSOR
        if is_cursor and after is not None:
            raise _BadCursorError
        pause = _pause(outcome, attempt)
        if pause is None or attempt >= _TRIES:
            raise failed(outcome)
        await asyncio.sleep(pause)


def _pause(outcome: Refused | NotSent | Ambiguous, attempt: int) -> float | None:
    """Return how long to wait before reading again, None when waiting does not help."""
    pause = _FIRST_PAUSE * 2**attempt * (0.5 + random.random())  # noqa: S311 - spreads retries
    if isinstance(outcome, Refused):
        if outcome.failure.kind not in _PASSING:
            return None
        pause = max(pause, outcome.retry_after or 0.0)
    return pause if pause <= _LONGEST_PAUSE else None


def failed(outcome: Refused | NotSent | Ambiguous | Fetched) -> WhatsAppFailed:
    """Return the error for what Meta did not do."""
    match outcome:
        case Refused(failure=failure):
            return WhatsAppFailed(
                f"WhatsApp refused the request: {failure.details or failure.message or failure.title}",
                {
                    "meta_code": failure.code,
                    "meta_title": failure.title,
                    "fbtrace_id": failure.fbtrace_id,
                    "cure": failure.cure,
                },
            )
        case NotSent(reason=reason) | Ambiguous(reason=reason):
            return WhatsAppFailed(f"WhatsApp did not answer: {reason}")
    return WhatsAppFailed("WhatsApp gave an answer that cannot be read")


async def reconcile(resources: Resources) -> int:
    """Read the accounts whose turn it is; returns how many. Several workers never read the same one."""
    async with resources.database.connection() as db:
        await template_rows.watch_new_accounts(db)
        accounts = await template_rows.claim_due(db, _CLAIM, _LEASE)
    for account in accounts:
        await _reconcile_account(resources, account)
    return len(accounts)


async def reconcile_all(resources: Resources) -> None:
    """Read accounts until it is nobody's turn."""
    while await reconcile(resources):
        pass


async def _reconcile_account(resources: Resources, account: Account) -> None:
    try:
        credentials = await load_credentials(resources, account.tenant_id)
        if account.waba_id in credentials:
            await sync_account(resources, account, credentials[account.waba_id])
            return
        reason = "no connected number belongs to this account any more"
    except ServiceUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one account must not keep the others waiting
        reason = str(error) if isinstance(error, WhatsAppFailed | WhatsAppNotConfigured) else repr(error)
        _logger.warning(
            "templates_not_read",
            tenant_id=account.tenant_id,
            waba_id=account.waba_id,
            error=log.redact(reason),
        )
        async with resources.database.connection() as db:
            await template_rows.note_failure(
                db, account, log.redact(reason)[:500], min(_RETRY_AFTER_FAILURE, _next_turn(resources))
            )


def _next_turn(resources: Resources) -> dt.timedelta:
    """Return when an account is read again, spread so that a fleet does not ask at once."""
    return dt.timedelta(hours=resources.settings.template_sync_hours) * (0.8 + 0.4 * random.random())  # noqa: S311
