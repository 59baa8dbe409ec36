"""The doctor finds what is wrong, says how to mend it, and tells no secret."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import pytest

from metasim import running
from rasl.sandbox.calls import call
from tests.cli.commands import CONNECTION, Outcome, Rasl

NUMBER = "710000000000001"


@pytest.fixture(scope="module")
def meta() -> Iterator[str]:
    """A simulated Meta in a thread."""
    address: list[str] = []
    is_up, is_over = Event(), Event()

    async def live() -> None:
        async with running() as url:
            address.append(url)
            is_up.set()
            await asyncio.to_thread(is_over.wait)

    thread = Thread(target=lambda: asyncio.run(live()))
    thread.start()
    with ExitStack() as stack:
        stack.callback(thread.join)
        stack.callback(is_over.set)
        assert is_up.wait(20)
        control(address[0], "numbers", number())
        yield address[0]


def number(**changes: Any) -> dict[str, Any]:
    """Return the number as Meta knows it."""
    known = {
        "phone_number_id": NUMBER,
        "waba_id": CONNECTION["waba-id"],
        "tokens": [CONNECTION["access-token"]],
    }
    return known | {"subscribed": True} | changes


def control(meta: str, name: str, body: dict[str, Any]) -> None:
    """Order something of the simulator."""
    status, answer = call("POST", f"{meta}/_control/{name}", body)
    assert status == 200, answer


def checks(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Return the checks by name; each is complete."""
    value = outcome.value
    assert value.keys() == {"ok", "checks"}
    assert all(check.keys() == {"name", "ok", "message", "fix"} for check in value["checks"])
    assert value["ok"] is all(check["ok"] for check in value["checks"]) is (outcome.code == 0)
    assert all(check["fix"] for check in value["checks"] if not check["ok"])
    return {check["name"]: check for check in value["checks"]}


def test_it_ends_at_the_first_thing_everything_else_needs(rasl: Rasl) -> None:
    found = checks(rasl("doctor", "--json", RASL_PORT="x"))
    assert not found["settings"]["ok"]
    found = checks(
        rasl("doctor", "--json", RASL_DATABASE_URL="postgresql://127.0.0.1:1/x", RASL_SECRET_KEY="k" * 40)
    )
    assert not found["database"]["ok"]


def test_it_asks_for_the_migration_and_does_not_do_it(rasl: Rasl) -> None:
    rasl.query("drop schema public cascade")
    rasl.query("create schema public")
    found = checks(rasl("doctor", "--json"))
    assert found["schema"]["fix"] == "rasl migrate"
    assert rasl.query("select to_regclass('tenants') as t")[0]["t"] is None
    assert rasl.good("migrate")["applied"]


def test_it_walks_everything(rasl: Rasl, meta: str) -> None:
    rasl.good("tenant", "create", "Acme", "--subdomain", "acme")
    assert not checks(rasl("doctor", "--json"))["tenant acme"]["ok"]
    rasl.good(*rasl.connect("acme", NUMBER))
    outcome = rasl("doctor", "--json", RASL_GRAPH_BASE_URL=meta, RASL_PUBLIC_URL="http://127.0.0.1:1")
    found = checks(outcome)
    failed = {name for name, check in found.items() if not check["ok"]}
    assert failed == {"public address", f"callback {NUMBER}"}
    assert found[f"number {NUMBER}"]["ok"]
    assert found["secret key"]["ok"]

    control(meta, "numbers", number(subscribed=False))
    rasl.good(*rasl.connect("acme", NUMBER, **{"access-token": "EAAnotthetoken0123456789"}))
    rasl.query("update tenants set default_status_id = null")
    app = rasl.query("select id from meta_apps limit 1")[0]["id"]
    rasl.query(
        """
        insert into quarantined_changes (app_id, phone_number_id, reason, change)
        values ($1, '999', 'no such number', '{}')
        """,
        app,
    )
    worse = rasl("doctor", "--json", RASL_GRAPH_BASE_URL=meta)
    found = checks(worse)
    assert "190" in found[f"number {NUMBER}"]["message"]
    assert "--default-status-id" in found["tenant acme"]["fix"]
    assert "999" in found["quarantine"]["message"]
    rasl.good(*rasl.connect("acme", NUMBER))
    unsubscribed = rasl("doctor", "--json", RASL_GRAPH_BASE_URL=meta)
    assert not checks(unsubscribed)[f"subscription {CONNECTION['waba-id']}"]["ok"]

    human = rasl("doctor", RASL_GRAPH_BASE_URL=meta)
    assert human.code == 1
    assert "checks failed" in human.out
    for secret in (
        CONNECTION["access-token"],
        CONNECTION["app-secret"],
        CONNECTION["verify-token"],
        "EAAnotthetoken",
    ):
        for said in (outcome, worse, unsubscribed, human):
            assert secret not in said.everything
    assert (rasl.data_dir / "secret.key").read_text(encoding="ascii").strip() not in outcome.everything


def test_it_notices_another_secret_key(rasl: Rasl, meta: str) -> None:
    found = checks(
        rasl(
            "doctor",
            "--json",
            RASL_GRAPH_BASE_URL=meta,
            RASL_SECRET_KEY="another key " * 4,
        )
    )
    assert not found["secret key"]["ok"]
    assert NUMBER in found["secret key"]["message"]
    assert not found["secret key file"]["ok"]
