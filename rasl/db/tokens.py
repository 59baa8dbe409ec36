"""Queries on the tokens of a tenant as those see them who look after them; never their hashes."""

import datetime as dt
from collections.abc import Sequence

from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.domain.listing import Kind, ListSpec

_COLUMNS = """id, name, last_four, scopes, rate_limit_per_minute, allowed_cidrs, expires_at, revoked_at, last_used_at,
              created_at, case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired'
              else 'active' end as state"""
LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "name": Kind.TEXT,
            "rate_limit_per_minute": Kind.INTEGER,
            "expires_at": Kind.MOMENT,
            "revoked_at": Kind.MOMENT,
            "last_used_at": Kind.MOMENT,
            "created_at": Kind.MOMENT,
        },
        sorts=("name", "created_at"),
        default_sort="-created_at",
        texts=frozenset({"name"}),
    ),
    select=_COLUMNS,
    tables="tokens",
    alias="tokens",
    where="tenant_id = $1",
    search=("name", "last_four"),
)


async def find_token(db: Db, tenant_id: int, token_id: int) -> Row | None:
    """Return one token."""
    return await db.fetchrow(
        f"select {_COLUMNS} from tokens where tenant_id = $1 and id = $2", tenant_id, token_id
    )


async def find_named(db: Db, tenant_id: int, name: str) -> Row | None:
    """Return the newest token of this name that works."""
    return await db.fetchrow(
        f"""
        select {_COLUMNS} from tokens
        where tenant_id = $1 and name = $2 and revoked_at is null and (expires_at is null or expires_at > now())
        order by id desc limit 1
        """,
        tenant_id,
        name,
    )


async def hold_tokens(db: Db, tenant_id: int, token_ids: Sequence[int]) -> dict[int, Row]:
    """Return tokens by id, kept as they are until the transaction ends; in order, so that no two wait crosswise."""
    found = await db.fetch(
        f"""
        select {_COLUMNS} from tokens where tenant_id = $1 and id = any($2::bigint[]) order by id for no key update
        """,
        tenant_id,
        token_ids,
    )
    return {row["id"]: row for row in found}


async def change_token(
    db: Db,
    tenant_id: int,
    token_id: int,
    name: str,
    scopes: Sequence[str],
    rate_limit_per_minute: int,
    expires_at: dt.datetime | None,
    allowed_cidrs: Sequence[str],
) -> None:
    """Write what can be changed of a token."""
    await db.execute(
        """
        update tokens set name = $3, scopes = $4, rate_limit_per_minute = $5, expires_at = $6, allowed_cidrs = $7
        where tenant_id = $1 and id = $2
        """,
        tenant_id,
        token_id,
        name,
        scopes,
        rate_limit_per_minute,
        expires_at,
        allowed_cidrs,
    )
