"""Who talks with which number, read from what was accepted and what was written in; nothing is kept twice."""

import time
from typing import Any

import msgspec

from metasim.control_requests import ControlError
from metasim.errors import failure
from metasim.exchange import Request
from metasim.journal import Entry
from metasim.phone.shown import Button, File, Shown, show_plain, show_sent
from metasim.received import Received
from metasim.state import State
from metasim.statuses import OutboundMessage

_MOST_LOOKED_AT = 20_000
_MOST_SHOWN = 500
_DIGITS = frozenset("0123456789")

_Key = tuple[str, str]


class Message(msgspec.Struct, omit_defaults=True):
    """One message of a chat; `reactions` are those of both sides."""

    wamid: str
    at: float
    sender: str
    type: str
    text: str | None = None
    header: str | None = None
    file: File | None = None
    footer: str | None = None
    buttons: list[Button] = []
    cards: list[Shown] = []
    status: str | None = None
    error: str | None = None
    context: str | None = None
    reactions: dict[str, str] = {}


class _Look:
    """The newest messages of all chats, in the order in which they came."""

    def __init__(self, state: State, wanted: _Key | None = None) -> None:
        self.state = state
        self.wanted = wanted
        self.chats: dict[_Key, list[Message]] = {}
        self.names: dict[_Key, str] = {}
        self.marks: list[tuple[str, str, str]] = []
        self.was_read: set[str] = set()
        events: list[tuple[float, Entry | Received]] = [(item.at, item) for item in state.received]
        for looked_at, entry in enumerate(reversed(state.journal.entries)):
            if looked_at >= _MOST_LOOKED_AT:
                break
            if entry.wamid or entry.type == "read_receipt":
                events.append((entry.at, entry))
        for _, event in sorted(events, key=lambda event: event[0]):
            if isinstance(event, Entry):
                self._add_entry(event)
            else:
                self._add_received(event)
        self._finish()

    def _add(self, key: _Key, message: Message) -> None:
        if self.wanted in {None, key}:
            self.chats.setdefault(key, []).append(message)

    def _add_entry(self, entry: Entry) -> None:
        payload = _payload(entry.body)
        if entry.type == "read_receipt":
            self.was_read.add(str(payload.get("message_id")))
            return
        number = self.state.registry.numbers.get(entry.phone_number_id)
        if number is None:
            return
        # As it was understood: a body may be a form as well.
        content = {"body": entry.text} if entry.type == "text" else msgspec.json.decode(entry.text)
        if entry.type == "reaction" and isinstance(content, dict):
            self.marks.append((str(content.get("message_id")), "business", str(content.get("emoji") or "")))
            return
        shown = show_sent(entry.type, content, number)
        status, error = _status(self.state.messages.get(entry.wamid))
        quoted = payload.get("context")
        context = quoted.get("message_id") if isinstance(quoted, dict) else None
        message = _message(shown, entry.wamid, entry.at, "business", entry.type)
        message.status, message.error, message.context = status, error, context and str(context)
        self._add((entry.phone_number_id, entry.to), message)

    def _add_received(self, received: Received) -> None:
        content, key = received.content, (received.number_id, received.user)
        kind = str(content.get("type"))
        if received.name:
            self.names[key] = received.name
        given = content.get(kind)
        if kind == "reaction" and isinstance(given, dict):
            self.marks.append((str(given.get("message_id")), "user", str(given.get("emoji") or "")))
            return
        message = _message(show_plain(kind, given), str(content["id"]), received.at, "user", kind)
        message.status, message.context = "sent", (content.get("context") or {}).get("id")
        self._add(key, message)

    def _finish(self) -> None:
        messages = {message.wamid: message for chat in self.chats.values() for message in chat}
        for wamid, who, emoji in self.marks:
            if message := messages.get(wamid):
                message.reactions = {**message.reactions, who: emoji}
                if not emoji:
                    del message.reactions[who]
        for wamid in self.was_read & messages.keys():
            if messages[wamid].sender == "user":
                messages[wamid].status = "read"


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _message(shown: Shown, wamid: str, at: float, sender: str, kind: str) -> Message:
    return Message(wamid, at, sender, kind, **msgspec.structs.asdict(shown))


def _status(message: OutboundMessage | None) -> tuple[str, str | None]:
    if message is None or not message.index:
        return "accepted", None
    step = message.steps[message.index - 1]
    if step.status != "failed":
        return step.status, None
    reason = failure(step.code or 131000, step.details)
    return "failed", f"{reason['code']}: {reason['title']}"


async def read_chats(state: State, request: Request) -> Any:
    """GET chats: everybody's, or with `user` the messages of one, oldest first."""
    user = "".join(filter(_DIGITS.__contains__, request.query.get("user", "")))
    if "user" in request.query:
        return read_chat(state, request.query.get("phone_number_id"), user or request.query["user"])
    return list_chats(state)


def list_chats(state: State) -> dict[str, Any]:
    """Return every chat with its last message, the latest first."""
    look = _Look(state)
    chats = sorted(look.chats.items(), key=lambda chat: chat[1][-1].at, reverse=True)
    numbers = state.registry.numbers
    return {
        "now": time.time(),
        "data": [
            {
                "phone_number_id": key[0],
                "business": numbers[key[0]].verified_name if key[0] in numbers else key[0],
                "user": key[1],
                "name": look.names.get(key),
                "messages": len(messages),
                "last": messages[-1],
            }
            for key, messages in chats
        ],
    }


def read_chat(state: State, phone_number_id: str | None, user: str) -> dict[str, Any]:
    """Return the messages of one chat; without a number that of the account's first number."""
    number_id = phone_number_id or next(iter(state.registry.numbers), "")
    number = state.registry.numbers.get(number_id)
    if number is None:
        raise ControlError(f"no such phone_number_id: {number_id}", 404)
    look = _Look(state, (number_id, user))
    key = (number_id, user)
    return {
        "phone_number_id": number_id,
        "business": number.verified_name,
        "display_phone_number": number.display_phone_number,
        "user": user,
        "name": look.names.get(key),
        "data": look.chats.get(key, [])[-_MOST_SHOWN:],
    }
