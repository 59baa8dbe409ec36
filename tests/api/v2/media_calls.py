"""Media sends as forms, and what the simulator saw of them."""

import io
from typing import Any

import aiohttp

from tests.serving import Answer, Api, Client, graph_requests

PHONE = "+442079460011"


def form(
    content: bytes | None, name: str = "a.png", field: str = "media_file", **fields: str
) -> aiohttp.FormData:
    """A form with a file."""
    data = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for key, value in fields.items():
        data.add_field(key, value)
    if content is not None:
        data.add_field(field, io.BytesIO(content), filename=name, content_type="application/x-whatever")
    return data


async def send_file(
    client: Client, content: bytes | None, name: str = "a.png", key: str | None = None, **fields: str
) -> Answer:
    """Send a file as a form, as an image unless told otherwise."""
    data = form(content, name, **{"phone": PHONE, "media_type": "image", **fields})
    headers = {"idempotency-key": key} if key else {}
    return await client.post("/api/v2/messages/media", data=data, headers=headers)


async def uploads(api: Api) -> list[dict[str, Any]]:
    """Return the uploads the simulator received."""
    return [entry for entry in await graph_requests(api) if entry["path"].endswith("/media")]


async def sent_bodies(api: Api) -> list[dict[str, Any]]:
    """Return the payloads of the messages the simulator received."""
    return [entry["body"] for entry in await graph_requests(api) if entry["path"].endswith("/messages")]
