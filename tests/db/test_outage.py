"""An outage is told once for the process, however many meet it, and so is its end."""

import asyncio
import contextlib
import logging
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from rasl.db.pool import Database
from rasl.errors import ServiceUnavailable


async def ask(database: Database) -> None:
    with contextlib.suppress(ServiceUnavailable):
        async with database.connection() as db:
            await db.fetchval("select 1")


async def test_everybody_meets_it_and_one_line_tells_it(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionRefusedError

    database = Database(dsn, 4)
    await database.open()
    with capture_logs() as lines:
        with monkeypatch.context() as away:
            away.setattr(database, "_pools", [SimpleNamespace(acquire=refuse)] * 2)
            await asyncio.gather(*(ask(database) for _ in range(50)))
        await asyncio.gather(*(ask(database) for _ in range(3)))
    await database.close()
    assert [line["event"] for line in lines] == ["database_unavailable", "database_available_again"]
    assert lines[0]["reason"] == "ConnectionRefusedError"


async def test_a_connection_for_listening_meets_it_as_others_do() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing", 2)
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(ServiceUnavailable):
                await database.dedicated()
    assert [line["event"] for line in lines] == ["database_unavailable"]


def test_the_library_does_not_tell_each_attempt_to_reconnect() -> None:
    assert not logging.getLogger("asyncpg.pool").isEnabledFor(logging.WARNING)
