"""What tests of webhooks do: subscribe, let things happen, have a worker's loops run by hand, look at deliveries."""

from collections.abc import Sequence
from typing import Any

from rasl.db.pool import Database
from rasl.dispatch.kinds.fanning import Fanning
from rasl.dispatch.kinds.webhooks import Delivering
from rasl.dispatch.loop import Loop
from rasl.domain.events import Event
from rasl.services.ground import events
from rasl.services.sending.outbox import Outbox
from rasl.services.webhooks import waking
from tests.dispatch.looping import run_out
from tests.serving import Client

WEBHOOKS = "/api/v2/webhooks"


class Worker:
    """The loops of webhooks, run by hand."""

    def __init__(self, outbox: Outbox) -> None:
        self.database = outbox.resources.database
        self.fanning, self.delivering = Loop(Fanning(outbox)), Loop(Delivering(outbox))

    async def run(self) -> None:
        """Do all that is due."""
        await waking.wake_all(self.database)
        await run_out(self.fanning)
        await run_out(self.delivering)

    async def later(self) -> None:
        """Let the time of every next attempt have come, and do what is due."""
        async with self.database.connection() as db:
            await db.execute("update jobs set due_at = now() where kind = 'webhook' and not is_leased")
        await run_out(self.delivering)


async def subscribe(client: Client, url: str, *patterns: str, **more: Any) -> dict[str, Any]:
    answer = await client.post(WEBHOOKS, {"url": url, "events": list(patterns or ("contact.*",)), **more})
    assert answer.status == 201, answer.body
    return dict(answer.data)


async def happen(
    database: Database, tenant_id: int, count: int = 1, contacts: Sequence[int | None] = (None,)
) -> None:
    """Let contacts change, each in a transaction of its own."""
    for number in range(count):
        contact = contacts[number % len(contacts)]
        async with database.transaction() as db:
            await events.record(
                db,
                tenant_id,
                Event(
                    type="contact.updated",
                    id=contact or 1,
                    attributes={"number": number} | ({} if contact is None else {"contact_id": contact}),
                ),
            )


async def deliveries(client: Client, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{WEBHOOKS}/{webhook['id']}/deliveries?sort=created_at&per_page=100{query}")
    return list(answer.data)
