"""What a kind of job is. A simple one says its name, its lease, how many at once, and what is done."""

import asyncio
import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar

import msgspec

from rasl.db.channels import JOBS
from rasl.db.jobs import Ask, Holding
from rasl.db.pool import Db
from rasl.services.sending.outbox import Outbox


class NotNowError(Exception):
    """A job that cannot be done yet, by no fault of its own or of ours; it is due again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Claim(msgspec.Struct, frozen=True):
    """A job that is ours as long as the fence stands."""

    tenant_id: int
    subject_id: int
    queue_id: int
    lane: int
    fence: int
    attempts: int
    failures: int
    was_abandoned: bool

    @property
    def key(self) -> tuple[int, int]:
        """Return what the job is about."""
        return self.tenant_id, self.subject_id

    @property
    def holding(self) -> Holding:
        """Return what shows that it is ours."""
        return self.tenant_id, self.subject_id, self.fence


class Kind:
    """One kind of job in one worker; the loop does what they have in common.

    `run` is all that has to be written. It settles the job, or raises: then this job is put off, and after too many
    failures in a row set aside, and no other job notices. NotNowError puts it off as often as need be.
    """

    name: ClassVar[str]
    channel: ClassVar[str] = JOBS  # on which it is told that there is something to do
    lease: dt.timedelta
    in_flight = 1  # at once in one worker
    per_queue = 1  # of one claim
    gather_seconds = 0.0  # lets a few more come together after news: a claim for each would cost more
    poll_seconds = 1.0  # how long without news until it is looked whether something came due
    is_cut_off = False  # at a stop it is ended and left to another process, not finished
    is_rescued = False  # an abandoned one is not done again, so it cannot kill one process after another

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.resources = outbox.resources
        self.wake = asyncio.Event()  # lets its loop look again at once

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:
        """Do it and settle it; one that takes long looks at `stop`."""
        raise NotImplementedError

    def ask(self, running: int) -> Ask:
        """Say what is to be claimed while so many run."""
        return Ask(self.in_flight - running, self.per_queue)

    def held(self, claims: Iterable[Claim]) -> Collection[Holding]:
        """Return whose leases are to be renewed while these claims run."""
        return [claim.holding for claim in claims]

    async def sift(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Return those claims of one step that are to be run, the others being settled: where a batch is cheaper.

        It does all that or, when it raises, nothing: then each claim is tried by itself.
        """
        return claims

    async def give_back(self, db: Db, claim: Claim, *, is_set_aside: bool) -> None:
        """Let the subject show that nothing was done for it this time, in the transaction that puts its job off."""

    def asks_again(self) -> bool:
        """Tell, when nothing was found to claim, whether it is worth asking again at once."""
        return False

    def idle_seconds(self) -> float:
        """Return how long to wait when nothing was due."""
        return self.poll_seconds
