"""An AI agent's end of n8n's MCP server: lists tools and calls them."""

import itertools
import json
from typing import Any

import aiohttp

_VERSION = "2025-03-26"


class Agent:
    """One session of the protocol, over streamable HTTP."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"accept": "application/json, text/event-stream"}
        self._ids = itertools.count(1)

    async def begin(self) -> None:
        """Introduce ourselves."""
        told = {
            "protocolVersion": _VERSION,
            "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"},
        }
        await self._ask("initialize", told)
        await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def tools(self) -> dict[str, Any]:
        """Return the tools there are, by name."""
        told = await self._ask("tools/list", {})
        return {tool["name"]: tool for tool in told["tools"]}

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool, and return the text it answers."""
        told = await self._ask("tools/call", {"name": name, "arguments": arguments})
        return "".join(part["text"] for part in told["content"])

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        told = await self._post({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params})
        assert "result" in told, told
        return told["result"]

    async def _post(self, message: dict[str, Any]) -> Any:
        async with self._session.post(self._url, json=message, headers=self._headers) as answer:
            text = await answer.text()
            assert answer.ok, text
            if session := answer.headers.get("mcp-session-id"):
                self._headers["mcp-session-id"] = session
        lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        body = lines[-1] if lines else text
        return json.loads(body) if body else None
