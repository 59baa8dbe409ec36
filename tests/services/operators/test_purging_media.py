"""Retention of files: rows and content go together, whatever happens in between, and nothing goes that is needed."""

import asyncio
import datetime as dt
import io
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from rasl.app import build_resources, running
from rasl.db import media_purging
from rasl.db.pool import Database
from rasl.dispatch import upkeep
from rasl.errors import NotFound
from rasl.media_store.base import StoreUnavailable
from rasl.media_store.bucket import BucketStore
from rasl.services.ground.resources import Resources
from rasl.services.media import files as media
from rasl.services.operators import purging
from rasl.services.operators.purging import PURGES, Ground
from rasl.services.sending.outbox import Outbox
from rasl.settings import Settings
from tests import samples
from tests.api.v2.media_calls import form, send_file
from tests.serving import Api
from tests.waiting import until

DAYS = Settings(media_days=30, unused_media_days=10)
_FILES = [item for item in PURGES if item.name in {"media", "unused_media", "stray_files"}]
_numbers = itertools.count(1)


@pytest.fixture
async def resources(api: Api, shared_dsn: str) -> AsyncIterator[Resources]:
    async with running(build_resources(api.settings, shared_dsn)) as opened:
        yield opened.resources


@pytest.fixture
def ground(resources: Resources) -> Ground:
    return Ground(resources.database, resources.media_store)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def bucket(endpoint: str) -> BucketStore:
    name = f"purged{next(_numbers)}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket=name)
    client.close()
    return BucketStore(name, "rasl", "us-east-1", endpoint, "a", "b")


async def age(database: Database, days: int) -> None:
    async with database.connection() as db:
        await db.execute("update media set needed_at = now() - $1::integer * interval '1 day'", days)


async def value(database: Database, query: str, *values: Any) -> Any:
    async with database.connection() as db:
        return await db.fetchval(query, *values)


async def keep(resources: Resources, content: bytes = samples.PNG) -> int:
    tenant_id = await value(resources.database, "select min(id) from tenants")
    return (
        await media.keep(
            resources,
            tenant_id,
            media.Source("media_file", "image", file=io.BytesIO(content), filename="a.png"),
        )
    ).id


async def files(ground: Ground) -> set[str]:
    rows = await ground.store.page("", 1000)
    async with ground.database.connection() as db:
        known = {row["store_key"] for row in await db.fetch("select store_key from media")}
    # The folder is shared by all tests of this process.
    return {file.key for file in rows} & known


async def purge(ground: Ground, settings: Settings = DAYS) -> dict[str, int]:
    told = await purging.survey(ground, settings, _FILES)
    assert await purging.run(ground, settings, _FILES) == told
    return {outcome.name: outcome.amount.files for outcome in told if outcome.amount.files}


async def settled(purged: dict[str, int]) -> dict[str, int]:
    return {name: files for name, files in purged.items() if name != "stray_files"}


async def test_a_file_goes_long_after_its_last_message(api: Api, ground: Ground) -> None:
    answer = await send_file(api.acme, samples.PNG)
    media_id, key = await value(ground.database, "select (id, store_key) from media")
    await age(ground.database, 29)
    assert await settled(await purge(ground)) == {}
    await age(ground.database, 31)
    assert await settled(await purge(ground)) == {"media": 1}
    assert not await ground.store.exists(key)
    gone = await api.acme.get(f"/api/v2/media/{media_id}")
    assert (gone.status, gone.body["error"]["code"]) == (404, "NOT_FOUND")
    message = await api.acme.get(f"/api/v2/messages/{answer.data['chat_message_id']}")
    assert (message.status, message.data["url"]) == (200, None)
    path = answer.data["media_url"].removeprefix(api.settings.base_url)
    assert (await api.acme.get(path)).status == 404
    # The same content comes again, under another key.
    assert (await send_file(api.acme, samples.PNG)).status == 200
    assert await value(ground.database, "select store_key from media") != key


async def test_sending_it_again_keeps_a_file(api: Api, ground: Ground) -> None:
    stored = await api.acme.post("/api/v2/media", data=form(samples.PNG, media_type="image"))
    await age(ground.database, 1000)
    body = {"phone": "+442079460011", "media_type": "image", "media_id": stored.data["id"]}
    assert (await api.acme.post("/api/v2/messages/media", body)).status == 200
    assert await settled(await purge(ground)) == {}


@pytest.mark.parametrize("status", ["queued", "sending", "unknown"])
async def test_a_file_stays_while_a_message_may_still_need_it(api: Api, ground: Ground, status: str) -> None:
    await send_file(api.acme, samples.PNG)
    await age(ground.database, 1000)
    async with ground.database.connection() as db:
        await db.execute("update messages set status = $1", status)
    assert await settled(await purge(ground)) == {}
    async with ground.database.connection() as db:
        await db.execute("update messages set status = 'failed'")
    await age(ground.database, 1000)
    assert await settled(await purge(ground)) == {"media": 1}


@pytest.mark.parametrize(
    "content",
    [
        {"media_id": "$"},
        {"kind": "buttons", "body": "x", "file": {"id": "$", "kind": "image"}},
        {"kind": "carousel", "cards": [{"file": {"id": "$", "kind": "image"}}]},
        {"components": [{"type": "carousel", "cards": [{"components": [
            {"type": "header", "parameters": [{"type": "image", "image": {"media_id": "$"}}]}]}]}]},
    ],
)  # fmt: skip
async def test_a_file_is_known_to_be_named_wherever_a_message_names_it(
    resources: Resources, ground: Ground, content: dict[str, Any]
) -> None:
    media_id = await keep(resources)
    await age(ground.database, 20)
    text = str(content).replace("'$'", str(media_id)).replace("'", '"')
    async with ground.database.transaction() as db:
        await db.execute(
            """
            with v as (
                insert into conversations (tenant_id, number_id) select tenant_id, id from whatsapp_numbers
                order by id limit 1 returning tenant_id, id)
            insert into messages (tenant_id, conversation_id, direction, type, status, peer, content)
            select tenant_id, id, 'outbound', 'x', 'sent', '44', $1::text::jsonb from v
            """,
            text,
        )
    assert await value(ground.database, "select is_named from media")
    assert await value(ground.database, "select media_id from message_media") == media_id
    await age(ground.database, 20)
    assert await settled(await purge(ground)) == {}


async def test_a_file_that_no_message_names_goes_sooner(
    api: Api, resources: Resources, ground: Ground
) -> None:
    await send_file(api.acme, samples.PNG)
    await keep(resources, samples.picture("PNG", mode="RGBA"))
    await age(ground.database, 11)
    assert await settled(await purge(ground)) == {"unused_media": 1}
    assert await settled(await purge(ground, Settings(media_days=0, unused_media_days=1))) == {}


async def test_a_file_whose_messages_are_gone_is_unused(api: Api, ground: Ground) -> None:
    await send_file(api.acme, samples.PNG)
    async with ground.database.connection() as db:
        await db.execute("update messages set created_at = now() - interval '40 days'")
    await purging.run(ground, Settings(message_days=30))
    assert await value(ground.database, "select count(*) from messages") == 0
    await age(ground.database, 11)
    assert await settled(await purge(ground)) == {"unused_media": 1}


async def test_a_file_that_is_stored_again_while_it_is_purged_stays(
    resources: Resources, ground: Ground
) -> None:
    await keep(resources)
    await age(ground.database, 1000)

    async def is_waiting() -> bool:
        return bool(await value(ground.database, "select count(*) from pg_locks where not granted"))

    async with ground.database.transaction() as db:
        dropped = await media_purging.drop(db, dt.timedelta(days=10), 100, is_named=False)
        again = asyncio.create_task(keep(resources))
        await until(is_waiting)
    media_id = await again
    for key in dropped.store_keys:
        await ground.store.delete(key)
    store_key = await value(ground.database, "select store_key from media where id = $1", media_id)
    assert len(dropped.store_keys) == 1
    assert await ground.store.exists(store_key)


async def test_a_purge_steps_over_a_file_that_a_message_comes_to_name(
    api: Api, resources: Resources, ground: Ground
) -> None:
    media_id = await keep(resources)
    await age(ground.database, 1000)
    async with ground.database.transaction() as db:
        await db.execute(
            """
            with v as (
                insert into conversations (tenant_id, number_id) values ($1, $2) returning tenant_id, id)
            insert into messages (tenant_id, conversation_id, direction, type, status, peer, content)
            select tenant_id, id, 'outbound', 'image', 'queued', '44', jsonb_build_object('media_id', $3::bigint) from v
            """,
            api.world.acme.tenant_id,
            api.world.acme.number_id,
            media_id,
        )
        await purging.run(ground, DAYS, _FILES)
    assert await settled(await purge(ground)) == {}
    assert len(await files(ground)) == 1


async def test_a_row_is_gone_before_its_file_and_the_file_is_found_later(
    resources: Resources, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two, a purge leaves a file without a row, and never a row without a file."""
    await keep(resources)
    key = await value(ground.database, "select store_key from media")
    await age(ground.database, 1000)

    async def die(_key: str) -> None:
        raise StoreUnavailable("killed")

    with monkeypatch.context() as patch:
        patch.setattr(ground.store, "delete", die)
        with pytest.raises(StoreUnavailable):
            await purging.run(ground, DAYS, _FILES)
        await purging.run_beside(ground, DAYS, _FILES)
    assert await value(ground.database, "select count(*) from media") == 0
    assert await ground.store.exists(key)
    make_old(resources, key)
    assert (await purge(ground))["stray_files"] >= 1
    assert not await ground.store.exists(key)


def make_old(resources: Resources, key: str) -> None:
    long_ago = (dt.datetime.now(dt.UTC) - purging.STRAY_AFTER - dt.timedelta(minutes=1)).timestamp()
    os.utime(resources.settings.data_dir / "media" / key, (long_ago, long_ago))


async def test_an_upload_that_was_killed_before_its_row_leaves_nothing_for_ever(
    resources: Resources, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = resources.settings.data_dir / "media" / "1/ab"
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test's own folder
    digest = "ab" * 32
    ours = [f"1/ab/{digest}-Killed123456", f"1/ab/{digest}", "1/ab/.incoming-k1lled"]
    strangers = ["1/ab/notes.txt", "backup.tar"]
    for key in (*ours, *strangers):
        (folder.parent.parent / key).write_bytes(b"x")
    await purging.run(ground, DAYS, _FILES)
    assert all([await ground.store.exists(key) for key in ours]), "it may still get its row"
    for key in (*ours, *strangers):
        make_old(resources, key)
    live = await keep(resources)
    make_old(resources, await value(ground.database, "select store_key from media"))
    monkeypatch.setattr(purging, "_KEYS", 2)
    assert (await purge(ground))["stray_files"] >= 3
    assert not any([await ground.store.exists(key) for key in ours])
    assert all([await ground.store.exists(key) for key in strangers])
    assert len(await files(ground)) == 1
    assert live
    for key in strangers:
        (folder.parent.parent / key).unlink()


async def test_the_worker_looks_at_a_large_store_in_slices(
    resources: Resources, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = resources.settings.data_dir / "media" / "2/cd"
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test's own folder
    keys = [f"2/cd/{'cd' * 32}-{number:03}" for number in range(40)]
    for key in keys:
        (folder.parent.parent / key).write_bytes(b"x")
        make_old(resources, key)
    monkeypatch.setattr(purging, "_KEYS", 2)
    ground.behind = "2/cd/"
    await purging.run_beside(ground, DAYS, _FILES)
    assert [await ground.store.exists(key) for key in keys[9:11]] == [False, True]
    assert ground.behind == keys[9]
    while ground.behind:
        await purging.run_beside(ground, DAYS, _FILES)
    assert not await ground.store.exists(keys[-1])


async def test_the_worker_purges_by_its_settings(resources: Resources, ground: Ground) -> None:
    await keep(resources)
    key = await value(ground.database, "select store_key from media")
    await age(ground.database, resources.settings.unused_media_days + 1)
    act = next(act for act in upkeep.acts(Outbox(resources), ()) if act.name == "drop what is past its time")
    await act.do()
    assert await value(ground.database, "select count(*) from media") == 0
    assert not await ground.store.exists(key)


async def test_two_rows_of_one_file_as_older_versions_made_them(resources: Resources, ground: Ground) -> None:
    await keep(resources)
    async with ground.database.connection() as db:
        await db.execute(
            """
            insert into media (tenant_id, sha256, mime_type, kind, size, is_voice, origin, store_key)
            select tenant_id, sha256, 'image/x', kind, size, is_voice, origin, store_key from media
            """
        )
        await db.execute(
            "update media set needed_at = now() - interval '1000 days' where mime_type = 'image/x'"
        )
    key = await value(ground.database, "select min(store_key) from media")
    await purging.run(ground, DAYS, _FILES)
    assert await value(ground.database, "select count(*) from media") == 1
    assert await ground.store.exists(key)
    await age(ground.database, 1000)
    await purging.run(ground, DAYS, _FILES)
    assert not await ground.store.exists(key)


async def test_files_in_a_bucket_go_as_well(api: Api, shared_dsn: str, s3: str) -> None:
    async with running(build_resources(api.settings, shared_dsn)) as outbox:
        resources = outbox.resources
        resources.media_store = bucket(s3)
        ground = Ground(resources.database, resources.media_store)
        await keep(resources)
        await resources.media_store.put(f"1/ab/{'ab' * 32}-stray", io.BytesIO(b"x"))
        assert await purge(ground) == {}
        await age(ground.database, 1000)
        assert await purge(ground) == {"unused_media": 1}
        stray = next(item for item in PURGES if item.name == "stray_files")
        assert (await stray.drop(ground, dt.timedelta(seconds=-60))).amount.files == 1
        assert await resources.media_store.page("", 10) == []


async def test_a_file_lost_from_the_store_is_told_not_sent(
    api: Api, resources: Resources, ground: Ground
) -> None:
    media_id = await keep(resources)
    await ground.store.delete(await value(ground.database, "select store_key from media"))
    assert await media.find_stored(resources, api.world.acme.tenant_id, media_id) is None
    body = {"phone": "+442079460011", "media_type": "image", "media_id": media_id}
    answer = await api.acme.post("/api/v2/messages/media", body)
    assert (answer.status, answer.body["error"]["code"]) == (404, "NOT_FOUND")
    with pytest.raises(NotFound):
        await media.get(resources.database, api.world.globex.tenant_id, media_id)
