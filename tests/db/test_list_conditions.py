"""What an index of trigrams makes of searches for short words."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.db.list_conditions import Searched
from rasl.db.pool import Database, Db

_TABLE = """
create table texts (id bigint primary key, text text not null);
create index texts_by_text on texts using gin (text gin_trgm_ops)
"""
_COUNT = 2_000
_ALPHABETS = ("abcdeäöøß7 .«-", "яждлё7 .»-")


def _text(chance: random.Random, letters: str) -> str:
    return " " + "".join(chance.choice(letters) for _ in range(12))


@pytest.fixture(scope="module")
async def texts(shared_database: Database) -> AsyncIterator[list[str]]:
    """Two thousand texts of few letters, in the database as well."""
    chance = random.Random(1)
    texts = [_text(chance, _ALPHABETS[number % 2]) for number in range(_COUNT)]
    async with shared_database.connection() as db:
        await db.execute(_TABLE)
        await db.executemany("insert into texts values ($1, $2)", [*enumerate(texts)])
        await db.execute("vacuum analyze texts")
    yield texts
    async with shared_database.connection() as db:
        await db.execute("drop table texts")


async def _run(db: Db, what: str, searched: Searched, words: str) -> list[Any]:
    """Run a statement that visits all texts with the words, by the index if that is possible."""
    values: list[Any] = []

    def parameter(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    conditions = " and ".join(searched.conditions(words, parameter, is_whole=True)) or "true"
    async with db.transaction():
        await db.execute("set local enable_seqscan = off; set local enable_indexscan = off")
        rows = await db.fetch(f"{what} from texts where {conditions}", *values)
    return [row[0] for row in rows]


@pytest.mark.parametrize("is_lowered", [True, False])
async def test_visiting_all_finds_what_reading_finds(
    shared_database: Database, texts: list[str], is_lowered: bool
) -> None:
    chance, searched = random.Random(2), Searched(("text",), is_lowered)
    async with shared_database.listing() as db:
        for _ in range(200):
            letters = chance.choice(_ALPHABETS)
            words = "".join(chance.choice(letters) for _ in range(chance.choice((1, 2, 2, 2, 5))))
            expected = [
                number for number, text in enumerate(texts) if all(word in text for word in words.split())
            ]
            assert sorted(await _run(db, "select id", searched, words)) == expected, words


@pytest.mark.parametrize(("words", "is_looked_up"), [("zq", True), ("zq 7", True), ("z", False)])
async def test_an_index_is_not_read_from_end_to_end_for_a_term_of_two(
    shared_database: Database, texts: list[str], words: str, is_looked_up: bool
) -> None:
    assert texts
    async with shared_database.listing() as db:
        [plan] = await _run(
            db, "explain (analyze, format json) select id", Searched(("text",), is_lowered=True), words
        )
    scan = plan[0]["Plan"]
    assert (scan["Node Type"] == "Bitmap Heap Scan") is is_looked_up
    if is_looked_up:
        assert scan["Rows Removed by Index Recheck"] == 0
