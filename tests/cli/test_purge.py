"""`rasl purge`: what is past its time, told and dropped from the command line."""

import asyncio

import pytest

from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.cli.commands import Rasl
from tests.services.past import ROWS, store_rows
from tests.world import World, build_world

SHORT = {"RASL_EVENT_DAYS": "10", "RASL_IMPORT_DAYS": "0"}


@pytest.fixture(scope="module")
def filled(rasl: Rasl) -> Rasl:
    """The command on a database with rows that are 5, 20 and 400 days old."""

    async def fill() -> World:
        database = Database(rasl.dsn, 2)
        await database.open()
        world = await build_world(database, Sealer("k" * 40))
        await store_rows(database, world.acme, 5, 20, 400)
        await database.close()
        return world

    rasl.good("migrate")
    asyncio.run(fill())
    return rasl


def _count(rasl: Rasl, table: str) -> int:
    return int(rasl.query(f"select count(*) from {table}")[0][0])


def test_a_dry_run_and_then_the_purge(filled: Rasl) -> None:
    told = filled.good("purge", "--dry-run", "--kind", "events", "--kind", "imports", **SHORT)
    assert told["dry_run"] is True
    events, imports = told["purges"]
    assert events == {
        "kind": "events",
        "setting": "RASL_EVENT_DAYS",
        "kept_for_seconds": 864_000,
        "rows": 2,
        "bytes": events["bytes"],
        "files": 0,
    }
    assert (imports["kept_for_seconds"], imports["rows"]) == (None, 0)
    assert _count(filled, "events") == 3
    done = filled.good("purge", "--kind", "events", "--kind", "imports", **SHORT)
    assert done == told | {"dry_run": False}
    assert (_count(filled, "events"), _count(filled, "otps")) == (1, 3)
    [report] = [
        line
        for line in filled.good("purge", "--report", "--kind", "events", "--tenant", "acme")["dropped"]
        if line["kind"] == "events"
    ]
    assert (report["tenant"], report["rows"], report["rows_today"]) == ("acme", 2, 2)
    assert (report["bytes"], report["files"]) == (events["bytes"], 0)
    assert report["last_at"]
    assert "events" in filled("purge", "--report").out
    assert filled.bad("purge", "--tenant", "acme")["code"] == "USAGE"
    assert filled.bad("purge", "--report", "--tenant", "nobody")["code"] == "NOT_FOUND"
    outcome = filled("purge", **SHORT)
    assert outcome.code == 0
    assert "for ever" in outcome.out
    assert "idempotency_keys" in outcome.out
    assert (_count(filled, "otps"), _count(filled, "contact_imports")) == (2, 3)
    assert set(ROWS) <= set(outcome.out.split())


def test_what_does_not_exist_is_named(filled: Rasl) -> None:
    assert "There is no kind spam" in filled.bad("purge", "--kind", "spam")["message"]


def test_settings_that_contradict_each_other_drop_nothing(filled: Rasl) -> None:
    before = _count(filled, "challenges")
    error = filled.bad("purge", RASL_MEDIA_DAYS="5", RASL_MESSAGE_DAYS="3")
    assert "RASL_UNUSED_MEDIA_DAYS" in error["message"]
    assert "RASL_MESSAGE_DAYS" in error["message"]
    assert _count(filled, "challenges") == before
