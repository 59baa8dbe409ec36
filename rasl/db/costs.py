"""Queries on the ledger of costs: how many messages each line counts, and which line counts a message."""

from collections.abc import Sequence
from typing import Self

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.domain.costs import Line

_KEY = rows.names(Line)


class Change(Line, frozen=True):
    """By how much the count of a line changes."""

    messages: int

    @classmethod
    def of(cls, line: Line, messages: int) -> Self:
        """Say by how much the count of a line changes."""
        return cls(**msgspec.structs.asdict(line), messages=messages)


class Counted(msgspec.Struct, frozen=True):
    """A message with the line that counts it."""

    tenant_id: int
    id: int
    cost_line_id: int


def line_of(row: Row) -> Line:
    """Read a line."""
    return Line(**{name: row[name] for name in Line.__struct_fields__})


async def change(db: Db, changes: Sequence[Change]) -> dict[Line, int]:
    """Change the counts of lines, each named once, in the one order; returns their ids. New lines are made."""
    found = await db.fetch(
        f"""
        insert into cost_lines ({_KEY}, messages)
        select {_KEY}, messages from {rows.table(Change)} order by {_KEY}
        on conflict ({_KEY}) do update set messages = cost_lines.messages + excluded.messages
        returning id, {_KEY}
        """,
        changes,
    )
    return {line_of(row): row["id"] for row in found}


async def get_lines(db: Db, keys: Sequence[Key]) -> dict[Key, Line]:
    """Return lines by their ids."""
    found = await db.fetch(
        f"""
        select l.id, {rows.names(Line, "l.")} from {rows.table(Key, alias="k")}
        join cost_lines l on l.tenant_id = k.tenant_id and l.id = k.id
        """,
        keys,
    )
    return {Key(row["tenant_id"], row["id"]): line_of(row) for row in found}


async def list_prices(db: Db, keys: Sequence[Key]) -> list[Row]:
    """Return all that is kept of what Meta told of the price of messages: tenant_id, id, wamid, status, pricing."""
    return await db.fetch(
        f"""
        select k.tenant_id, k.id, s.wamid, s.status, s.pricing
        from {rows.table(Key, alias="k")}
        join messages m on m.tenant_id = k.tenant_id and m.id = k.id
        cross join lateral (
            select m.wamid
            union
            select a.wamid from message_attempts a where a.tenant_id = k.tenant_id and a.message_id = k.id
        ) w
        join message_statuses s on s.tenant_id = k.tenant_id and s.wamid = w.wamid
        where s.pricing is not null and not s.is_parked
        """,
        keys,
    )


async def list_outbound(db: Db, tenant_id: int, after_id: int, limit: int) -> list[int]:
    """Return the ids of the tenant's next messages to people."""
    found = await db.fetch(
        """
        select id from messages where tenant_id = $1 and id > $2 and direction = 'outbound' order by id limit $3
        """,
        tenant_id,
        after_id,
        limit,
    )
    return [row["id"] for row in found]


async def assign(db: Db, counted: Sequence[Counted]) -> None:
    """Write which lines count locked messages."""
    await db.execute(
        f"""
        update messages m set cost_line_id = i.cost_line_id from {rows.table(Counted)}
        where m.tenant_id = i.tenant_id and m.id = i.id
        """,
        counted,
    )


async def list_wrong(db: Db, tenant_id: int) -> list[Row]:
    """Return the lines that do not count as many messages as there are and were, each with the difference.

    One statement sees one moment, and whoever writes keeps both in step, so the difference is right later, too.
    """
    return await db.fetch(
        f"""
        select {rows.names(Line, "l.")}, coalesce(c.messages, 0) + l.gone - l.messages as missing
        from cost_lines l left join (
            select cost_line_id as id, count(*) as messages from messages
            where tenant_id = $1 and cost_line_id is not null group by 1
        ) c on c.id = l.id
        where l.tenant_id = $1 and l.messages <> coalesce(c.messages, 0) + l.gone
        """,
        tenant_id,
    )
