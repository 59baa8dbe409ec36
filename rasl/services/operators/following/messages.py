"""Messages and what becomes of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rasl.db import following
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.domain import challenges
from rasl.services.operators.following.lines import LATE_IDS, LATE_SECONDS, MOST, Line, Told, shortened

_PASSWORD = "(one-time password)"  # noqa: S105 - what is shown instead of one
_MOVING = frozenset({"queued", "sending", "unknown"})


class Messages:
    """New messages, and every status that a message comes to."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._highest: int | None = None
        self._told = Told()
        self._reports = Told()
        self._moving: dict[Key, None] = {}

    async def look(self, db: Db, tenants: Mapping[int, str], seconds: float) -> Sequence[Line]:
        """Return what has happened to messages and was not told yet."""
        if self._highest is None:
            return await self._begin(db, tenants)
        # Reports first: whatever they made of a message is in its row when that is read after them.
        reports = await following.list_reports(db, seconds + LATE_SECONDS, MOST)
        news = [report for report in reversed(reports) if self._is_new_report(report)]
        after = max(0, self._highest - LATE_IDS)
        rows = await following.list_messages_after(db, list(tenants), after, MOST)
        new = [row for row in rows if self._is_new(row)]
        lines = [self._message(row, tenants) for row in new]
        # A message that is told now is told as it is now, which is what was reported of it before.
        known = {(row["tenant_id"], row["id"]) for row in new}
        lines += [
            self._report(report, tenants)
            for report in news
            if report["tenant_id"] in tenants and (report["tenant_id"], report["message_id"]) not in known
        ]
        lines += [
            self._change(row, tenants)
            for row in await following.list_messages(db, list(self._moving)[-MOST:])
            if self._is_changed(row)
        ]
        return sorted(lines, key=lambda line: line.at)

    async def _begin(self, db: Db, tenants: Mapping[int, str]) -> list[Line]:
        """Tell the last messages, and take what was reported about any so far as told."""
        rows = await following.list_messages_after(db, list(tenants), 0, max(1, self._last))
        self._highest = max((row["id"] for row in rows), default=0)
        after = max(0, self._highest - LATE_IDS)
        for row in await following.list_messages_after(db, list(tenants), after, MOST):
            self._is_new(row)
        for report in await following.list_reports(db, LATE_SECONDS, MOST):
            self._is_new_report(report)
        newest = sorted(rows, key=lambda row: row["id"])[-self._last :] if self._last else []
        return [self._message(row, tenants) for row in newest]

    def _is_new(self, row: Row) -> bool:
        key = Key(row["tenant_id"], row["id"])
        self._highest = max(self._highest or 0, row["id"])
        if not self._told.is_news(("message", key)):
            return False
        self._told.is_news(key, row["status"])
        if row["status"] in _MOVING:
            self._moving[key] = None
        return True

    def _is_changed(self, row: Row) -> bool:
        key = Key(row["tenant_id"], row["id"])
        if row["status"] not in _MOVING:
            self._moving.pop(key, None)
        return self._told.is_news(key, row["status"])

    def _is_new_report(self, report: Row) -> bool:
        if not self._reports.is_news((report["tenant_id"], report["wamid"], report["status"])):
            return False
        if report["message_id"] is not None:
            # So that the row of the message, read after this, does not tell the same again.
            self._told.is_news(Key(report["tenant_id"], report["message_id"]), report["status"])
        return True

    @staticmethod
    def _message(row: Row, tenants: Mapping[int, str]) -> Line:
        is_inbound = row["direction"] == "inbound"
        text = text_of(row)
        value = _value("message", row, tenants) | {
            "direction": row["direction"],
            "type": row["type"],
            "peer": row["peer"],
            "text": text,
        }
        words = (
            tenants[row["tenant_id"]],
            f"#{row['id']}",
            "from" if is_inbound else "to",
            row["peer"],
            row["type"],
            *state_of(row),
            *([f'"{shortened(text)}"'] if text else []),
        )
        return Line(row["created_at"], words, value)

    @staticmethod
    def _change(row: Row, tenants: Mapping[int, str]) -> Line:
        words = (tenants[row["tenant_id"]], f"#{row['id']}", *state_of(row))
        return Line(row["updated_at"], words, _value("status", row, tenants))

    @staticmethod
    def _report(report: Row, tenants: Mapping[int, str]) -> Line:
        code = () if report["code"] is None else (str(report["code"]), shortened(report["title"] or ""))
        name = report["wamid"] if report["message_id"] is None else f"#{report['message_id']}"
        value = {
            "event": "status",
            "tenant": tenants[report["tenant_id"]],
            "id": report["message_id"],
            "message_id": report["wamid"],
            "status": report["status"],
            "error_code": report["code"],
            "error": report["title"],
        }
        return Line(
            report["received_at"], (tenants[report["tenant_id"]], name, report["status"], *code), value
        )


def text_of(row: Row) -> str | None:
    """Return the text of a message, unless it holds a code that somebody proves who they are with."""
    text: str | None = row["text"]
    if row["is_password"]:
        return _PASSWORD
    for code in challenges.find_codes(text) if row["direction"] == "inbound" else ():
        # As the link of a challenge writes it; any two words of four letters could be one without the hyphen.
        text = text and re.sub(re.escape(challenges.shown(code)), _PASSWORD, text, flags=re.IGNORECASE)
    return text


def state_of(row: Row) -> tuple[str, ...]:
    """Return the status of a message, with what speaks of it when it failed."""
    if row["status"] != "failed":
        return (row["status"],)
    code = () if row["error_code"] is None else (str(row["error_code"]),)
    return ("failed", *code, shortened(row["status_message"] or ""))


def _value(event: str, row: Row, tenants: Mapping[int, str]) -> dict[str, Any]:
    return {
        "event": event,
        "tenant": tenants[row["tenant_id"]],
        "id": row["id"],
        "status": row["status"],
        "error_code": row["error_code"],
        "error": row["status_message"],
    }
