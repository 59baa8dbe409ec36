"""Verifies a callback address before any webhook is sent to it."""

import aiohttp
from yarl import URL

from metasim.courier import Courier
from metasim.ids import Mint
from metasim.store import Callback


class HandshakeRefusedError(Exception):
    """The callback did not answer with the raw challenge."""


async def verify(callback: Callback, courier: Courier, mint: Mint, seconds: float) -> None:
    """Ask the callback to echo a challenge; raises with the reason when it does not."""
    challenge = str(mint.random.randrange(10**9, 10**10))
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": callback.verify_token}
    session = await courier.session()
    try:
        async with session.get(
            URL(callback.url).update_query(query),
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
        ) as response:
            body = await response.content.read(len(challenge) + 64)
            status = response.status
    except TimeoutError:
        raise HandshakeRefusedError("the callback did not answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise HandshakeRefusedError(f"the callback could not be reached: {error}") from None
    if status != 200:
        raise HandshakeRefusedError(f"the callback answered HTTP {status} instead of 200")
    if body != challenge.encode():
        shown = body[:64].decode("utf-8", "replace")
        raise HandshakeRefusedError(
            f"the callback answered {shown!r} instead of the raw challenge {challenge!r}"
        )
