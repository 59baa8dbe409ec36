"""Templates for tests: put into the simulated account, and fetched from there."""

import json
from typing import Any

from tests.serving import Answer, Api, graph_requests

PHONE = "+442079460011"
SEND = "/api/v2/messages/template"
BODY = {"type": "BODY", "text": "Hi {{1}}, order {{2}} is on its way"}
ORDER: dict[str, Any] = {"name": "order_update", "language": "en_GB", "components": [BODY]}


def template(name: str, *components: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A template of this name and these components."""
    return {"name": name, "language": "en_GB", "components": list(components), **fields}


async def register(api: Api, *templates: dict[str, Any], waba_id: str = "") -> None:
    """Give the simulated account templates."""
    order = {"waba_id": waba_id or api.world.acme.waba_id, "templates": list(templates)}
    answer = await api.simulator.post("/_control/templates", order)
    assert answer.status == 200, answer.body


async def have(api: Api, *templates: dict[str, Any]) -> Answer:
    """Give the simulated account templates and fetch them."""
    await register(api, *templates)
    return await api.acme.post("/api/v2/templates/sync")


async def send(api: Api, name: str, **fields: Any) -> Answer:
    """Send a template."""
    return await api.acme.post(SEND, {"phone": PHONE, "template_name": name, "language": "en_GB", **fields})


async def sent(api: Api) -> dict[str, Any]:
    """The template object of the last send that reached the simulator."""
    last = [request for request in await graph_requests(api) if request.get("type") == "template"][-1]
    payload = last["body"] if isinstance(last["body"], dict) else json.loads(last["body"])
    found: dict[str, Any] = payload["template"]
    return found
