"""One secret key for an installation: with another one nothing starts, and nothing is changed."""

import pytest

from tests.cli.commands import Rasl
from tests.ports import free_port

ANOTHER = "another key " * 4
NUMBER = "720000000000001"


@pytest.fixture(scope="module", autouse=True)
def connected(rasl: Rasl) -> None:
    """An installation with something sealed in it."""
    rasl.good("tenant", "create", "Keeper", "--subdomain", "keeper")
    rasl.good(*rasl.connect("keeper", NUMBER))


@pytest.mark.parametrize(
    "command",
    [("serve",), ("worker",), ("tenant", "list"), ("migrate",), ("sandbox",)],
    ids=lambda command: command[0],
)
def test_nothing_starts_with_another_key(rasl: Rasl, command: tuple[str, ...]) -> None:
    error = rasl.bad(*command, RASL_SECRET_KEY=ANOTHER, RASL_PORT=str(free_port()))
    assert error["code"] == "SECRET_KEY_WRONG"
    doctor = rasl("doctor", "--json", RASL_SECRET_KEY=ANOTHER)
    (check,) = [item for item in doctor.value["checks"] if item["name"] == "secret key"]
    assert check["fix"] in error["message"]
    assert ANOTHER.strip() not in error["message"]


def test_a_number_is_not_connected_with_another_key(rasl: Rasl) -> None:
    before = rasl.query("select * from whatsapp_numbers")
    error = rasl.bad(*rasl.connect("keeper", NUMBER), RASL_SECRET_KEY=ANOTHER)
    assert error["code"] == "SECRET_KEY_WRONG"
    assert rasl.query("select * from whatsapp_numbers") == before


def test_an_older_installation_is_known_by_its_secrets(rasl: Rasl) -> None:
    rasl.query("delete from installation")
    assert rasl.bad("tenant", "list", RASL_SECRET_KEY=ANOTHER)["code"] == "SECRET_KEY_WRONG"
    assert rasl.query("select * from installation") == []
    rasl.good("tenant", "list")
    assert len(rasl.query("select * from installation")) == 1
    assert rasl.bad("tenant", "list", RASL_SECRET_KEY=ANOTHER)["code"] == "SECRET_KEY_WRONG"


def test_one_number_that_does_not_open_stops_nothing(rasl: Rasl) -> None:
    rasl.query("delete from installation")
    rasl.query("update whatsapp_numbers set access_token_sealed = '\\x00'")
    rasl.good("tenant", "list")
    doctor = rasl("doctor", "--json")
    (check,) = [item for item in doctor.value["checks"] if item["name"] == "secret key"]
    assert NUMBER in check["message"]
    rasl.good(*rasl.connect("keeper", NUMBER))


def test_a_lost_key_is_replaced_on_purpose_only(rasl: Rasl) -> None:
    kept = rasl.query("select key_check from installation")
    assert rasl("migrate", "--check", "--adopt-key", RASL_SECRET_KEY=ANOTHER).code == 2
    rasl.good("migrate", "--adopt-key", RASL_SECRET_KEY=ANOTHER)
    try:
        rasl.good(*rasl.connect("keeper", NUMBER), RASL_SECRET_KEY=ANOTHER)
        assert rasl.bad("tenant", "list")["code"] == "SECRET_KEY_WRONG"
    finally:
        rasl.query("update installation set key_check = $1", kept[0]["key_check"])
        rasl.good(*rasl.connect("keeper", NUMBER))


def test_a_misspelt_variable_is_named_at_start_and_by_the_doctor(rasl: Rasl) -> None:
    strays = {"RASL_POOLSIZE": "20", "RASL_SECRET_KEY_FIEL": "/run/key"}
    outcome = rasl("tenant", "list", **strays)
    assert outcome.code == 0
    lines = [line for line in outcome.err.splitlines() if line.startswith("warning: ")]
    assert [line.rpartition(" ")[2] for line in lines] == ["RASL_POOL_SIZE?", "RASL_SECRET_KEY_FILE?"]
    (check,) = [
        item for item in rasl("doctor", "--json", **strays).value["checks"] if item["name"] == "variables"
    ]
    assert not check["ok"]
    assert "RASL_POOL_SIZE?" in check["message"]
    foreign = rasl("doctor", "--json", RASL_QUAY="x", RASL_PORT_8080_TCP="tcp://10.0.0.1:8080")
    (check,) = [item for item in foreign.value["checks"] if item["name"] == "variables"]
    assert check["ok"]
    assert "RASL_QUAY" in check["message"]
    assert "8080" not in check["message"]


def test_a_setting_that_is_missing_for_a_slip_is_explained(rasl: Rasl) -> None:
    error = rasl.bad("tenant", "list", RASL_DATABASE_URL=rasl.dsn, RASL_SECRETKEY="k" * 40)
    assert error["message"].startswith("RASL_SECRET_KEY: required with RASL_DATABASE_URL")
    assert "did you mean RASL_SECRET_KEY?" in error["message"]
