"""What Meta's webhooks say of templates: statuses, quality, categories, contents; late, twice and in any order."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rasl import metrics
from rasl.db import templates as template_rows
from rasl.db.pool import Db
from rasl.db.templates import Account, Notice
from rasl.domain.templates.definition import upper
from rasl.graph.changes import Arrived, OtherChange
from rasl.services.templates import telling

_COMPONENTS = "message_template_components_update"
# Of the message_template_status_update's events these say something else than the status a template then has.
_MEANT = {"REINSTATED": "APPROVED", "UNARCHIVED": "APPROVED"}
_LONGEST_DETAILS = 1000


async def apply(db: Db, arrived: Sequence[Arrived[OtherChange]]) -> None:
    """Bring templates up to date; what cannot be told from a notice is read from Meta soon.

    A notice about an account that is not connected through the app it came from changes nothing: one customer's app
    must not speak for another customer's account.
    """
    by_app: dict[int, set[str]] = defaultdict(set)
    for item in arrived:
        by_app[item.app_id].add(item.change.waba_id)
    owners: dict[tuple[int, str], list[Account]] = defaultdict(list)
    for app_id, waba_ids in sorted(by_app.items()):
        for account in await template_rows.route(db, app_id, sorted(waba_ids)):
            owners[app_id, account.waba_id].append(account)
    accounts = [account for found in owners.values() for account in found]
    if not accounts:
        return
    await template_rows.lock_accounts(db, accounts)
    read_notices = [(item, read(item.change, item.received_at)) for item in arrived]
    originals = {
        notice.template_id: item.part.original() for item, notice in read_notices if notice and item.part
    }
    unclear: list[Account] = []
    async with telling.told(db, accounts, originals):
        for item, notice in read_notices:
            for account in owners[item.app_id, item.change.waba_id]:
                is_known = notice is not None and await template_rows.apply_notice(db, account, notice)
                if not is_known or item.change.field == _COMPONENTS:
                    unclear.append(account)
    if unclear:
        await template_rows.make_due(db, unclear)
    metrics.APPLIED.labels("template").inc(len(arrived))


def read(change: OtherChange, received_at: dt.datetime) -> Notice | None:
    """Read a notice of any of the four fields; None when it does not say which template it is about."""
    value: dict[str, Any] = change.value if isinstance(change.value, dict) else {}
    template_id = value.get("message_template_id")
    if isinstance(template_id, bool) or not isinstance(template_id, int | str) or not template_id:
        return None
    # A time from the future would keep every later notice out.
    happened_at = min(change.happened_at or received_at, received_at)
    said: dict[str, str | None] = {}
    match change.field:
        case "message_template_status_update":
            said = _status(value)
        case "message_template_quality_update":
            said = {"quality": _word(value.get("new_quality_score"))}
        case "template_category_update":
            said = {
                "category": _word(value.get("new_category")),
                "previous_category": _word(value.get("previous_category")),
                "correct_category": _word(value.get("correct_category")),
            }
    return Notice(
        waba_id=change.waba_id,
        template_id=str(template_id),
        kind=change.field,
        happened_at=happened_at,
        **said,
    )


def _status(value: dict[str, Any]) -> dict[str, str | None]:
    event = _word(value.get("event"))
    reason = _word(value.get("reason"))
    parts = [
        text
        for holder, names in (
            ("rejection_info", ("reason", "recommendation")),
            ("other_info", ("title", "description")),
            ("disable_info", ("disable_date",)),
        )
        for text in _texts(value.get(holder), names)
    ]
    return {
        "status": _MEANT.get(event, event) if event else None,
        "rejected_reason": None if reason == "NONE" else reason,
        "status_details": "; ".join(parts)[:_LONGEST_DETAILS] or None,
    }


def _texts(holder: object, names: Sequence[str]) -> list[str]:
    if not isinstance(holder, dict):
        return []
    return [str(holder[name]) for name in names if isinstance(holder.get(name), str | int) and holder[name]]


def _word(value: object) -> str | None:
    return upper(value) or None
