"""How a loop waits when there is nothing to do."""

import asyncio
from collections.abc import Iterable


async def first_of(
    events: Iterable[asyncio.Event], seconds: float, tasks: Iterable[asyncio.Task[None]] = ()
) -> None:
    """Wait until one of the events is set or one of the tasks is done, at most so long."""
    waits = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait({*waits, *tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
