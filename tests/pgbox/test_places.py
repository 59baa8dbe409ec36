"""Folders that are closed, deep, long, oddly named, full or somebody else's."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgbox import PostgresError, StartFailedError
from pgbox.configuration import memory_size, render_configuration
from tests.pgbox.yard import PLAIN_UID, STRANGER_UID, Yard, make_folder, read_tokens, run_sql, write_token


def ancestors(path: Path) -> dict[Path, tuple[int, int, int]]:
    """Return mode, owner and group of the folder and of everything above it."""
    statuses = {folder: folder.stat() for folder in (path, *path.parents)}
    return {folder: (status.st_mode, status.st_uid, status.st_gid) for folder, status in statuses.items()}


def test_no_foreign_folder_changes(yard: Yard) -> None:
    make_folder(yard.data_dir, yard.uid, 0o755)
    before = ancestors(yard.data_dir) | ancestors(Path(__file__).parent)
    agent = yard.agent()
    agent.start()
    agent.ask("release")
    agent.start()
    assert ancestors(yard.data_dir) | ancestors(Path(__file__).parent) == before


def test_a_closed_folder_above_moves_the_database_and_says_so(root_yard: Yard) -> None:
    closed = make_folder(root_yard.folder / "closed", 0, 0o700)
    before = ancestors(closed)
    data_dir = closed / "data"
    agent = root_yard.agent(data_dir)
    first = agent.start()
    write_token(first["dsn"])
    assert Path(first["home"]).parent == root_yard.fallback_root
    note = (data_dir / "postgres.location").read_text()
    assert note.startswith(f"{first['home']}\n")
    assert f"cannot pass through {closed}" in note
    assert ancestors(closed) == before
    guest = root_yard.agent(data_dir).start()
    assert (guest["is_owner"], guest["dsn"]) == (False, first["dsn"])
    agent.ask("release")
    # Once there, it stays there, also when the way is open later.
    closed.chmod(0o755)
    again = root_yard.agent(data_dir).start()
    assert again["home"] == first["home"]
    assert read_tokens(again["dsn"]) == [1]


def test_a_folder_closed_later_never_yields_an_empty_database(root_yard: Yard) -> None:
    parent = make_folder(root_yard.folder / "parent", 0, 0o755)
    agent = root_yard.agent(parent / "data")
    agent.start()
    agent.ask("release")
    parent.chmod(0o700)
    answer = root_yard.agent(parent / "data").ask("start")
    assert f"can no longer pass through {parent}" in answer["text"]
    assert not root_yard.fallback_root.exists()


def test_a_note_cannot_lead_root_into_a_strangers_folder(root_yard: Yard) -> None:
    make_folder(root_yard.data_dir, 0, 0o755)
    trap = make_folder(root_yard.folder / "trap", PLAIN_UID, 0o755)
    (root_yard.data_dir / "postgres.location").write_text(f"{trap}\n")
    assert "no such folder of root's" in root_yard.agent().ask("start")["text"]
    assert list(trap.iterdir()) == []


def test_root_works_on_a_users_data_folder_as_that_user(root_yard: Yard) -> None:
    home = make_folder(root_yard.folder / "home", PLAIN_UID, 0o700)
    agent = root_yard.agent(home / "data", PLAIN_UID)
    write_token(agent.start()["dsn"])
    agent.ask("release")
    visitor = root_yard.agent(home / "data")
    answer = visitor.start()
    assert Path(f"/proc/{answer['pid']}").stat().st_uid == PLAIN_UID
    visitor.ask("release")
    assert read_tokens(agent.start()["dsn"]) == [1]


def test_a_user_is_told_that_the_data_folder_is_roots(root_yard: Yard) -> None:
    root_yard.agent().start()
    answer = root_yard.agent(uid=PLAIN_UID).ask("start")
    assert "belongs to root: run RASL as that user" in answer["text"]


@pytest.mark.parametrize("name", ["d" * 120, "with blank", "a,b", "quo'te", "größe", "100%"])
def test_odd_and_long_names_get_a_short_private_socket_folder(yard: Yard, name: str) -> None:
    data_dir = make_folder(yard.folder / name, yard.uid, 0o755) / "data"
    agent = yard.agent(data_dir)
    first = agent.start()
    write_token(first["dsn"])
    socket_folder = Path(first["dsn"].split("host=")[1].split("&")[0])
    try:
        assert not socket_folder.is_relative_to(yard.folder)
        assert socket_folder.stat().st_mode & 0o777 == 0o700
        guest = yard.agent(data_dir)
        assert guest.start()["dsn"] == first["dsn"]
        agent.kill()
        taken = guest.ask("start")
        assert (taken["is_owner"], taken["dsn"]) == (True, first["dsn"])
        assert read_tokens(taken["dsn"]) == [1]
        guest.ask("release")
    finally:
        for entry in socket_folder.iterdir():
            entry.unlink()
        socket_folder.rmdir()


def test_a_squatted_socket_folder_is_not_used(own_yard: Yard) -> None:
    data_dir = make_folder(own_yard.folder / ("d" * 120), own_yard.uid, 0o755) / "data"
    agent = own_yard.agent(data_dir)
    first = Path(agent.start()["dsn"].split("host=")[1].split("&")[0])
    agent.ask("release")
    first.chmod(0o777)
    second = Path(agent.start()["dsn"].split("host=")[1].split("&")[0])
    agent.ask("release")
    assert first != second
    first.rmdir()
    second.rmdir()


def test_a_folder_that_cannot_be_written_is_named(root_yard: Yard) -> None:
    make_folder(root_yard.data_dir, 0, 0o755)
    answer = root_yard.agent(uid=PLAIN_UID).ask("start")
    assert answer["error"] == "PostgresError"
    assert f"cannot use {root_yard.data_dir / 'postgres'}: Permission denied" in answer["text"]


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    make_folder(folder, 0, 0o755)
    mount = subprocess.run(  # noqa: S603 - a fixed program
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(folder)],
        check=False,
        capture_output=True,
    )
    if mount.returncode:
        pytest.skip("may not mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)  # noqa: S603 - a fixed program


@pytest.mark.parametrize("size", ["40k", "20m", "42m"])
def test_a_full_disk_is_said_to_be_full_and_leaves_no_half_cluster(root_yard: Yard, size: str) -> None:
    with small_disk(root_yard.data_dir, size):
        agent = root_yard.agent()
        answer = agent.ask("start")
        assert "No space left on device" in answer["text"]
        assert "Traceback" not in answer["text"]
        assert not (root_yard.data_dir / "postgres/cluster").exists()
        agent.kill()


def test_a_failed_start_tells_the_last_words_of_the_server_and_its_log(own_yard: Yard) -> None:
    server = own_yard.server()
    server.ensure_running()
    server.release()
    (server.home / "local.conf").write_text("shared_buffers = 'a lot'\n")
    with pytest.raises(StartFailedError) as failure:
        server.ensure_running()
    assert 'invalid value for parameter "shared_buffers"' in str(failure.value)
    assert str(server.home / "startup.log") in str(failure.value)
    assert not server.is_healthy
    (server.home / "local.conf").unlink()
    server.ensure_running()
    server.release()


def test_a_cluster_without_a_version_is_not_touched(own_yard: Yard) -> None:
    cluster = own_yard.data_dir / "postgres/cluster"
    cluster.mkdir(parents=True)
    (cluster / "precious").touch()
    with pytest.raises(PostgresError, match="no PG_VERSION"):
        own_yard.server().ensure_running()
    assert (cluster / "precious").exists()


def test_a_user_without_a_name_is_told_what_initdb_needs(root_yard: Yard) -> None:
    make_folder(root_yard.data_dir, STRANGER_UID, 0o755)
    answer = root_yard.agent(uid=STRANGER_UID).ask("start")
    assert f"uid {STRANGER_UID} has no name" in answer["text"]


def test_root_runs_the_server_as_the_user_it_is_told(root_yard: Yard) -> None:
    answer = root_yard.agent(RASL_POSTGRES_USER=str(PLAIN_UID)).start()
    status = Path(f"/proc/{answer['pid']}/status").read_text()
    assert f"Uid:\t{PLAIN_UID}\t{PLAIN_UID}\t{PLAIN_UID}\t{PLAIN_UID}\n" in status
    assert f"Gid:\t{PLAIN_UID}\t{PLAIN_UID}\t{PLAIN_UID}\t{PLAIN_UID}\n" in status
    assert "Groups:\t \n" in status
    assert run_sql(answer["dsn"], "SELECT 1") == 1


@pytest.mark.parametrize("name", ["root", "0", "no-such-user", "12345"])
def test_an_impossible_user_is_refused(root_yard: Yard, name: str) -> None:
    assert "RASL_POSTGRES_USER" in root_yard.agent(RASL_POSTGRES_USER=name).ask("start")["text"]


@pytest.mark.parametrize(
    ("memory_mib", "expected"),
    [(128, "32MB"), (1024, "128MB"), (2048, "256MB"), (65536, "512MB")],
)
def test_memory_bounds_the_buffers(memory_mib: int, expected: str) -> None:
    text = render_configuration(memory_mib * 1024 * 1024, durable=True)
    assert f"shared_buffers = {expected}\n" in text
    assert "fsync = on\n" in text


def test_a_containers_limit_counts_as_memory(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       24683520 kB\n")
    assert memory_size(tmp_path) == 24683520 * 1024
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert memory_size(tmp_path) == 24683520 * 1024
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("536870912\n")
    assert memory_size(tmp_path) == 536870912
