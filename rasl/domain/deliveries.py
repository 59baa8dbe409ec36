"""What Meta posted, taken apart by whom it names: one delivery may tell of several people, and of several tenants."""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

Json = Any


class Split(NamedTuple):
    """What of a delivery names somebody, and what is left of it without that; None is nothing."""

    taken: list[Json]
    rest: bytes | None


def split(body: bytes, phone_number_ids: Collection[str], pattern: re.Pattern[str]) -> Split:
    """Take out what names somebody in the changes of these numbers; whatever else is in the delivery stays.

    One that is no JSON of Meta's is taken out as a whole.
    """
    try:
        delivery = msgspec.json.decode(body)
        entries = delivery["entry"]
        taken: list[Json] = []
        kept = [entry for entry in entries if _keeps(entry, phone_number_ids, pattern, taken)]
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return Split([body.decode(errors="replace")], None)
    if not taken:
        return Split([], body)
    return Split(taken, msgspec.json.encode({**delivery, "entry": kept}) if kept else None)


def split_by_owner(body: bytes, phone_number_ids: Collection[str], waba_ids: Collection[str]) -> Split:
    """Take out the changes of these numbers, and what is told of these accounts and of no number; the rest stays.

    One that is no JSON of Meta's is taken out as a whole.
    """
    try:
        delivery = msgspec.json.decode(body)
        taken: list[Json] = []
        kept: list[Json] = []
        for entry in delivery["entry"]:
            own: list[Json] = []
            others: list[Json] = []
            for change in entry["changes"]:
                number = change["value"].get("metadata", {}).get("phone_number_id")
                is_own = entry.get("id") in waba_ids if number is None else number in phone_number_ids
                (own if is_own else others).append(change)
            if own:
                taken.append({**entry, "changes": own})
            if others or not own:
                kept.append({**entry, "changes": others})
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return Split([body.decode(errors="replace")], None)
    if not taken:
        return Split([], body)
    return Split(taken, msgspec.json.encode({**delivery, "entry": kept}) if kept else None)


def _keeps(
    entry: dict[str, Json], numbers: Collection[str], pattern: re.Pattern[str], taken: list[Json]
) -> bool:
    """Take what names somebody out of an entry; returns whether anything is left."""
    changes = []
    for change in entry["changes"]:
        value = change["value"]
        number = value.get("metadata", {}).get("phone_number_id")
        if number not in numbers or not _names(value, pattern):
            changes.append(change)
            continue
        rest = {name: _without(item, pattern, taken) for name, item in value.items()}
        # What is no list names them by itself: nothing of such a change stays.
        if _names(rest, pattern):
            taken.append(change)
        elif any(rest[name] for name, item in value.items() if isinstance(item, list)):
            changes.append({**change, "value": {name: item for name, item in rest.items() if item != []}})
    entry["changes"] = changes
    return bool(changes)


def _without(item: Json, pattern: re.Pattern[str], taken: list[Json]) -> Json:
    if not isinstance(item, list):
        return item
    taken += [part for part in item if _names(part, pattern)]
    return [part for part in item if not _names(part, pattern)]


def _names(value: Json, pattern: re.Pattern[str]) -> bool:
    return pattern.search(msgspec.json.encode(value).decode()) is not None
