"""Runs Schemathesis over a document, and tells what it found but for what `exceptions.py` has a reason for."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import schemathesis
from schemathesis.engine import Status, events, from_schema

from tests.fuzz.exceptions import reason_for

SEED = 20260304
_PHASES = ("examples", "coverage", "fuzzing", "stateful")
# What was answered before teaches it nothing, so that every run is the same; `test_every_method.py` tries the methods.
_TAUGHT: dict[str, Any] = {"extra-data-sources": {"responses": False}}
_ALIKE: dict[str, dict[str, Any]] = {
    "examples": _TAUGHT,
    "coverage": {"unexpected-methods": [], **_TAUGHT},
    "fuzzing": {"error-feedback": {"enabled": False}, **_TAUGHT},
}
_KEY = "Idempotency-Key"
_keys = itertools.count(1)


@dataclasses.dataclass
class Report:
    """What a run did and found."""

    cases: int = 0
    findings: list[str] = dataclasses.field(default_factory=list)
    excepted: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    answers: dict[str, collections.Counter[int]] = dataclasses.field(default_factory=dict)


def fuzz(
    document: Mapping[str, Any],
    base_url: str,
    token: str,
    *,
    phases: tuple[str, ...],
    examples: int,
    last: tuple[str, ...] = (),
) -> Report:
    """Make requests of a document, in the same order every time; those of operations in `last` come last of all."""
    report = Report()
    schema = schemathesis.openapi.from_dict(dict(document), config=_config(token, phases, examples))
    schema.config.update(base_url=base_url)

    @schema.hook
    def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:  # noqa: ARG001
        reason = reason_for(document, failure, case, response)
        if reason is not None:
            report.excepted[reason] += 1
        return reason is None

    parts = [schema.exclude(operation_id=list(last)), schema.include(operation_id=list(last))]
    for part in parts if last else [schema]:
        for event in from_schema(part).execute():
            _note(report, event)
    return report


def _config(token: str, phases: tuple[str, ...], examples: int) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "workers": 1,
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {token}"},
            "phases": {name: {"enabled": name in phases} | _ALIKE.get(name, {}) for name in _PHASES},
            # No database holds NUL characters; what refuses them has a test of its own.
            "generation": {
                "max-examples": examples,
                "no-shrink": True,
                "database": "none",
                "allow-x00": False,
            },
            "output": {"sanitization": {"enabled": False}},
        }
    )


def _note(report: Report, event: Any) -> None:
    if isinstance(event, events.ScenarioFinished):
        recorder = event.recorder
        report.cases += len(recorder.cases)
        counted = report.answers.setdefault(recorder.label, collections.Counter())
        counted.update(it.response.status_code for it in recorder.interactions.values() if it.response)
        report.findings += _failures(recorder)
    elif isinstance(event, events.NonFatalError):
        report.findings.append(f"{event.label}: {event.value!r}")
    elif isinstance(event, events.FatalError):
        raise event.exception


def _failures(recorder: Any) -> Iterator[str]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status == Status.FAILURE:
                answer = recorder.interactions[case_id].response
                said = answer.content[:500] if answer else None
                told = check.failure_info
                about = f"{told.failure.title}\n{told.failure.message[:1000]}"
                yield f"{recorder.label}: {about}\n{told.code_sample[:1500]}\n{said}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - as Schemathesis calls it
    """Give every right request a key of its own: one that came before would only be told so."""
    if _KEY in (case.headers or {}) and case.meta is not None and case.meta.generation.mode.is_positive:
        case.headers[_KEY] = f"fuzz-{next(_keys)}"


@schemathesis.serializer("application/x-www-form-urlencoded")
def urlencoded(context: Any, value: Any) -> bytes:  # noqa: ARG001 - it has put it together in a way of its own
    """Write a form as clients of this API do."""
    pairs = [(name, _text(it)) for name, it in _pairs(context.case.body)]
    return urlencode(pairs, errors="surrogatepass").encode()


def _pairs(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return what a form says of a value: brackets below the first name, nothing of null."""
    if isinstance(value, dict):
        inner = [(f"{name}[{key}]" if name else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    else:
        return [] if value is None else [(name, value)]
    return [pair for below, item in inner for pair in _pairs(item, below)]


def _text(value: Any) -> str | bytes:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, bytes) else str(value)
