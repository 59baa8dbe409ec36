"""The simulated Meta told to do something: what it then posts is what RASL keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.cli.commands import Terminal
from tests.serving import Api

PERSON = "+15550100001"


@pytest.fixture
async def heard(api: Api) -> None:
    """Meta calls us."""
    acme = api.world.acme
    callback = {
        "waba_id": acme.waba_id,
        "callback_url": f"{api.base_url}/webhooks/whatsapp/{acme.callback_key}",
        "verify_token": acme.verify_token,
        "app_secret": acme.app_secret,
    }
    assert (await api.simulator.post("/_control/callback", callback)).status == 200


async def posted(database: Database) -> list[Any]:
    """Return field and value of what came in, in order."""
    async with database.connection() as db:
        rows = await db.fetch("select body from ingests order by id")
    changes = [json.loads(row["body"])["entry"][0]["changes"][0] for row in rows]
    return [(change["field"], change["value"]) for change in changes]


async def inbound(terminal: Terminal, database: Database, api: Api, *arguments: str) -> dict[str, Any]:
    told = await terminal.good("trigger", "inbound", "--number", api.world.acme.phone_number_id, *arguments)
    assert (told["ok"], told["http"]) == (True, 200)
    # Meta's news of what was sent before may come in at any time between.
    messages = [message for _, value in await posted(database) for message in value.get("messages", [])]
    assert messages[-1]["id"] == told["wamid"]
    return dict(messages[-1])


@pytest.mark.usefixtures("heard")
async def test_people_write_in_every_way(
    api: Api, database: Database, terminal: Terminal, tmp_path: Path
) -> None:
    async def write(*arguments: str) -> dict[str, Any]:
        return await inbound(terminal, database, api, *arguments)

    sent = (await api.acme.send(PERSON, "One")).data
    text = await write("Hi there", "--from", "+44 7911 123456", "--reply-to", str(sent["chat_message_id"]))
    assert (text["from"], text["text"]["body"]) == ("447911123456", "Hi there")
    assert text["context"]["id"] == sent["message_id"]
    button = await write("--button", "yes=Yes, please")
    assert button["interactive"]["button_reply"] == {"id": "yes", "title": "Yes, please"}
    assert (await write("--list", "row-1"))["interactive"]["list_reply"]["id"] == "row-1"
    assert (await write("--quick-reply", "Stop it"))["button"] == {"payload": "Stop it", "text": "Stop it"}
    assert (await write("--location", "51.5,-0.12"))["location"] == {"latitude": 51.5, "longitude": -0.12}
    reaction = await write("--reaction", "👍", "--reply-to", sent["message_id"])
    assert reaction["reaction"] == {"emoji": "👍", "message_id": sent["message_id"]}
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG not really")
    image = await write("Look", "--file", str(picture))
    assert (image["image"]["caption"], image["image"]["mime_type"]) == ("Look", "image/png")


@pytest.mark.usefixtures("heard")
async def test_people_leave_and_come_back(api: Api, database: Database, terminal: Terminal) -> None:
    number = ("--number", api.world.acme.phone_number_id)
    await terminal.good("trigger", "opt-out", *number)
    await terminal.good("trigger", "opt-in", *number)
    words = [value["messages"][0]["text"]["body"] for _, value in await posted(database)]
    assert words == ["STOP", "START"]


@pytest.mark.usefixtures("heard")
async def test_messages_get_on_as_they_are_told_to(api: Api, database: Database, terminal: Terminal) -> None:
    await api.simulator.post(
        "/_control/settings", {"sent_delay": None, "delivered_delay": None, "read_delay": None}
    )
    sent = (await api.acme.send("+447911123456", "One")).data
    assert (await terminal.good("trigger", "status", str(sent["chat_message_id"]), "read"))["ok"] is True
    await terminal.good("trigger", "status", sent["message_id"], "failed", "--code", "131049")
    read, failed = [value["statuses"][0] for _, value in (await posted(database))[-2:]]
    assert (read["id"], read["status"]) == (sent["message_id"], "read")
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131049)


@pytest.mark.usefixtures("heard")
async def test_templates_get_on_as_they_are_told_to(api: Api, database: Database, terminal: Terminal) -> None:
    waba = ("--waba", api.world.acme.waba_id)
    template = {
        "name": "t",
        "language": "en",
        "status": "PENDING",
        "components": [{"type": "BODY", "text": "Hi"}],
    }
    await api.simulator.post("/_control/templates", {"waba_id": waba[1], "templates": [template]})
    for verb, event in (
        ("approved", "APPROVED"),
        ("rejected", "REJECTED"),
        ("paused", "PAUSED"),
        ("disabled", "DISABLED"),
    ):
        await terminal.good("trigger", f"template-{verb}", "t", *waba)
        assert (await posted(database))[-1][1]["event"] == event
    await terminal.good("trigger", "template-quality", "t", "red", *waba)
    await terminal.good("trigger", "template-category", "t", "MARKETING", *waba)
    fields = [field for field, _ in (await posted(database))[-2:]]
    assert fields == ["message_template_quality_update", "template_category_update"]
    missing = await terminal.bad("trigger", "template-approved", "nope", *waba)
    assert (missing["code"], "nope" in missing["message"]) == ("SIMULATOR_REFUSED", True)


@pytest.mark.usefixtures("heard")
async def test_any_webhook_can_be_posted(api: Api, database: Database, terminal: Terminal) -> None:
    value = {"event": "FLAGGED", "current_limit": "TIER_1K"}
    number = ("--number", api.world.acme.phone_number_id)
    await terminal.good("trigger", "webhook", "phone_number_quality_update", json.dumps(value), *number)
    assert await posted(database) == [("phone_number_quality_update", value)]


async def test_a_webhook_that_nobody_took_is_told(api: Api, terminal: Terminal) -> None:
    outcome = await terminal("trigger", "inbound", "--number", api.world.acme.phone_number_id)
    assert outcome.code == 1
    assert "did not take the webhook: no callback is set" in outcome.out


async def test_nothing_is_triggered_where_meta_is_real(api: Api, terminal: Terminal) -> None:
    real = await terminal("trigger", "inbound", "Hi", RASL_GRAPH_BASE_URL="https://graph.facebook.com")
    assert (real.code, "Meta is real" in real.err) == (1, True)
    other = await terminal.bad("trigger", "inbound", "Hi", "--simulator", api.base_url)
    assert (other["code"], "no simulator" in other["message"]) == ("META_IS_REAL", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["inbound", "Hi"],  # two numbers are registered, and none is named
        ["inbound", "Hi", "--button", "a"],
        ["inbound", "--reaction", "👍"],
        ["inbound", "--location", "somewhere"],
        ["inbound", "--location", "91,0"],
        ["status", "wamid.x", "eaten"],
        ["status", "wamid.x", "read", "--code", "5"],
        ["template-quality", "t", "BLUE"],
        ["webhook", "messages", "{"],
    ],
)
async def test_a_wrong_call_is_told(terminal: Terminal, arguments: list[str]) -> None:
    assert (await terminal.bad("trigger", *arguments))["code"] == "USAGE"
