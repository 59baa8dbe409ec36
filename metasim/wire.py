"""How an answer is put on the wire, whole or in any of the ways a connection can let a caller down."""

import asyncio
import socket
import struct
from collections.abc import Iterator

from metasim.exchange import Answer, Headers, Receive, Scope, Send

TRANSPORT = "metasim.transport"
_SLOW_PIECES = 10
_FILLER = bytes(64 * 1024)


async def write(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Put an answer on the wire, or break the connection where it says so."""
    if answer.delay and await _is_gone_within(answer.delay, receive):
        return
    if answer.wire in {"drop", "reset"}:
        await _abort(scope, receive, reset=answer.wire == "reset")
        return
    head: Headers = [(b"content-type", answer.content_type), *answer.headers]
    if answer.wire != "endless":
        head.insert(1, (b"content-length", b"%d" % answer.length))
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    if answer.wire == "whole" and answer.source is None:
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return
    if answer.wire == "slow":
        await _write_slowly(answer, receive, send)
    else:
        await _write_pieces(answer, send)
    if answer.wire == "truncate":
        _transport(scope).close()
        await _gone(receive)
    elif answer.wire == "endless":
        await _write_forever(answer, scope, send)
    else:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _pieces(answer: Answer) -> Iterator[bytes]:
    yield from (answer.body,) if answer.source is None else answer.source


async def _write_pieces(answer: Answer, send: Send) -> None:
    left = answer.length // 2 if answer.wire == "truncate" else answer.length
    for piece in _pieces(answer):
        if left <= 0:
            return
        await send({"type": "http.response.body", "body": piece[:left], "more_body": True})
        left -= len(piece)


async def _write_slowly(answer: Answer, receive: Receive, send: Send) -> None:
    size = max(1, -(-answer.length // _SLOW_PIECES))
    kept = b""
    for piece in _pieces(answer):
        kept += piece
        while len(kept) >= size:
            await send({"type": "http.response.body", "body": kept[:size], "more_body": True})
            kept = kept[size:]
            if await _is_gone_within(answer.pace, receive):
                return
    if kept:
        await send({"type": "http.response.body", "body": kept, "more_body": True})


async def _write_forever(answer: Answer, scope: Scope, send: Send) -> None:
    transport = _transport(scope)
    while not transport.is_closing():
        await send({"type": "http.response.body", "body": _FILLER, "more_body": True})
        await asyncio.sleep(answer.pace)


async def _abort(scope: Scope, receive: Receive, *, reset: bool) -> None:
    transport = _transport(scope)
    if reset:
        # Lingering for zero seconds makes the kernel send RST instead of an orderly FIN.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    try:
        transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    except KeyError:
        raise RuntimeError("breaking a connection needs the simulator's own server") from None
    return transport


async def _is_gone_within(seconds: float, receive: Receive) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await _gone(receive)
    except TimeoutError:
        return False
    return True


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
