"""What goes wrong: messages that fail, jobs and deliveries that keep failing, what is set aside."""

from collections.abc import Mapping, Sequence

from rasl import clock
from rasl.db import following, jobs
from rasl.db.pool import Db
from rasl.services.operators.following.lines import LATE_IDS, MOST, Line, Told, shortened
from rasl.services.operators.following.messages import Messages
from rasl.services.operators.following.webhooks import quarantined

_BAD = frozenset({"failed", "unknown"})


class Errors:
    """Everything that somebody may have to look after."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._messages = Messages(MOST if last else 0)
        self._told = Told()
        self._highest: int | None = None

    async def look(self, db: Db, tenants: Mapping[int, str], seconds: float) -> Sequence[Line]:
        """Return what went wrong and was not told yet; at first also the last of what went wrong before."""
        is_first = self._highest is None
        found = await self._messages.look(db, tenants, seconds)
        lines = [line for line in found if line.value["status"] in _BAD]
        lines += await self._set_aside(db, tenants)
        lines += await self._jobs(db, tenants)
        lines += await self._deliveries(db)
        lines.sort(key=lambda line: line.at)
        if is_first:
            return lines[-self._last :] if self._last else []
        return lines

    async def _set_aside(self, db: Db, tenants: Mapping[int, str]) -> list[Line]:
        after = 0 if self._highest is None else max(0, self._highest - LATE_IDS)
        rows = await following.list_quarantined_after(db, after, MOST)
        self._highest = max([self._highest or 0, *(row["id"] for row in rows)])
        return await quarantined(
            db, [row for row in rows if self._told.is_news(("quarantined", row["id"]))], tenants
        )

    async def _jobs(self, db: Db, tenants: Mapping[int, str]) -> list[Line]:
        lines = []
        for row in await jobs.list_failing(db, None, None, MOST):
            key = ("job", row["kind"], row["tenant_id"], row["subject_id"])
            is_aside = row["set_aside_at"] is not None
            if row["tenant_id"] not in tenants or not self._told.is_news(key, (row["failures"], is_aside)):
                continue
            state = "set aside" if is_aside else f"failed {row['failures']} times"
            value = {
                "event": "job",
                "tenant": row["subdomain"],
                "kind": row["kind"],
                "id": row["subject_id"],
                "failures": row["failures"],
                "is_set_aside": is_aside,
                "error": row["last_error"],
            }
            words = (
                row["subdomain"],
                f"job {row['kind']} {row['subject_id']}",
                state,
                shortened(row["last_error"] or ""),
            )
            lines.append(Line(row["set_aside_at"] or clock.now(), words, value))
        return lines

    async def _deliveries(self, db: Db) -> list[Line]:
        lines = []
        for row in await following.list_failing_deliveries(db, MOST):
            if not self._told.is_news(("delivery", row["id"]), row["failures"]):
                continue
            value = {
                "event": "delivery",
                "id": row["id"],
                "app_id": row["app_id"],
                "failures": row["failures"],
                "error": row["last_error"],
            }
            words = (
                f"app {row['app_id']}",
                f"delivery {row['id']}",
                f"failed {row['failures']} times",
                shortened(row["last_error"] or ""),
            )
            lines.append(Line(clock.now(), words, value))
        return lines
