"""What an index of trigrams makes of searches for short words."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasl.db.list_conditions import Searched
from rasl.db.pool import Database, Db

_TABLE = """
create table texts (id bigint primary key, text text not null);
create index texts_by_text on texts using gin (text gin_trgm_ops);
create index texts_with_lone_pair on texts (id) where has_lone_pair(text)
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
    chance, searched = random.Random(2), Searched(("text",), is_lowered, is_indexed=True)
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
            db,
            "explain (analyze, format json) select id",
            Searched(("text",), is_lowered=True, is_indexed=True),
            words,
        )
    scan = plan[0]["Plan"]
    assert (scan["Node Type"] == "Bitmap Heap Scan") is is_looked_up
    if is_looked_up:
        assert scan["Rows Removed by Index Recheck"] == 0


# Letters and digits of several scripts, capitals that become others, and what people put between and beside them.
_SIGNS = (
    "aZk9ßéÉ客户नख \n\r\t.,'¿&_%\\*[]^$|"
    "\u0436\u0416\u0407\u03a3\u03c2\u03c9\u0623\u0645\u067e\u0130\u0131\u017f\u03f4\u2126\u212a"
    "\u00a0\u00ad\u200d\u0301\u2013\u2014\u2018\u2019\u201c\u201d\u2026\U0001f44d"
)


@pytest.fixture
async def any_texts(shared_database: Database) -> AsyncIterator[Db]:
    """One connection, and an empty table."""
    async with shared_database.connection() as db:
        await db.execute(_TABLE.replace("texts", "any_texts"))
        yield db
        await db.execute("drop table any_texts")


async def _compare(db: Db, searched: Searched, texts: list[str], word: str) -> None:
    """Hold what a search finds against what has the word."""
    values: list[Any] = []

    def parameter(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    [condition] = searched.conditions(word, parameter, is_whole=True)
    text = "lower(text)" if searched.is_lowered else "text"
    await db.execute("delete from any_texts")
    await db.execute(
        f"insert into any_texts select id, {text} from unnest($1::text[]) with ordinality as t (text, id)",
        texts,
    )
    found = await db.fetch(f"select id from any_texts where {condition}", *values)
    meant = await db.fetch(
        "select id, text from any_texts where position(lower($1::text) in lower(text)) > 0", word
    )
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in meant), (word, meant)


@pytest.mark.parametrize("is_indexed", [True, False])
@pytest.mark.parametrize("is_lowered", [True, False])
async def test_no_search_is_narrower_or_wider_than_a_substring(
    any_texts: Db, is_lowered: bool, is_indexed: bool
) -> None:
    loop, searched = asyncio.get_running_loop(), Searched(("text",), is_lowered, is_indexed)

    def run(texts: list[str], word: str) -> None:
        asyncio.run_coroutine_threadsafe(_compare(any_texts, searched, texts, word), loop).result()

    signs = st.sampled_from(_SIGNS)
    texts = st.lists(st.text(signs, max_size=7), min_size=50, max_size=100)
    word = st.text(signs.filter(lambda sign: not sign.isspace()), min_size=1, max_size=2)
    trying = settings(max_examples=100, deadline=None, derandomize=True, database=None)
    await asyncio.to_thread(trying(given(texts, word)(run)))


@pytest.mark.parametrize(
    "text",
    [
        "ok",
        "客ok户",
        "\U0001f44dok\U0001f44d",
        "\u2019ok\u2019",
        "\u0436ok\u0436",
        "\u212aOK\u212a",
        "ok\r",
        "\u2014ok",
    ],
)
@pytest.mark.parametrize("is_lowered", [True, False])
async def test_two_letters_are_found_whatever_stands_beside_them(
    any_texts: Db, is_lowered: bool, text: str
) -> None:
    await _compare(any_texts, Searched(("text",), is_lowered, is_indexed=True), [text, "nothing"], "ok")
