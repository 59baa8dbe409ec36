"""Messages from users: built as Meta builds them and posted to the number's callback."""

import base64
import time
from typing import Any

from metasim import ids, media
from metasim.addresses import media_base
from metasim.blobs import PIECE, Blob
from metasim.control_requests import ControlError
from metasim.errors import failure
from metasim.exchange import Request
from metasim.faults import FLAWS
from metasim.media_host import address
from metasim.payloads import Update, batch
from metasim.received import Received
from metasim.state import KEPT_RECEIVED, State
from metasim.store import Number

DEFAULT_SENDER = "16505551234"
_MEDIA = {
    "image": "image/png",
    "video": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_ABOUT_THE_SENDER = frozenset({
    "phone_number_id", "from", "user_id", "parent_user_id", "profile_name", "username", "body", "count",
    "content_base64", "content_size", "mime_type", "flaw",
})  # fmt: skip
_MOST_AT_ONCE = 100_000
_LARGEST = 512 * 1024 * 1024


class Sender:
    """Who writes: a phone number, a business-scoped user id, or both."""

    def __init__(self, order: dict[str, Any], names: dict[str, str], *, has_user_ids: bool) -> None:
        self.user_id: str = order.get("user_id") or ""
        phone = order.get("from")
        self.wa_id = str(phone).lstrip("+") if phone else "" if self.user_id else DEFAULT_SENDER
        self.parent_user_id: str = order.get("parent_user_id") or ""
        if has_user_ids and not self.user_id and "user_id" not in order:
            self.user_id = ids.user_id(self.wa_id)
        if order.get("profile_name"):
            names[self.key] = order["profile_name"]
        # Somebody keeps the name of the last time.
        self.profile: dict[str, str] = {"name": names.get(self.key, "Simulated user")}
        if order.get("username"):
            self.profile["username"] = order["username"]

    @property
    def key(self) -> str:
        """What a wamid is made from."""
        return self.wa_id or self.user_id

    def contact(self) -> dict[str, Any]:
        """The sender as a webhook's contacts name them."""
        named = {"wa_id": self.wa_id, "user_id": self.user_id, "parent_user_id": self.parent_user_id}
        return {"profile": self.profile, **{key: value for key, value in named.items() if value}}

    def fields(self) -> dict[str, str]:
        """The sender as a message names them."""
        named = {
            "from": self.wa_id,
            "from_user_id": self.user_id,
            "from_parent_user_id": self.parent_user_id,
        }
        return {key: value for key, value in named.items() if value}


async def inject(state: State, request: Request, number: Number, order: dict[str, Any]) -> dict[str, Any]:
    """Let a user write to a number; gives the wamid and how the webhook was received."""
    sender = Sender(order, state.names, has_user_ids=state.config.user_ids)
    count = order.get("count", 1)
    if not isinstance(count, int) or not 1 <= count <= _MOST_AT_ONCE:
        raise ControlError(f"count must be between 1 and {_MOST_AT_ONCE}")
    for key in filter(None, (sender.wa_id, sender.user_id)):
        state.windows[number.id, key] = state.clock.now()
    content = _content(state, request, number, order)
    contact = None if content["type"] == "system" else sender.contact()
    updates = [Update(number, "messages", _message(state, sender, content), contact) for _ in range(count)]
    wamids = [update.content["id"] for update in updates]
    now = time.time()
    state.received.extend(
        Received(number.id, sender.key, sender.profile["name"], now, update.content)
        for update in updates[-KEPT_RECEIVED:]
    )
    callback = state.registry.callback_for(number.waba, number, "messages")
    if callback is None:
        return {
            "wamid": wamids[0],
            "wamids": wamids,
            "ok": False,
            "http": None,
            "error": "no callback is set",
        }
    if count > 1:
        for update in updates:
            state.courier.enqueue(callback, update)
        return {"wamid": wamids[0], "wamids": wamids, "ok": None, "http": None, "error": None}
    outcome = await state.courier.deliver(callback, batch(updates))
    return {
        "wamid": wamids[0],
        "wamids": wamids,
        "ok": outcome.is_ok,
        "http": outcome.http,
        "error": outcome.error,
    }


def _message(state: State, sender: Sender, content: dict[str, Any]) -> dict[str, Any]:
    given = {
        "id": content.get("id") or state.mint.inbound_wamid(sender.key),
        "timestamp": str(content.get("timestamp") or int(time.time())),
    }
    return {**sender.fields(), **content, **given}


def _content(state: State, request: Request, number: Number, order: dict[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in order.items() if key not in _ABOUT_THE_SENDER}
    kind = content.setdefault("type", "text")
    if not isinstance(kind, str):
        raise ControlError("type must be a string")
    if kind == "text":
        content.setdefault("text", {"body": order.get("body", "Hello")})
    elif kind in {"unsupported", "unknown"}:
        content.setdefault("errors", [_unsupported()])
    elif kind in _MEDIA:
        content[kind] = _media(state, request, number, content.get(kind), order)
    elif kind not in content and kind != "request_welcome":
        raise ControlError(f"a message of type {kind} needs {kind}")
    return content


def _unsupported() -> dict[str, Any]:
    error = failure(131051)
    del error["href"]
    return error


def _media(
    state: State, request: Request, number: Number, given: dict[str, Any] | None, order: dict[str, Any]
) -> dict[str, Any]:
    content = dict(given or {})
    if "id" in content:
        return content
    flaw = order.get("flaw")
    if flaw not in {None, *FLAWS}:
        raise ControlError(f"flaw must be one of {', '.join(FLAWS)}")
    mime_type = order.get("mime_type") or _MEDIA[order["type"]]
    file = media.keep(state, _received(order), mime_type, number, is_uploaded=False)
    file.flaw = flaw
    sha256 = media.wrong_hash(file.blob.sha256) if flaw == "wrong_hash" else file.blob.sha256
    content.setdefault("mime_type", mime_type)
    content["sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    content["id"] = file.id
    if state.config.inbound_media_url:
        content["url"] = address(state, file, media_base(state, request))
    return content


def _received(order: dict[str, Any]) -> Blob:
    """What the user sent: these bytes, that many of them, or a picture of one pixel."""
    if "content_base64" in order:
        return Blob(base64.b64decode(order["content_base64"], validate=True))
    size = order.get("content_size")
    if size is None:
        return Blob(_PIXEL)
    if not isinstance(size, int) or not 1 <= size <= _LARGEST:
        raise ControlError(f"content_size must be between 1 and {_LARGEST}")
    blob = Blob()
    for at in range(0, size, PIECE):
        blob.write(bytes(min(PIECE, size - at)))
    return blob
