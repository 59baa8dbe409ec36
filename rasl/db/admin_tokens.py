"""Queries on the tokens of operators, which are of no tenant."""

import datetime as dt
from collections.abc import Sequence

from rasl.db.pool import Db, Row

_STATE = """case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired'
              else 'active' end as state"""
_COLUMNS = f"id, name, last_four, {_STATE}, allowed_cidrs, expires_at, revoked_at, last_used_at, created_at"


async def insert(
    db: Db,
    name: str,
    hash_: bytes,
    last_four: str,
    allowed_cidrs: Sequence[str],
    expires_at: dt.datetime | None,
) -> int:
    """Store a token's hash and return its id."""
    value: int = await db.fetchval(
        """
        insert into admin_tokens (name, hash, last_four, allowed_cidrs, expires_at)
        values ($1, $2, $3, $4, $5) returning id
        """,
        name,
        hash_,
        last_four,
        allowed_cidrs,
        expires_at,
    )
    return value


async def list_all(db: Db) -> list[Row]:
    """Return every token without its hash, oldest first."""
    return await db.fetch(f"select {_COLUMNS} from admin_tokens order by id")


async def find_working(db: Db, hash_: bytes) -> Row | None:
    """Return a token that is neither revoked nor expired by its hash."""
    return await db.fetchrow(
        f"""
        select {_COLUMNS} from admin_tokens
        where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())
        """,
        hash_,
    )


async def hold(db: Db, token_id: int) -> Row | None:
    """Return a token, kept as it is until the transaction ends."""
    return await db.fetchrow(f"select {_COLUMNS} from admin_tokens where id = $1 for no key update", token_id)


async def end(db: Db, token_id: int, expires_at: dt.datetime) -> None:
    """Let a token end at a moment."""
    await db.execute("update admin_tokens set expires_at = $2 where id = $1", token_id, expires_at)


async def revoke(db: Db, token_id: int) -> None:
    """End a token now, for good."""
    await db.execute("update admin_tokens set revoked_at = now() where id = $1", token_id)


async def mark_used(db: Db, token_id: int, used_at: dt.datetime) -> None:
    """Write when a token was last used."""
    await db.execute("update admin_tokens set last_used_at = $2 where id = $1", token_id, used_at)
