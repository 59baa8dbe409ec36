"""Queries on files: what is stored, what Meta has of it, what was loaded from where, what waits to be loaded."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from rasl.db import jobs, messages
from rasl.db.jobs import NewJob
from rasl.db.pool import Db, Row

KIND = "media"  # the job that loads the file of an inbound message; its subject is the message


class NewMedia(msgspec.Struct, frozen=True):
    """A file that lies in the store and gets its row now."""

    tenant_id: int
    sha256: bytes
    mime_type: str
    kind: str
    size: int
    filename: str | None
    is_voice: bool
    origin: str
    store_key: str


async def keep(db: Db, media: NewMedia, lost_key: str | None) -> Row:
    """Return id and store_key of a file, which gets a row unless the tenant has the same content already.

    A row whose content was lost from the store, under `lost_key`, gets the new one.
    """
    row = await db.fetchrow(
        """
        insert into media as m (tenant_id, sha256, mime_type, kind, size, filename, is_voice, origin, store_key)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (tenant_id, sha256, mime_type) do update set
            needed_at = excluded.needed_at,
            store_key = case when m.store_key = $10 then excluded.store_key else m.store_key end
        returning id, store_key
        """,
        *msgspec.structs.astuple(media),
        lost_key,
    )
    assert row is not None  # noqa: S101 - an upsert always returns its row
    return row


async def find_content(db: Db, tenant_id: int, sha256: bytes, mime_type: str) -> Row | None:
    """Return the tenant's file with this content, which is needed from now on."""
    return await db.fetchrow(
        """
        update media set needed_at = now() where tenant_id = $1 and sha256 = $2 and mime_type = $3
        returning id, store_key
        """,
        tenant_id,
        sha256,
        mime_type,
    )


async def find_needed(db: Db, tenant_id: int, media_id: int) -> Row | None:
    """Return a file of the tenant that is about to be sent, and whether Meta has it; from now on it is needed."""
    await db.execute(_NEED, tenant_id, [media_id])
    return await db.fetchrow(
        """
        select m.*, exists (
            select from media_uploads u where u.tenant_id = $1 and u.media_id = $2 and u.expires_at > now()
        ) as is_uploaded
        from media m where m.tenant_id = $1 and m.id = $2
        """,
        tenant_id,
        media_id,
    )


async def find_kinds(db: Db, tenant_id: int, ids: Sequence[int]) -> dict[int, str]:
    """Return image, video, document, audio or sticker by id, of those of the files that the tenant has.

    They are about to be sent: from now on they are needed.
    """
    await db.execute(_NEED, tenant_id, list(ids))
    rows = await db.fetch(
        "select id, kind from media where tenant_id = $1 and id = any($2)", tenant_id, list(ids)
    )
    return {row["id"]: row["kind"] for row in rows}


# Not with every send: the row of a file that goes to many people would be everybody's bottleneck.
_NEED = """
update media set needed_at = now()
where tenant_id = $1 and id = any($2::bigint[]) and needed_at < now() - interval '1 hour'
"""


async def find(db: Db, tenant_id: int, media_id: int) -> Row | None:
    """Return a file of the tenant."""
    return await db.fetchrow("select * from media where tenant_id = $1 and id = $2", tenant_id, media_id)


async def find_url(db: Db, tenant_id: int, digest: bytes, within: dt.timedelta) -> Row | None:
    """Return the file that was loaded from an address lately, which is needed from now on."""
    return await db.fetchrow(
        """
        update media m set needed_at = now() from media_urls u
        where u.tenant_id = $1 and u.digest = $2 and u.fetched_at > now() - $3::interval
          and m.tenant_id = u.tenant_id and m.id = u.media_id
        returning m.*
        """,
        tenant_id,
        digest,
        within,
    )


async def keep_url(db: Db, tenant_id: int, digest: bytes, media_id: int) -> None:
    """Remember what an address led to just now."""
    await db.execute(
        """
        insert into media_urls (tenant_id, digest, media_id) values ($1, $2, $3)
        on conflict (tenant_id, digest) do update
        set media_id = excluded.media_id, fetched_at = excluded.fetched_at
        """,
        tenant_id,
        digest,
        media_id,
    )


async def find_upload(db: Db, tenant_id: int, media_id: int, number_id: int) -> str | None:
    """Return Meta's id of a file for a number, if Meta still has it."""
    graph_media_id: str | None = await db.fetchval(
        """
        select graph_media_id from media_uploads
        where tenant_id = $1 and media_id = $2 and number_id = $3 and expires_at > now()
        """,
        tenant_id,
        media_id,
        number_id,
    )
    return graph_media_id


async def keep_upload(
    db: Db, tenant_id: int, media_id: int, number_id: int, graph_media_id: str, lifetime: dt.timedelta
) -> str:
    """Remember Meta's id of a file and return the one that counts: the first of those uploaded at the same time."""
    kept: str = await db.fetchval(
        """
        insert into media_uploads as u (tenant_id, media_id, number_id, graph_media_id, expires_at)
        values ($1, $2, $3, $4, now() + $5::interval)
        on conflict (tenant_id, media_id, number_id) do update set
            graph_media_id =
                case when u.expires_at > excluded.uploaded_at then u.graph_media_id else excluded.graph_media_id end,
            expires_at = case when u.expires_at > excluded.uploaded_at then u.expires_at else excluded.expires_at end,
            uploaded_at =
                case when u.expires_at > excluded.uploaded_at then u.uploaded_at else excluded.uploaded_at end
        returning graph_media_id
        """,
        tenant_id,
        media_id,
        number_id,
        graph_media_id,
        lifetime,
    )
    return kept


async def forget_uploads(db: Db, tenant_id: int, number_id: int, uploads: Mapping[int, str]) -> None:
    """Forget Meta's ids of files that Meta does not know any more; one that was renewed meanwhile stays."""
    await db.execute(
        """
        delete from media_uploads u using unnest($3::bigint[], $4::text[]) as k (media_id, graph_media_id)
        where u.tenant_id = $1 and u.media_id = k.media_id and u.number_id = $2 and u.graph_media_id = k.graph_media_id
        """,
        tenant_id,
        number_id,
        list(uploads),
        list(uploads.values()),
    )


async def enqueue_downloads(db: Db, downloads: Sequence[tuple[int, int, int]]) -> None:
    """Have the files of inbound messages loaded at once: (tenant_id, message_id, number_id)."""
    await jobs.add(db, KIND, [NewJob(*download) for download in downloads])


async def find_message(db: Db, tenant_id: int, message_id: int) -> Row | None:
    """Return what loading the file of an inbound message needs."""
    return await db.fetchrow(
        """
        select type, content, now() - created_at as age from messages
        where tenant_id = $1 and id = $2 and direction = 'inbound'
        """,
        tenant_id,
        message_id,
    )


async def finish_download(
    db: Db, tenant_id: int, message_id: int, fence: int, media_id: int | None, problem: str | None
) -> None:
    """Close a download under its fence: the message names its file, or says why it has none."""
    done = await db.fetchval(
        f"""
        delete from jobs where tenant_id = $1 and kind = '{KIND}' and subject_id = $2 and fence = $3 returning 1
        """,
        tenant_id,
        message_id,
        fence,
    )
    if done is None:
        return
    await db.execute(
        """
        update messages set
            content = case when $3::jsonb is null then content else coalesce(content, '{}') || $3::jsonb end,
            status_message = $4, updated_at = now()
        where tenant_id = $1 and id = $2
        """,
        tenant_id,
        message_id,
        None if media_id is None else {"media_id": media_id},
        problem,
    )


async def postpone_download(
    db: Db, tenant_id: int, message_id: int, fence: int, seconds: float, problem: str
) -> None:
    """Try a download again later; until then the message says what is in the way."""
    is_ours = await db.fetchval(
        f"""
        update jobs set is_leased = false, fence = fence + 1, due_at = now() + make_interval(secs => $4)
        where tenant_id = $1 and kind = '{KIND}' and subject_id = $2 and fence = $3 returning 1
        """,
        tenant_id,
        message_id,
        fence,
        seconds,
    )
    if is_ours:
        await messages.explain(db, tenant_id, message_id, problem)
