"""Group commit: requests that arrive while a transaction is under way share the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from rasl import log, metrics
from rasl.errors import ServiceUnavailable

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Write = Callable[[Sequence[_Item]], Awaitable[Sequence[_Result | Exception]]]


class Batch(Generic[_Item, _Result]):
    """One kind of write, one transaction in flight; a lone item waits for nothing.

    `write` gets up to `size` items and returns one result per item, in order; an Exception among them is raised to
    the one who put that item. When `write` itself raises, the items are written again one by one, so that one bad
    row does not fail its neighbours. More than `limit` waiting items are refused with ServiceUnavailable.
    """

    def __init__(self, name: str, write: Write[_Item, _Result], size: int = 256, limit: int = 10_000) -> None:
        self._write = write
        self._size = size
        self._limit = limit
        self._waiting: deque[tuple[_Item, asyncio.Future[_Result]]] = deque()
        self._flight: asyncio.Task[None] | None = None
        self._rows = metrics.BATCH_ROWS.labels(name)

    async def put(self, item: _Item) -> _Result:
        """Write the item with whoever else is waiting and return its result."""
        if len(self._waiting) >= self._limit:
            raise ServiceUnavailable
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._fly())
        # A caller that goes away cancels only its own future: the row is written with the others all the same.
        return await future

    async def _fly(self) -> None:
        log.REQUEST_ID.set(None)  # what several requests write together is none of theirs
        while self._waiting:
            batch = self._gather()
            self._rows.observe(len(batch))
            await self._write_batch(batch)

    def _gather(self) -> list[tuple[_Item, asyncio.Future[_Result]]]:
        """Take what shares the next transaction: those that have waited longest, of whatever tenants.

        So the statements of a group commit lock rows of several tenants. Where tenants are spread over servers a
        transaction is best of one tenant, and this is the place that would choose so: those statements then take the
        form that `tests/db/distributed/lists.py` names for each.
        """
        return [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]

    async def _write_batch(self, batch: Sequence[tuple[_Item, asyncio.Future[_Result]]]) -> None:
        try:
            results = await self._write([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who wait
            if len(batch) > 1 and not isinstance(error, ServiceUnavailable):
                for entry in batch:
                    await self._write_batch([entry])
                return
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            _settle(future, result)


def _settle(future: asyncio.Future[_Result], result: _Result | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
        future.exception()  # the one who waited may be gone; that is no unhandled error
    else:
        future.set_result(result)
