"""The month of conversations begins when it does where the tenant lives: the database's clock is a fake here."""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from rasl.app import create_app
from tests.serving import Api, api_clients, served, settings_for
from tests.world import World

Clock = Callable[[dt.datetime], Awaitable[None]]
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
async def clock(dsn: str) -> AsyncIterator[Clock]:
    """Sets what `now()` says to whoever looks for it among our own functions first."""
    connection = await asyncpg.connect(dsn)

    async def turn(moment: dt.datetime) -> None:
        await connection.execute(
            f"""
            create or replace function public.now() returns timestamptz language sql stable
            as $$ select timestamptz '{moment.isoformat()}' $$
            """
        )

    yield turn
    await connection.execute("drop function if exists public.now()")
    await connection.close()


@pytest.fixture
async def timed(world: World, clock: Clock, dsn: str, simulator_url: str) -> AsyncIterator[Api]:
    """The API of a process whose database has this clock."""
    await clock(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    settings = settings_for(simulator_url)
    joint = "&" if "?" in dsn else "?"
    app = create_app(settings, f"{dsn}{joint}search_path=public,pg_catalog")
    async with served(app) as url, api_clients(world, url, settings) as clients:
        yield clients


@pytest.mark.parametrize(
    ("time_zone", "begins"),
    [
        ("Europe/Berlin", "2026-03-31T22:00:00+00:00"),
        ("America/Los_Angeles", "2026-11-01T07:00:00+00:00"),
        ("Pacific/Kiritimati", "2025-12-31T10:00:00+00:00"),
    ],
)
async def test_the_limit_of_a_month_begins_again_at_midnight_there(
    timed: Api, clock: Clock, dsn: str, time_zone: str, begins: str
) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "update tenants set time_zone = $1, limit_overrides = $2::text::jsonb",
        time_zone,
        '{"conversations": 1}',
    )
    await connection.close()
    begin = dt.datetime.fromisoformat(begins)

    async def used() -> int:
        found: int = (await timed.acme.get("/api/v2/account/usage")).data["conversations"]["current"]
        return found

    await clock(begin - SECOND)
    assert (await timed.acme.send("+442079460011")).status == 200
    assert (await timed.acme.send("+442079460011")).status == 200
    assert await used() == 1
    refused = await timed.acme.send("+442079460012")
    assert refused.code == "FEATURE_LIMIT_EXCEEDED"
    assert refused.details == {"feature": "conversations", "current": 1, "maximum": 1}
    await clock(begin)
    assert await used() == 0
    # Less than a day later, but another month: the same person counts again.
    assert (await timed.acme.send("+442079460011")).status == 200
    assert await used() == 1
    assert (await timed.acme.send("+442079460012")).code == "FEATURE_LIMIT_EXCEEDED"
