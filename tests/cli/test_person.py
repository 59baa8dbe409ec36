"""`rasl person`: everything about somebody handed out and erased, and a stop that stays one."""

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.db.whole import dumping, tables
from rasl.db.whole.people import NOT_PERSONAL, PERSONAL, RAW
from rasl.sealing import Sealer
from rasl.services.contacts.arrivals import Arrival, Book, Mode, arrive
from tests.cli.commands import Rasl
from tests.everywhere import know
from tests.world import World, build_world

ADA, BOB = "447700900001", "447700900002"


async def _fill(dsn: str) -> World:
    database = Database(dsn, 2)
    await database.open()
    async with database.connection() as db:
        key = await db.fetchval("select key_check from installation")
    assert key
    world = await build_world(database, Sealer("k" * 40))
    for owner in (world.acme, world.globex):
        for name, number in (("ada", ADA), ("bob", BOB)):
            await know(database, owner, name, number)
    await database.close()
    return world


@pytest.fixture(scope="module")
def world(rasl: Rasl) -> World:
    """Ada and Bob, each known to two tenants, in every table there is."""
    rasl.good("migrate")
    world = asyncio.run(_fill(rasl.dsn))
    for owner in (world.acme, world.globex):
        folder = rasl.data_dir / f"media/{owner.tenant_id}/ab"
        folder.mkdir(parents=True)
        for name in ("ada", "bob", "both"):
            (folder / name).write_bytes(name.encode())
    return world


async def _rows(dsn: str) -> dict[str, list[str]]:
    async with dumping.connected(dsn) as connection:
        return {
            table.name: [
                row[0]
                for row in await connection.fetch(f"select row(t.*)::text from {table.name} t order by 1")
            ]
            for table in await tables.list_tables(connection)
        }


def test_every_table_is_known_to_hold_people_or_not(rasl: Rasl, world: World) -> None:
    assert world.acme.tenant_id
    known = [*PERSONAL, *RAW, *NOT_PERSONAL]
    assert len(known) == len(set(known))
    schema = set(asyncio.run(_rows(rasl.dsn)))
    assert schema - set(known) == set(), "say in rasl/db/whole/people.py what a new table holds of people"
    assert set(known) - schema == set()


def test_an_export_holds_everything_about_one_and_nothing_of_another(
    rasl: Rasl, world: World, tmp_path: Path
) -> None:
    path = tmp_path / "ada.tar"
    told = rasl.good("person", "export", "+44 7700 900001", "--tenant", "acme", "--file", str(path))
    wanted = {*PERSONAL, *RAW} - {"import_chunks"}
    assert set(told["tables"]) == wanted
    with tarfile.open(path) as tar:
        names = tar.getnames()
        document: dict[str, Any] = json.loads(_read(tar, "person.json"))
        files = {_read(tar, name) for name in names if name.startswith("files/")}
    assert files == {b"ada", b"both"}
    assert {name for name, rows in document.items() if rows} == wanted
    text = json.dumps(document)
    assert "bob" not in text
    assert BOB not in text
    assert "code_hash" not in text
    assert document["ingests"][0]["content"] == [{"from": ADA}]
    assert all(
        row.get("tenant_id", world.acme.tenant_id) == world.acme.tenant_id for row in document["contacts"]
    )
    assert rasl.bad("person", "export", "+447700900009", "--tenant", "acme")["code"] == "NOT_FOUND"
    assert rasl.bad("person", "export", "999999", "--tenant", "acme")["code"] == "NOT_FOUND"


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


def test_who_is_erased_is_nowhere_and_nobody_else_is_touched(rasl: Rasl, world: World) -> None:
    before = asyncio.run(_rows(rasl.dsn))
    assert rasl("person", "erase", ADA, "--tenant", "acme").code == 1  # nobody said yes
    assert asyncio.run(_rows(rasl.dsn)) == before
    told = rasl.good("person", "erase", f"+{ADA}", "--tenant", "acme", "--yes")
    after = asyncio.run(_rows(rasl.dsn))
    assert told["keeps_stop"] is True
    for table in PERSONAL:
        # One row of Ada's at acme went; Bob's, and both of globex, are as they were.
        gone = set(before[table]) - set(after[table])
        assert len(gone) == len(before[table]) - len(after[table]) == told["erased"][table], table
        assert len(gone) == (2 if table == "message_media" else 1), table
        assert all("bob" not in row.lower() and BOB not in row for row in gone), table
    assert len(after["import_errors"]) == len(before["import_errors"]) - 1
    assert len(after["quarantined_changes"]) == len(before["quarantined_changes"]) - 1
    bodies = [
        bytes(row[0]).decode()
        for row in rasl.query("select body from ingests where app_id = $1 order by id", world.acme.app_id)
    ]
    assert [ADA in body for body in bodies] == [False, False]
    assert [BOB in body for body in bodies] == [False, True]
    folder = rasl.data_dir / f"media/{world.acme.tenant_id}/ab"
    assert sorted(path.name for path in folder.iterdir()) == ["bob", "both"]
    assert len(list((rasl.data_dir / f"media/{world.globex.tenant_id}/ab").iterdir())) == 3
    assert rasl.query("select contacts from tenant_counters order by tenant_id") == [(1,), (2,)]
    assert len(after["erased_stops"]) == 1
    assert ADA not in after["erased_stops"][0]
    assert rasl.bad("person", "erase", f"+{ADA}", "--tenant", "acme", "--yes")["code"] == "NOT_FOUND"


def test_who_said_stop_stays_out_after_being_erased(rasl: Rasl, world: World) -> None:
    key = Sealer((rasl.data_dir / "secret.key").read_text().strip()).stop_key

    async def create(number: str, stop_key: str) -> bool:
        database = Database(rasl.dsn, 1, stop_key)
        await database.open()
        try:
            columns = {"lastname": "", "type": "lead", "status_id": world.acme.status_id}
            columns["source_id"] = world.acme.source_id
            async with database.transaction() as db:
                book = Book(db, world.acme.tenant_id)
                [outcome] = await arrive(book, [Arrival(number, columns, name="x")], Mode.CREATE)
            assert outcome.word == "created", outcome
            async with database.connection() as db:
                is_out: bool = await db.fetchval(
                    "select is_opted_out from contacts where tenant_id = $1 and id = $2",
                    world.acme.tenant_id,
                    outcome.contact_id,
                )
                await db.execute("delete from contacts where id = $1", outcome.contact_id)
            return is_out
        finally:
            await database.close()

    def run(number: str, stop_key: str = key) -> bool:
        return asyncio.run(create(number, stop_key))

    # Imports, which may leave out every other trigger, run this one all the same.
    assert rasl.query("select tgenabled from pg_trigger where tgname = 'contact_aliases_keep_stops'") == [
        (b"A",)
    ]
    assert run(ADA)
    assert not run("447700900003")
    assert not run(ADA, "00" * 32), "a digest that another key finds is no secret"

    async def start() -> None:
        database = Database(rasl.dsn, 1, key)
        await database.open()
        columns = {"lastname": "", "type": "lead", "status_id": world.acme.status_id}
        columns["source_id"] = world.acme.source_id
        async with database.transaction() as db:
            book = Book(db, world.acme.tenant_id)
            [outcome] = await arrive(book, [Arrival(ADA, columns, name="x")], Mode.CREATE)
            change = "update contacts set is_opted_out = false where id = $1"
            await db.execute(change, outcome.contact_id)
            await db.execute("delete from contacts where id = $1", outcome.contact_id)
        await database.close()

    asyncio.run(start())
    assert not run(ADA), "who came back by START is in again"
