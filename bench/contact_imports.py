"""CSV files: how fast a worker applies one, and what memory a server takes to receive a large one."""

import asyncio
import io
import itertools
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec

from bench.contact_results import Figure
from bench.contact_stage import Stage
from bench.procs import BenchError, Running, server
from bench.world import execute

_FIRST_PHONE = 4_916_000_000_000  # German mobiles; nobody else has them
_FIRSTNAMES = ("Maria", "Jonas", "Fatima", "Ivan", "Clara", "Kofi", "Zoe", "Hugo", "Nina", "Omar")
_LASTNAMES = (
    "Martinez",
    "Okafor",
    "Lindberg",
    "Kowalska",
    "Ferreira",
    "Novak",
    "Haddad",
    "Steinfeld",
    "Aydin",
)
_CITIES = ("Lisbon", "Leeds", "Accra", "Lima", "Gdansk", "Porto Alegre", "Izmir", "")
_TIERS = ("gold", "silver", "bronze", "")
_WARM = 500  # rows
_ROW_BYTES = 110
_HEADER = "phone,firstname,lastname,email,company,city,groups,attributes.tier,attributes.visits"
_BOUNDARY = "rasl-bench-7d9f2c"
_PATIENCE = 600.0
_POLL_SECONDS = 0.05
_SAMPLE_SECONDS = 0.01
_PIECE = 1 << 18


def measure_import(stage: Stage, rows: int, say: Callable[[str], None]) -> list[Figure]:
    """Let a worker process apply a file beside what is there, every index alive; from queued to done."""
    plan = msgspec.structs.replace(stage.plan, port=0)
    with tempfile.TemporaryFile() as file, server("worker", plan) as worker:
        # One before: the worker is up, and what it needs is in its caches.
        _write(file, range(_WARM), stage)
        _wait(stage, worker, _upload(stage, file))
        _write(file, range(_WARM, _WARM + rows), stage)
        began = time.perf_counter()
        import_id = _upload(stage, file)
        queued = time.perf_counter()
        found = _wait(stage, worker, import_id)
        seconds = time.perf_counter() - queued
    if found["created"] != rows:
        raise BenchError(f"the import came to {found}")
    figures = [Figure(f"CSV import of {rows:,} rows", rows / seconds, "rows/s", 20_000, is_least=True)]
    say(f"{figures[0].line}; upload {queued - began:.1f} s")
    return figures


def measure_memory(stage: Stage, megabytes: int, say: Callable[[str], None]) -> list[Figure]:
    """Receive a large file while nothing applies it, and forget it."""
    with tempfile.TemporaryFile() as file:
        _write(file, range(megabytes * 1_000_000 // _ROW_BYTES), stage)
        size = file.seek(0, os.SEEK_END) / 1e6
        with _Memory(stage.running.pid) as memory:
            import_id = _upload(stage, file)
    for table in ("jobs where kind = 'import' and subject_id", "contact_imports where id"):
        asyncio.run(execute(stage.plan.dsn, f"delete from {table} = {import_id}"))
    figures = [Figure(f"a server's memory during an upload of {size:.0f} MB", memory.growth, "MB", 50)]
    say(figures[0].line)
    return figures


def _write(file: BinaryIO, numbers: Sequence[int], stage: Stage) -> None:
    """Write a file of people nobody knows, in the place of what is there; the same file each time."""
    chance = random.Random(numbers[0])
    group_names = [f"Group {number}" for number in range(1, len(stage.contacts.groups) + 1)]
    file.seek(0)
    file.truncate()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    text.write(f"{_HEADER}\n")
    for number in numbers:
        firstname, lastname = chance.choice(_FIRSTNAMES), f"{chance.choice(_LASTNAMES)}{number % 877}"
        text.write(
            f"+{_FIRST_PHONE + number},{firstname},{lastname},{firstname.lower()}.{number}@imports.test,"
            f"{chance.choice(_LASTNAMES)} Trading {number % 5003},{chance.choice(_CITIES)},"
            f"{chance.choice(group_names)};{chance.choice(group_names)},{chance.choice(_TIERS)},{number % 40}\n"
        )
    text.flush()
    text.detach()


def _upload(stage: Stage, file: BinaryIO) -> int:
    """Send a file as a form and return the id of its import."""
    fields = {
        "default_source_id": stage.contacts.sources[0],
        "default_status_id": stage.contacts.statuses[0],
    }
    head = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n'
    ends = f"{head}Content-Type: text/csv\r\n\r\n".encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(size + sum(map(len, ends))),
    }
    pieces = iter(lambda: file.read(_PIECE), b"")
    body = itertools.chain(ends[:1], pieces, ends[1:])
    return int(stage.client.post("/api/v2/contacts/import", body, headers)["id"])


def _wait(stage: Stage, worker: Running, import_id: int) -> dict[str, Any]:
    """Return an import that is done."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found: dict[str, Any] = stage.client.get(f"/api/v2/contacts/imports/{import_id}")
        if found["status"] == "done":
            return found
        if found["status"] == "failed" or worker.process.poll() is not None:
            break
        time.sleep(_POLL_SECONDS)
    raise BenchError(f"the import is {found['status']}: {worker.last_words()}")


class _Memory:
    """The most a process grew inside the block, in MB."""

    def __init__(self, pid: int) -> None:
        self._pages = Path(f"/proc/{pid}/statm")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._before = self._most = self._now()

    @property
    def growth(self) -> float:
        return (self._most - self._before) * os.sysconf("SC_PAGESIZE") / 1e6

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._most = max(self._most, self._now())

    def _now(self) -> int:
        return int(self._pages.read_text().split()[1])
