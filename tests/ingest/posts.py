"""What Meta would post, and what came of it."""

import json
from typing import Any

import msgspec

from rasl.db import ingests
from rasl.db.pool import Database, Row
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from tests.world import Person

NOON = 1_780_000_000  # seconds, well in the past of every test


def body(*values: tuple[Person, dict[str, Any]], field: str = "messages") -> bytes:
    """Build one delivery with an entry per value, escaped as Meta escapes."""
    entries = [
        {"id": person.waba_id, "changes": [{"field": field, "value": value}]} for person, value in values
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def value(person: Person, **parts: Any) -> dict[str, Any]:
    """Build the value of one change to the person's number."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": person.phone_number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def status(wamid: str, name: str, at: int = 0, opaque: str | None = None, **more: Any) -> dict[str, Any]:
    """Build a status, `at` seconds after noon."""
    item = {"id": wamid, "status": name, "timestamp": str(NOON + at), "recipient_id": "16505551234", **more}
    return item if opaque is None else {**item, "biz_opaque_callback_data": opaque}


def statuses(person: Person, *items: dict[str, Any]) -> bytes:
    """Build a delivery of statuses."""
    return body((person, value(person, statuses=list(items))))


def failure(code: int = 131047) -> list[dict[str, Any]]:
    """Build the errors of a failed status."""
    return [{"code": code, "title": "Re-engagement message", "error_data": {"details": "Too late"}}]


def text(
    wamid: str,
    words: str,
    at: int = 0,
    sender: str | None = "16505551234",
    bsuid: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Build a text message, `at` seconds after noon."""
    item = {"id": wamid, "timestamp": str(NOON + at), "type": "text", "text": {"body": words}, **more}
    if sender is not None:
        item["from"] = sender
    if bsuid is not None:
        item["from_user_id"] = bsuid
    return item


def contact(name: str, wa_id: str | None = "16505551234", bsuid: str | None = None) -> dict[str, Any]:
    """Build what Meta tells about the sender."""
    item: dict[str, Any] = {"profile": {"name": name}}
    if wa_id is not None:
        item["wa_id"] = wa_id
    if bsuid is not None:
        item["user_id"] = bsuid
    return item


def messages(person: Person, *items: dict[str, Any], contacts: list[dict[str, Any]] | None = None) -> bytes:
    """Build a delivery of messages."""
    return body((person, value(person, messages=list(items), contacts=contacts or [])))


class Post:
    """Delivers as Meta does and applies as the worker does."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self.sealer = sealer

    async def put(self, person: Person, *bodies: bytes) -> None:
        """Store deliveries to the person's callback."""
        async with self.database.connection() as db:
            await ingests.store(db, [(person.app_id, raw) for raw in bodies])

    async def apply(self) -> int:
        """Apply whatever is due."""
        return await applying.apply_due(self.database, self.sealer)

    async def deliver(self, person: Person, *bodies: bytes) -> None:
        """Store and apply, and see that nothing stays behind."""
        await self.put(person, *bodies)
        waiting = await self.value("select count(*) from ingests where applied_at is null")
        assert await self.apply() == waiting
        assert await self.value("select count(*) from ingests where applied_at is null") == 0

    async def value(self, query: str, *values: Any) -> Any:
        """Return one value."""
        async with self.database.connection() as db:
            return await db.fetchval(query, *values)

    async def rows(self, query: str, *values: Any) -> list[Row]:
        """Return rows."""
        async with self.database.connection() as db:
            return await db.fetch(query, *values)

    async def row(self, query: str, *values: Any) -> Row:
        """Return the only row."""
        rows = await self.rows(query, *values)
        assert len(rows) == 1
        return rows[0]

    async def reasons(self) -> list[str]:
        """Return why changes were quarantined."""
        return [
            row["reason"] for row in await self.rows("select reason from quarantined_changes order by id")
        ]


async def outbound(
    post: Post,
    person: Person,
    state: str = "sent",
    wamid: str | None = None,
    peer: str = "16505551234",
) -> int:
    """Store a message of ours as sending left it; returns its id."""
    async with post.database.transaction() as db:
        conversation_id = await db.fetchval(
            "insert into conversations (tenant_id, number_id) values ($1, $2) returning id",
            person.tenant_id,
            person.number_id,
        )
        message_id: int = await db.fetchval(
            """
            insert into messages (tenant_id, conversation_id, direction, type, status, peer, text, wamid)
            values ($1, $2, 'outbound', 'text', $3, $4, 'Hello', $5) returning id
            """,
            person.tenant_id,
            conversation_id,
            state,
            peer,
            wamid,
        )
        if wamid is not None:
            await db.execute(
                "insert into message_wamids (tenant_id, wamid, message_id) values ($1, $2, $3)",
                person.tenant_id,
                wamid,
                message_id,
            )
    return message_id


def decoded(raw: bytes) -> Any:
    """Read JSON."""
    return msgspec.json.decode(raw)


async def texts(post: Post) -> list[str]:
    """Return the texts of all messages, oldest first."""
    return [row["text"] for row in await post.rows("select text from messages order by id")]
