"""Every place for files keeps the same promises: a folder, and a bucket on a server that speaks S3."""

import asyncio
import datetime as dt
import io
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from rasl.media_store.base import MediaStore, MissingFile, StoreUnavailable
from rasl.media_store.bucket import BucketStore
from rasl.media_store.folder import FolderStore

_numbers = itertools.count(1)
LARGE = bytes(range(256)) * 80_000  # more than one part of an upload


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket", "bucket with a prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "media")
    endpoint = request.getfixturevalue("s3")
    name = f"files{next(_numbers)}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket=name)
    client.close()
    prefix = "rasl/media" if "prefix" in request.param else ""
    return BucketStore(name, prefix, "us-east-1", endpoint, "a", "b")


async def read(store: MediaStore, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.stream(key, start, length)])


@pytest.mark.parametrize(
    "content", [b"", b"x", b"hello" * 100, LARGE], ids=["empty", "byte", "small", "large"]
)
async def test_what_was_put_comes_back(store: MediaStore, content: bytes) -> None:
    file = io.BytesIO(content)
    file.read(3)  # wherever it stands
    await store.put("1/ab/abcd", file)
    assert await read(store, "1/ab/abcd") == content


async def test_parts_come_back(store: MediaStore) -> None:
    await store.put("1/ab/abcd", io.BytesIO(LARGE))
    assert await read(store, "1/ab/abcd", 5, 10) == LARGE[5:15]
    assert await read(store, "1/ab/abcd", 1_000_000) == LARGE[1_000_000:]
    assert await read(store, "1/ab/abcd", 300_000, 600_000) == LARGE[300_000:900_000]


async def test_a_file_that_is_not_there_is_missing(store: MediaStore) -> None:
    assert not await store.exists("1/ab/nothing")
    with pytest.raises(MissingFile):
        await read(store, "1/ab/nothing")
    await store.delete("1/ab/nothing")


async def test_a_file_can_be_dropped(store: MediaStore) -> None:
    await store.put("1/ab/abcd", io.BytesIO(b"x"))
    assert await store.exists("1/ab/abcd")
    await store.delete("1/ab/abcd")
    assert not await store.exists("1/ab/abcd")


async def test_files_are_listed_in_order_of_their_keys_page_by_page(store: MediaStore) -> None:
    keys = ["1/ab/ab1", "1/ab/ab2", "1/cd/cd1", "10/ab/ab1", "2/ab/ab1"]
    began = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    for key in reversed(keys):
        await store.put(key, io.BytesIO(key.encode()))
    found: list[str] = []
    while page := await store.page(found[-1] if found else "", 2):
        assert len(page) <= 2
        assert all(file.size == len(file.key) and file.written_at > began for file in page)
        found += [file.key for file in page]
    assert found == keys
    assert [file.key for file in await store.page("1/c", 10)] == keys[2:]


async def test_a_store_without_files_lists_none(store: MediaStore) -> None:
    assert await store.page("", 10) == []


async def test_the_same_file_may_be_put_by_several_at_once(store: MediaStore) -> None:
    await asyncio.gather(*(store.put("1/ab/abcd", io.BytesIO(LARGE)) for _ in range(4)))
    assert await read(store, "1/ab/abcd") == LARGE


async def test_files_of_a_folder_are_nobody_elses_business(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "media")
    await store.put("1/ab/abcd", io.BytesIO(b"x"))
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "media/1/ab/abcd").stat().st_mode) == 0o600


class Torn(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise OSError(5, "Input/output error")
        return super().read(size)


async def test_half_a_file_never_shows(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "media")
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        await store.put("1/ab/abcd", Torn(bytes(10 * 1024 * 1024)))
    assert not await store.exists("1/ab/abcd")
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await FolderStore(tmp_path / "media").put("1/ab/abcd", io.BytesIO(b"x"))


async def test_a_bucket_that_is_not_there_is_unavailable_and_tells_no_key(s3: str) -> None:
    missing = BucketStore("nowhere", "", "us-east-1", s3, "access", "hidden-key")
    with pytest.raises(StoreUnavailable) as caught:
        await missing.put("1/ab/abcd", io.BytesIO(b"x"))
    assert "hidden-key" not in str(caught.value)
