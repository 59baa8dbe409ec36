"""The kinds of change that Meta tells of: for each field of its webhooks, who parses its value and who applies it.

A new kind is a parser (in `graph/`), a function that applies what it found (in a room of services), and a line in
CHANGES. Whatever either of them raises, its delivery fails alone (`applying.py`).
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from rasl import metrics
from rasl.db.pool import Db
from rasl.graph import inbound
from rasl.graph import messages as message_changes
from rasl.graph.changes import Arrived, Change, Malformed, Part, Refused
from rasl.graph.inbound import parse_as_told
from rasl.graph.storable import NotJsonError
from rasl.sealing import Sealer
from rasl.services.inbound import messages, numbers, others
from rasl.services.templates import notices

_LONGEST_TEXT = 2000

Parse = Callable[[Part], Sequence[Change]]
Apply = Callable[[Db, Sealer, Sequence[Arrived[Any]]], Awaitable[Sequence[Refused]]]
"""Applies changes that its parser found, of many deliveries at once, and may be given the same again."""


async def _apply_notices(db: Db, _sealer: Sealer, arrived: Sequence[Arrived[Any]]) -> Sequence[Refused]:
    await notices.apply(db, arrived)
    return ()


async def _keep(db: Db, _sealer: Sealer, arrived: Sequence[Arrived[Any]]) -> Sequence[Refused]:
    """Leave changes in their raw row, from where a later version can apply them, and tell who wants to know."""
    await others.tell(db, arrived)
    metrics.APPLIED.labels("other").inc(len(arrived))
    return ()


async def _refuse(_db: Db, _sealer: Sealer, arrived: Sequence[Arrived[Any]]) -> Sequence[Refused]:
    return [Refused(item, item.change.reason) for item in arrived]


# What was told at once is applied in this order.
CHANGES: dict[str, tuple[Parse, Apply]] = {
    "messages": (message_changes.parse, messages.apply),
    "message_template_status_update": (parse_as_told, _apply_notices),
    "message_template_quality_update": (parse_as_told, _apply_notices),
    "message_template_components_update": (parse_as_told, _apply_notices),
    "template_category_update": (parse_as_told, _apply_notices),
    "phone_number_quality_update": (parse_as_told, numbers.apply),
    "phone_number_name_update": (parse_as_told, numbers.apply),
}
_OTHER = parse_as_told, _keep
_ORDER: tuple[Apply, ...] = (*dict.fromkeys(apply for _, apply in CHANGES.values()), _keep, _refuse)


def read(raw: bytes) -> list[tuple[Apply, Change, Part | None]]:
    """Return everything that a body tells, in its order, each with who applies it and the part it was found in.

    Its shape is never an error.
    """
    try:
        return list(_read(raw))
    except NotJsonError as error:
        return [(_refuse, Malformed(str(error), raw[:_LONGEST_TEXT].decode(errors="replace")), None)]


def _read(raw: bytes) -> Iterator[tuple[Apply, Change, Part | None]]:
    for part in inbound.parse(raw):
        if isinstance(part, Malformed):
            yield _refuse, part, None
            continue
        parse, apply_kind = CHANGES.get(part.field, _OTHER)
        for change in parse(part):
            yield (_refuse if isinstance(change, Malformed) else apply_kind), change, part


async def apply(db: Db, sealer: Sealer, told: Sequence[tuple[Apply, Arrived[Change]]]) -> list[Refused]:
    """Apply changes, all of a kind at once; returns what was not applied."""
    by_kind: dict[Apply, list[Arrived[Change]]] = defaultdict(list)
    for apply_kind, item in told:
        by_kind[apply_kind].append(item)
    refused: list[Refused] = []
    for apply_kind in _ORDER:
        if arrived := by_kind.get(apply_kind):
            refused += await apply_kind(db, sealer, arrived)
    return refused
