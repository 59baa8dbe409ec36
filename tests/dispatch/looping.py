"""The loop of one kind of job, run by hand."""

import asyncio
from types import SimpleNamespace
from typing import cast

from rasl.db.pool import Database
from rasl.dispatch.kind import Kind
from rasl.dispatch.loop import Loop
from rasl.services.sending.outbox import Outbox


def loop_on(database: Database, kind: type[Kind], stop: asyncio.Event | None = None) -> Loop:
    """Return a loop of a kind that needs nothing of the outbox but the database."""
    return Loop(kind(cast("Outbox", SimpleNamespace(resources=SimpleNamespace(database=database)))), stop)


async def step(loop: Loop) -> int:
    """Start what is due and wait for it; returns how many."""
    found = await loop.step()
    await loop.drain()
    return found


async def run_out(loop: Loop) -> None:
    """Do everything that is due."""
    while await step(loop):
        pass
