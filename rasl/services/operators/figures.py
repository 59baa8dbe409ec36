"""What the database knows, as metrics: asked over a connection of its own when somebody looks, and kept for seconds."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rasl import clock, log
from rasl.db.figures import NUMBERS, QUESTIONS, SLOW_SECONDS, Gauge, Question
from rasl.sealing import Sealer

UP = Gauge("rasl_database_up", "1 when the database answered the metrics' questions, 0 when it did not.")
FAILED = Gauge("rasl_figures_failed", "1 for a question whose figures are missing now because it failed.")
NUMBERS_GAUGE = Gauge(
    "rasl_numbers",
    "WhatsApp numbers: connected, or locked because our secret key does not open their access token.",
)
ALL = (UP, FAILED, NUMBERS_GAUGE, *(gauge for question in QUESTIONS for gauge in question.gauges))
_CONNECT_SECONDS = 2.0
_STATEMENT_SECONDS = 1.0
_MOST_SECONDS = 5.0  # of one look; Prometheus waits ten
_RETRY_SECONDS = 15.0  # until what failed is asked again: it may have cost a second
_AWAY_SECONDS = 2.0  # the same when the whole database is away
_SETTINGS = {
    "application_name": "rasl metrics",
    "statement_timeout": f"{_STATEMENT_SECONDS * 1000:.0f}",
    "lock_timeout": "200",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "enable_seqscan": "off",  # where there is an index: while a table is new, the planner thinks little of it
}
_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_NUMBERS_QUESTION = Question("numbers", NUMBERS, (NUMBERS_GAUGE,), ("state",), SLOW_SECONDS)
_logger = log.get_logger()


class _Answer(msgspec.Struct, frozen=True):
    """Rows of a question, None when it failed, and how long they are good."""

    rows: Sequence[Any] | None
    good_until: float


class DatabaseFigures(Collector):
    """Collects figures; whoever looks while another does waits for the same answers."""

    def __init__(self, dsn: str, sealer: Sealer, questions: Sequence[Question] = QUESTIONS) -> None:
        self._dsn = dsn
        self._sealer = sealer
        self._questions = (*questions, _NUMBERS_QUESTION)
        self._answers = {item.name: _Answer(None, 0.0) for item in self._questions}
        self._lock = threading.Lock()
        self._is_up = False

    def collect(self) -> Iterator[Metric]:
        """Ask what is not known well enough any more; never raises for a database that is away."""
        with self._lock:
            now = clock.monotonic()
            due = [item for item in self._questions if self._answers[item.name].good_until <= now]
            if due:
                asyncio.run(self._ask(due))
            answers = {item.name: self._answers[item.name].rows for item in self._questions}
            is_up = self._is_up
        yield GaugeMetricFamily(UP.name, UP.help, value=is_up)
        failed = GaugeMetricFamily(FAILED.name, FAILED.help, labels=("question",))
        for question in self._questions:
            rows = answers[question.name]
            failed.add_metric((question.name,), rows is None)
            for gauge in question.gauges if rows is not None else ():
                family = GaugeMetricFamily(gauge.name, gauge.help, labels=question.labels)
                for row in rows or ():
                    family.add_metric(
                        [str(row[label]) for label in question.labels], float(row[gauge.column])
                    )
                yield family
        yield failed

    async def _ask(self, due: Sequence[Question]) -> None:
        found: dict[str, Sequence[Any]] = {}
        self._is_up = False
        with contextlib.suppress(*_FAILURES, ValueError):  # ValueError: an address that cannot be read
            async with asyncio.timeout(_MOST_SECONDS):
                connection = await asyncpg.connect(
                    self._dsn, timeout=_CONNECT_SECONDS, server_settings=_SETTINGS, statement_cache_size=0
                )
                self._is_up = True
                try:
                    for question in due:
                        await self._ask_one(connection, question, found)
                finally:
                    connection.terminate()
        now = clock.monotonic()
        for question in due:
            rows = found.get(question.name)
            kept = question.kept_seconds if rows is not None else min(question.kept_seconds, _RETRY_SECONDS)
            self._answers[question.name] = _Answer(rows, now + (kept if self._is_up else _AWAY_SECONDS))

    async def _ask_one(
        self,
        connection: asyncpg.Connection[asyncpg.Record],
        question: Question,
        found: dict[str, Sequence[Any]],
    ) -> None:
        try:
            rows: Sequence[Any] = await connection.fetch(question.sql, timeout=2 * _STATEMENT_SECONDS)
            if question is _NUMBERS_QUESTION:
                rows = self._numbers(rows)
            found[question.name] = rows
        except asyncpg.PostgresError as error:
            _logger.warning("figures_failed", question=question.name, reason=type(error).__name__)

    def _numbers(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        locked = sum(not self._sealer.opens(row["access_token_sealed"], "access_token") for row in rows)
        return [{"state": "connected", "value": len(rows) - locked}, {"state": "locked", "value": locked}]
