import socket
from pathlib import Path

import pytest

from rasl.sandbox.ports import Ports
from rasl.start.errors import StartError

HOST = "127.0.0.1"


def test_two_sandboxes_that_start_at_once_take_different_ports(tmp_path: Path) -> None:
    one, other = Ports(tmp_path), Ports(tmp_path)
    with socket.create_server((HOST, 0)) as listener:
        first = listener.getsockname()[1]
        # Nothing listens on either of the two yet.
        assert first < one.take(HOST, first) < other.take(HOST, first)


def test_a_port_of_a_sandbox_that_has_ended_is_had_again(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    (tmp_path / str(port)).touch()
    assert Ports(tmp_path).take(HOST, port) == port


def test_where_no_locks_can_be_had_ports_are_taken_as_they_are(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    assert Ports(in_the_way / "folder").take(HOST, port) == port


def test_no_free_port_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No port from 65536 on is free: set RASL_PORT"):
        Ports(tmp_path).take(HOST, 65536)
