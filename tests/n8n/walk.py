"""A real n8n, driven without a screen: `make n8n-e2e`. It is no part of `make test`, as it installs 3.5 GB first."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pgbox import embedded_postgres
from tests.cli.commands import environment
from tests.n8n.asking import Agent
from tests.n8n.installing_n8n import Installation, build, install
from tests.n8n.recording import Recorder
from tests.n8n.running import N8n
from tests.n8n.trying import PACKAGE
from tests.ports import free_port
from tests.serving import Client
from tests.waiting import PATIENCE, until, wait_until

PRIYA, PHONE = 812, "+442079460011"
RASL = {"raslApi": {"id": "raslCredential", "name": "RASL"}}
NODE, TRIGGER = "n8n-nodes-rasl.rasl", "n8n-nodes-rasl.raslTrigger"
ANSWERS = "Hi Priya, please send us your order number and we look it up."


@pytest.fixture(scope="module")
def installation() -> Installation:
    return install()


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rasl-n8n-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)  # root's PostgreSQL account must reach its folder
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sandbox(base: Path) -> Iterator[dict[str, Any]]:
    """What a new sandbox tells about itself."""
    settings = {
        "RASL_PORT": str(free_port()),
        "RASL_METRICS_PORT": str(free_port()),
        "RASL_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
    }
    with (base / "sandbox.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasl", "sandbox"],
            env=environment(base / "data", settings),
            stdout=output,
            stderr=output,
        )
    try:
        file = base / "data" / "sandbox.json"
        wait_until(lambda: file.exists() or process.poll() is not None)
        assert process.poll() is None, (base / "sandbox.log").read_text(encoding="utf-8")
        yield json.loads(file.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
async def rasl(sandbox: dict[str, Any]) -> AsyncIterator[Client]:
    """The sandbox's API with its token."""
    async with aiohttp.ClientSession() as session:
        headers = {"authorization": f"Bearer {sandbox['token']}"}
        yield Client(session, sandbox["base_url"].removesuffix("/api/v2"), headers)


@pytest.fixture(scope="module")
async def recorder(sandbox: dict[str, Any]) -> AsyncIterator[Recorder]:
    """What n8n takes for RASL."""
    recorder = Recorder(sandbox["base_url"].removesuffix("/api/v2"))
    async with recorder.serving():
        yield recorder


@pytest.fixture(scope="module")
async def n8n(
    installation: Installation, base: Path, sandbox: dict[str, Any], recorder: Recorder
) -> AsyncIterator[N8n]:
    """An n8n with our package, a credential, and the examples: imported, and two of them published."""
    folder = base / "n8n"
    nodes = folder / ".n8n" / "nodes" / "node_modules"
    nodes.mkdir(parents=True)
    (base / "build").mkdir()
    shutil.move(build(installation, base / "build"), nodes)
    with embedded_postgres(base / "postgres") as dsn:
        server = N8n(installation, folder, dsn)
        try:
            _fill(server, folder, recorder.url, sandbox["token"])
            await server.start()
            await server.own()
            yield server
        finally:
            await server.close()


def _fill(server: N8n, folder: Path, url: str, token: str) -> None:
    credential = {**RASL["raslApi"], "type": "raslApi", "data": {"baseUrl": url, "token": token}}
    _import(server, folder, "credentials", [credential])
    files = [*sorted((PACKAGE / "workflows").glob("*.json")), Path(__file__).parent / "tools.json"]
    told = [_workflow(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in files]
    _import(server, folder, "workflow", told)
    for id_ in ("receive-branch-reply", "new-order-template", "tools"):
        server.command("publish:workflow", f"--id={id_}")


def _import(server: N8n, folder: Path, noun: str, told: Any) -> None:
    file = folder / "import.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    server.command(f"import:{noun}", f"--input={file}")


def _workflow(id_: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow as it is imported: with an id to call it by, our credential chosen."""
    nodes = [
        {**node, "credentials": RASL} if node["type"].startswith("n8n-nodes-rasl.") else node
        for node in told["nodes"]
    ]
    return {**told, "id": id_, "active": False, "nodes": nodes}


@pytest.fixture
def outbound(rasl: Client) -> Callable[[str], Any]:
    """Wait for a message that went out, and return it."""

    async def found(text: str) -> dict[str, Any]:
        messages: list[dict[str, Any]] = []

        async def is_there() -> bool:
            answer = await rasl.get("/api/v2/messages?filter[direction]=outbound&per_page=20")
            messages[:] = [one for one in answer.data if one["message"] == text]
            return bool(messages)

        await until(is_there, explain=lambda: text, pause=0.2)
        return messages[0]

    return found


async def test_the_credential_is_tested_against_the_account(
    n8n: N8n, sandbox: dict[str, Any], recorder: Recorder
) -> None:
    told = []
    for address, token in (
        (recorder.url, sandbox["token"]),
        (f"{recorder.url}/api/v2/", sandbox["token"]),
        (recorder.url, "wrong"),
    ):
        data = {"baseUrl": address, "token": token}
        credential = {"id": "", "name": "Another", "type": "raslApi", "data": data}
        told.append((await n8n.call("POST", "/credentials/test", {"credentials": credential}))["status"])
    assert told == ["OK", "OK", "Error"]


@pytest.mark.parametrize(
    ("loader", "wanted"),
    [
        ("templateNames", "parcel_ready"),
        ("languages", "en_GB"),
        ("groups", 3),
        ("sources", 5),
        ("statuses", 2),
        ("numbers", "106540352242922"),
        ("events", "message.received"),
    ],
)
async def test_fields_load_what_the_account_has(n8n: N8n, loader: str, wanted: str | int) -> None:
    asked = {
        "nodeTypeAndVersion": {"name": NODE, "version": 1},
        "credentials": RASL,
        "path": "parameters.any",
        "methodName": loader,
        "currentNodeParameters": {"template_name": "order_shipped"},
    }
    found = await n8n.call("POST", "/dynamic-node-parameters/options", asked)
    assert wanted in [option["value"] for option in found]


async def test_the_variables_of_a_template_are_asked_for(n8n: N8n) -> None:
    asked = {
        "nodeTypeAndVersion": {"name": NODE, "version": 1},
        "credentials": RASL,
        "path": "parameters.variables",
        "methodName": "templateVariables",
        "currentNodeParameters": {"template_name": "order_shipped", "language": "en_GB"},
    }
    found = await n8n.call("POST", "/dynamic-node-parameters/resource-mapper-fields", asked)
    assert [(field["id"], field["displayName"]) for field in found["fields"]] == [
        ("field_1", "Body 1"),
        ("field_2", "Body 2"),
        ("button_0", "Button 1"),
    ]


class Loop:
    """What people write, and the endpoint that n8n hears of it by."""

    def __init__(self, rasl: Client, sandbox: dict[str, Any]) -> None:
        self._rasl = rasl
        self._sandbox = sandbox

    async def write(self, text: str) -> None:
        """Let Priya write to us."""
        number = self._sandbox["phone_number_id"]
        told = {"phone_number_id": number, "from": PHONE.lstrip("+"), "body": text}
        posted = self._rasl.session.post(f"{self._sandbox['control_url']}/inbound", json=told)
        async with posted as answer:
            assert answer.ok, await answer.text()

    async def endpoints(self) -> list[dict[str, Any]]:
        """Return the endpoints that the account has."""
        found: list[dict[str, Any]] = (await self._rasl.get("/api/v2/webhooks")).data
        return found

    async def endpoint(self) -> dict[str, Any]:
        """Return the one there is."""
        (found,) = await self.endpoints()
        return found

    async def deliveries(self) -> list[dict[str, Any]]:
        """Return the deliveries of the endpoint, the newest first."""
        endpoint = await self.endpoint()
        found: list[dict[str, Any]] = (
            await self._rasl.get(f"/api/v2/webhooks/{endpoint['id']}/deliveries")
        ).data
        return found

    async def is_refused(self) -> bool:
        """Whether the newest delivery failed, and waits."""
        newest = (await self.deliveries())[0]
        return newest["state"] == "pending" and len(newest["attempts"]) > 0

    async def replay(self) -> None:
        """Deliver the newest again, at once."""
        endpoint, newest = await self.endpoint(), (await self.deliveries())[0]
        path = f"/api/v2/webhooks/{endpoint['id']}/deliveries/{newest['id']}/replay"
        assert (await self._rasl.post(path, {})).status < 300


@pytest.fixture
def loop(rasl: Client, sandbox: dict[str, Any]) -> Loop:
    return Loop(rasl, sandbox)


async def test_an_event_is_verified_and_answered(
    n8n: N8n, loop: Loop, recorder: Recorder, outbound: Callable[[str], Any]
) -> None:
    endpoint = await loop.endpoint()
    assert endpoint["url"].startswith(n8n.url)
    assert (endpoint["events"], endpoint["description"]) == (
        ["message.received"],
        "n8n: RASL: answer customers",
    )
    await loop.write("Where is my order?")
    await outbound(ANSWERS)
    (sent,) = recorder.posted("/messages/text")
    assert sent.body == {"contact_id": PRIYA, "message": ANSWERS.replace("Priya", "@{contact_first_name}")}
    execution, item, _ = sent.headers["Idempotency-Key"].split("-")
    assert (execution.isdecimal(), item) == (True, "0")
    await until(lambda: _ended(n8n, "receive-branch-reply", ["success"]))
    assert [delivery["state"] for delivery in await loop.deliveries()] == ["delivered"]


async def _ended(n8n: N8n, workflow_id: str, wanted: list[str]) -> bool:
    return await n8n.executions(workflow_id) == wanted


async def test_what_is_not_signed_starts_nothing(n8n: N8n, loop: Loop) -> None:
    path = (await loop.endpoint())["url"].removeprefix(n8n.url)
    forged = {
        "webhook-id": "evt_9",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": "v1,AAAA",
    }
    before = await n8n.executions("receive-branch-reply")
    event = {"event": {"id": "evt_9", "type": "message.received"}}
    assert [(await n8n.post(path, event, headers))[0] for headers in ({}, forged)] == [401, 401]
    assert await n8n.executions("receive-branch-reply") == before


async def test_an_order_becomes_a_contact_and_a_template(
    n8n: N8n, rasl: Client, outbound: Callable[[str], Any]
) -> None:
    person = {"phone": "+44 20 7946 0733", "first_name": "Amina", "last_name": "Said"}
    status, _ = await n8n.post("/webhook/rasl-new-order", {"number": "1044", "billing": person})
    assert status == 200
    await outbound("Hi Amina, your parcel is ready.")
    (contact,) = (await rasl.get("/api/v2/contacts?filter[phone]=%2B442079460733")).data
    assert (contact["type"], contact["attributes"]) == ("customer", {"last_order": "1044"})


async def test_an_order_without_a_phone_is_left_alone(n8n: N8n, recorder: Recorder) -> None:
    before = len(recorder.posted("/messages/template"))
    await n8n.post("/webhook/rasl-new-order", {"number": "1045", "billing": {"first_name": "Nobody"}})
    await until(lambda: _ended(n8n, "new-order-template", ["success", "success"]))
    assert len(recorder.posted("/messages/template")) == before


async def test_an_event_waits_for_an_n8n_that_is_down(
    n8n: N8n, loop: Loop, outbound: Callable[[str], Any]
) -> None:
    endpoint = await loop.endpoint()
    path = endpoint["url"].removeprefix(n8n.url)
    await n8n.stop()
    await loop.write("When are you open?")
    await until(loop.is_refused)
    await n8n.start()
    await until(lambda: _listens(n8n, path), explain=n8n.log, pause=0.2)
    await loop.replay()
    await outbound("We are open Monday to Friday, 9:00 to 18:00.")
    assert (await loop.endpoint())["id"] == endpoint["id"], "the trigger keeps its endpoint"


async def _listens(n8n: N8n, path: str) -> bool:
    return (await n8n.post(path, {}))[0] == 401


async def test_a_workflow_that_is_taken_back_takes_its_endpoint_along(
    n8n: N8n, rasl: Client, loop: Loop
) -> None:
    """n8n answers before it has done either. An endpoint that it knows nothing of any more is replaced."""
    endpoint = await loop.endpoint()
    path = endpoint["url"].removeprefix(n8n.url)

    async def is_gone() -> bool:
        status, _ = await n8n.post(path, {"event": {"id": "evt_3"}})
        return await loop.endpoints() == [] and status == 404

    await n8n.deactivate("receive-branch-reply")
    await until(is_gone, explain=n8n.log, pause=0.2)
    lost = await rasl.post("/api/v2/webhooks", {"url": endpoint["url"], "events": ["message.received"]})

    async def is_replaced() -> bool:
        found = await loop.endpoints()
        return len(found) == 1 and found[0]["url"] == endpoint["url"] and found[0]["id"] > lost.data["id"]

    await n8n.activate("receive-branch-reply")
    await until(is_replaced, explain=n8n.log, pause=0.2)


async def test_the_node_is_a_tool_of_agents(
    n8n: N8n, rasl: Client, recorder: Recorder, outbound: Callable[[str], Any]
) -> None:
    agent = Agent(rasl.session, f"{n8n.url}/mcp/rasl-tools")
    await agent.begin()
    tool = (await agent.tools())["answer_customer"]
    assert (tool["description"], list(tool["inputSchema"]["properties"])) == (
        "Answers the customer",
        ["Message"],
    )
    before = len(recorder.posted("/messages/text"))
    for text in ("It is on its way.", "It comes tomorrow."):
        assert '"status"' in await agent.call("answer_customer", {"Message": text})
        await outbound(text)
    sent = recorder.posted("/messages/text")[before:]
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 2


async def test_n8n_can_verify_without_our_nodes(n8n: N8n, rasl: Client) -> None:
    asked = {"url": f"{n8n.url}/webhook/rasl-plain", "events": ["contact.updated"]}
    made = (await rasl.post("/api/v2/webhooks", asked)).data
    secret = {"name": "RASL's secret", "type": "crypto", "data": {"hmacSecret": made["secret"]}}
    credential = await n8n.call("POST", "/credentials", secret)
    told = json.loads((PACKAGE / "workflows" / "receive-without-nodes.json").read_text(encoding="utf-8"))
    for node in told["nodes"]:
        if node["name"] == "Sign":
            node["credentials"] = {"crypto": {"id": credential["id"], "name": credential["name"]}}
    workflow = await n8n.call("POST", "/workflows", told)
    await n8n.activate(workflow["id"])
    await until(lambda: _listens(n8n, "/webhook/rasl-plain"), explain=n8n.log, pause=0.2)
    tried = (await rasl.post(f"/api/v2/webhooks/{made['id']}/test", {"event": "contact.updated"})).data
    assert (tried["is_taken"], tried["status"]) == (True, 200)
    forged = {"x-webhook-signature": "0" * 64}
    assert (await n8n.post("/webhook/rasl-plain", {"event": {}}, forged))[0] == 401
