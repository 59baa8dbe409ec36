"""Retention: what goes, what stays, and that a dry run tells just that."""

import datetime as dt
import io
from pathlib import Path

import msgspec
import pytest

from rasl.db import tallies
from rasl.db.pool import Database
from rasl.db.purging import Amount
from rasl.media_store.folder import FolderStore
from rasl.services.operators import purging
from rasl.services.operators.purging import PURGES, Ground, Outcome, Purge
from rasl.setting_names import environment_name
from rasl.settings import Settings
from tests.services.past import ROWS, store_message, store_rows
from tests.world import World

TEN_DAYS = Settings(
    retention_days=10,
    quarantine_days=10,
    message_days=10,
    attempt_days=10,
    status_days=10,
    parked_status_days=10,
    media_days=10,
    unused_media_days=10,
    import_days=10,
    event_days=10,
    otp_days=10,
    challenge_days=10,
    idempotency_days=10,
)


@pytest.fixture
def ground(database: Database, tmp_path: Path) -> Ground:
    return Ground(database, FolderStore(tmp_path / "media"))


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "_ROWS", 3)
    monkeypatch.setattr(purging, "_MESSAGES", 2)
    monkeypatch.setattr(purging, "_FILES", 2)
    monkeypatch.setattr(purging, "_KEYS", 2)


def named(outcomes: list[Outcome]) -> dict[str, Amount]:
    return {outcome.name: outcome.amount for outcome in outcomes if outcome.amount != Amount()}


async def count(database: Database, table: str) -> int:
    async with database.connection() as db:
        return int(await db.fetchval(f"select count(*) from {table}"))


async def test_a_dry_run_tells_what_then_goes_and_nothing_else(ground: Ground, world: World) -> None:
    for person in (world.acme, world.globex):
        await store_rows(ground.database, person, 0, 5, 11, 12)
        for age in (13, 12, 11, 5):
            await store_message(ground.database, person, age)
    told = await purging.survey(ground, TEN_DAYS)
    assert told == await purging.survey(ground, TEN_DAYS), "a dry run drops nothing"
    gone = named(told)
    assert gone.keys() == {*ROWS, "attempts", "messages"}
    # Two tenants, two rows past their time each; those that last no longer than minutes go whatever the settings.
    assert {name: amount.rows for name, amount in gone.items()} == dict.fromkeys(ROWS, 4) | {
        "statuses": 4 + 6,
        "attempts": 6,
        "messages": 6,
        "imports": 4 * 6,
        "broken_uploads": 6 * 6,
        "otp_budgets": 6,
        "windows": 6,
        "buckets": 6,
    }
    assert all(amount.bytes > 0 for amount in gone.values())
    assert await purging.run(ground, TEN_DAYS) == told
    assert named(await purging.survey(ground, TEN_DAYS)) == {}
    left = {table: await count(ground.database, table) for table, _ in ROWS.values()}
    assert left == dict.fromkeys(left, 4) | {
        "message_statuses": 8 + 2,
        "contact_imports": 4 + 2,
        "otp_budgets": 2,
        "window_limits": 2,
        "buckets": 2,
    }
    assert (await count(ground.database, "messages"), await count(ground.database, "conversations")) == (2, 2)
    assert (await count(ground.database, "import_errors"), await count(ground.database, "import_chunks")) == (
        20,
        10,
    )


async def test_the_report_tells_what_went_of_whom_and_that_there_was_nothing(
    ground: Ground, world: World
) -> None:
    for person, ages in ((world.acme, (11, 12, 13)), (world.globex, (11,))):
        await store_rows(ground.database, person, *ages)
        await store_message(ground.database, person, 11)
        await ground.store.put(f"{person.tenant_id}/ab/{'0' * 64}", io.BytesIO(b"stray"))
    gone = named(await purging.run(ground, TEN_DAYS))
    await purging.run_beside(ground, TEN_DAYS)
    async with ground.database.connection() as db:
        report = await tallies.report(db, 1, None)
        of_acme = await tallies.report(db, 1, world.acme.tenant_id)
    assert [row for row in report if row["tenant_id"] == world.acme.tenant_id] == of_acme
    told = {(row["subdomain"], row["kind"]): row["rows"] for row in report}
    assert [told[name, "events"] for name in ("acme", "globex")] == [3, 1]
    assert [told[name, "messages"] for name in ("acme", "globex")] == [1, 1]
    assert told[None, "deliveries"] == 4, "what is no tenant's"
    assert told[None, "unused_media"] == 0, "it ran, and there was nothing"
    for name, amount in gone.items():
        assert sum(row["rows"] for row in report if row["kind"] == name) == amount.rows, name
        assert sum(row["bytes"] for row in report if row["kind"] == name) == amount.bytes, name
    assert {row["kind"] for row in report} >= {
        item.name for item in PURGES if item.setting and item.due_after(TEN_DAYS)
    }


async def test_zero_days_keep_for_ever(ground: Ground, world: World) -> None:
    await store_rows(ground.database, world.acme, 1000)
    await store_message(ground.database, world.acme, 1000)
    variables = {environment_name(item.setting): "0" for item in PURGES if item.setting}
    for_ever = Settings.from_environment(variables)
    outcomes = await purging.run(ground, for_ever)
    assert all(
        outcome.after is None and outcome.amount == Amount() for outcome in outcomes if outcome.variable
    )
    assert await count(ground.database, "events") == await count(ground.database, "messages") == 1


@pytest.mark.parametrize("status", ["queued", "sending", "unknown"])
async def test_nothing_of_a_message_goes_that_is_not_settled(
    ground: Ground, world: World, status: str
) -> None:
    await store_message(ground.database, world.acme, 1000, status)
    assert named(await purging.run(ground, TEN_DAYS)) == {}
    for table in ("messages", "message_wamids", "message_statuses", "message_attempts", "conversations"):
        assert await count(ground.database, table) == 1


@pytest.mark.parametrize("kind", ["send", "media"])
async def test_a_message_that_has_a_job_stays(ground: Ground, world: World, kind: str) -> None:
    message_id = await store_message(ground.database, world.acme, 1000)
    async with ground.database.connection() as db:
        await db.execute(
            """
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            values ($1, $2, $3, 1, 1, now(), false)
            """,
            world.acme.tenant_id,
            kind,
            message_id,
        )
    await purging.run(ground, TEN_DAYS)
    assert await count(ground.database, "messages") == 1


async def test_all_that_hangs_on_a_message_goes_with_it(ground: Ground, world: World) -> None:
    keep_the_rest = Settings(message_days=10)
    noted, empty = [await store_message(ground.database, world.acme, 11) for _ in range(2)]
    async with ground.database.connection() as db:
        await db.execute(
            """
            insert into comments (tenant_id, conversation_id, token_id, text, status_message)
            select tenant_id, conversation_id, $2, 'note', '' from messages where id = $1
            """,
            noted,
            world.acme.token_id,
        )
    assert noted != empty
    assert named(await purging.run(ground, keep_the_rest)).keys() == {"messages"}
    for table in ("messages", "message_wamids", "message_statuses", "message_attempts"):
        assert await count(ground.database, table) == 0
    assert await count(ground.database, "conversations") == 1, "the one that somebody noted something on"


async def test_a_conversation_that_goes_on_stays(ground: Ground, world: World) -> None:
    message_id = await store_message(ground.database, world.acme, 11)
    async with ground.database.connection() as db:
        await db.execute("update conversations set counted_until = now() + interval '1 hour'")
    await purging.run(ground, TEN_DAYS)
    assert message_id
    assert (await count(ground.database, "messages"), await count(ground.database, "conversations")) == (0, 1)


async def test_a_key_answers_for_a_day_and_while_its_request_runs(ground: Ground, world: World) -> None:
    async with ground.database.connection() as db:
        for key, age, locked in (("young", 23, -1), ("running", 30, 1), ("old", 25, -1)):
            await db.execute(
                """
                insert into idempotency_keys (tenant_id, key, fingerprint, locked_until, created_at)
                values ($1, $2, '', now() + $4::integer * interval '1 hour', now() - $3::integer * interval '1 hour')
                """,
                world.acme.tenant_id,
                key,
                age,
                locked,
            )
    await purging.run(ground, Settings())
    async with ground.database.connection() as db:
        rows = await db.fetch("select key from idempotency_keys order by key")
    assert [row["key"] for row in rows] == ["running", "young"]


async def test_an_import_under_way_stays(ground: Ground, world: World) -> None:
    async with ground.database.connection() as db:
        for status in ("queued", "running", "uploading"):
            age = "1 hour" if status == "uploading" else "1000 days"
            await db.execute(
                f"""
                insert into contact_imports (tenant_id, status, headers, targets, is_dry_run, on_duplicate, type,
                                             created_at)
                values ($1, $2, '{{}}', '{{}}', false, 'skip', 'lead', now() - interval '{age}')
                """,
                world.acme.tenant_id,
                status,
            )
    await purging.run(ground, TEN_DAYS)
    assert await count(ground.database, "contact_imports") == 3


async def test_rows_that_somebody_holds_are_stepped_over(ground: Ground, world: World) -> None:
    await store_rows(ground.database, world.acme, 11)
    await store_message(ground.database, world.acme, 11)
    async with ground.database.transaction() as db:
        for table in ("events", "messages"):
            await db.execute(f"select from {table} for update")
        await purging.run(ground, TEN_DAYS)
    assert await count(ground.database, "events") == await count(ground.database, "messages") == 1
    await purging.run(ground, TEN_DAYS)
    assert await count(ground.database, "events") == await count(ground.database, "messages") == 0


async def test_a_purge_that_fails_stops_no_other(ground: Ground, world: World) -> None:
    await store_rows(ground.database, world.acme, 11, 12, 13, 14)

    async def fail(_ground: Ground, _age: dt.timedelta) -> purging.Batch:
        raise RuntimeError("out of order")

    purges = [
        msgspec.structs.replace(item, drop=fail) if item.name in {"deliveries", "events"} else item
        for item in PURGES
    ]
    await purging.run_beside(ground, TEN_DAYS, purges)
    assert await count(ground.database, "events") == await count(ground.database, "ingests") == 4
    assert named(await purging.survey(ground, TEN_DAYS)).keys() == {"deliveries", "events"}


async def test_a_purge_that_was_cut_off_goes_on(ground: Ground, world: World) -> None:
    await store_rows(ground.database, world.acme, *range(11, 31))
    events = next(item for item in PURGES if item.name == "events")
    await events.drop(ground, dt.timedelta(days=10))
    assert await count(ground.database, "events") == 17
    assert named(await purging.run(ground, TEN_DAYS, [events]))["events"].rows == 17


def test_every_setting_of_days_has_its_purge() -> None:
    settings = {item.setting for item in PURGES if item.setting}
    assert settings == {name for name in Settings.__dataclass_fields__ if name.endswith("_days")}
    assert len({item.name for item in PURGES}) == len(PURGES)
    assert isinstance(PURGES[0], Purge)
