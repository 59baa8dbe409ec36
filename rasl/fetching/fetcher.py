"""The guarded download: every hop resolved once, checked, and called at just the address that was checked."""

import asyncio
import re
from typing import BinaryIO

import aiohttp
import msgspec
from yarl import URL

from rasl.domain import addresses
from rasl.fetching.guard import BadUrlError, Guard, checked, sentence

_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_AT_ONCE = 50
_NAMED = re.compile(r"""filename="?([^";]+)"?""", re.IGNORECASE)


class FetchError(Exception):
    """A file that was not loaded; the text is a sentence for whoever gave the address."""


class Limits(msgspec.Struct, frozen=True):
    """How long a download may take, in seconds: until connected, between two bytes, in all."""

    connect: float = 5.0
    silence: float = 10.0
    total: float = 60.0


class Fetched(msgspec.Struct, frozen=True):
    """A file that was written down: its size, and the name its host gives it."""

    size: int
    name: str | None


class Fetcher:
    """Loads files for callers; made inside the event loop and closed by whoever made it."""

    def __init__(self, *, allow_private: bool = False, limits: Limits | None = None) -> None:
        self._guard = Guard(None if allow_private else addresses.is_public)
        self._limits = limits or Limits()
        self._session = aiohttp.ClientSession(
            # No connection is kept: what was checked a minute ago may be another machine's address now.
            connector=aiohttp.TCPConnector(
                resolver=self._guard.resolver(),
                use_dns_cache=False,
                force_close=True,
                limit=_MOST_AT_ONCE,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "rasl", "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(
                total=None, connect=None, sock_connect=self._limits.connect, sock_read=self._limits.silence
            ),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, url: str, file: BinaryIO, most: int) -> Fetched:
        """Write what is at an address to a file, at most so many bytes; raises FetchError."""
        limits = self._limits
        try:
            async with asyncio.timeout(limits.total):
                return await self._follow(checked(url), file, most)
        except aiohttp.ConnectionTimeoutError as error:
            raise FetchError(f"could not be reached within {limits.connect:g} seconds") from error
        except aiohttp.ServerTimeoutError as error:
            raise FetchError(f"answered nothing for {limits.silence:g} seconds") from error
        except TimeoutError as error:
            raise FetchError(f"could not be loaded within {limits.total:g} seconds") from error
        except BadUrlError as error:
            raise FetchError(str(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(_sentence(error)) from error

    async def _follow(self, url: URL, file: BinaryIO, most: int) -> Fetched:
        for _ in range(_MOST_REDIRECTS + 1):
            self._guard.check(url)
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTS:
                    return await _written(answer, url, file, most)
                target = answer.headers.get("location")
            if not target:
                raise FetchError("answered with a redirect that leads nowhere")
            url = checked(str(url.join(URL(target))))
        raise FetchError(f"redirects more than {_MOST_REDIRECTS} times")


async def _written(answer: aiohttp.ClientResponse, url: URL, file: BinaryIO, most: int) -> Fetched:
    if answer.status != 200:
        raise FetchError(f"answered with HTTP {answer.status} instead of a file")
    if answer.content_type in {"text/html", "application/xhtml+xml"}:
        raise FetchError("leads to a web page, not to a file")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchError("answered with a compressed file although none was asked for")
    too_large = FetchError(f"leads to a file that is larger than {most // 1024:,} KB")
    if answer.content_length is not None and answer.content_length > most:
        raise too_large
    size = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > most:
            raise too_large
        file.write(chunk)
    named = _NAMED.search(answer.headers.get("content-disposition", ""))
    return Fetched(size, named[1] if named else url.name or None)


def _sentence(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return "broke off before the file was complete"
    return sentence(error) or "could not be loaded"
