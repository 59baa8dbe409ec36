"""Stands between n8n and RASL: keeps what n8n asks for, and plays `/webhooks` of the API."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

_PAUSE = 1.0
_EVENTS = ("contact.created", "contact.updated", "contact.deleted", "message.received", "message.failed")


class Asked(NamedTuple):
    """A request of n8n."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class StandIn:
    """A server that forwards to RASL, and answers itself what is said of webhooks."""

    def __init__(self, target: str) -> None:
        self.asked: list[Asked] = []
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.refused = 0
        self._target = target
        self._deliveries: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve, and give the address."""
        app = web.Application(client_max_size=32 << 20)
        app.router.add_get("/api/v2/webhooks/events", self._events)
        app.router.add_post("/api/v2/webhooks", self._create)
        app.router.add_get("/api/v2/webhooks/{id}", self._read)
        app.router.add_delete("/api/v2/webhooks/{id}", self._delete)
        app.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with aiohttp.ClientSession() as self._session:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
            for delivery in self._deliveries:
                delivery.cancel()
        await runner.cleanup()

    def sent(self, path: str) -> list[Asked]:
        """Return what was posted to a path of the API."""
        return [one for one in self.asked if (one.method, one.path) == ("POST", f"/api/v2{path}")]

    async def _forward(self, request: web.Request) -> web.Response:
        content = await request.read()
        with contextlib.suppress(ValueError):
            self.asked.append(
                Asked(request.method, request.path, dict(request.headers), json.loads(content or b"null"))
            )
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "connection"}
        }
        url = f"{self._target}{request.raw_path}"
        async with self._session.request(request.method, url, data=content, headers=headers) as answer:
            kept = {"content-type": answer.headers.get("content-type", "application/json")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _events(self, _request: web.Request) -> web.Response:
        return web.json_response({"data": [{"type": name, "when": "Now and then."} for name in _EVENTS]})

    async def _create(self, request: web.Request) -> web.Response:
        key = secrets.token_bytes(24)
        made = {
            **await request.json(),
            "id": len(self.endpoints) + 7,
            "secret": f"whsec_{base64.b64encode(key).decode()}",
        }
        self.endpoints[str(made["id"])] = made
        return web.json_response({"success": True, "data": made}, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        found = self.endpoints.get(request.match_info["id"])
        if found is None:
            return web.json_response({"success": False, "error": {"code": "NOT_FOUND"}}, status=404)
        return web.json_response({"data": {name: value for name, value in found.items() if name != "secret"}})

    async def _delete(self, request: web.Request) -> web.Response:
        gone = self.endpoints.pop(request.match_info["id"], None)
        return web.json_response({"success": gone is not None}, status=404 if gone is None else 200)

    def tell(self, event: dict[str, Any]) -> None:
        """Deliver an event to whoever wants it, until it is taken."""
        for endpoint in self.endpoints.values():
            if event["event"]["type"] in endpoint["events"]:
                delivery = asyncio.create_task(self._deliver(endpoint, event))
                self._deliveries.add(delivery)
                delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(self, endpoint: dict[str, Any], event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        key = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
        while str(endpoint["id"]) in self.endpoints:
            webhook_id, now = event["event"]["id"], str(int(time.time()))
            digest = hmac.new(key, f"{webhook_id}.{now}.".encode() + body, hashlib.sha256).digest()
            headers = {
                "content-type": "application/json",
                "webhook-id": webhook_id,
                "webhook-timestamp": now,
                "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            }
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with self._session.post(endpoint["url"], data=body, headers=headers) as answer:
                    if answer.ok:
                        return
            self.refused += 1
            await asyncio.sleep(_PAUSE)
