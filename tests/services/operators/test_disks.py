"""How much room is enough."""

import dataclasses
from pathlib import Path

import pytest

from rasl.cli.doctor import check_disks
from rasl.services.operators.disks import Disk, folders_of, look
from rasl.settings import Settings

MIB, GIB = 1024**2, 1024**3


@pytest.mark.parametrize(
    ("free", "size", "free_files", "is_low"),
    [
        (900 * MIB, 8 * GIB, 10**6, True),
        (1100 * MIB, 8 * GIB, 10**6, False),
        (4 * GIB, 100 * GIB, 10**6, True),
        (6 * GIB, 100 * GIB, 10**6, False),
        (11 * GIB, 4000 * GIB, 10**6, False),
        (9 * GIB, 4000 * GIB, 10**6, True),
        (500 * GIB, 1000 * GIB, 10, True),
        (500 * GIB, 1000 * GIB, None, False),
        (0, 8 * GIB, None, True),
    ],
)
def test_a_disk_is_low(free: int, size: int, free_files: int | None, is_low: bool) -> None:
    assert Disk("data", Path("/data"), 1, free, size, free_files).is_low is is_low


def test_the_folders_are_those_of_the_installation(tmp_path: Path) -> None:
    embedded = Settings(data_dir=tmp_path)
    assert folders_of(embedded) == {
        "data": tmp_path,
        "media": tmp_path / "media",
        "database": tmp_path / "postgres",
    }
    (tmp_path / "postgres.location").write_text("/var/lib/rasl/abc\n\nwhy\n", encoding="utf-8")
    assert folders_of(embedded)["database"] == Path("/var/lib/rasl/abc")
    away = dataclasses.replace(embedded, database_url="postgresql://x", media_store="s3://files")
    assert folders_of(away) == {"data": tmp_path}


def test_a_folder_that_is_not_there_yet_has_the_room_of_its_parent(tmp_path: Path) -> None:
    (disk,) = look({"media": tmp_path / "not" / "yet"})
    assert disk.path == tmp_path
    assert 0 < disk.free <= disk.size


def test_the_doctor_tells_once_of_each_disk_and_fails_for_a_full_one() -> None:
    found = [
        Disk("data", Path("/data"), 1, 50 * GIB, 100 * GIB, None),
        Disk("media", Path("/media"), 2, 10 * MIB, 100 * GIB, 5),
        Disk("database", Path("/data/postgres"), 1, 50 * GIB, 100 * GIB, None),
    ]
    shared, media = check_disks(found)
    assert (shared.name, shared.ok, shared.fix) == ("disk of data and database", True, None)
    assert (media.name, media.ok) == ("disk of media", False)
    assert "0.0 of 100.0 GiB" in media.message
    assert "5 files" in media.message
    assert media.fix
