"""What it costs to read a request: one text as plain JSON, with an unknown name, as forms, as a query."""

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec

from rasl.api.v2.sends.text import SendText
from rasl.domain import validation
from rasl.web.context import Context
from rasl.web.input import Input

_JSON, _FORM = b"application/json", b"application/x-www-form-urlencoded"
_PARTS = b"multipart/form-data; boundary=b"
_BODY = b'{"phone":"+442079460011","message":"Your parcel 31415 arrives today."}'
_PAIRS = b"phone=%2B442079460011&message=Your+parcel+31415+arrives+today."
_PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
_MULTIPART = _PART % (b"phone", b"+442079460011") + _PART % (b"message", b"Your parcel.") + b"--b--\r\n"
_WAYS: dict[str, tuple[bytes, bytes, bytes]] = {
    "JSON": (_JSON, _BODY, b""),
    "JSON with an unknown name": (_JSON, _BODY[:-1] + b',"preview":true}', b""),
    "JSON with a number for the phone": (_JSON, _BODY.replace(b'"+442079460011"', b"442079460011"), b""),
    "urlencoded form": (_FORM, _PAIRS, b""),
    "multipart form": (_PARTS, _MULTIPART, b""),
    "query": (_JSON, b"", _PAIRS),
}


class Read(msgspec.Struct, frozen=True):
    """What reading one way took, in microseconds of CPU: others may be at work beside."""

    way: str
    microseconds: float


class Report(msgspec.Struct, frozen=True):
    """All ways, in one run and interleaved."""

    reads: list[Read]

    def lines(self) -> list[str]:
        """Return the figures as lines of a table."""
        least = self.reads[0].microseconds
        return [
            f"{read.way:<36}{read.microseconds:>7.1f} us   {read.microseconds - least:>+7.1f}"
            for read in self.reads
        ]


def run(is_quick: bool, say: Callable[[str], None]) -> Report:
    """Read the text every way, in turns; medians of many rounds."""
    rounds, count = (20, 200) if is_quick else (60, 1000)
    say(f"{rounds} rounds of {count} reads each way")
    return Report(asyncio.run(_measured(rounds, count)))


async def _measured(rounds: int, count: int) -> list[Read]:
    taken: dict[str, list[float]] = {"the decoder alone": [], **{way: [] for way in _WAYS}}
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(count):
            validation.read(SendText, _BODY)
        taken["the decoder alone"].append((time.process_time() - began) / count)
        for way, sent in _WAYS.items():
            began = time.process_time()
            for _ in range(count):
                await _read(*sent)
            taken[way].append((time.process_time() - began) / count)
    return [Read(way, statistics.median(seconds) * 1e6) for way, seconds in taken.items()]


async def _read(content_type: bytes, body: bytes, query: bytes) -> SendText:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    scope: Any = {
        "type": "http",
        "query_string": query,
        "rasl.context": Context("id", [], {b"content-type": content_type}),
        "route_handler": _Route,
        "litestar_app": _App,
    }
    given = Input(scope)
    try:
        return await given.read(receive, SendText)
    finally:
        given.close()


class _Route:
    class parsed_data_field:  # noqa: N801 - the framework's name
        annotation = SendText


class _App:
    class state:  # noqa: N801 - the framework's name
        class resources:  # noqa: N801 - the framework's name
            class settings:  # noqa: N801 - the framework's name
                data_dir = None
