"""Files in a bucket of Amazon S3, or of any service that speaks its language."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from rasl.log import redact
from rasl.media_store.base import CHUNK, MissingFile, StoredFile, StoreUnavailable

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, S3Config

_PART = 8 * 1024 * 1024
_PARTS_AT_ONCE = 2  # what an upload holds in memory
_TIMEOUT = dt.timedelta(minutes=5)


class BucketStore:
    """Keeps files below a prefix of one bucket."""

    def __init__(
        self, bucket: str, prefix: str, region: str, endpoint: str, access_key: str, secret_key: str
    ) -> None:
        config: S3Config = {"region": region}
        if endpoint:
            config["endpoint"] = endpoint
            config["virtual_hosted_style_request"] = False
        if access_key:  # without it the machine's own role is used
            config["access_key_id"] = access_key
            config["secret_access_key"] = secret_key
        options: ClientConfig = {"allow_http": endpoint.startswith("http://"), "timeout": _TIMEOUT}
        self._store = S3Store(bucket, prefix=prefix or None, config=config, client_options=options)

    async def put(self, key: str, file: BinaryIO) -> None:
        """Upload a file, a large one in parts; it appears when the last part is there."""
        file.seek(0)
        with _unavailable():
            await obstore.put_async(self._store, key, file, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)

    async def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a file, or a part of it."""
        options: GetOptions = {}
        if length is not None:
            options = {"range": (start, start + length)}
        elif start:
            options = {"range": {"offset": start}}
        with _unavailable():
            try:
                answer = await obstore.get_async(self._store, key, options=options)
                async for chunk in answer.stream(min_chunk_size=CHUNK):
                    yield bytes(chunk)
            except FileNotFoundError:
                raise MissingFile(key) from None

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key."""
        with _unavailable(), contextlib.suppress(FileNotFoundError):
            await obstore.head_async(self._store, key)
            return True
        return False

    async def delete(self, key: str) -> None:
        """Drop a file, if it is there."""
        with _unavailable(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)

    async def page(self, after: str, limit: int) -> list[StoredFile]:
        """Return up to so many files in order of their keys, behind one."""
        pages = obstore.list(self._store, offset=after or None, chunk_size=limit)
        with _unavailable():
            async for page in pages:
                return [StoredFile(item["path"], item["size"], item["last_modified"]) for item in page]
        return []


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Turn whatever the bucket refuses into what a store raises, named in one line."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise StoreUnavailable(redact(f"{type(error).__name__}: {first}"[:300])) from error
