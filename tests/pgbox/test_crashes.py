"""Killed owners, killed servers, and who carries on."""

import functools
import os
import signal
from pathlib import Path

from pgbox import EmbeddedPostgres
from tests.pgbox.yard import Yard, kill_process, read_tokens, run_sql, write_token
from tests.waiting import wait_until


def test_a_killed_owner_takes_its_server_along_and_the_next_start_is_clean(yard: Yard) -> None:
    agent = yard.agent()
    first = agent.start()
    write_token(first["dsn"])
    agent.kill()
    wait_until(lambda: not yard.servers(), 10)
    second = yard.agent().start()
    assert second["is_owner"]
    assert read_tokens(second["dsn"]) == [1]


def test_a_start_right_after_the_owner_was_killed_waits_for_the_old_server(yard: Yard) -> None:
    for value in range(5):
        agent = yard.agent()
        dsn = agent.start()["dsn"]
        write_token(dsn, value)
        agent.kill()
    assert read_tokens(yard.agent().start()["dsn"]) == [0, 1, 2, 3, 4]


def test_an_owner_that_forgot_to_release_stops_its_server(yard: Yard) -> None:
    agent = yard.agent()
    agent.start()
    agent.leave()
    wait_until(lambda: not yard.servers())


def test_the_server_is_shut_down_and_not_cut_off_when_its_owner_is_killed(own_yard: Yard) -> None:
    agent = own_yard.agent()
    home = Path(agent.start()["home"])
    agent.kill()
    wait_until(lambda: not own_yard.servers(), 10)
    log = "".join(path.read_text() for path in (home / "log").glob("*.log"))
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log


def test_a_killed_server_is_brought_back_with_its_data(yard: Yard) -> None:
    agent = yard.agent()
    first = agent.start()
    write_token(first["dsn"])
    kill_process(first["pid"])
    wait_until(lambda: not agent.ask("state")["is_healthy"])
    second = agent.start()
    assert second["is_owner"]
    assert second["pid"] != first["pid"]
    assert second["dsn"] == first["dsn"]
    assert read_tokens(second["dsn"]) == [1]


def test_late_news_of_a_killed_server_costs_the_next_one_nothing(yard: Yard) -> None:
    server = yard.server()
    server.ensure_running()
    killed = server._postmaster
    assert killed is not None
    kill_process(killed.pid)
    wait_until(lambda: not killed.is_alive)
    server.ensure_running()
    server._give_up_ownership(killed)
    assert server.is_owner


def test_a_process_that_survives_its_killed_server_does_not_hold_up_recovery(
    own_yard: Yard,
) -> None:
    agent = own_yard.agent()
    first = agent.start()
    write_token(first["dsn"])
    # A stopped process notices nothing and holds the cluster's shared memory for as long as it is there.
    bystander = max(own_yard.servers() - {first["pid"]})
    os.kill(bystander, signal.SIGSTOP)
    kill_process(first["pid"])
    wait_until(lambda: not agent.ask("state")["is_healthy"])
    second = agent.ask("start")
    assert second["is_owner"], second
    assert read_tokens(second["dsn"]) == [1]


def test_a_guest_takes_over_when_the_owner_leaves(yard: Yard) -> None:
    owner, guest = yard.agent(), yard.agent()
    write_token(owner.start()["dsn"])
    guest.start()
    owner.ask("release")
    assert not guest.ask("state")["is_healthy"]
    taken = guest.ask("start")
    assert taken["is_owner"]
    assert read_tokens(taken["dsn"]) == [1]
    assert not owner.ask("start")["is_owner"]


def test_of_many_guests_of_a_killed_owner_one_takes_over(yard: Yard) -> None:
    owner = yard.agent()
    dsn = owner.start()["dsn"]
    write_token(dsn)
    guests = [yard.agent() for _ in range(3)]
    for guest in guests:
        guest.start()
    owner.kill()
    for guest in guests:
        guest.send("start")
    answers = [guest.answer() for guest in guests]
    assert sorted(answer["is_owner"] for answer in answers) == [False, False, True]
    assert {answer["dsn"] for answer in answers} == {dsn}
    assert read_tokens(dsn) == [1]


def test_a_watching_guest_takes_over_by_itself(yard: Yard) -> None:
    owner, guest = yard.agent(), yard.agent()
    write_token(owner.start()["dsn"])
    guest.start()
    guest.ask("watch")
    owner.kill()
    wait_until(lambda: bool(guest.ask("state")["is_owner"]))
    assert read_tokens(guest.ask("state")["dsn"]) == [1]
    assert not guest.ask("release")["is_owner"]
    wait_until(lambda: not yard.servers())


def runs_again(server: EmbeddedPostgres, killed: int) -> bool:
    return server.is_owner and server.postmaster_pid not in {None, killed}


def test_a_watching_owner_restarts_its_killed_server_again_and_again(own_yard: Yard) -> None:
    server = own_yard.server(durable=True)
    dsn = server.ensure_running()
    server.watch(interval=0.02)
    for value in range(3):
        write_token(dsn, value)
        killed = server.postmaster_pid
        assert killed is not None
        kill_process(killed)
        wait_until(functools.partial(runs_again, server, killed))
    assert read_tokens(dsn) == [0, 1, 2]
    server.release()
    wait_until(lambda: not own_yard.servers())


def test_a_forked_child_neither_keeps_the_ownership_nor_stops_the_server(own_yard: Yard) -> None:
    agent = own_yard.agent()
    agent.start()
    agent.send("fork")
    dsn = agent.answer()["dsn"]
    assert run_sql(dsn, "SELECT 1") == 1
    agent.kill()
    assert own_yard.agent().start()["is_owner"]


def test_a_half_finished_initdb_is_redone(yard: Yard) -> None:
    victim = yard.agent()
    victim.send("start")
    wait_until(lambda: any(yard.data_dir.glob("postgres/initdb.*/base")))
    victim.kill()
    answer = yard.agent().start()
    assert answer["is_owner"]
    assert run_sql(answer["dsn"], "SELECT 1") == 1
    # What the dying initdb still wrote while it was being removed goes at the next start.
    wait_until(lambda: not yard.initdbs())
    yard.agent().start()
    assert not list(yard.data_dir.glob("postgres/initdb.*"))


def test_a_number_of_an_old_server_that_is_now_another_programs_is_no_obstacle(yard: Yard) -> None:
    agent = yard.agent()
    agent.start()
    agent.ask("release")
    bystander = yard.agent()
    bystander.ask("state")
    pid_file = yard.data_dir / "postgres/cluster/postmaster.pid"
    pid_file.write_text(f"{bystander.process.pid}\n{pid_file.parent}\n1700000000\n5432\n/nowhere\n\n")
    pid_file.chmod(0o600)
    owner = pid_file.parent.stat()
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    assert agent.start()["is_owner"]


def test_somebody_elses_server_on_our_cluster_is_left_alone(own_yard: Yard) -> None:
    agent = own_yard.agent()
    home = Path(agent.start()["home"])
    (home / "server.json").unlink()
    (home / "lock").unlink()
    answer = own_yard.agent().ask("start")
    assert "was not started by RASL" in answer["text"]
    assert run_sql(agent.ask("state")["dsn"], "SELECT 1") == 1
