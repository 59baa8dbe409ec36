"""News from other processes, over a connection that may be lost at any time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from rasl.db import listening
from rasl.db.listening import Listener
from rasl.db.pool import Database
from tests.waiting import until

_LISTENERS = "application_name = 'rasl news' and datname = current_database()"


class Ear:
    """Takes down what is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.states: list[bool] = []

    def hearing(self, is_hearing: bool) -> None:
        self.states.append(is_hearing)


@contextlib.asynccontextmanager
async def _listening(database: Database, ear: Ear) -> AsyncIterator[None]:
    task = asyncio.create_task(Listener(database, {"news": ear.heard.append}, ear.hearing).run())
    try:
        await until(lambda: _is(bool(ear.states and ear.states[-1])))
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _is(value: bool) -> bool:
    return value


async def _tell(database: Database, payload: str) -> None:
    async with database.transaction() as db:
        await db.execute("select pg_notify('news', $1)", payload)


async def _cut(database: Database) -> int:
    async with database.connection() as db:
        killed = await db.fetch(f"select pg_terminate_backend(pid) from pg_stat_activity where {_LISTENERS}")
    return len(killed)


async def test_it_hears_what_is_told_once_it_is_committed(database: Database) -> None:
    ear = Ear()
    async with _listening(database, ear):
        await _tell(database, "one")
        await _tell(database, "two")
        await until(lambda: _is(ear.heard == ["one", "two"]))
    assert ear.states == [True, False]


async def test_a_connection_that_is_cut_is_opened_again_and_both_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_PAUSE_SECONDS", 0.01)
    ear = Ear()
    async with _listening(database, ear):
        for round_ in (1, 2, 3):
            assert await _cut(database)  # an API of the same test process may listen beside
            await until(lambda: _is(len(ear.states) > 2 * round_ and ear.states[-1]))  # noqa: B023 - at once
        await _tell(database, "still here")
        await until(lambda: _is(ear.heard == ["still here"]))
    assert ear.states == [True, False] * 4


async def test_a_connection_whose_other_end_is_silent_is_found_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(listening, "_BEAT_SECONDS", 0.02)
    ear = Ear()

    async def unanswered(_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(listening, "_ask", unanswered)
    async with _listening(database, ear):
        await until(lambda: _is(ear.states.count(True) > 2))


async def test_a_database_that_cannot_be_reached_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_PAUSE_SECONDS", 0.01)
    ear, real, failures = Ear(), database.dedicated, iter([OSError("refused"), RuntimeError("whatever")])

    async def sometimes() -> object:
        if (failure := next(failures, None)) is not None:
            raise failure
        return await real()

    monkeypatch.setattr(database, "dedicated", sometimes)
    async with _listening(database, ear):
        assert ear.states == [True]
