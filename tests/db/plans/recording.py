"""What the functions of `rasl/db` send: every statement, and the line that sends it."""

import ast
import contextlib
import datetime as dt
import importlib
import inspect
import pkgutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import rasl.db
from tests.db.plans.samples import MANY, calls_of, sample
from tests.sources import tree_of

_ROOT = Path(rasl.db.__file__).parent
_METHODS = frozenset({"execute", "fetch", "fetchrow", "fetchval", "executemany", "cursor"})
_LONGEST = 50  # statements of one call


class Place(NamedTuple):
    """A line of `rasl/db` that sends a statement."""

    module: str
    line: int


class Sent(NamedTuple):
    """A statement with the values it was sent with; `function` is the one that was called."""

    function: str
    place: Place
    text: str
    values: tuple[Any, ...]

    @property
    def is_planned(self) -> bool:
        """Whether there is anything to plan: settings and locks have nothing."""
        return not self.text.lstrip().startswith("set ")


class _EnoughError(Exception):
    """A function that would go on forever with what it is told."""


# A conversation that no message is in, as it is when it has been joined with another.
_COLUMNS = {"gone_id": MANY + 1, "is_needed": False, "created_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}


class _Row(dict[str, Any]):
    """A row that has every column."""

    def __missing__(self, name: str) -> Any:
        return _COLUMNS[name] if name in _COLUMNS else sample(int, name)


class _Recorder:
    """Stands for a connection: writes down what is sent and finds either everything or nothing."""

    def __init__(self, function: str, found: bool) -> None:
        self.sent: list[Sent] = []
        self._function = function
        self._found = found

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator["_Recorder"]:
        yield self

    def execute(self, text: str, *values: Any, timeout: float | None = None) -> Awaitable[str]:  # noqa: ARG002
        return self._answer(text, values, "DONE 1")

    def fetch(self, text: str, *values: Any, timeout: float | None = None) -> Awaitable[list[_Row]]:  # noqa: ARG002
        return self._answer(text, values, [_Row(), _Row(is_needed=True)] if self._found else [])

    def fetchrow(self, text: str, *values: Any, timeout: float | None = None) -> Awaitable[_Row | None]:  # noqa: ARG002
        return self._answer(text, values, _Row() if self._found else None)

    def fetchval(self, text: str, *values: Any, timeout: float | None = None) -> Awaitable[int | None]:  # noqa: ARG002
        return self._answer(text, values, 1 if self._found else None)

    async def _return(self, value: Any) -> Any:
        return value

    def _answer(self, text: str, values: tuple[Any, ...], value: Any) -> Awaitable[Any]:
        frame = sys._getframe(2)
        self.sent.append(
            Sent(self._function, Place(Path(frame.f_code.co_filename).stem, frame.f_lineno), text, values)
        )
        if len(self.sent) > _LONGEST:
            raise _EnoughError
        return self._return(value)


async def record() -> list[Sent]:
    """Call every public function of `rasl/db` that takes a connection; returns each statement once."""
    found: dict[tuple[Place, str], Sent] = {}
    for name, function in _functions():
        for arguments in calls_of(function):
            part = getattr(arguments.get("kind"), "name", None)
            for is_found in (True, False):
                recorder = _Recorder(f"{name}({part})" if part else name, is_found)
                # What it makes of an invented answer is of no interest: what was never sent is missed at the end.
                with contextlib.suppress(Exception):
                    await _call(function, recorder, arguments)
                for sent in recorder.sent:
                    found.setdefault((sent.place, sent.text), sent)
    return list(found.values())


async def _call(function: Callable[..., Any], recorder: _Recorder, arguments: Mapping[str, Any]) -> None:
    outcome = function(recorder, **arguments)
    if hasattr(outcome, "__aenter__"):
        async with outcome:
            return
    await outcome


def _functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for info in pkgutil.iter_modules([str(_ROOT)]):
        module = importlib.import_module(f"rasl.db.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)
            if (
                function.__module__ == module.__name__
                and parameters[:1] in (["db"], ["database"])
                and not name.startswith("_")
            ):
                yield f"{info.name}.{name}", function


def places() -> dict[Place, str]:
    """Return every line of `rasl/db` that sends a statement, with the function it is in."""
    found: dict[Place, str] = {}
    for path in sorted(_ROOT.glob("*.py")):
        for function in ast.walk(tree_of(path)):
            if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
                found |= {Place(path.stem, line): f"{path.stem}.{function.name}" for line in _lines(function)}
    return found


def _lines(function: ast.AST) -> Iterator[int]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            yield node.lineno
