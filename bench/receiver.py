"""A receiver of webhooks as fast as Python makes one: `python -m bench.receiver PORT`; GET tells what came.

POST to /dead is never answered. Each event holds the moment that caused it, on the clock that all processes share.
"""

import asyncio
import re
import sys
import time

import msgspec

_CAUSED = re.compile(rb'"caused":([0-9.]+)')
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Counts(msgspec.Struct):
    """What came: how many, the first and the last of them, and how long each was on its way."""

    got: int = 0
    first: float = 0.0
    last: float = 0.0
    seconds: list[float] = []


counts = Counts()


class Receiver(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.read = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self.read += data
        while True:
            head, end, rest = self.read.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not end or len(rest) < size:
                return
            self.read = rest[size:]
            self.answer(head, rest[:size])

    def answer(self, head: bytes, body: bytes) -> None:
        """Count it."""
        if head.startswith(b"GET"):
            told = msgspec.json.encode(counts)
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(told) + told)
            return
        if b" /dead" in head.partition(b"\r\n")[0]:
            return
        now = time.monotonic()
        counts.first, counts.last, counts.got = counts.first or now, now, counts.got + 1
        if caused := _CAUSED.search(body):
            counts.seconds.append(now - float(caused[1]))
        self.transport.write(_OK)


async def main(port: int) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
