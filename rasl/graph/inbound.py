"""Meta's webhook bodies taken apart: one part for each change of each entry, its value not looked into yet.

What a field's value means is for the parser of that field: which one that is stands in `services/inbound/changes.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec

from rasl.graph.changes import Malformed, OtherChange, Part
from rasl.graph.loose import LONGEST_ID, id_in, moment, object_in
from rasl.graph.storable import decode


class _Change(msgspec.Struct):
    # An empty text says as much as none, a long one is no key; only the loose reading knows that.
    field: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
    value: msgspec.Raw


class _Entry(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
    changes: list[_Change]
    time: int | None = None


class _Envelope(msgspec.Struct):
    entry: list[_Entry]


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_NUL = b"\\u0000"  # which PostgreSQL does not take: reading the whole body replaces it


def parse(raw: bytes) -> Sequence[Part | Malformed]:
    """Return every change that the body tells of, in its order; raises only NotJsonError."""
    if _NUL in raw:
        return parts_of(decode(raw))
    try:
        envelope = _ENVELOPE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return parts_of(decode(raw))
    return [
        Part(change.field, entry.id, entry.time, change.value)
        for entry in envelope.entry
        for change in entry.changes
    ]


def parts_of(body: Any) -> list[Part | Malformed]:
    """Return the same of a decoded body of any shape: what cannot be made out leaves its neighbours alone."""
    entries = body.get("entry") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return [Malformed("body without a list of entries", body)]
    return [part for entry in entries for part in _parts_of_entry(entry)]


def _parts_of_entry(entry: Any) -> Iterator[Part | Malformed]:
    changes = entry.get("changes") if isinstance(entry, dict) else None
    if not isinstance(changes, list):
        yield Malformed("entry without a list of changes", entry)
        return
    for change in changes:
        field = id_in(change, "field")
        if field is None:
            yield Malformed("change without a field", change)
        else:
            yield Part(field, id_in(entry, "id") or "", entry.get("time"), change.get("value"))


def parse_as_told(part: Part) -> list[OtherChange]:
    """Return a change with the whole of its value: all that is read of a field without a parser of its own."""
    value = part.read()
    phone_number_id = id_in(object_in(value, "metadata"), "phone_number_id")
    return [OtherChange(part.field, phone_number_id, part.waba_id, value, moment(part.time))]
