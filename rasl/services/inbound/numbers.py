"""What Meta tells of a number itself: its limit of conversations, its name; and that it posts for it at all."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from rasl import metrics
from rasl.db import numbers as rows
from rasl.db import templates
from rasl.db.numbers import Heard, News
from rasl.db.pool import Db, Row
from rasl.graph.changes import Arrived, OtherChange, Refused
from rasl.sealing import Sealer
from rasl.services.ground import number_changes

_LONGEST = 200
# Flagged is what Meta calls a number of low quality; one that is not any more may be anything better.
# https://developers.facebook.com/docs/whatsapp/messaging-limits
_QUALITY = {"FLAGGED": "RED", "UNFLAGGED": "UNKNOWN"}
# A number that is busy is written to once in a while, not with every message.
_TOLD_EVERY = dt.timedelta(minutes=1)


async def apply(db: Db, _sealer: Sealer, arrived: Sequence[Arrived[OtherChange]]) -> Sequence[Refused]:
    """Keep what Meta says, in its words; of a number that is not connected through the app it is nobody's business."""
    read_news = [(item, found) for item in arrived if (found := read(item)) is not None]
    if read_news:
        news = [found for _, found in read_news]
        originals = {found.digits: item.part.original() for item, found in read_news if item.part}
        async with number_changes.told(db, await _owners(db, news), originals):
            await rows.keep_news(db, news)
    metrics.APPLIED.labels("number").inc(len(arrived))
    return ()


async def _owners(db: Db, news: Sequence[News]) -> list[int]:
    """Return whose numbers news may be about."""
    accounts = {(item.app_id, item.waba_id) for item in news}
    found = {
        account.tenant_id
        for app_id, waba_id in sorted(accounts)
        for account in await templates.route(db, app_id, [waba_id])
    }
    return sorted(found)


def read(arrived: Arrived[OtherChange]) -> News | None:
    """Read what a change says of a number; None when it does not say of which, or nothing that is kept.

    Meta names the number as people read it.
    """
    change = arrived.change
    value: dict[str, Any] = change.value if isinstance(change.value, dict) else {}
    digits = "".join(filter(str.isdigit, _text(value, "display_phone_number") or ""))
    if not digits.isascii() or not digits:
        return None
    limit = name = quality = None
    if change.field == "phone_number_quality_update":
        quality = _QUALITY.get(_text(value, "event") or "")
        limit = _text(value, "max_daily_conversations_per_business") or _text(value, "current_limit")
    elif _text(value, "decision") == "APPROVED":
        name = _text(value, "requested_verified_name")
    if limit is None and name is None and quality is None:
        return None
    return News(arrived.app_id, change.waba_id, digits, limit, name, quality)


async def hear(db: Db, heard: Mapping[int, tuple[Row, dt.datetime]]) -> None:
    """Keep when Meta last posted something for numbers, to a minute."""
    quiet = [
        Heard(row["tenant_id"], row["id"], heard_at)
        for row, heard_at in heard.values()
        if row["last_webhook_at"] is None or row["last_webhook_at"] <= heard_at - _TOLD_EVERY
    ]
    if quiet:
        await rows.keep_heard(db, quiet)


def _text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    return text[:_LONGEST] if isinstance(text, str) and text else None
