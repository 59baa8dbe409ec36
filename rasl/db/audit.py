"""Queries on the audit: who changed what. Rows are added and, when old, dropped; the table refuses the rest."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasl.db import purging
from rasl.db.listing import ListSource
from rasl.db.pool import Db
from rasl.domain.listing import Kind, ListSpec

# Dropped in a transaction that is allowed to (`allow_dropping`).
OLD = purging.Kind("audit", "audit_log", "created_at")
AUDIT_LIST = ListSource(
    spec=ListSpec(
        filters={
            "action": Kind.TEXT,
            "subject": Kind.TEXT,
            "subject_id": Kind.TEXT,
            "actor": Kind.TEXT,
            "actor_type": Kind.TEXT,
            "actor_id": Kind.INTEGER,
            "request_id": Kind.TEXT,
            "created_at": Kind.MOMENT,
        },
        sorts=("created_at",),
        default_sort="-created_at",
    ),
    select="""id, action, subject, subject_id, actor, actor_type, actor_id, ip_address, request_id, before, after,
              created_at""",
    tables="audit_log",
    alias="audit_log",
    where="tenant_id = $1",
    search=("action", "subject", "subject_id", "actor"),
)


class Entry(msgspec.Struct, frozen=True):
    """A row of the audit; a token's name, where it is None, is the one it has at this moment."""

    tenant_id: int
    action: str
    subject: str
    subject_id: str | None
    actor_type: str
    actor_id: int | None
    actor: str | None
    ip_address: str | None
    request_id: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


async def insert(db: Db, entry: Entry) -> None:
    """Keep one entry."""
    await db.execute(
        """
        insert into audit_log (tenant_id, action, subject, subject_id, actor_type, actor_id, actor, ip_address,
                               request_id, before, after)
        values ($1, $2, $3, $4, $5, $6, coalesce($7::text, (
            select k.name from tokens k where k.tenant_id = $1 and k.id = $6 and $5::text = 'token'), $5),
            $8, $9, $10, $11)
        """,
        *(getattr(entry, name) for name in Entry.__struct_fields__),
    )


async def allow_dropping(db: Db) -> None:
    """Let this transaction drop rows of the audit."""
    await db.execute("set local rasl.audit = 'dropping'")
