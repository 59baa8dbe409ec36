"""A wire in front of PostgreSQL that goes wrong at one chosen statement, before or after the server has executed it."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

_SOCKET = ".s.PGSQL.5432"
_READY = b"Z"
How = Literal["lost", "executed", "late", "stalled"]
"""What becomes of the statement: the connection breaks before the server gets it, after the server has executed it, or
before but the server gets it all the same at `release`; or nothing breaks, and the server gets it at `release`."""
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """What runs between the clients of `dsn` and the real server."""

    def __init__(self, folder: Path, server_dsn: str) -> None:
        parts = urlsplit(server_dsn)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._server = str(Path(query["host"]) / f".s.PGSQL.{query.get('port', '5432')}")
        self.path = folder / _SOCKET
        self.dsn = f"postgresql://{parts.path}?host={folder}&port=5432&user={query['user']}"
        self.struck = asyncio.Event()
        self.released = asyncio.Event()
        self._rules: list[tuple[str, int, How, bool]] = []
        self._is_away = False
        self._lines: set[_Line] = set()

    def cut(self, statement: str, how: How = "lost", *, stays_away: bool = False, skip: int = 0) -> None:
        """Go wrong at the next statement with this in its text, after so many others; rules strike one after the other.

        With `stays_away` nobody has a connection any more until `mend`.
        """
        self._rules.append((statement, skip, how, stays_away))

    def lose(self) -> None:
        """Cut every connection and let nobody connect."""
        self._is_away = True
        for line in list(self._lines):
            line.close()

    def mend(self) -> None:
        """Let everybody connect again, and cut nothing."""
        self._rules.clear()
        self._is_away = False

    def strikes(self, text: str) -> tuple[How, bool] | None:
        """Return what becomes of this statement, if it is the one."""
        if not self._rules or self._rules[0][0] not in text:
            return None
        statement, skip, how, stays_away = self._rules.pop(0)
        if skip:
            self._rules.insert(0, (statement, skip - 1, how, stays_away))
            return None
        return how, stays_away

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one client to the server."""
        if self._is_away:
            writer.close()
            return
        server = await asyncio.open_unix_connection(self._server)
        line = _Line(self, (reader, writer), server)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)
            line.close()


class _Line:
    """One connection; it knows which text belongs to which prepared statement."""

    def __init__(self, wire: Wire, client: _Streams, server: _Streams) -> None:
        self._wire = wire
        self._client = client
        self._server = server
        self._texts: dict[bytes, str] = {}
        self._stays_away = False
        self._is_doomed = False

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
        """Cut both ends."""
        for _, writer in (self._client, self._server):
            writer.close()

    async def _from_client(self) -> None:
        reader, writer = self._client[0], self._server[1]
        size = await reader.readexactly(4)
        writer.write(size + await reader.readexactly(int.from_bytes(size) - 4))
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            blow = self._wire.strikes(self._executed(head[:1], body))
            if blow is not None:
                await self._strike(*blow)
            writer.write(head + body)

    async def _strike(self, how: How, stays_away: bool) -> None:
        self._stays_away = stays_away
        match how:
            case "lost":
                self._break()
                raise ConnectionResetError
            case "executed":
                self._is_doomed = True
            case "late":
                self._client[1].close()
                self._wire.struck.set()
                await self._wire.released.wait()
                self._is_doomed = True
            case "stalled":
                self._wire.struck.set()
                await self._wire.released.wait()

    def _break(self) -> None:
        self.close()
        if self._stays_away:
            self._wire.lose()
        self._wire.struck.set()

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
            if not self._is_doomed:
                writer.write(head + body)
            elif head[:1] == _READY:
                self._break()
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
            wire.released.set()
            await listening.wait_closed()
