"""Queries on what contacts are labelled with: groups, sources and statuses are rows with a unique name."""

import asyncpg
import msgspec

from rasl import log
from rasl.db import record_events
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.domain.listing import Kind, ListSpec

LABEL_LIST = ListSpec(
    filters={"name": Kind.TEXT, "created_at": Kind.MOMENT, "updated_at": Kind.MOMENT},
    sorts=("name", "created_at", "updated_at"),
    default_sort="-created_at",
    texts=frozenset({"name"}),
)


class LabelTable(msgspec.Struct, frozen=True):
    """A table of labels, and the word for one.

    `contact_column` refers to it, and `default_column` is the tenant's setting.
    """

    name: str
    word: str
    contact_column: str | None = None
    default_column: str | None = None
    has_color: bool = False

    @property
    def columns(self) -> str:
        """Return what a client sees of a label."""
        return "id, name, created_at, updated_at" + (", color" if self.has_color else "")

    @property
    def list_source(self) -> ListSource:
        """Return where lists come from."""
        return ListSource(
            spec=LABEL_LIST,
            select=self.columns,
            tables=self.name,
            alias=self.name,
            where="tenant_id = $1",
            search=("name",),
        )


GROUPS = LabelTable("contact_groups", "group")
SOURCES = LabelTable("sources", "source", "source_id", "default_source_id")
STATUSES = LabelTable("contact_statuses", "status", "status_id", "default_status_id", has_color=True)


async def create_label(
    db: Db, table: LabelTable, tenant_id: int, name: str, color: str | None = None
) -> Row | None:
    """Create a label and return it, None when the tenant has one of this name already."""
    columns, values = (
        ("tenant_id, name, color", "$1, $2, $4") if table.has_color else ("tenant_id, name", "$1, $2")
    )
    return await db.fetchrow(
        f"""
        with made as (
            insert into {table.name} ({columns}) values ({values})
            on conflict (tenant_id, lower(name)) do nothing returning *
        ), told as (
            {record_events.made(table.word, "created", table.columns, "made", "$3")}
        )
        select {table.columns} from made
        """,
        *(tenant_id, name, log.REQUEST_ID.get()),
        *((color,) if table.has_color else ()),
    )


async def find_label(db: Db, table: LabelTable, tenant_id: int, label_id: int) -> Row | None:
    """Return one label."""
    return await db.fetchrow(
        f"select {table.columns} from {table.name} where tenant_id = $1 and id = $2", tenant_id, label_id
    )


async def find_by_name(db: Db, table: LabelTable, tenant_id: int, name: str) -> int | None:
    """Return the label of this name, in any case of letters."""
    found: int | None = await db.fetchval(
        f"select id from {table.name} where tenant_id = $1 and lower(name) = lower($2)", tenant_id, name
    )
    return found


async def change_label(
    db: Db, table: LabelTable, tenant_id: int, label_id: int, name: str, color: str | msgspec.UnsetType | None
) -> Row | None:
    """Rename a label, recolor it if a color is given, and return it, None when there is none.

    Raises UniqueViolationError when another has the name.
    """
    assignments, values = "name = $3", [tenant_id, label_id, name, log.REQUEST_ID.get()]
    if color is not msgspec.UNSET:
        assignments, values = f"{assignments}, color = $5", [*values, color]
    return await db.fetchrow(
        f"""
        with before as materialized (
            select * from {table.name} where tenant_id = $1 and id = $2
        ), after as (
            update {table.name} set {assignments}, updated_at = now() where tenant_id = $1 and id = $2
            returning *
        ), told as (
            {record_events.changed(table.word, table.columns, "$4")}
        )
        select {table.columns} from after
        """,
        *values,
    )


async def delete_label(db: Db, table: LabelTable, tenant_id: int, label_id: int) -> bool | None:
    """Delete a label nothing refers to: whether it is gone, None when there is none.

    Of contacts the foreign keys decide. Of the tenant's default no key can (a shared table leads to no tenant's rows):
    whoever makes a label the default holds its row first (`tenants.hold_default`), for which the deletion waits, and
    only then looks. A label that is still needed stays, whatever the caller's transaction comes to.
    """
    try:
        async with db.transaction():
            deleted = await db.fetchval(
                f"""
                with gone as (
                    delete from {table.name} where tenant_id = $1 and id = $2 returning *
                ), told as (
                    {record_events.made(table.word, "deleted", table.columns, "gone", "$3")}
                )
                select id from gone
                """,
                tenant_id,
                label_id,
                log.REQUEST_ID.get(),
            )
            if deleted is not None:
                await _check_defaults(db, table, tenant_id, label_id)
    except (asyncpg.ForeignKeyViolationError, _StillDefaultError):
        return False
    return None if deleted is None else True


class _StillDefaultError(Exception):
    """New contacts get a label that was about to go."""


async def _check_defaults(db: Db, table: LabelTable, tenant_id: int, label_id: int) -> None:
    if await is_default(db, table, tenant_id, label_id):
        raise _StillDefaultError


async def is_default(db: Db, table: LabelTable, tenant_id: int, label_id: int) -> bool:
    """Tell whether new contacts of the tenant get this label."""
    found: bool = await db.fetchval(
        f"select exists (select from tenants where id = $1 and {table.default_column} = $2)",
        tenant_id,
        label_id,
    )
    return found


async def count_contacts(db: Db, table: LabelTable, tenant_id: int, label_id: int, most: int) -> int:
    """Count the contacts with this label, not beyond `most`."""
    count: int = await db.fetchval(
        f"""
        select count(*) from (
            select from contacts where tenant_id = $1 and {table.contact_column} = $2 limit $3
        ) as capped
        """,
        tenant_id,
        label_id,
        most,
    )
    return count
