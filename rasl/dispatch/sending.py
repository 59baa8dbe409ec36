"""Sends what requests left behind: queued messages, due retries, and those whose process died."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from rasl import clock, log, metrics
from rasl.db import jobs, tenants
from rasl.db import messages as message_rows
from rasl.db.messages import Result
from rasl.db.pool import Db, Row
from rasl.dispatch.waiting import first_of
from rasl.domain import message_types
from rasl.domain.tenants import Number
from rasl.errors import ServiceUnavailable
from rasl.services import sending
from rasl.services.callers import read_number
from rasl.services.engine import Engine
from rasl.services.messages import LANE_OTP
from rasl.services.sending import Work

CLAIM = 100
IN_FLIGHT = 400
RESERVED = 100  # places in flight besides, for what goes first
PER_NUMBER = 50  # of one claim
_PATIENCE = 3.0  # seconds within which a retry stays with this process
_PAUSE = 0.1  # seconds in which a number regains half a burst of permits
_SHARE_SECONDS = 0.15  # of a number's throughput is claimed at once: what it cannot send only goes back
_POLL_SECONDS = 0.5
_LAST_LANE = 2
_logger = log.get_logger()
_Key = tuple[int, int]  # tenant_id, message_id


class Sender:
    """The sending loop of one worker; each step can be run by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: set[asyncio.Task[None]] = set()
        self._numbers: dict[int, tuple[float, Number, str]] = {}
        self._paused: dict[int, float] = {}

    async def run(self, wake: asyncio.Event, stop: asyncio.Event) -> None:
        """Claim and send until stopped, then finish what is in flight."""
        while not stop.is_set():
            wake.clear()
            try:
                found = await self.step()
            except ServiceUnavailable:
                _logger.warning("sending_waits_for_database")
                found = 0
                await asyncio.sleep(1)
            if not found:
                full = self._running if len(self._running) >= IN_FLIGHT else ()
                await first_of((wake, stop), self._idle_seconds(), full)
        await self.drain()

    async def step(self) -> int:
        """Claim due messages and start sending them; returns how many."""
        room, last_lane = min(CLAIM, IN_FLIGHT - len(self._running)), _LAST_LANE
        if room <= 0:
            room, last_lane = min(CLAIM, IN_FLIGHT + RESERVED - len(self._running)), LANE_OTP
        if room <= 0:
            return 0
        async with self._engine.database.connection() as db:
            claims = await jobs.claim(
                db,
                "send",
                room,
                PER_NUMBER,
                self._engine.lease,
                self._saturated(),
                last_lane,
                LANE_OTP,
                self._shares(),
            )
        if claims:
            await self._start(claims)
        return len(claims)

    def _saturated(self) -> list[int]:
        """Return numbers that have just used up their throughput: claiming for them would only keep others out."""
        now = clock.monotonic()
        return [number_id for number_id, until in self._paused.items() if until > now]

    def _shares(self) -> dict[int, int]:
        return {
            number_id: max(1, int(number.messages_per_second * _SHARE_SECONDS))
            for number_id, (_, number, _) in self._numbers.items()
        }

    def _idle_seconds(self) -> float:
        """Return how long to wait when nothing was due: a paused number goes on as soon as it may."""
        now = clock.monotonic()
        pauses = [until - now for until in self._paused.values() if until > now]
        return min([_POLL_SECONDS, *pauses])

    async def drain(self) -> None:
        """Wait until every message in flight is recorded."""
        if self._running:
            await asyncio.wait(self._running)
        await sending.finish_recording(self._engine)

    async def _start(self, claims: Sequence[Row]) -> None:
        abandoned = [claim for claim in claims if claim["was_abandoned"]]
        async with self._engine.database.connection() as db:
            await self._load_numbers(db, {claim["queue_id"] for claim in claims})
            untouched = await message_rows.find_queued(db, [_key(claim) for claim in abandoned])
        # Whoever claimed these died before starting them: Meta has not heard of them.
        fresh = [claim for claim in claims if not claim["was_abandoned"] or _key(claim) in untouched]
        permitted, waiting = await self._permitted(sorted(fresh, key=_turn))
        async with self._engine.database.connection() as db:
            rows = await self._marked(db, permitted)
            for row in rows:
                self._launch(row, permitted.pop((row["tenant_id"], row["id"])))
            # What is left was settled by Meta's echo in the meantime: nothing to send any more.
            await jobs.discard(db, "send", [(*key, claim["fence"]) for key, claim in permitted.items()])
            await jobs.release(db, "send", waiting)
        await self._rescue([claim for claim in abandoned if _key(claim) not in untouched])

    async def _marked(self, db: Db, permitted: Mapping[_Key, Row]) -> list[Row]:
        """Mark messages as being sent; if nobody knows whether that was written they go back: Meta was not called."""
        try:
            return await message_rows.start_sending(db, list(permitted))
        except BaseException:
            self._engine.returns.start_claims(permitted.values())
            raise

    async def _permitted(
        self, fresh: Sequence[Row]
    ) -> tuple[dict[_Key, Row], list[tuple[int, int, int, float]]]:
        """Take a permit of its number for each claim; the others go back, each due when its turn will have come."""
        permitted: dict[_Key, Row] = {}
        waiting: list[tuple[int, int, int, float]] = []
        queued: Counter[tuple[int, bool]] = Counter()
        for claim in fresh:
            number, is_first = self._numbers[claim["queue_id"]][1], claim["lane"] == LANE_OTP
            if not queued[number.id, is_first]:
                verdict = await sending.take_permit(self._engine, number, is_first=is_first)
                if verdict.is_allowed:
                    permitted[_key(claim)] = claim
                    continue
                self._paused[number.id] = clock.monotonic() + _PAUSE
            queued[number.id, is_first] += 1
            seconds = queued[number.id, is_first] / number.messages_per_second
            waiting.append((*_key(claim), claim["fence"], seconds))
        return permitted, waiting

    def _launch(self, row: Row, claim: Row) -> None:
        number = self._numbers[claim["queue_id"]][1]
        work = Work(
            tenant_id=row["tenant_id"],
            unknown_policy=self._unknown_policy(claim),
            number=number,
            lane=claim["lane"],
            message_id=row["id"],
            conversation_id=row["conversation_id"],
            peer=row["peer"],
            content=message_types.load(row["type"], row["text"], row["content"]),
            created_at=row["created_at"],
            fence=claim["fence"],
            attempt=claim["attempts"],
            reply_to=row["reply_to"],
            is_ambiguous=row["is_ambiguous"],
        )
        task = asyncio.create_task(self._send(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _unknown_policy(self, claim: Row) -> str:
        return sending.unknown_policy(self._numbers[claim["queue_id"]][2], claim["lane"])

    async def _send(self, work: Work) -> None:
        try:
            await sending.deliver(self._engine, work, _PATIENCE, has_permit=True)
        except ServiceUnavailable:
            # Nothing was written about it: its lease runs out and it is rescued.
            _logger.warning("message_waits_for_database", message_id=work.message_id)
        except Exception:
            _logger.exception("sending_failed", message_id=work.message_id)

    async def _load_numbers(self, db: Db, number_ids: set[int]) -> None:
        now = clock.monotonic()
        wanted = [key for key in number_ids if key not in self._numbers or self._numbers[key][0] < now]
        if not wanted:
            return
        for row in await tenants.load_numbers(db, wanted):
            number = read_number(row, self._engine.sealer)
            self._numbers[number.id] = (now + 1.0, number, row["unknown_policy"])

    async def _rescue(self, abandoned: Sequence[Row]) -> None:
        """Mark messages whose process died in the middle of an attempt: nobody knows whether Meta got them."""
        metrics.RESCUED.inc(len(abandoned))
        await asyncio.gather(*(self._engine.recording.put(self._lost(claim)) for claim in abandoned))

    def _lost(self, claim: Row) -> Result:
        is_resent = self._unknown_policy(claim) == "resend"
        return Result(
            tenant_id=claim["tenant_id"],
            message_id=claim["subject_id"],
            fence=claim["fence"],
            attempt=max(1, claim["attempts"] - 1),
            outcome="unknown",
            started_at=clock.now(),
            status="unknown",
            is_ambiguous=True,
            retry_seconds=self._engine.settings.unknown_window_seconds if is_resent else None,
            title="The process sending it died",
            details="It stopped between calling WhatsApp and writing down the answer.",
        )


def _turn(claim: Row) -> tuple[int, _Key]:
    return claim["lane"], _key(claim)


def _key(claim: Row) -> _Key:
    return claim["tenant_id"], claim["subject_id"]
