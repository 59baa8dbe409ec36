"""Deleting a tenant: nothing is left of it in any table or store, and its neighbours lose nothing."""

import asyncio
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rasl.db.pool import Database
from rasl.db.whole import dumping, tables
from rasl.media_store.base import MediaStore
from rasl.media_store.folder import FolderStore
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.operators import deleting, plans
from rasl.services.operators.archives import reading, restore
from rasl.services.operators.archives.form import ArchiveError
from rasl.services.operators.tenants import GoingError, NotThereError
from tests.everywhere import know
from tests.serving import Api
from tests.waiting import until
from tests.world import World

OPERATOR = Actor("operator", name="olga@host")
# What `know` does not write, as it is about nobody.
_REST = """
with v as (
    insert into template_versions (tenant_id, waba_id, name, language, digest, category, parameter_format, components)
    values ($1, 'w', 'hello', 'en', '', 'UTILITY', 'POSITIONAL', '[]') returning id
), t as (
    insert into templates (tenant_id, waba_id, template_id, name, language, category, status, parameter_format,
                           components, version_id, listed_at, read_at)
    select $1, 'w', '1', 'hello', 'en', 'UTILITY', 'APPROVED', 'POSITIONAL', '[]', id, now(), now() from v
), s as (
    insert into template_syncs (tenant_id, waba_id) values ($1, 'w') on conflict do nothing
), g as (
    insert into contact_groups (tenant_id, name) values ($1, 'friends')
), c as (
    insert into conversation_counters (tenant_id, month) values ($1, '2026-01-01')
), e as (
    insert into erased_stops (tenant_id, digest, stopped_at) values ($1, '', now())
), b as (
    insert into buckets (name, tat) values ('token:' || $2::bigint, now()), ('number:' || $3::bigint, now())
), i as (
    insert into import_chunks (tenant_id, import_id, number, content)
    select tenant_id, id, 1, '' from contact_imports where tenant_id = $1 limit 1
), p as (
    insert into purge_tallies (tenant_id, kind, day, rows, bytes, files, last_at)
    values ($1, 'messages', '2026-01-01', 1, 1, 0, now())
), m as (
    insert into body_marks (tenant_id, created_at, message_id) values ($1, now(), 1)
), r as (
    insert into rate_cards (tenant_id, valid_from, currency, name) values ($1, '2026-01-01', 'USD', 'ours') returning id
), rr as (
    insert into rates (tenant_id, card_id, category, type, country, price)
    select $1, id, 'utility', 'regular', '*', 1 from r
), cl as (
    insert into cost_lines (tenant_id, day, number_id, country, category, type, template, is_delivered, is_billable,
                            messages)
    values ($1, '2026-01-01', $3, '', 'utility', 'regular', '', true, true, 1)
), l as (
    insert into bodies_left (tenant_id, message_id, due_at) values ($1, 1, now())
), a as (
    insert into audit_log (tenant_id, action, subject, actor_type, actor)
    values ($1, 'tenant.changed', 'tenant', 'operator', 'somebody')
)
update tenants set default_number_id = $3 where id = $1
"""


def delivery(*parts: tuple[str, str | None, str]) -> bytes:
    """What Meta posts: account, number and text of each change."""
    return msgspec.json.encode(
        {
            "object": "whatsapp_business_account",
            "entry": [
                {
                    "id": waba_id,
                    "changes": [
                        {
                            "field": "messages" if number else "message_template_status_update",
                            "value": ({"metadata": {"phone_number_id": number}} if number else {})
                            | {"text": text},
                        }
                    ],
                }
                for waba_id, number, text in parts
            ],
        }
    )


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "_ROWS", 2)
    monkeypatch.setattr(deleting, "_DELIVERIES", 2)
    monkeypatch.setattr(deleting, "_FILES", 2)


@pytest.fixture
async def store(database: Database, world: World, tmp_path: Path) -> FolderStore:
    """A store beside a database in which both tenants have rows in every table there is."""
    store = FolderStore(tmp_path / "media")
    for person in (world.acme, world.globex):
        for name, number in (("ada", "447700900001"), ("bob", "447700900002"), ("cyd", "447700900003")):
            await know(database, person, name, number)
            key = f"{person.tenant_id}/ab/{name.encode().hex():0>64}"
            await store.put(key, io.BytesIO(name.encode()))
            await execute(
                database,
                "update media set store_key = $2 where tenant_id = $1 and filename = $3",
                person.tenant_id,
                key,
                f"{name}.png",
            )
        await store.put(f"{person.tenant_id}/cd/{'0' * 64}-stray", io.BytesIO(b"without a row"))
        await store.put(f"{person.tenant_id}/notes.txt", io.BytesIO(b"somebody else's"))
        await execute(database, _REST, person.tenant_id, person.token_id, person.number_id)
    return store


async def execute(database: Database, text: str, *values: Any) -> None:
    async with database.connection() as db:
        await db.execute(text, *values)


async def rows_of(dsn: str) -> dict[str, list[tuple[int | None, str]]]:
    """Return every row of every table with its tenant, as text."""
    async with dumping.connected(dsn) as connection:
        found = {}
        for table in await tables.list_tables(connection):
            owner = {"tenants": "id"}.get(
                table.name, "tenant_id" if "tenant_id" in table.columns else "null::bigint"
            )
            found[table.name] = [
                (row[0], row[1])
                for row in await connection.fetch(
                    f"select {owner}, row(t.*)::text from {table.name} t order by 1, 2"
                )
            ]
    return found


async def test_nothing_is_left_of_it_and_a_neighbour_is_as_it_was(
    dsn: str, database: Database, world: World, store: FolderStore
) -> None:
    acme, globex = world.acme, world.globex
    before = await rows_of(dsn)
    owned = [name for name, rows in before.items() if any(owner is not None for owner, _ in rows)]
    async with database.connection() as db:
        declared = {table.name for table in await tables.list_tables(db) if "tenant_id" in table.columns}
    assert set(owned) >= declared, "let every table have a row of both tenants: add it to _REST"
    for name in declared:
        assert {acme.tenant_id, globex.tenant_id} <= {owner for owner, _ in before[name]}, name

    deleted = await deleting.delete_tenant(database, store, "acme", OPERATOR, "acme.tar")

    after = await rows_of(dsn)
    for name in (*declared, "tenants"):
        assert [row for row in after[name] if row[0] == acme.tenant_id] == [], name
        kept = [row for row in before[name] if row[0] not in {acme.tenant_id, audit.INSTALLATION}]
        assert [row for row in after[name] if row[0] != audit.INSTALLATION] == kept, name
    assert len(after["ingests"]) == len(after["quarantined_changes"]) == 3
    assert len(after["meta_apps"]) == 1
    assert [text.split(",")[2] for _, text in after["job_turns"]] == [str(globex.number_id)] * 3
    assert len(after["buckets"]) == 2
    everything = "\n".join(
        text
        for name, rows in after.items()
        for owner, text in rows
        if (name, owner) != ("audit_log", audit.INSTALLATION)
    )
    for told in ("acme", acme.phone_number_id, acme.waba_id):
        assert told not in everything.lower()
    files = await store.page("", 100)
    assert [file.key for file in files if file.key.startswith(f"{acme.tenant_id}/")] == [
        f"{acme.tenant_id}/notes.txt"
    ]
    assert len([file for file in files if file.key.startswith(f"{globex.tenant_id}/")]) == 5
    assert deleted.files == 4
    assert deleted.counts["messages"] == deleted.counts["contacts"] == deleted.counts["ingests"] == 3
    async with database.connection() as db:
        [entry] = await db.fetch("select * from audit_log where tenant_id = 0 and action = 'tenant.deleted'")
    assert (entry["actor"], entry["subject_id"]) == ("olga@host", str(acme.tenant_id))
    assert entry["before"]["subdomain"] == "acme"
    assert entry["after"] == {"export": "acme.tar"}
    with pytest.raises(NotThereError):
        await deleting.delete_tenant(database, store, "acme", OPERATOR)


async def test_others_of_the_same_app_and_account_lose_nothing(
    database: Database, world: World, store: FolderStore
) -> None:
    acme, globex = world.acme, world.globex
    # Globex comes to acme's app, and one of its two numbers to acme's account.
    await execute(database, "update whatsapp_numbers set app_id = $1", acme.app_id)
    await execute(
        database,
        """insert into whatsapp_numbers (tenant_id, app_id, waba_id, phone_number_id, access_token_sealed,
                                         verify_token_digest) values ($1, $2, 'both', '1', '', ''),
                                                                     ($3, $2, 'both', '2', '', '')""",
        acme.tenant_id,
        acme.app_id,
        globex.tenant_id,
    )
    await execute(database, "delete from quarantined_changes")
    await execute(database, "delete from ingests")
    mine = (acme.waba_id, acme.phone_number_id, "mine")
    theirs = (globex.waba_id, globex.phone_number_id, "theirs")
    posted = {
        "mine alone": (delivery(mine), None),
        "theirs alone": (delivery(theirs), delivery(theirs)),
        "of both": (delivery(mine, theirs, ("both", "1", "mine")), delivery(theirs)),
        "of my account": (delivery((acme.waba_id, None, "mine")), None),
        "of the account of both": (
            delivery(("both", None, "about templates"), ("both", "2", "theirs")),
            delivery(("both", None, "about templates"), ("both", "2", "theirs")),
        ),
        "of nobody": (delivery(("9", "9", "nobody")), delivery(("9", "9", "nobody"))),
    }
    for body, _ in posted.values():
        await execute(database, "insert into ingests (app_id, body) values ($1, $2)", acme.app_id, body)
    for number, change in (
        (acme.phone_number_id, {}),
        (globex.phone_number_id, {}),
        (None, {"id": acme.waba_id}),
        (None, {"id": globex.waba_id}),
    ):
        await execute(
            database,
            "insert into quarantined_changes (app_id, phone_number_id, reason, change) values ($1, $2, 'why', $3)",
            acme.app_id,
            number,
            change,
        )
    await deleting.delete_tenant(database, store, "acme", OPERATOR)
    async with database.connection() as db:
        left = [bytes(row["body"]) for row in await db.fetch("select body from ingests order by id")]
        quarantined = await db.fetch("select phone_number_id, change from quarantined_changes order by id")
        assert await db.fetchval("select callback_key from meta_apps where id = $1", acme.app_id)
        connected = await db.fetch("select tenant_id from whatsapp_numbers where disconnected_at is null")
    assert left == [rest for _, rest in posted.values() if rest is not None]
    assert [tuple(row) for row in quarantined] == [
        (globex.phone_number_id, {}),
        (None, {"id": globex.waba_id}),
    ]
    assert [row["tenant_id"] for row in connected] == [globex.tenant_id] * 2


async def test_what_was_cut_off_in_the_middle_goes_on(
    database: Database, world: World, store: FolderStore
) -> None:
    tables_told: list[str] = []

    def break_off(name: str, _count: int) -> None:
        tables_told.append(name)
        if name == "messages":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await deleting.delete_tenant(database, store, "acme", OPERATOR, None, break_off)
    async with database.connection() as db:
        assert await db.fetchval("select status from tenants where subdomain = 'acme'") == "deleting"
        assert (
            0
            < await db.fetchval("select count(*) from messages where tenant_id = $1", world.acme.tenant_id)
            < 3
        )
    with pytest.raises(GoingError, match="is being deleted"):
        await plans.set_suspended(database, OPERATOR, "acme", is_suspended=False)
    await deleting.finish_all(database, store)  # as the worker does
    async with database.connection() as db:
        assert [row["subdomain"] for row in await db.fetch("select subdomain from tenants")] == ["globex"]
        entries = await db.fetchval("select count(*) from audit_log where action = 'tenant.deleted'")
    assert entries == 1
    assert tables_told


async def test_only_one_is_at_it_at_a_time(database: Database, world: World, store: FolderStore) -> None:
    refused: list[type[BaseException]] = []

    async def meanwhile() -> None:
        try:
            await deleting.delete_tenant(database, store, "acme", OPERATOR)
        except GoingError as error:
            refused.append(type(error))

    await asyncio.gather(meanwhile(), meanwhile(), meanwhile())
    assert len(refused) == 2
    assert world.acme.tenant_id


async def test_one_that_cannot_be_deleted_is_in_nobodys_way(
    database: Database, world: World, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subdomain in ("acme", "globex"):
        await deleting.shut_tenant(database, subdomain, OPERATOR, None)
    finish = deleting.finish

    async def failing(database: Database, store: MediaStore, tenant_id: int) -> Any:
        if tenant_id == world.acme.tenant_id:
            raise RuntimeError("cannot be deleted")
        return await finish(database, store, tenant_id)

    monkeypatch.setattr(deleting, "finish", failing)
    await deleting.finish_all(database, store)
    async with database.connection() as db:
        assert [row["subdomain"] for row in await db.fetch("select subdomain from tenants")] == ["acme"]


async def test_its_tokens_are_dead_at_once_and_others_work_on(
    api: Api, database: Database, tmp_path: Path
) -> None:
    assert (await api.acme.get("/api/v2/account")).status == 200
    await deleting.shut_tenant(database, "acme", OPERATOR, None)

    async def is_refused() -> bool:
        return (await api.acme.get("/api/v2/account")).status == 401

    await until(is_refused)
    assert (await api.globex.get("/api/v2/account")).status == 200
    await deleting.finish_all(database, FolderStore(tmp_path))
    assert (await api.acme.get("/api/v2/account")).status == 401


async def test_an_export_has_all_of_it_and_nothing_of_a_neighbour_and_can_be_restored(
    dsn: str, database: Database, world: World, store: FolderStore, empty_dsn: str, tmp_path: Path
) -> None:
    before = await rows_of(dsn)
    path = tmp_path / "acme.tar"
    await deleting.export_and_shut(dsn, database, store, "acme", OPERATOR, path)
    archive = reading.verify(path)
    restore.check_archive(archive)
    restored = FolderStore(tmp_path / "elsewhere")
    await restore.restore(empty_dsn, archive, restored)
    after = await rows_of(empty_dsn)
    for name, rows in before.items():
        if name in {"ingests", "quarantined_changes", "write_probe", "installation", "buckets", "job_turns"}:
            continue
        told = [row for row in rows if row[0] in {world.acme.tenant_id, None}]
        if name == "meta_apps":
            assert len(after[name]) == 1
        elif name in {"tenants", "audit_log"}:  # suspended meanwhile
            assert len(after[name]) == len(told) + (name == "audit_log")
        else:
            assert after[name] == told, name
    assert len(await restored.page("", 100)) == 3
    content = path.read_bytes()
    assert content.count(b"447700900001") >= 1, "what Meta posted is readable in it"
    assert world.globex.phone_number_id.encode() not in content


async def test_an_export_that_fails_leaves_the_tenant_as_it_was(
    dsn: str, database: Database, world: World, store: FolderStore, tmp_path: Path
) -> None:
    (tmp_path / "there.tar").write_text("precious")
    with pytest.raises(ArchiveError):
        await deleting.export_and_shut(dsn, database, store, "acme", OPERATOR, tmp_path / "there.tar")
    async with database.connection() as db:
        assert await db.fetchval("select status from tenants where id = $1", world.acme.tenant_id) == "active"
        assert await db.fetchval("select count(*) from tokens where revoked_at is not null") == 0
