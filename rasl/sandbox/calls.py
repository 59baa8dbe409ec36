"""Calls to the sandbox's own servers."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def call(method: str, url: str, body: Any = None, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Make one HTTP call to a server of ours and return status and decoded answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}
