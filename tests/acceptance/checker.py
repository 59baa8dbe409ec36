"""What went in must come out: compares what clients saw, what Meta got, and what is stored (Jepsen's total-queue).

ok           acknowledged, taken by Meta once, and stored as such
lost         acknowledged and not stored, or stored as sent although Meta never got it
duplicated   taken twice by Meta, or stored twice
unexpected   something nobody asked for, or an answer that the outcome belies
unsettled    still on its way, or taken by Meta (who echoed it) and nobody knows
held         nobody can know and Meta never got it: kept as `unknown`, which is honest
unanswered   no answer, or a 503: may have gone either way
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]

_ON_THE_WAY = {"queued", "sending"}
_SENT = {"sent", "delivered", "read", "played"}


@dataclass(frozen=True)
class Taken:
    """A message that Meta accepted."""

    body: str
    opaque: str
    wamid: str


@dataclass(frozen=True)
class Stored:
    """A message in our database."""

    id: int
    body: str
    status: str
    wamid: str | None
    is_ambiguous: bool


@dataclass
class Verdict:
    """Bodies of messages by class, and why where it is not plain."""

    ok: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)
    duplicated: dict[str, str] = field(default_factory=dict)
    unexpected: dict[str, str] = field(default_factory=dict)
    unsettled: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)

    @property
    def is_green(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.duplicated or self.unexpected or self.unsettled)

    @property
    def settled(self) -> set[str]:
        """Messages that were ambiguous once and whose fate is known now."""
        return self.ambiguous - self.held - self.unsettled.keys()

    def __str__(self) -> str:
        counts = {name: len(value) for name, value in vars(self).items()}
        wrong = [
            f"{name} {body}: {why}"
            for name in ("lost", "duplicated", "unexpected", "unsettled")
            for body, why in list(getattr(self, name).items())[:5]
        ]
        return "\n".join([str(counts), *wrong])


def check(history: Iterable[Event], taken: Sequence[Taken], stored: Sequence[Stored]) -> Verdict:
    """Judge one run."""
    verdict = Verdict()
    asked, answers = _read(history)
    taken_by_body = _grouped(taken)
    stored_by_body = _grouped(stored)
    for opaque, count in Counter(item.opaque for item in taken).items():
        if count > 1:
            verdict.duplicated[f"callback data {opaque}"] = f"taken {count} times by Meta"
    for body in taken_by_body.keys() | stored_by_body.keys() | asked:
        if body not in asked:
            verdict.unexpected[body] = "nobody sent it"
        at_meta, rows = taken_by_body.get(body, []), stored_by_body.get(body, [])
        if len(at_meta) > 1 or len(rows) > 1:
            verdict.duplicated[body] = f"taken {len(at_meta)} times by Meta, stored {len(rows)} times"
        elif rows:
            _judge_stored(verdict, rows[0], at_meta, answers[body])
        else:
            _judge_absent(verdict, body, at_meta, answers[body])
    return verdict


def _read(history: Iterable[Event]) -> tuple[set[str], dict[str, list[Event]]]:
    """Return what was asked for, and every answer to it."""
    asked: dict[int, str] = {}
    answers: dict[str, list[Event]] = defaultdict(list)
    for event in history:
        if event["event"] == "asked":
            asked[event["op"]] = event["body"]
        elif event["event"] == "answered":
            answers[asked[event["op"]]].append(event)
    return set(asked.values()), answers


def _grouped(items: Iterable[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        groups[item.body].append(item)
    return groups


def _judge_stored(verdict: Verdict, row: Stored, at_meta: Sequence[Taken], answers: Sequence[Event]) -> None:
    body = row.body
    if row.is_ambiguous:
        verdict.ambiguous.add(body)
    if not _is_acknowledged(answers):
        verdict.unanswered.add(body)
    wrong_id = [event["id"] for event in answers if _is_good(event) and event["id"] != row.id]
    if row.status in _ON_THE_WAY:
        verdict.unsettled[body] = f"still {row.status}"
    elif wrong_id:
        verdict.unexpected[body] = f"answered as message {wrong_id}, stored as {row.id}"
    elif at_meta:
        _judge_taken(verdict, row, at_meta[0], answers)
    elif row.status in _SENT:
        verdict.lost[body] = f"{row.status}, but Meta never got it"
    elif row.status == "unknown" and row.is_ambiguous:
        verdict.held.add(body)
    elif row.status == "failed" and not any(_is_good(event, "sent") for event in answers):
        verdict.ok.add(body)  # refused by Meta, and said so
    else:
        verdict.unexpected[body] = f"{row.status} without ever having been ambiguous, or after it was `sent`"


def _judge_taken(verdict: Verdict, row: Stored, at_meta: Taken, answers: Sequence[Event]) -> None:
    body = row.body
    if row.status == "unknown":
        verdict.unsettled[body] = "Meta has it and echoed it, we do not know"
    elif row.status not in _SENT:
        verdict.unexpected[body] = f"{row.status}, but Meta has it"
    elif row.wamid != at_meta.wamid:
        verdict.unexpected[body] = f"stored under {row.wamid}, at Meta under {at_meta.wamid}"
    elif any(event["code"] == "MESSAGE_SEND_FAILED" for event in answers):
        verdict.unexpected[body] = "answered as failed, but Meta has it"
    else:
        verdict.ok.add(body)


def _judge_absent(verdict: Verdict, body: str, at_meta: Sequence[Taken], answers: Sequence[Event]) -> None:
    if _is_acknowledged(answers):
        verdict.lost[body] = "acknowledged, not stored"
    elif at_meta:
        verdict.unexpected[body] = "Meta has it, we have not stored it"
    else:
        verdict.unanswered.add(body)


def _is_good(event: Event, status: str | None = None) -> bool:
    return event["http"] in {200, 202} and status in {None, event["status"]}


def _is_acknowledged(answers: Iterable[Event]) -> bool:
    """Whether a client was told that the message is in our hands: also a refusal of Meta's is such an answer."""
    return any(_is_good(event) or event["code"] == "MESSAGE_SEND_FAILED" for event in answers)
