"""The yardstick: the least code that does the same durable work, to tell what everything else costs.

Raw ASGI, a token in a dict, the same statements in the same group commits, the same client for Graph. No rate limit,
no idempotency, no metrics, no phone parsing, no plan, no envelope.
"""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bench.world import World
from rasl.db import messages, recipients
from rasl.db.batch import Batch
from rasl.db.messages import Intent, Result, ThreadState
from rasl.db.pool import Database, Row
from rasl.db.recipients import Address
from rasl.graph.client import GraphClient, Taken

_LEASE = dt.timedelta(seconds=10)
_LANE = 1
Message = dict[str, Any]


class _Order(msgspec.Struct):
    phone: str
    message: str


class _Draft(msgspec.Struct):
    digits: str
    text: str


_ORDER = msgspec.json.Decoder(_Order)


class Yardstick:
    """One process of it, as an ASGI application."""

    def __init__(self, dsn: str, pool_size: int, graph: GraphClient, world: World) -> None:
        self._database = Database(dsn, pool_size)
        self._graph = graph
        self._callers = {f"Bearer {world.token}".encode(): world}
        self._world = world
        self._accepting: Batch[_Draft, tuple[Row, Row]] = Batch("yardstick_accept", self._accept)
        self._recording: Batch[Result, bool] = Batch("yardstick_record", self._record)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request, or follow the server's start and stop."""
        if scope["type"] == "lifespan":
            await receive()
            async with self._open():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        world = next(self._callers[value] for name, value in scope["headers"] if name == b"authorization")
        message = await receive()
        body: bytes = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        answer = await self._send(world, _ORDER.decode(body))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        await self._database.open()
        try:
            yield
        finally:
            await self._graph.close()
            await self._database.close()

    async def _send(self, world: World, order: _Order) -> bytes:
        digits = order.phone[1:]
        thread, message = await self._accepting.put(_Draft(digits, order.message))
        started_at = dt.datetime.now(dt.UTC)
        payload = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "biz_opaque_callback_data": str(message["id"]),
            "type": "text",
            "text": {"body": order.message, "preview_url": False},
            "to": order.phone,
        }
        outcome = await self._graph.send_message(world.phone_number_id, world.access_token, payload)
        if not isinstance(outcome, Taken):
            raise RuntimeError(f"the simulator answered {outcome}")  # noqa: TRY004 - nobody gave a wrong type
        await self._recording.put(
            Result(world.tenant_id, message["id"], 1, 1, "accepted", started_at, "sent", wamid=outcome.wamid)
        )
        return msgspec.json.encode(
            {"id": message["id"], "contact_id": thread["contact_id"], "wamid": outcome.wamid}
        )

    async def _accept(self, drafts: Sequence[_Draft]) -> list[tuple[Row, Row] | Exception]:
        world = self._world
        addresses = [Address(world.tenant_id, world.number_id, None, draft.digits) for draft in drafts]
        async with self._database.transaction() as db:
            threads = await recipients.lock_threads(db, addresses)
            intents = [
                Intent(
                    world.tenant_id,
                    threads[place]["conversation_id"],
                    world.number_id,
                    "text",
                    draft.digits,
                    draft.text,
                    None,
                    None,
                    str(uuid.uuid4()),
                    _LANE,
                    None,
                )
                for place, draft in enumerate(drafts)
            ]
            states = {
                row["conversation_id"]: ThreadState(
                    world.tenant_id, row["conversation_id"], row["counted_until"], row["now"]
                )
                for row in threads.values()
            }
            stored = await messages.insert_intents(db, intents, list(states.values()), _LEASE)
        return [(threads[place], row) for place, row in enumerate(stored)]

    async def _record(self, results: Sequence[Result]) -> list[bool | Exception]:
        async with self._database.connection() as db:
            rows = await messages.record_results(db, results)
        return [rows[item.message_id] for item in results]
