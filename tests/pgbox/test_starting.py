"""Cold and warm starts, attaching, and who owns the server."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pgbox import CancelledStartError, embedded_postgres, throwaway_postgres
from tests.pgbox.yard import (
    PYTHON_PATH,
    STRANGER_UID,
    Yard,
    identity,
    interpreter,
    read_tokens,
    run_sql,
    write_token,
)
from tests.waiting import wait_until


def test_it_creates_the_database_and_keeps_it_over_a_restart(yard: Yard) -> None:
    agent = yard.agent()
    cold = agent.start()
    assert cold["is_owner"]
    assert any("creating the database" in line for line in cold["said"])
    write_token(cold["dsn"])
    assert not agent.ask("release")["is_owner"]
    wait_until(lambda: not yard.servers())
    warm = agent.start()
    assert warm["dsn"] == cold["dsn"]
    assert warm["said"] == []
    assert read_tokens(warm["dsn"]) == [1]


def test_a_second_process_attaches_and_lets_go_without_stopping_the_server(yard: Yard) -> None:
    owner, guest = yard.agent(), yard.agent()
    owned, attached = owner.start(), guest.start()
    assert owned["is_owner"]
    assert not attached["is_owner"]
    assert attached["is_healthy"]
    assert (attached["dsn"], attached["pid"]) == (owned["dsn"], owned["pid"])
    guest.ask("release")
    assert run_sql(owned["dsn"], "SELECT 1") == 1


def test_of_many_that_start_at_once_one_owns_and_the_others_attach(yard: Yard) -> None:
    agents = [yard.agent() for _ in range(4)]
    for agent in agents:
        agent.send("start")
    answers = [agent.answer() for agent in agents]
    assert sorted(answer["is_owner"] for answer in answers) == [False, False, False, True]
    assert len({answer["pid"] for answer in answers}) == 1


def test_the_role_owns_its_database_and_is_no_superuser() -> None:
    with throwaway_postgres() as dsn:
        assert run_sql(dsn, "SELECT current_user || ' ' || current_database()") == "rasl rasl"
        assert run_sql(dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert run_sql(dsn, "CREATE EXTENSION pg_trgm", "CREATE EXTENSION btree_gin", "SELECT 1") == 1
        assert run_sql(dsn, "CREATE DATABASE a_clone TEMPLATE rasl", "SELECT 1") == 1


def test_letters_of_every_script_are_letters() -> None:
    with throwaway_postgres() as dsn:
        assert run_sql(dsn, "SELECT lower('ÜΣЖ')") == "üσж"
        assert run_sql(dsn, "CREATE EXTENSION pg_trgm", "SELECT cardinality(show_trgm('محمد'))") == 5


def test_a_throwaway_server_leaves_nothing_behind() -> None:
    with throwaway_postgres() as dsn:
        socket_folder = Path(dsn.split("host=")[1].split("&")[0])
        assert socket_folder.is_dir()
        assert run_sql(dsn, "SHOW fsync") == "off"
    assert not socket_folder.exists()


def test_real_data_is_durable_by_default(own_yard: Yard) -> None:
    with embedded_postgres(own_yard.data_dir) as dsn:
        settings = {
            name: run_sql(dsn, f"SHOW {name}")
            for name in (
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "data_checksums",
                "listen_addresses",
            )
        }
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
    }


def test_an_operators_settings_win(own_yard: Yard) -> None:
    server = own_yard.server()
    server.ensure_running()
    server.release()
    (server.home / "local.conf").write_text("work_mem = 3MB\n")
    dsn = server.ensure_running()
    assert run_sql(dsn, "SHOW work_mem") == "3MB"
    server.release()


def test_two_servers_of_one_process_share_and_take_over(own_yard: Yard) -> None:
    first = own_yard.server()
    second = own_yard.server()
    assert first.ensure_running() == second.ensure_running()
    assert (first.is_owner, second.is_owner) == (True, False)
    first.release()
    assert not second.is_healthy
    second.ensure_running()
    assert second.is_owner
    second.release()


def test_releasing_ends_a_start_that_waits(own_yard: Yard) -> None:
    owner = own_yard.agent()
    home = Path(owner.start()["home"])
    (home / "server.json").unlink()
    guest = own_yard.server()
    said: list[str] = []
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(guest.ensure_running, said.append)
        wait_until(lambda: bool(said))
        guest.release()
        with pytest.raises(CancelledStartError):
            waiting.result()
    assert said == ["waiting for another process to start the database"]


def test_the_server_is_out_of_reach_of_the_terminals_ctrl_c(own_yard: Yard) -> None:
    agent = own_yard.agent()
    pid = agent.start()["pid"]
    assert os.getsid(pid) == os.getpgid(pid) == pid


def test_the_server_sees_none_of_our_secrets(own_yard: Yard) -> None:
    agent = own_yard.agent(RASL_SECRET_KEY="do-not-tell", PGPORT="1", PGOPTIONS="-c work_mem=1MB")
    environment = Path(f"/proc/{agent.start()['pid']}/environ").read_bytes()
    assert b"do-not-tell" not in environment
    assert b"PG" not in environment


def test_other_users_cannot_connect(root_yard: Yard) -> None:
    dsn = root_yard.agent().start()["dsn"]
    program = f"import asyncio, asyncpg; asyncio.run(asyncpg.connect({dsn!r}))"
    stranger = subprocess.run(  # noqa: S603 - our own interpreter
        [interpreter(STRANGER_UID), "-c", program],
        env={"PYTHONPATH": PYTHON_PATH},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **identity(STRANGER_UID),
    )
    assert "PermissionError" in stranger.stderr
    # Two locks on one door: the folder, and the socket in it.
    for path in (root_yard.data_dir / "postgres/run", root_yard.data_dir / "postgres/run/.s.PGSQL.5432"):
        assert path.stat().st_mode & 0o077 == 0
