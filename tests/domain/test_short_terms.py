import re

import pytest

from rasl.domain.short_terms import short_term


def _finds(word: str, text: str) -> bool:
    term = short_term(word)
    assert term is not None
    return re.search(term, text) is not None


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("an", " anna"),
        ("AN", " hanna"),
        ("na", " anna"),
        ("an", " an"),
        ("an", "\u2014an\r\n"),
        ("an", " an "),
        ("b7", " (b7)"),
        ("ip", " vip客户"),
        ("жу", " ядя «жу»"),
        ("ян", " татьяна"),
        ("مح", " محمد"),
        ("re", " øre"),
        ("ße", " straße"),
        ("o2", " o2-arena"),
    ],
)
def test_a_term_is_found_wherever_it_stands(word: str, text: str) -> None:
    assert _finds(word, text)
    assert not _finds(word, " quite something else")


@pytest.mark.parametrize(
    "word", ["a", "abc", "", "a.", "%_", "a\u0436", "\u0131a", "王伟", "नम", "กร", "\u0130"]
)
def test_what_no_index_knows_is_left_to_reading(word: str) -> None:
    assert short_term(word) is None
