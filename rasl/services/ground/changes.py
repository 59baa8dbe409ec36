"""What became of records between two looks at them, told as events: of what is written in more than one way."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from rasl.db.pool import Db, Row
from rasl.domain.events import Event
from rasl.services.ground import events

Read = Callable[[], Awaitable[Sequence[Row]]]
Tell = Callable[[Row | None, Row | None], Iterable[Event]]


@contextlib.asynccontextmanager
async def told(db: Db, read: Read, tell: Tell) -> AsyncIterator[None]:
    """Tell what the block makes of the records, which are read before and after it: none where nobody wants to know.

    Nobody else may write them meanwhile.
    """
    before = {(row["tenant_id"], row["id"]): row for row in await read()}
    yield
    after = {(row["tenant_id"], row["id"]): row for row in await read()}
    await events.record_many(
        db,
        [
            (key[0], event)
            for key in sorted(before.keys() | after.keys())
            for event in tell(before.get(key), after.get(key))
        ],
    )
