import asyncio
import hashlib
import hmac
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from metasim import SimulatorConfig, running

NUMBER = "106540352242922"
WABA = "102290129340398"
SECRET = "app-secret"
USER = "+16505551234"
PATIENCE = 10
PIXEL = b"\x89PNG\r\n--x\r\n\x00"

QUICK = SimulatorConfig(
    seed=7,
    window="off",
    sent_delay=0.0,
    delivered_delay=0.01,
    read_delay=0.02,
    webhook_retry_base=0.01,
    template_review_delay=0.01,
)


class Answered:
    """An HTTP answer, read whole."""

    def __init__(self, status: int, headers: Any, raw: bytes, body: Any) -> None:
        self.status = status
        self.headers = headers
        self.raw = raw
        self.body = body


class Meta:
    """The simulator as a test sees it."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self.url = url
        self.client = client

    async def call(self, method: str, path: str, **options: Any) -> Answered:
        url = path if path.startswith("http") else self.url + path
        async with self.client.request(method, url, **options) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("content-type", "")
            return Answered(
                response.status, response.headers, raw, await response.json() if is_json else None
            )

    async def graph(self, method: str, path: str, token: str = "token", **options: Any) -> Answered:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.call(
            method, f"/v24.0/{path}", headers={**headers, **options.pop("headers", {})}, **options
        )

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answered = await self.call(method, f"/_control/{path}", json=body)
        assert answered.status == 200, answered.body
        return answered.body

    async def look(self, path: str) -> Any:
        return await self.control(path, method="GET")

    async def refused(self, path: str, body: Any) -> str:
        answered = await self.call("POST", f"/_control/{path}", json=body)
        assert answered.status == 400
        return str(answered.body["error"])

    async def post(self, payload: Any, phone_number_id: str = NUMBER, token: str = "token") -> Answered:
        return await self.graph("POST", f"{phone_number_id}/messages", token, json=payload)

    async def send(self, to: str = USER, opaque: str | None = None, **more: Any) -> Answered:
        payload = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "hi"}, **more}
        if opaque is not None:
            payload["biz_opaque_callback_data"] = opaque
        return await self.post(payload)

    async def upload(
        self, content: bytes = PIXEL, mime_type: str = "image/png", number: str = NUMBER, token: str = "token"
    ) -> str:
        data = aiohttp.FormData()
        data.add_field("messaging_product", "whatsapp")
        data.add_field("type", mime_type)
        data.add_field("file", io.BytesIO(content), filename="a.bin", content_type=mime_type)
        answered = await self.graph("POST", f"{number}/media", token, data=data)
        assert answered.status == 200, answered.body
        return str(answered.body["id"])

    async def describe(self, media_id: str) -> dict[str, Any]:
        answered = await self.graph("GET", media_id)
        assert answered.status == 200, answered.body
        described: dict[str, Any] = answered.body
        return described

    async def download(self, url: str, token: str = "token", **headers: str) -> Answered:
        return await self.call("GET", url, headers={"Authorization": f"Bearer {token}", **headers})

    async def settle(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (await self.look("health"))["idle"]:
                pass


class Receiver:
    """A callback: keeps every post, and answers as told."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.verify_token = "verify"
        self.challenge: Callable[[str], web.Response] = lambda challenge: web.Response(text=challenge)
        self.url = ""
        self._arrived = asyncio.Condition()

    async def get(self, request: web.Request) -> web.Response:
        if request.query["hub.verify_token"] != self.verify_token or request.query["hub.mode"] != "subscribe":
            return web.Response(status=403)
        return self.challenge(request.query["hub.challenge"])

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), await request.read()))
        async with self._arrived:
            self._arrived.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(is_enough)

    def bodies(self) -> list[Any]:
        import msgspec  # noqa: PLC0415

        return [msgspec.json.decode(body) for _, body in self.posts]

    def values(self) -> list[dict[str, Any]]:
        return [
            change["value"]
            for body in self.bodies()
            for entry in body["entry"]
            for change in entry["changes"]
        ]

    def statuses(self, wamid: str | None = None) -> list[dict[str, Any]]:
        return [
            status
            for value in self.values()
            for status in value.get("statuses", [])
            if wamid in {None, status["id"]}
        ]

    def rungs(self, wamid: str) -> list[str]:
        return [status["status"] for status in self.statuses(wamid)]

    def changes(self, field: str) -> list[dict[str, Any]]:
        return [
            change["value"]
            for body in self.bodies()
            for entry in body["entry"]
            for change in entry["changes"]
            if change["field"] == field
        ]

    async def told(self, field: str, count: int = 1) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.changes(field)) >= count)
        return self.changes(field)

    async def climbed(self, wamid: str, *rungs: str) -> list[str]:
        await self.until(lambda: len(self.rungs(wamid)) >= len(rungs))
        return self.rungs(wamid)

    def messages(self) -> list[dict[str, Any]]:
        return [message for value in self.values() for message in value.get("messages", [])]


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[str]:
    async with running(QUICK) as url:
        yield url


@pytest.fixture(scope="session")
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def meta(server: str, client: aiohttp.ClientSession) -> Meta:
    meta = Meta(server, client)
    await meta.control("reset")
    await meta.control(
        "numbers",
        {
            "phone_number_id": NUMBER,
            "waba_id": WABA,
            "display_phone_number": "+1 555-078-3881",
            "verified_name": "Acme",
            "app_secret": SECRET,
            "throughput": 1000,
        },
    )
    return meta


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/hook", receiver.get)
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def hook(meta: Meta, receiver: Receiver) -> AsyncIterator[Receiver]:
    await meta.control(
        "callback", {"waba_id": WABA, "callback_url": receiver.url, "verify_token": receiver.verify_token}
    )
    yield receiver
    await meta.control("reset")
