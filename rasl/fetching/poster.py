"""The guarded POST: one body to an address that a tenant gave, and the beginning of what came back."""

import asyncio
from collections.abc import Mapping

import aiohttp
import msgspec

from rasl.fetching.guard import Allows, BadUrlError, Guard, checked, sentence

KEPT_BYTES = 4096
_KEEP_SECONDS = 30.0


class Limits(msgspec.Struct, frozen=True):
    """How long a POST may take, in seconds: until connected, in all."""

    connect: float = 10.0
    total: float = 15.0


class Answer(msgspec.Struct, frozen=True):
    """What came back: a status, the beginning of its body, how long it may take until the next try; or an error."""

    status: int | None = None
    text: str | None = None
    retry_after: str | None = None
    error: str | None = None


class Poster:
    """Posts to the addresses of tenants, on connections of its own; made inside the event loop, closed by its maker.

    Connections are kept: each leads to the very address that was checked when it was opened.
    """

    def __init__(self, allows: Allows | None, limits: Limits | None = None) -> None:
        self._guard = Guard(allows)
        self._limits = limits or Limits()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._guard.resolver(),
                use_dns_cache=False,
                keepalive_timeout=_KEEP_SECONDS,
                limit=0,  # whoever posts says how much at once
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "rasl", "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=self._limits.connect),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body; whatever comes of it is an answer, and a redirect is one like any other."""
        try:
            async with asyncio.timeout(self._limits.total):
                return await self._post(url, headers, body)
        except aiohttp.ConnectionTimeoutError:
            return Answer(error=f"The address could not be reached within {self._limits.connect:g} seconds")
        except TimeoutError:
            return Answer(error=f"No complete answer within {self._limits.total:g} seconds")
        except BadUrlError as error:
            return Answer(error=f"The address {error}")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=_told(error))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        target = checked(url)
        self._guard.check(target)
        async with self._session.post(target, data=body, headers=headers, allow_redirects=False) as answer:
            kept = await _beginning(answer.content)
            # PostgreSQL keeps no NUL in a text.
            text = kept.decode("utf-8", "replace").replace("\x00", "\ufffd")
            return Answer(answer.status, text, answer.headers.get("retry-after"))


async def _beginning(stream: aiohttp.StreamReader) -> bytes:
    """Return the first bytes of an answer; the connection of one that goes on is closed, not read to its end."""
    kept = bytearray()
    while len(kept) < KEPT_BYTES and (chunk := await stream.read(KEPT_BYTES - len(kept))):
        kept += chunk
    return bytes(kept)


def _told(error: Exception) -> str:
    told = sentence(error)
    if told is not None:
        return f"The address {told}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The connection was refused: nothing listens at this address"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientPayloadError):
        return "The connection broke off before the answer was complete"
    return "The answer was not HTTP that can be understood"
