"""Queries on the files that messages name by our ids."""

from collections.abc import Sequence

from rasl.db.pool import Db


async def find_kinds(db: Db, tenant_id: int, ids: Sequence[int]) -> dict[int, str]:
    """Return image, video, document, audio or sticker by id, of those of the files that the tenant has."""
    rows = await db.fetch(
        "select id, kind from media where tenant_id = $1 and id = any($2)", tenant_id, list(ids)
    )
    return {row["id"]: row["kind"] for row in rows}
