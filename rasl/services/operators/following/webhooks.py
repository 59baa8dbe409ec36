"""What Meta posts, and what becomes of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import following, ingests
from rasl.db.pool import Db, Row
from rasl.services.operators.following.lines import LATE_IDS, MOST, Line, Told, shortened

_ITEMS = ("messages", "statuses", "errors", "message_echoes")


class Webhooks:
    """New deliveries, those that fail, those that are applied later, and what is set aside."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._highest: int | None = None
        self._highest_quarantined = 0
        self._told = Told()
        self._waiting: dict[int, None] = {}

    async def look(self, db: Db, tenants: Mapping[int, str], _seconds: float) -> Sequence[Line]:
        """Return what has come from Meta and was not told yet."""
        if self._highest is None:
            newest = await following.list_deliveries_after(db, 0, max(1, self._last))
            aside = await following.list_quarantined_after(db, 0, 1)
            self._highest = max((row["id"] for row in newest), default=0)
            self._highest_quarantined = max((row["id"] for row in aside), default=0)
            after = max(0, self._highest - LATE_IDS)
            earlier = await following.list_deliveries_after(db, after, MOST)
            self._note(earlier)
            for row in await following.list_quarantined_after(db, self._highest_quarantined - LATE_IDS, MOST):
                self._told.is_news(("quarantined", row["id"]))
            return await self._deliveries(db, newest if self._last else [], tenants)
        rows = await following.list_deliveries_after(db, max(0, self._highest - LATE_IDS), MOST)
        rows += await following.list_deliveries(db, list(self._waiting)[-MOST:])
        lines = await self._deliveries(db, self._note(rows), tenants)
        aside = await following.list_quarantined_after(db, self._highest_quarantined - LATE_IDS, MOST)
        return sorted([*lines, *await self._quarantined(db, aside, tenants)], key=lambda line: line.at)

    def _note(self, rows: Sequence[Row]) -> list[Row]:
        """Return the deliveries of which there is news, and remember those that are not applied yet."""
        news = []
        for row in rows:
            self._highest = max(self._highest or 0, row["id"])
            if row["applied_at"] is None:
                self._waiting[row["id"]] = None
            else:
                self._waiting.pop(row["id"], None)
            if self._told.is_news(row["id"], (row["applied_at"] is not None, row["failures"])):
                news.append(row)
        return news

    async def _deliveries(self, db: Db, rows: Sequence[Row], tenants: Mapping[int, str]) -> list[Line]:
        bodies = await following.load_bodies(db, [row["id"] for row in rows]) if rows else {}
        contents = {row["id"]: list(_changes(bodies.get(row["id"]))) for row in rows}
        ids = {id_ for changes in contents.values() for _, _, id_ in changes if id_}
        numbers = await ingests.route(db, sorted(ids)) if ids else {}
        lines = []
        for row in sorted(rows, key=lambda row: row["id"]):
            owners = {numbers[id_]["tenant_id"] for _, _, id_ in contents[row["id"]] if id_ in numbers}
            # What names no number of ours is everybody's, or nobody's.
            if owners and not owners & tenants.keys():
                continue
            lines.append(
                _delivery(row, contents[row["id"]], sorted(tenants[id_] for id_ in owners & tenants.keys()))
            )
        return lines

    async def _quarantined(self, db: Db, rows: Sequence[Row], tenants: Mapping[int, str]) -> list[Line]:
        self._highest_quarantined = max([self._highest_quarantined, *(row["id"] for row in rows)])
        news = [row for row in rows if self._told.is_news(("quarantined", row["id"]))]
        return await quarantined(db, news, tenants)


async def quarantined(db: Db, rows: Sequence[Row], tenants: Mapping[int, str]) -> list[Line]:
    """Return lines of what was set aside, but for what is of other tenants."""
    ids = sorted({row["phone_number_id"] for row in rows if row["phone_number_id"]})
    numbers = await ingests.route(db, ids) if ids else {}
    lines = []
    for row in rows:
        number = numbers.get(row["phone_number_id"] or "")
        if number is not None and number["tenant_id"] not in tenants:
            continue
        value = {
            "event": "quarantined",
            "id": row["id"],
            "delivery": row["ingest_id"],
            "app_id": row["app_id"],
            "phone_number_id": row["phone_number_id"],
            "tenant": None if number is None else tenants[number["tenant_id"]],
            "error": row["reason"],
        }
        words = (
            f"app {row['app_id']}",
            f"quarantined {row['id']}",
            f"number {row['phone_number_id'] or '-'}",
            shortened(row["reason"]),
        )
        lines.append(Line(row["received_at"], words, value))
    return lines


def _delivery(row: Row, changes: Sequence[tuple[str, str, str | None]], owners: Sequence[str]) -> Line:
    counts = Counter(what for _, what, _ in changes)
    told = ", ".join(f"{count} {what}" if count > 1 else what for what, count in counts.items())
    state = (
        "applied" if row["applied_at"] else f"failed {row['failures']} times" if row["failures"] else "waits"
    )
    value: dict[str, Any] = {
        "event": "delivery",
        "id": row["id"],
        "app_id": row["app_id"],
        "tenants": list(owners),
        "bytes": row["size"],
        "changes": [{"field": field, "what": what, "phone_number_id": id_} for field, what, id_ in changes],
        "is_applied": row["applied_at"] is not None,
        "failures": row["failures"],
        "error": row["last_error"],
    }
    words = (
        ",".join(owners) or f"app {row['app_id']}",
        f"delivery {row['id']}",
        told or f"{row['size']:,} bytes",
        state,
        *([shortened(row["last_error"])] if row["last_error"] else []),
    )
    return Line(row["received_at"], words, value)


def _changes(body: bytes | None) -> Iterator[tuple[str, str, str | None]]:
    """Return field, what it tells and number of every change; nobody's words are part of it."""
    try:
        told = msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, RecursionError):
        return
    for entry in _list(told, "entry"):
        for change in _list(entry, "changes"):
            field = change.get("field")
            value = change.get("value")
            metadata = value.get("metadata") if isinstance(value, dict) else None
            id_ = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
            found = list(_items(value)) if isinstance(value, dict) else []
            for what in found or [str(field)]:
                yield shortened(str(field)), shortened(what), id_ if isinstance(id_, str) else None


def _items(value: Mapping[str, Any]) -> Iterator[str]:
    for name in _ITEMS:
        for item in _list(value, name):
            if name == "statuses":
                yield f"status {item.get('status')}"
            elif name == "messages":
                yield f"{item.get('type') or 'untyped'} message"
            else:
                yield name.rstrip("s")


def _list(value: Any, name: str) -> list[dict[str, Any]]:
    items = value.get(name) if isinstance(value, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
