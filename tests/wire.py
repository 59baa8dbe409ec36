"""A wire in front of PostgreSQL that is cut at one chosen statement, before or after the server has executed it."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_SOCKET = ".s.PGSQL.5432"
_READY = b"Z"


class Wire:
    """What runs between the clients of `dsn` and the real server.

    `cut` chooses a statement by a part of its text. Whoever executes it next loses the connection: with
    `is_executed` only after the server has done it, so that the client cannot know. With `stays_away` nobody
    connects any more until `mend`.
    """

    def __init__(self, folder: Path, server_dsn: str) -> None:
        parts = urlsplit(server_dsn)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._server = str(Path(query["host"]) / f".s.PGSQL.{query.get('port', '5432')}")
        self.path = folder / _SOCKET
        self.dsn = f"postgresql://{parts.path}?host={folder}&port=5432&user={query['user']}"
        self.struck = asyncio.Event()
        self._statement: str | None = None
        self._skip = 0
        self._is_executed = False
        self._stays_away = False
        self._is_away = False
        self._lines: set[_Line] = set()

    def cut(
        self, statement: str, *, is_executed: bool = False, stays_away: bool = False, skip: int = 0
    ) -> None:
        """Cut at the next statement that has this in its text, after so many others that have."""
        self._statement, self._skip = statement, skip
        self._is_executed, self._stays_away = is_executed, stays_away
        self.struck.clear()

    def lose(self) -> None:
        """Cut every connection and let nobody connect."""
        self._is_away = True
        for line in list(self._lines):
            line.close()

    def mend(self) -> None:
        """Let everybody connect again, and cut nothing."""
        self._statement, self._is_away = None, False

    def is_struck_by(self, text: str) -> bool:
        """Tell whether this statement is the one; it is only once."""
        if self._statement is None or self._statement not in text:
            return False
        self._skip -= 1
        if self._skip >= 0:
            return False
        self._statement = None
        return True

    @property
    def is_executed(self) -> bool:
        """Whether the server executes what the wire is cut at."""
        return self._is_executed

    def strike(self, line: "_Line") -> None:
        """Cut this connection now, and all others if the server stays away."""
        line.close()
        if self._stays_away:
            self.lose()
        self.struck.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one client to the server."""
        if self._is_away:
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(self._server)
        line = _Line(self, (reader, writer), (server_reader, server_writer))
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)
            line.close()


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One connection; it knows which text belongs to which prepared statement."""

    def __init__(self, wire: Wire, client: _Streams, server: _Streams) -> None:
        self._wire = wire
        self._client = client
        self._server = server
        self._texts: dict[bytes, str] = {}
        self._is_struck = False

    async def run(self) -> None:
        """Pass on until one side ends."""
        tasks = {asyncio.create_task(self._from_client()), asyncio.create_task(self._from_server())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        for _, writer in (self._client, self._server):
            writer.close()

    async def _from_client(self) -> None:
        reader, writer = self._client[0], self._server[1]
        size = await reader.readexactly(4)
        writer.write(size + await reader.readexactly(int.from_bytes(size) - 4))
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if self._wire.is_struck_by(self._executed(head[:1], body)):
                if not self._wire.is_executed:
                    self._wire.strike(self)
                    return
                self._is_struck = True
            writer.write(head + body)

    def _executed(self, kind: bytes, body: bytes) -> str:
        """Return the text of the statement that this message executes, if it does."""
        match kind:
            case b"P":
                name, text = body.split(b"\0", 2)[:2]
                self._texts[name] = text.decode()
            case b"B":
                return self._texts[body.split(b"\0", 2)[1]]
            case b"Q":
                return body[:-1].decode()
        return ""

    async def _from_server(self) -> None:
        reader, writer = self._server[0], self._client[1]
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if not self._is_struck:
                writer.write(head + body)
            elif head[:1] == _READY:
                self._wire.strike(self)
                return


@contextlib.asynccontextmanager
async def wired(server_dsn: str) -> AsyncIterator[Wire]:
    """Have a wire to this server inside the block."""
    with tempfile.TemporaryDirectory(prefix="rasl-wire-") as name:
        wire = Wire(Path(name), server_dsn)
        listening = await asyncio.start_unix_server(wire.accept, wire.path)
        try:
            yield wire
        finally:
            listening.close()
            wire.lose()
            await listening.wait_closed()
