"""What happened: a bounded ring of Graph requests with running totals, and the log of webhook deliveries."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import msgspec


class Entry(msgspec.Struct, gc=False):
    """One Graph request."""

    number: int
    at: float
    method: str
    path: str
    body: bytes
    phone_number_id: str = ""
    to: str = ""
    type: str = ""
    text: str = ""
    opaque: str | None = None
    wamid: str = ""
    status: int = 0
    code: int = 0
    wire: str = "whole"

    def report(self) -> dict[str, Any]:
        """The entry as JSON, with the body decoded where it can be."""
        body: Any
        try:
            body = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = self.body[:2000].decode("utf-8", "replace")
        return {
            "number": self.number,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "phone_number_id": self.phone_number_id or None,
            "to": self.to or None,
            "type": self.type or None,
            "biz_opaque_callback_data": self.opaque,
            "wamid": self.wamid or None,
            "accepted": bool(self.wamid),
            "http": self.status,
            "code": self.code or None,
            "wire": self.wire,
            "body": body,
        }


class DeliveryEntry(msgspec.Struct, gc=False):
    """One attempt to post a webhook."""

    delivery: int
    attempt: int
    at: float
    url: str
    updates: int
    size: int
    http: int | None
    milliseconds: float
    error: str | None
    body: bytes

    def report(self) -> dict[str, Any]:
        """The entry as JSON."""
        fields = msgspec.structs.asdict(self)
        return {**fields, "ok": self.http == 200, "body": self.body.decode("utf-8", "replace")}


class Journal:
    """Keeps the last requests whole and counts all of them."""

    def __init__(self, requests: int, deliveries: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=requests)
        self.deliveries: deque[DeliveryEntry] = deque(maxlen=deliveries)
        self.total = 0
        self.accepted = 0
        self.by_phone_number_id: Counter[str] = Counter()

    def open(self, method: str, path: str, body: bytes) -> Entry:
        """Start an entry; it counts once it is closed."""
        self.total += 1
        return Entry(self.total, time.time(), method, path, body)

    def close(self, entry: Entry) -> None:
        """Put a finished entry into the ring and the totals."""
        self.entries.append(entry)
        if entry.phone_number_id:
            self.by_phone_number_id[entry.phone_number_id] += 1
        if entry.wamid:
            self.accepted += 1

    def select(self, wanted: dict[str, str]) -> Iterator[Entry]:
        """The entries whose fields equal the wanted values, oldest first."""
        for entry in self.entries:
            if all(str(getattr(entry, name)) == value for name, value in wanted.items()):
                yield entry

    def summary(self, most: int | None) -> dict[str, Any]:
        """Counts of everything kept; accepted messages per recipient, per body and per callback data."""
        sent = [entry for entry in self.entries if entry.wamid]
        return {
            "total": self.total,
            "accepted": self.accepted,
            "kept": len(self.entries),
            "by_phone_number_id": dict(self.by_phone_number_id),
            "by_http": {str(status): n for status, n in Counter(e.status for e in self.entries).items()},
            "by_code": {str(code): n for code, n in Counter(e.code for e in self.entries if e.code).items()},
            "by_recipient": _counts((entry.to for entry in sent), most),
            "by_body": _counts((entry.text for entry in sent), most),
            "by_biz_opaque_callback_data": _counts(
                (entry.opaque for entry in sent if entry.opaque is not None), most
            ),
        }


def _counts(keys: Iterator[str], most: int | None) -> dict[str, Any]:
    counter = Counter(keys)
    return {
        "distinct": len(counter),
        "duplicated": sum(1 for count in counter.values() if count > 1),
        "counts": dict(counter.most_common(most)),
    }
