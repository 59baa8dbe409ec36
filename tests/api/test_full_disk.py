"""Disks that are full, for real: nothing is accepted or half stored, and all is well when there is room again."""

import contextlib
import io
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import aiohttp
import pytest

from pgbox import EmbeddedPostgres
from rasl.app import create_app
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.errors import ServiceUnavailable
from rasl.sealing import Sealer
from rasl.services.ground.scratch import scratch_file
from rasl.services.media import pictures
from rasl.services.media.pictures import PictureError
from rasl.services.operators.readiness import KEPT_SECONDS
from tests.api.v2.media_calls import form
from tests.misbehaving import Files, misbehaving
from tests.samples import PNG, picture
from tests.serving import Api, Client, api_clients, served, settings_for
from tests.waiting import until
from tests.world import SECRET_KEY, World, build_world

LARGE = PNG + os.urandom(3 * 1024 * 1024)
CSV = b"Phone,Name\n" + b"".join(b"+4420794%05d,Ana\n" % number for number in range(50_000))


@contextlib.contextmanager
def mounted(size: str) -> Iterator[Path]:
    """Have a file system of this size inside the block, in memory; only root may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="rasl-disk-"))
    options = ["-t", "tmpfs", "-o", f"size={size},mode=755", "rasl-test"]
    done = subprocess.run(["/bin/mount", *options, str(folder)], capture_output=True, check=False)  # noqa: S603
    try:
        if done.returncode:
            pytest.skip("a file system cannot be mounted here")
        yield folder
    finally:
        if not done.returncode:
            subprocess.run(["/bin/umount", "-l", str(folder)], check=True)  # noqa: S603
        folder.rmdir()


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte of a disk free inside the block."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(64 * 1024)):
                continue
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1024)):
                continue
        yield
    finally:
        filler.unlink(missing_ok=True)


async def readiness(client: Client) -> tuple[int, Any]:
    answer = await client.get("/readyz")
    return answer.status, answer.body


async def store(client: Client, content: bytes, name: str = "a.png") -> tuple[int, Any]:
    answer = await client.post("/api/v2/media", data=form(content, name, media_type="image"))
    return answer.status, answer.body["error"]["code"] if answer.status >= 400 else answer.data["sha256"]


async def upload_contacts(client: Client) -> tuple[int, Any]:
    data = aiohttp.FormData()
    data.add_field("file", CSV, filename="people.csv")
    answer = await client.post("/api/v2/contacts/import", data=data)
    return answer.status, answer.body["error"]["code"] if answer.status >= 400 else answer.data["status"]


REFUSED = (503, "SERVICE_UNAVAILABLE")


async def test_while_the_databases_disk_is_full_nothing_is_accepted(simulator_url: str) -> None:
    with mounted("256m") as folder:
        postgres = EmbeddedPostgres(folder / "data", durable=False)
        dsn = postgres.ensure_running()
        try:
            await migrate(dsn)
            database = Database(dsn, 2)
            await database.open()
            world = await build_world(database, Sealer(SECRET_KEY))
            settings = settings_for(simulator_url, data_dir=folder / "data")
            async with served(create_app(settings, dsn)) as url, api_clients(world, url, settings) as api:
                await _refuse_all(api, database, folder)
            await database.close()
        finally:
            postgres.release()


async def _refuse_all(api: Api, database: Database, folder: Path) -> None:
    assert await readiness(api.nobody) == (200, {"status": "ok"})
    assert (await api.acme.send("+442079460011")).status == 200
    assert (await store(api.acme, PNG))[0] == 201
    with filled(folder):

        async def is_told() -> bool:
            return (await readiness(api.nobody))[0] == 503

        await until(is_told)
        assert (await readiness(api.nobody))[1]["reason"] == "the database's disk is full"
        assert await store(api.acme, picture("PNG", 9)) == REFUSED
        assert await store(api.acme, LARGE) == REFUSED
        assert await upload_contacts(api.acme) == REFUSED
        # What fits into blocks that the database has already is still taken, and then no more.
        answers = [await api.acme.send("+442079460011", "x" * 4000) for _ in range(60)]
        assert {answer.status for answer in answers} <= {200, 503}
        assert answers[-1].code == "SERVICE_UNAVAILABLE"

    async def is_well() -> bool:
        return (await readiness(api.nobody))[0] == 200

    await until(is_well)
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from media") == 1
        assert await db.fetchval("select count(*) from contact_imports where status <> 'uploading'") == 0
        taken = sum(answer.status == 200 for answer in answers) + 1
        assert await db.fetchval("select count(*) from messages where direction = 'outbound'") == taken
    assert (await store(api.acme, picture("PNG", 9)))[0] == 201
    assert (await upload_contacts(api.acme))[0] == 202
    assert (await api.acme.send("+442079460011")).status == 200
    names = [name for _, _, names in os.walk(folder / "data/media") for name in names]
    assert [name for name in names if name.startswith(".")] == []


@pytest.fixture
async def small(world: World, shared_dsn: str, simulator_url: str) -> AsyncIterator[tuple[Api, Path]]:
    """An API whose files lie on a disk of their own."""
    with mounted("8m") as folder:
        settings = settings_for(simulator_url, data_dir=folder)
        async with served(create_app(settings, shared_dsn)) as url, api_clients(world, url, settings) as api:
            yield api, folder


@pytest.fixture(scope="module")
async def files() -> AsyncIterator[Files]:
    async with misbehaving() as server:
        yield server


async def test_while_the_disk_of_files_is_full_only_files_are_refused(
    small: tuple[Api, Path], files: Files
) -> None:
    api, folder = small
    contents = {"a.png": PNG, "b.png": LARGE, "c.webp": picture("WEBP", 600)}
    by_address = {"media_type": "image", "media_url": f"{files.url}/photo.png?full=1"}
    with filled(folder):
        for name, content in contents.items():
            assert await store(api.acme, content, name) == REFUSED
        assert await upload_contacts(api.acme) == REFUSED
        answer = await api.acme.post("/api/v2/media", by_address)
        assert (answer.status, answer.code) == REFUSED
        assert (await api.acme.send("+442079460011")).status == 200
        assert (await readiness(api.nobody))[0] == 200
    for name, content in contents.items():
        assert (await store(api.acme, content, name))[0] == 201
    assert (await upload_contacts(api.acme))[0] == 202
    assert (await api.acme.post("/api/v2/media", by_address)).status == 201


def test_a_picture_that_cannot_be_converted_for_want_of_room_is_no_bad_picture(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable), Path("/dev/full").open("r+b", buffering=0) as full:
        pictures.convert_webp(io.BytesIO(picture("WEBP", 600)), cast("BinaryIO", full))
    with (tmp_path / "broken").open("w+b") as target, pytest.raises(PictureError):
        pictures.convert_webp(io.BytesIO(picture("WEBP", 600)[:200]), target)


def test_a_scratch_file_says_everywhere_that_there_is_no_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(**_options: Any) -> Any:
        return Path("/dev/full").open("r+b", buffering=0)

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    file = scratch_file(tmp_path)
    assert file.write(b"fits into the buffer") == 20
    for use in (file.flush, lambda: file.seek(0), lambda: file.read(1), file.close):
        with pytest.raises(ServiceUnavailable):
            use()
    assert file.closed
    with scratch_file(tmp_path) as large, pytest.raises(ServiceUnavailable):
        large.write(bytes(1024 * 1024))


async def test_a_key_of_a_refused_file_is_free_again(small: tuple[Api, Path]) -> None:
    api, folder = small
    headers = {"idempotency-key": "order-1"}
    with filled(folder):
        answer = await api.acme.post("/api/v2/media", data=form(PNG, media_type="image"), headers=headers)
        assert (answer.status, answer.code) == REFUSED
        assert answer.headers["retry-after"]
    answer = await api.acme.post("/api/v2/media", data=form(PNG, media_type="image"), headers=headers)
    assert answer.status == 201


def test_an_answer_is_kept_for_about_a_second() -> None:
    assert 0.5 <= KEPT_SECONDS <= 2
