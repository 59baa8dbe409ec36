"""The port of operators: had at once or refused in a sentence, and closed with its process."""

import http.client
import socket
from pathlib import Path

import pytest

from rasl.settings import Settings
from rasl.start.database import Prepared
from rasl.start.errors import StartError
from rasl.start.metrics_port import FIRST_PORT, MetricsPort, metrics_port
from tests.world import SECRET_KEY

NOWHERE = "postgresql://rasl@127.0.0.1:1/rasl"


def settings(folder: Path, port: int = 0, host: str = "127.0.0.1") -> Settings:
    return Settings(data_dir=folder, secret_key=SECRET_KEY, metrics_port=port, metrics_host=host)


def get(port: MetricsPort, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(port.url.split("/")[2], timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_it_shows_metrics_and_nothing_else(tmp_path: Path) -> None:
    own = settings(tmp_path)
    with metrics_port(own) as port:
        port.serve(Prepared(own, NOWHERE), "worker")
        status, text = get(port)
        assert status == 200
        assert "rasl_database_up 0.0" in text
        assert 'role="worker"' in text
        assert get(port, "/")[0] == 404
        assert get(port, "/metrics", "POST")[0] == 405
    with pytest.raises(ConnectionRefusedError):
        get(port)


def test_two_that_choose_for_themselves_do_not_meet(tmp_path: Path) -> None:
    own = settings(tmp_path)
    with metrics_port(own) as first, metrics_port(own) as second:
        assert first.url != second.url
        assert all(int(port.url.split(":")[2].split("/")[0]) >= FIRST_PORT for port in (first, second))


def test_a_chosen_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(StartError) as caught, metrics_port(settings(tmp_path, number)):
            pass
    assert caught.value.code == "PORT_IN_USE"
    assert str(number) in str(caught.value)
    assert "RASL_METRICS_PORT" in str(caught.value)


def test_a_host_that_is_not_ours_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(StartError, match="RASL_METRICS_PORT") as caught,
        metrics_port(settings(tmp_path, host="192.0.2.1")),
    ):
        pass
    assert caught.value.code == "ADDRESS_UNUSABLE"


def test_a_reader_that_says_nothing_keeps_no_other_waiting(tmp_path: Path) -> None:
    own = settings(tmp_path)
    with metrics_port(own) as port:
        port.serve(Prepared(own, NOWHERE), "server")
        host, number = port.url.split("/")[2].split(":")
        with socket.create_connection((host, int(number))):
            assert get(port)[0] == 200


def test_children_count_into_a_folder_that_goes_with_the_port(tmp_path: Path) -> None:
    with metrics_port(settings(tmp_path), has_children=True) as port:
        assert port.folder is not None
        assert port.folder.is_dir()
    assert not port.folder.exists()
