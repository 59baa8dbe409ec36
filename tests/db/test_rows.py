import datetime as dt
import re
from pathlib import Path
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.pool import Database

SOURCES = sorted((Path(__file__).parents[2] / "rasl").rglob("*.py"))


class Line(msgspec.Struct, frozen=True):
    number: int
    word: str | None
    is_set: bool
    share: float | None
    at: dt.datetime | None
    ids: tuple[int, ...]
    content: Any
    digest: bytes | None = None
    length: dt.timedelta | None = None


NOW = dt.datetime(2026, 5, 28, 20, 26, 40, 123456, dt.UTC)
LAST = dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC)
LINES = [
    Line(2**63 - 1, 'a"b\\ \U0001f600', True, 0.1, NOW, (1, 2), [[1], []], b"", dt.timedelta()),
    Line(-(2**63), None, False, None, None, (), None),
    Line(
        0,
        "",
        True,
        1e-300,
        LAST,
        (3,),
        {"a": [None, {"b": []}]},
        bytes(range(256)),
        dt.timedelta(microseconds=1),
    ),
    Line(1, "null", False, -1.5, dt.datetime(1, 1, 1, tzinfo=dt.UTC), (0,), "text"),
    Line(2, "[1]", False, 3.0, None, (), [{"x": 1}, None], b"\x00", dt.timedelta(days=400, hours=3)),
    Line(3, "{}", False, 0.0, None, (), 7),
]


async def test_rows_arrive_as_they_are(database: Database) -> None:
    async with database.connection() as db:
        found = await db.fetch(
            f"select {rows.names(Line, 'i.')}, ord from {rows.ordered(Line)} order by ord", LINES
        )
    assert [row["ord"] for row in found] == [1, 2, 3, 4, 5, 6]
    for row, line in zip(found, LINES, strict=True):
        values = [tuple(value) if name == "ids" else value for name, value in list(row.items())[:-1]]
        assert values == list(msgspec.structs.astuple(line))


async def test_no_rows_are_no_rows(database: Database) -> None:
    async with database.connection() as db:
        assert await db.fetch(f"select * from {rows.table(Line)}", []) == []


def test_no_statement_takes_an_array_of_json_or_of_arrays() -> None:
    """An array of lists is one more dimension, and unnest() takes that apart: one card became an object so."""
    breaches = [
        f"{path.name}: {match[0]}"
        for path in SOURCES
        for match in re.finditer(
            r"\$\{?\w+\}?::(json|jsonb|\w+\[\])\[\]|::jsonb?\[\]", path.read_text(encoding="utf-8")
        )
    ]
    assert breaches == []
