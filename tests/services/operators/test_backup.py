"""Backup and restore: consistent beside writers, refused where it would overwrite, every row and file the same."""

import asyncio
import errno
import io
import tarfile
from pathlib import Path

import asyncpg
import msgspec
import pytest

from rasl.db import schema
from rasl.db.pool import Database
from rasl.db.whole import dumping, tables
from rasl.media_store.folder import FolderStore
from rasl.sealing import Sealer
from rasl.services.operators import installation
from rasl.services.operators.archives import reading, restore
from rasl.services.operators.archives.backup import Done, Wishes, back_up
from rasl.services.operators.archives.form import ABOUT, ArchiveError
from tests.services.past import store_message, store_rows
from tests.serving import Api
from tests.waiting import until
from tests.world import SECRET_KEY, World

_PNG = bytes.fromhex("89504e470d0a1a0a") + b"pixels" * 50


async def contents_of(dsn: str) -> dict[str, list[str]]:
    """Return every row of every table as text, in order of the text."""
    async with dumping.connected(dsn) as connection:
        return {
            table.name: sorted(
                row[0]
                for row in await connection.fetch(
                    f"select row({', '.join(table.columns)})::text from {table.name}"
                )
            )
            for table in await tables.list_tables(connection)
        }


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
async def filled(dsn: str, database: Database, world: World, tmp_path: Path) -> Path:
    """A folder of files beside a database in which every table has rows that are hard to write down."""
    await store_rows(database, world.acme, 1, 2)
    message_id = await store_message(database, world.acme, 3)
    store = FolderStore(tmp_path / "media")
    async with database.transaction() as db:
        await db.execute(
            "update messages set text = $2 where id = $1",
            message_id,
            'tab\tline\nback\\slash "quoted" ünï 🦊',
        )
        for number in range(3):
            key = f"{world.acme.tenant_id}/ab/{number:064x}"
            await store.put(key, io.BytesIO(_PNG * (number + 1)))
            await db.execute(
                """
                insert into media (tenant_id, sha256, mime_type, kind, size, is_voice, origin, store_key)
                values ($1, int4send($2), 'image/png', 'image', $3, false, 'file', $4)
                """,
                world.acme.tenant_id,
                number,
                len(_PNG) * (number + 1),
                key,
            )
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into installation (key_check) values ('check')")
    await connection.close()
    return tmp_path / "media"


@pytest.fixture
async def archive(dsn: str, filled: Path) -> Path:
    """A backup of that."""
    path = filled.parent / "backup.tar"
    await back_up(dsn, path, Wishes(FolderStore(filled), "", None))
    return path


async def test_every_row_and_every_file_comes_back(
    dsn: str, filled: Path, archive: Path, empty_dsn: str, tmp_path: Path
) -> None:
    verified = reading.verify(archive)
    restore.check_archive(verified)
    target = tmp_path / "elsewhere"
    counts = await restore.restore(empty_dsn, verified, FolderStore(target))
    before = await contents_of(dsn)
    assert await contents_of(empty_dsn) == before
    assert counts.rows == sum(map(len, before.values()))
    assert sum(bool(rows) for rows in before.values()) > 15
    assert files_of(target) == files_of(filled)
    assert len(files_of(target)) == counts.files == 3
    assert await schema.drift(empty_dsn) == []


async def test_a_restored_installation_goes_on_with_new_ids_and_with_its_triggers(
    dsn: str, archive: Path, empty_dsn: str, tmp_path: Path
) -> None:
    await restore.restore(empty_dsn, reading.verify(archive), FolderStore(tmp_path / "elsewhere"))
    enabled = "select tgname::text, tgenabled::text from pg_trigger where not tgisinternal order by 1, 2"
    found = []
    for where in (dsn, empty_dsn):
        connection = await asyncpg.connect(where)
        found.append(list(map(tuple, await connection.fetch(enabled))))
        if where == empty_dsn:
            ids = "select id from messages order by id desc limit 1"
            last = await connection.fetchval(ids)
            new = await connection.fetchval(
                """
                insert into messages (tenant_id, conversation_id, direction, type, status, peer)
                select tenant_id, conversation_id, direction, type, status, peer from messages limit 1 returning id
                """
            )
            assert new > last
        await connection.close()
    assert found[0] == found[1]
    assert found[0]


async def test_a_backup_beside_parallel_sends_holds_no_message_without_its_contact(
    api: Api, dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    sent = 0
    is_over = asyncio.Event()

    async def send(sender: int) -> None:
        nonlocal sent
        number = 0
        while not is_over.is_set():
            number += 1
            answer = await api.acme.send(f"+4420794{sender}{number:04}")
            assert answer.status in {200, 201}, answer
            sent += 1

    async def reach(count: int) -> None:
        async def is_reached() -> bool:
            return sent >= count

        await until(is_reached)

    async def back_up_thrice() -> list[Done]:
        done = []
        await reach(20)
        for number in range(3):
            before = sent
            done.append(await back_up(dsn, tmp_path / f"{number}.tar", Wishes(None, "left out", None)))
            await reach(before + 5)
        is_over.set()
        return done

    senders = [asyncio.create_task(send(sender)) for sender in range(4)]
    done = await back_up_thrice()
    await asyncio.gather(*senders)
    assert sent > done[-1].manifest.tables["messages"].rows >= 20
    # Its foreign keys are checked while it is restored: a message has its conversation, and that its contact.
    await restore.restore(empty_dsn, reading.verify(tmp_path / "2.tar"), FolderStore(tmp_path / "none"))
    connection = await asyncpg.connect(empty_dsn)
    lost = await connection.fetchval(
        """
        select count(*) from messages m
        left join conversations v on v.tenant_id = m.tenant_id and v.id = m.conversation_id
        left join contacts c on c.tenant_id = v.tenant_id and c.id = v.contact_id where c.id is null
        """
    )
    jobs = await connection.fetchval(
        "select count(*) from messages m where status = 'sending' and not exists "
        "(select from jobs j where j.tenant_id = m.tenant_id and j.subject_id = m.id)"
    )
    counted = await connection.fetchrow(
        "select sum(contacts)::bigint as counted, (select count(*) from contacts) as there from tenant_counters"
    )
    await connection.close()
    assert (lost, jobs) == (0, 0)
    assert counted is not None
    assert counted["counted"] == counted["there"] >= 20


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_refused(archive: Path, share: float) -> None:
    content = archive.read_bytes()
    end = content.rindex(b"manifest.json")  # what is behind the manifest is padding
    archive.write_bytes(content[: int(end * share)])
    with pytest.raises(ArchiveError) as refused:
        reading.verify(archive)
    assert refused.value.code == "ARCHIVE_DAMAGED"
    assert str(refused.value).endswith("Nothing was changed.")


def test_one_bit_that_changed_is_found(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index(_PNG) + 20] ^= 1
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"files/.* is not as it was written"):
        reading.verify(archive)


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 1000])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(ArchiveError) as refused:
        reading.verify(tmp_path / "x.tar")
    assert refused.value.code == "ARCHIVE_DAMAGED"


def test_an_archive_with_strange_members_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        info = tarfile.TarInfo(ABOUT)
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(ArchiveError, match="is no file"):
        reading.verify(tmp_path / "x.tar")


async def test_a_newer_schema_is_refused(archive: Path) -> None:
    verified = reading.verify(archive)
    migrations = verified.about.migrations | {"9999_future": "x"}
    newer = msgspec.structs.replace(
        verified, about=msgspec.structs.replace(verified.about, migrations=migrations)
    )
    with pytest.raises(ArchiveError, match=r"newer schema than this program.*9999_future") as refused:
        restore.check_archive(newer)
    assert refused.value.code == "SCHEMA_TOO_NEW"


async def test_an_older_schema_is_brought_up_to_date(empty_dsn: str, tmp_path: Path) -> None:
    """A backup of the first migrations only, as an older program left it."""
    names = [item.name for item in schema.declared() if item.name <= "0004_imports"]
    assert await schema.migrate(empty_dsn, until=names) == names
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute("insert into tenants (name, subdomain, plan) values ('Old', 'old', 'free')")
    await connection.close()
    path = tmp_path / "old.tar"
    await back_up(empty_dsn, path, Wishes(None, "left out", None))
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute("drop schema public cascade; create schema public")
    await connection.close()
    verified = reading.verify(path)
    assert verified.about.schema == "0004_imports"
    restore.check_archive(verified)
    await restore.restore(empty_dsn, verified, FolderStore(tmp_path / "none"))
    assert await schema.migrate(empty_dsn) == [
        item.name for item in schema.declared() if item.name > "0004_imports"
    ]
    assert await schema.drift(empty_dsn) == []
    assert len((await contents_of(empty_dsn))["tenants"]) == 1


async def test_nothing_is_overwritten(dsn: str, archive: Path, empty_dsn: str, tmp_path: Path) -> None:
    verified = reading.verify(archive)
    before = await contents_of(dsn)
    with pytest.raises(ArchiveError) as refused:
        await restore.restore(dsn, verified, FolderStore(tmp_path / "none"))
    assert refused.value.code == "DATABASE_NOT_EMPTY"
    assert await contents_of(dsn) == before
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/holiday.jpg").write_bytes(b"beach")
    with pytest.raises(ArchiveError, match=r"holiday\.jpg") as refused:
        await restore.restore(empty_dsn, verified, FolderStore(tmp_path / "theirs"))
    assert refused.value.code == "MEDIA_NOT_EMPTY"
    connection = await asyncpg.connect(empty_dsn)
    assert not await tables.has_schema(connection)
    await connection.close()


async def test_a_restore_that_fails_leaves_nothing_and_can_be_repeated(
    dsn: str, archive: Path, empty_dsn: str, tmp_path: Path
) -> None:
    verified = reading.verify(archive)
    target = tmp_path / "elsewhere"

    class Full(FolderStore):
        async def put(self, key: str, file: object) -> None:
            if key.endswith("2"):
                raise OSError(28, "No space left on device")
            await super().put(key, file)  # type: ignore[arg-type]

    with pytest.raises(OSError, match="No space"):
        await restore.restore(empty_dsn, verified, Full(target))
    assert files_of(target) == {}
    assert not any((await contents_of(empty_dsn))["tenants"])
    await restore.restore(empty_dsn, verified, FolderStore(target))
    assert await contents_of(empty_dsn) == await contents_of(dsn)


@pytest.mark.usefixtures("world")
async def test_the_key_is_recognised_without_being_in_the_archive(dsn: str, tmp_path: Path) -> None:
    await schema.migrate(dsn)
    connection = await asyncpg.connect(dsn)
    await installation.claim_key(connection, Sealer(SECRET_KEY))
    await connection.close()
    await back_up(dsn, tmp_path / "x.tar", Wishes(None, "left out", None))
    verified = reading.verify(tmp_path / "x.tar")
    assert restore.secret_key_of(verified) is None
    assert SECRET_KEY.encode() not in (tmp_path / "x.tar").read_bytes()
    assert restore.fits(verified.about, SECRET_KEY)
    assert not restore.fits(verified.about, "k" * 40)
    await back_up(dsn, tmp_path / "y.tar", Wishes(None, "left out", SECRET_KEY))
    assert restore.secret_key_of(reading.verify(tmp_path / "y.tar")) == SECRET_KEY
    assert (tmp_path / "y.tar").stat().st_mode & 0o777 == 0o600


async def test_a_backup_that_is_cut_off_leaves_no_file(dsn: str, filled: Path, tmp_path: Path) -> None:
    def interrupt(_size: int) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        await back_up(dsn, folder / "x.tar", Wishes(FolderStore(filled), "", None), interrupt)
    assert list(folder.iterdir()) == []


async def test_a_full_disk_is_told_and_leaves_no_file(
    dsn: str, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(ArchiveError, match="No space left on device") as refused:
        await back_up(dsn, folder / "x.tar", Wishes(FolderStore(filled), "", None))
    assert refused.value.code == "DISK_FULL"
    assert list(folder.iterdir()) == []


async def test_an_archive_that_is_there_is_not_overwritten(dsn: str, archive: Path) -> None:
    before = files_of(archive.parent)
    with pytest.raises(ArchiveError) as refused:
        await back_up(dsn, archive, Wishes(None, "left out", None))
    assert refused.value.code == "ARCHIVE_EXISTS"
    assert files_of(archive.parent) == before
