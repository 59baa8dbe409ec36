"""The guard of every call to an address that a caller gave: resolved once, all of it checked, and called as checked."""

import asyncio
import socket
import ssl
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from rasl.domain import addresses

Allows = Callable[[str], bool]
"""Tells of an address, as numbers, whether it may be called."""
LONGEST_URL = 2048


class BadUrlError(Exception):
    """An address that is not called; the text is a sentence without a subject for whoever gave it."""


class RefusedAddressError(OSError):
    """A name leads into a network that callers must not reach."""


class _GuardedResolver(AbstractResolver):
    """Resolves a name once; if any of its addresses is not allowed, all are refused."""

    def __init__(self, allows: Allows) -> None:
        self._allows = allows

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        numbers = list(dict.fromkeys((str(item[4][0]), item[0]) for item in found))
        if not numbers or not all(self._allows(number) for number, _ in numbers):
            raise RefusedAddressError(host)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=number, port=port, family=kind, proto=0, flags=flags)
            for number, kind in numbers
        ]

    async def close(self) -> None:
        """Keep nothing open."""


class Guard:
    """Decides what may be called; `allows` is None where everything may, as in development."""

    def __init__(self, allows: Allows | None) -> None:
        self._allows = allows

    def resolver(self) -> AbstractResolver | None:
        """Return what resolves names for a session; None is the usual one."""
        return None if self._allows is None else _GuardedResolver(self._allows)

    def check(self, url: URL) -> None:
        """Refuse what is an address already; names are refused when they are resolved."""
        host = url.host or ""
        if self._allows is not None and addresses.is_numeric(host) and not self._allows(host):
            raise RefusedAddressError(host)


def checked(text: str) -> URL:
    """Read an address that a caller gave; raises BadUrlError."""
    if len(text) > LONGEST_URL:
        raise BadUrlError(f"must not be longer than {LONGEST_URL} characters")
    try:
        url = URL(text)
    except ValueError:
        raise BadUrlError("is not a valid address") from None
    if url.scheme not in {"http", "https"} or not url.host or not url.port:
        raise BadUrlError("must be an http or https address")
    if url.user is not None or url.password is not None:
        raise BadUrlError("must not hold a user name or password")
    return url


def sentence(error: Exception) -> str | None:
    """Say why a call came to nothing, None where there is no more to say than that it did."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedAddressError):
            return "leads into a private network, which is not allowed"
        cause = cause.os_error if isinstance(cause, aiohttp.ClientConnectorError) else cause.__cause__
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return "names a host that does not exist"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        return "has no valid certificate"
    return None
