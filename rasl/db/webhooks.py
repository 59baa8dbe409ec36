"""Queries on the endpoints of webhooks. Secrets and headers come and go sealed."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.domain.listing import Kind, ListSpec

CHANGEABLE = (
    "url", "events", "format", "description", "headers", "is_ordered", "max_per_second", "is_active",
)  # fmt: skip
_COLUMNS = f"""id, {", ".join(CHANGEABLE)}, paused_at, disabled_at, disabled_reason, failing_since, created_at,
    updated_at, secrets"""
LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "url": Kind.TEXT,
            "format": Kind.TEXT,
            "is_active": Kind.BOOLEAN,
            "disabled_at": Kind.MOMENT,
            "failing_since": Kind.MOMENT,
            "created_at": Kind.MOMENT,
        },
        sorts=("created_at",),
        default_sort="-created_at",
    ),
    select=_COLUMNS,
    tables="webhook_endpoints",
    alias="webhook_endpoints",
    where="tenant_id = $1 and deleted_at is null",
    search=("url", "description"),
)


class NewEndpoint(msgspec.Struct, frozen=True):
    """An endpoint to be created; headers and secrets are sealed."""

    tenant_id: int
    url: str
    events: tuple[str, ...]
    format: str
    description: str | None
    headers: bytes | None
    is_ordered: bool
    max_per_second: int | None
    is_active: bool
    secrets: bytes


class Health(msgspec.Struct, frozen=True):
    """How an endpoint did in a batch of deliveries: it took something, or it took nothing of all that was tried."""

    tenant_id: int
    id: int
    is_good: bool


async def hold_count(db: Db, tenant_id: int) -> tuple[str, int]:
    """Return the usual format of a tenant and how many endpoints it has.

    Whoever else wants to create one waits until this transaction ends.
    """
    format_: str = await db.fetchval(
        "select webhook_format from tenants where id = $1 for no key update", tenant_id
    )
    count: int = await db.fetchval(
        "select count(*) from webhook_endpoints where tenant_id = $1 and deleted_at is null", tenant_id
    )
    return format_, count


async def create_endpoint(db: Db, endpoint: NewEndpoint) -> Row:
    """Create an endpoint."""
    row = await db.fetchrow(
        f"""
        insert into webhook_endpoints ({rows.names(NewEndpoint)}, paused_at)
        select {rows.names(NewEndpoint)}, case when not is_active then now() end from {rows.table(NewEndpoint)}
        returning {_COLUMNS}
        """,
        [endpoint],
    )
    assert row is not None  # noqa: S101 - it was inserted
    return row


async def find_endpoint(db: Db, tenant_id: int, endpoint_id: int) -> Row | None:
    """Return one endpoint."""
    return await db.fetchrow(
        f"select {_COLUMNS} from webhook_endpoints where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant_id,
        endpoint_id,
    )


async def hold_endpoint(db: Db, tenant_id: int, endpoint_id: int) -> Row | None:
    """Return one endpoint, locked; the tenant's row first, as the trigger of endpoints locks it."""
    await db.execute("select from tenants where id = $1 for no key update", tenant_id)
    return await db.fetchrow(
        f"""
        select {_COLUMNS} from webhook_endpoints where tenant_id = $1 and id = $2 and deleted_at is null
        for no key update
        """,
        tenant_id,
        endpoint_id,
    )


async def change_endpoint(db: Db, tenant_id: int, endpoint_id: int, values: Mapping[str, Any]) -> Row:
    """Change what is given of a held endpoint; one that is made active is given another chance."""
    row = await db.fetchrow(
        f"""
        with moment as materialized (select now() as at)
        update webhook_endpoints set {rows.assigned(tuple(values), 3)}, updated_at = moment.at,
            paused_at = {_moved("paused_at", values, "moment.at", "null")},
            disabled_at = {_moved("disabled_at", values, "disabled_at", "null")},
            disabled_reason = {_moved("disabled_reason", values, "disabled_reason", "null")},
            failing_since = {_moved("failing_since", values, "failing_since", "null")}
        from moment where tenant_id = $1 and id = $2
        returning {_COLUMNS}
        """,
        tenant_id,
        endpoint_id,
        *values.values(),
    )
    assert row is not None  # noqa: S101 - it is held
    return row


def _moved(column: str, values: Mapping[str, Any], paused: str, active: str) -> str:
    """Return what a column becomes when an endpoint is paused or made active; else it stays."""
    return column if "is_active" not in values else active if values["is_active"] else paused


async def keep_secrets(db: Db, tenant_id: int, endpoint_id: int, secrets: bytes) -> None:
    """Keep the sealed secrets of an endpoint."""
    await db.execute(
        "update webhook_endpoints set secrets = $3, updated_at = now() where tenant_id = $1 and id = $2",
        tenant_id,
        endpoint_id,
        secrets,
    )


async def delete_endpoint(db: Db, tenant_id: int, endpoint_id: int) -> None:
    """Let a held endpoint be there no more; its row goes after those of its deliveries."""
    await db.execute(
        "update webhook_endpoints set deleted_at = now() where tenant_id = $1 and id = $2",
        tenant_id,
        endpoint_id,
    )


async def disable_endpoint(db: Db, tenant_id: int, endpoint_id: int, reason: str) -> Row | None:
    """Give up a held endpoint; None when somebody changed it meanwhile so that there is no reason any more."""
    return await db.fetchrow(
        f"""
        update webhook_endpoints set is_active = false, disabled_at = now(), disabled_reason = $3
        where tenant_id = $1 and id = $2 and deleted_at is null and disabled_at is null
          and ($3 = 'gone' or failing_since is not null)
        returning {_COLUMNS}
        """,
        tenant_id,
        endpoint_id,
        reason,
    )


async def list_listening(db: Db, tenant_ids: Sequence[int]) -> list[Row]:
    """Return the endpoints of tenants that are to be told of events, now or when they work again."""
    return await db.fetch(
        """
        select w.tenant_id, w.id, w.events, w.is_ordered, w.is_active and t.status = 'active' as is_working
        from webhook_endpoints w join tenants t on t.id = w.tenant_id
        where w.tenant_id = any($1::bigint[]) and w.deleted_at is null and w.disabled_at is null
        """,
        tenant_ids,
    )


async def hold_lines(db: Db, endpoints: Sequence[tuple[int, int]]) -> None:
    """Lock endpoints, given as (tenant_id, id), so that only one transaction moves what is in their lines."""
    await db.execute(
        f"""
        select from {rows.table(Key, alias="k")} join webhook_endpoints w on w.tenant_id = k.tenant_id and w.id = k.id
        order by w.tenant_id, w.id for no key update of w
        """,
        [Key(*key) for key in sorted(set(endpoints))],
    )


async def note_health(db: Db, healths: Sequence[Health]) -> None:
    """Note since when endpoints have only failed; of those that go on as before nothing is written."""
    await db.execute(
        f"""
        with told as materialized (
            select h.*, case when not h.is_good then now() end as since from {rows.table(Health, alias="h")}
        )
        update webhook_endpoints w set failing_since = told.since from told
        where w.tenant_id = told.tenant_id and w.id = told.id and (w.failing_since is null) <> told.is_good
        """,
        sorted(healths, key=lambda it: (it.tenant_id, it.id)),
    )
