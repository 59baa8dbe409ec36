"""Numbers: Meta is asked before credentials are stored, subscribed on wish, and forgotten when disconnected."""

from pathlib import Path
from typing import Any

import pytest

from rasl.app import build_resources, running
from rasl.db import numbers
from rasl.db.pool import Database
from rasl.db.tenants import load_numbers
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from rasl.domain.backoff import MAX_JOB_FAILURES
from rasl.sealing import Sealer
from rasl.services.inbound.changes import CHANGES
from tests.cli.commands import Terminal
from tests.dispatch.looping import step
from tests.serving import Answer, Api
from tests.world import SECRET_KEY, Person

TOKEN = "EAAofinitech0123456789"
SECRET = "initech-app-secret"
NUMBER, WABA = "306540352242922", "302290129340398"


@pytest.fixture
def operator(api: Api, shared_dsn: str, tmp_path: Path) -> Terminal:
    """Whoever runs the installation of the test world."""
    settings = {
        "RASL_DATABASE_URL": shared_dsn,
        "RASL_SECRET_KEY": SECRET_KEY,
        "RASL_GRAPH_BASE_URL": api.settings.graph_base_url,
        "RASL_PUBLIC_URL": api.base_url,
    }
    return Terminal(tmp_path / "data", settings)


def connecting(**changes: str | None) -> list[str]:
    """Return the arguments that connect a third number to acme, with these changes."""
    options = {
        "tenant": "acme",
        "waba-id": WABA,
        "phone-number-id": NUMBER,
        "access-token": TOKEN,
        "app-secret": SECRET,
        "verify-token": "a-word",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return ["whatsapp", "connect", *given]


@pytest.fixture
async def known(api: Api) -> None:
    """Meta knows the third number, and no app is subscribed to its account."""
    order = {
        "phone_number_id": NUMBER,
        "waba_id": WABA,
        "display_phone_number": "+1 555-078-3899",
        "verified_name": "Initech",
        "tokens": [TOKEN],
        "app_secret": SECRET,
        "throughput": 1000,
        "subscribed": False,
    }
    assert (await api.simulator.post("/_control/numbers", order)).status == 200


async def stored(database: Database) -> list[Any]:
    async with database.connection() as db:
        return await db.fetch("select * from whatsapp_numbers where phone_number_id = $1", NUMBER)


@pytest.mark.usefixtures("known")
async def test_what_meta_says_of_a_number_is_stored(database: Database, operator: Terminal) -> None:
    told = await operator.good(*connecting())
    assert (told["meta"]["verified_name"], told["meta"]["is_subscribed"]) == ("Initech", False)
    assert told["fields"] == list(CHANGES)
    [row] = await stored(database)
    assert (row["display_phone_number"], row["messages_per_second"]) == ("+1 555-078-3899", 1000)
    spoken = await operator(*connecting(messages_per_second="7", display_phone_number="+1 555"))
    assert all(field in spoken.out for field in CHANGES)
    assert "--subscribe does it" in spoken.out
    assert TOKEN not in spoken.everything
    assert SECRET not in spoken.everything
    [row] = await stored(database)
    assert (row["display_phone_number"], row["messages_per_second"]) == ("+1 555", 7)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"access-token": "EAAofnobody"}, ("refuses the access token", "System users")),
        ({"phone-number-id": "999999999999999"}, ("no number 999999999999999", "not the number itself")),
        ({"waba-id": "999999999999998"}, ("no WhatsApp Business account 999999999999998",)),
        ({"phone-number-id": "1", "waba-id": "2"}, ("no number 1", "account 2")),
        ({"app-id": "77", "app-secret": "of-another"}, ("the app 77 with this app secret",)),
    ],
)
async def test_what_meta_refuses_is_explained_and_not_stored(
    database: Database, operator: Terminal, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    arguments = connecting(**changes)
    outcome = await operator(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert all(word in outcome.err for word in words), outcome.err
    assert "nothing was stored" in outcome.err
    error = await operator.bad(*arguments)
    assert (error["code"], len(error["problems"])) == ("CREDENTIALS_REFUSED", 1 + ("2" in changes.values()))
    assert await stored(database) == []


@pytest.mark.usefixtures("known")
async def test_a_number_of_another_account_is_not_taken(api: Api, operator: Terminal) -> None:
    acme = api.world.acme
    await api.simulator.post("/_control/tokens", {"token": TOKEN, "phone_number_ids": [acme.phone_number_id]})
    error = await operator.bad(*connecting(phone_number_id=acme.phone_number_id))
    assert "is not one of the WhatsApp Business account" in error["problems"][0]


@pytest.mark.usefixtures("known")
async def test_a_missing_permission_is_named(api: Api, operator: Terminal) -> None:
    await api.simulator.post("/_control/tokens", {"token": TOKEN, "state": "no_permission"})
    [problem] = (await operator.bad(*connecting()))["problems"][:1]
    assert "lacks a permission" in problem
    assert "whatsapp_business_management" in problem


async def test_meta_that_does_not_answer_is_told_and_can_be_passed_over(
    database: Database, operator: Terminal
) -> None:
    away = {"RASL_GRAPH_BASE_URL": "http://127.0.0.1:9"}
    assert "does not answer" in (await operator.bad(*connecting(), **away))["problems"][0]
    assert (await operator.good(*connecting(), "--no-check", **away))["meta"] is None
    assert len(await stored(database)) == 1


@pytest.mark.usefixtures("known")
async def test_it_subscribes_account_and_app_by_itself(api: Api, operator: Terminal) -> None:
    told = await operator.good(*connecting(app_id="77"), "--subscribe")
    assert told["problems"] == []
    asked = (await api.simulator.get(f"/v24.0/{WABA}/subscribed_apps", headers=bearer(TOKEN))).body
    assert len(asked["data"]) == 1
    [item] = (await api.simulator.get("/v24.0/77/subscriptions", headers=bearer(f"77|{SECRET}"))).body["data"]
    assert item["callback_url"] == told["callback_url"]
    assert [field["name"] for field in item["fields"]] == list(CHANGES)
    # Nobody answers at the address that Meta is told.
    outcome = await operator(*connecting(app_id="77"), "--subscribe", RASL_PUBLIC_URL="http://127.0.0.1:9")
    assert outcome.code == 1
    assert "But the app 77 was not subscribed" in outcome.out


async def test_a_number_is_shown_without_its_secrets(api: Api, operator: Terminal) -> None:
    acme = api.world.acme
    show = ("whatsapp", "show", "--tenant", "acme", acme.phone_number_id)
    told = (await operator(*show, "--json")).value
    assert (told["is_default"], told["waiting"], told["waba_id"]) == (True, 0, acme.waba_id)
    assert told["callback_url"] == f"{api.base_url}/webhooks/whatsapp/{acme.callback_key}"
    assert [check["name"] for check in told["checks"]][:1] == [f"number {acme.phone_number_id}"]
    spoken = await operator(*show, "--no-check")
    assert spoken.code == 0
    for secret in (acme.access_token, acme.app_secret, acme.verify_token):
        assert secret not in spoken.everything
    missing = await operator.bad("whatsapp", "show", "--tenant", "globex", acme.phone_number_id)
    assert missing["code"] == "NOT_FOUND"


async def test_a_disconnected_number_sends_and_hears_nothing_and_comes_back_as_it_was(
    api: Api, database: Database, operator: Terminal
) -> None:
    acme = api.world.acme
    await api.acme.send("+15550100001", "Before")
    disconnect = ("whatsapp", "disconnect", "--tenant", "acme", acme.phone_number_id)
    assert (await operator.bad(*disconnect))["code"] == "USAGE"
    assert (await operator.good(*disconnect, "--yes", "--unsubscribe"))["unsubscribed"] is True
    assert await forgotten(database, acme)
    refused = await api.acme.send(
        "+15550100001", "Between", headers={"authorization": f"Bearer {await token(operator)}"}
    )
    assert refused.code == "WHATSAPP_NOT_CONFIGURED"
    assert (await operator.good("whatsapp", "list", "--tenant", "acme"))["numbers"] == []
    assert (await operator.bad(*disconnect, "--yes"))["code"] == "NOT_FOUND"
    checks = (await operator("doctor", "--json")).value["checks"]
    assert "has no WhatsApp number" in [item["message"] for item in checks if item["name"] == "tenant acme"]
    again = connecting(
        waba_id=acme.waba_id, phone_number_id=acme.phone_number_id, access_token=acme.access_token,
        app_secret=acme.app_secret,
    )  # fmt: skip
    assert (await operator.good(*again))["id"] == acme.number_id
    listed = (await api.acme.get("/api/v2/messages")).data
    assert [item["message"] for item in listed] == ["Before"]


async def test_messages_that_wait_for_a_disconnected_number_go_out_when_it_is_back(
    api: Api, database: Database, operator: Terminal, shared_dsn: str
) -> None:
    acme = api.world.acme
    away = ("whatsapp", "disconnect", "--tenant", "acme", acme.phone_number_id, "--yes")
    back = connecting(
        waba_id=acme.waba_id, phone_number_id=acme.phone_number_id, access_token=acme.access_token,
        app_secret=acme.app_secret,
    )  # fmt: skip
    sent = await api.acme.send("+15550100001", "Waits", headers={"prefer": "respond-async"})
    async with running(build_resources(api.settings, shared_dsn)) as outbox:
        assert (await operator.good(*away))["waiting"] == 1
        # More often than a job may fail, each time by a worker that does not let the number rest yet.
        for _ in range(MAX_JOB_FAILURES + 1):
            await make_due(database)
            await step(Loop(Sending(outbox)))
        job = await the_job(database)
        assert (job["failures"], job["last_error"], job["set_aside_at"]) == (0, None, None)
        assert job["due_at"] > job["now"]
        assert (await shown(api, sent))["status"] == "queued"
        await operator.good(*back)
        await step(Loop(Sending(outbox)))
        assert (await shown(api, sent))["status"] == "sent"


async def make_due(database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now()")


async def the_job(database: Database) -> Any:
    async with database.connection() as db:
        return await db.fetchrow("select *, now() as now from jobs")


async def shown(api: Api, sent: Answer) -> Any:
    return (await api.acme.get(f"/api/v2/messages/{sent.data['chat_message_id']}")).data


async def test_a_disconnected_number_is_free_for_another_tenant(
    api: Api, database: Database, operator: Terminal
) -> None:
    acme = api.world.acme
    await api.acme.send("+15550100001", "Of acme")
    taken = connecting(
        tenant="globex", waba_id=acme.waba_id, phone_number_id=acme.phone_number_id, access_token=acme.access_token,
        app_secret=acme.app_secret,
    )  # fmt: skip
    assert (await operator.bad(*taken))["code"] == "ALREADY_TAKEN"
    await operator.good("whatsapp", "disconnect", "--tenant", "acme", acme.phone_number_id, "--yes")
    assert (await operator.good(*taken))["id"] != acme.number_id
    async with database.connection() as db:
        owners = await db.fetch(
            "select tenant_id from whatsapp_numbers where phone_number_id = $1", acme.phone_number_id
        )
    assert [row["tenant_id"] for row in owners] == [api.world.globex.tenant_id]
    assert [item["message"] for item in (await api.acme.get("/api/v2/messages")).data] == ["Of acme"]


async def forgotten(database: Database, person: Person) -> bool:
    """Tell whether nothing finds the number any more, and its token is gone: there is an empty one to be opened."""
    async with database.connection() as db:
        row = await db.fetchrow("select * from whatsapp_numbers where id = $1", person.number_id)
        found = await numbers.list_all(db, person.tenant_id) + await load_numbers(db, [person.number_id])
    assert row is not None
    token = Sealer(SECRET_KEY).unseal(row["access_token_sealed"], "access_token")
    return (token, row["disconnected_at"] is None, found) == ("", False, [])


async def token(operator: Terminal) -> str:
    """Return a new token, whose caller no process remembers."""
    created = await operator.good("token", "create", "--tenant", "acme", "--name", "new", "--scopes", "all")
    return str(created["token"])


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}
