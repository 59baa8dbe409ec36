"""Files in a bucket of Amazon S3, or of any service that speaks its language."""

import datetime as dt
from collections.abc import AsyncIterator
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
        try:
            await obstore.put_async(self._store, key, file, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)
        except (BaseError, OSError, ValueError) as error:
            raise _unavailable(error) from error

    async def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a file, or a part of it."""
        options: GetOptions = {}
        if length is not None:
            options = {"range": (start, start + length)}
        elif start:
            options = {"range": {"offset": start}}
        try:
            answer = await obstore.get_async(self._store, key, options=options)
            async for chunk in answer.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except FileNotFoundError:
            raise MissingFile(key) from None
        except (BaseError, OSError, ValueError) as error:
            raise _unavailable(error) from error

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        except (BaseError, OSError, ValueError) as error:
            raise _unavailable(error) from error
        return True

    async def delete(self, key: str) -> None:
        """Drop a file, if it is there."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise _unavailable(error) from error

    async def page(self, after: str, limit: int) -> list[StoredFile]:
        """Return up to so many files in order of their keys, behind one."""
        pages = obstore.list(self._store, offset=after or None, chunk_size=limit)
        try:
            async for page in pages:
                return [StoredFile(item["path"], item["size"], item["last_modified"]) for item in page]
        except (BaseError, OSError, ValueError) as error:
            raise _unavailable(error) from error
        return []


def _unavailable(error: Exception) -> StoreUnavailable:
    """Name what happened in one line."""
    first = str(error).strip().partition("\n")[0]
    return StoreUnavailable(redact(f"{type(error).__name__}: {first}"[:300]))
