"""A sampling profiler: where the main thread is at every millisecond of CPU time it uses."""

import signal
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

_INTERVAL = 0.001
_SHOWN = 70


class Sampler:
    """Samples inside the `with` block; writes lists of own and whole time, and the stacks for a flame graph."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own: Counter[str] = Counter()
        self._lines: Counter[str] = Counter()
        self._below: Counter[str] = Counter()
        self._stacks: Counter[str] = Counter()
        self._total = 0

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        parts = [
            self._list("own time", self._own),
            self._list("own time by line", self._lines),
            self._list("with everything below", self._below),
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("\n".join(parts), encoding="utf-8")
        folded = "".join(f"{stack} {count}\n" for stack, count in self._stacks.items())
        self._path.with_suffix(".folded").write_text(folded, encoding="utf-8")

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._total += 1
        self._own[_name(frame)] += 1
        self._lines[f"{_name(frame)}:{frame.f_lineno}"] += 1
        stack: list[str] = []
        while frame is not None:
            stack.append(_name(frame))
            frame = frame.f_back
        self._below.update(set(stack))
        self._stacks[";".join(reversed(stack)).replace(" ", ":")] += 1

    def _list(self, title: str, counts: Counter[str]) -> str:
        rows = [f"{100 * count / self._total:6.2f} %  {name}" for name, count in counts.most_common(_SHOWN)]
        return "\n".join([f"{title} ({self._total} samples)", *rows, ""])


def _name(frame: FrameType) -> str:
    code = frame.f_code
    parts = Path(code.co_filename).parts
    return f"{'/'.join(parts[-3:])} {code.co_qualname}"
