"""Spellings of phone numbers that people do not type: what is read, what is refused, and that bodies say the same."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.phone import Phone, PhoneProblem, kept, understand
from rasl.domain.phone_spelling import pattern, typed

DIGITS = "442079460011"


def in_script(zero: str, text: str = f"+{DIGITS}") -> str:
    return "".join(chr(ord(zero) + int(sign)) if sign.isdecimal() else sign for sign in text)


# A spelling, and what is stored of it.
ABROAD = (
    ("+44\u00a020\u00a07946\u00a00011", "+44 20 7946 0011"),  # blanks that do not break
    ("+44\u202f20\u20097946\u20030011", "+44 20 7946 0011"),
    ("+44\u300020\u30007946\u30000011", "+44 20 7946 0011"),
    ("\u00a0+442079460011\u00a0", "+442079460011"),
    ("\t+442079460011\n", "+442079460011"),
    ("\u202a+44 20 7946 0011\u202c", "+44 20 7946 0011"),  # as address books of phones copy it
    ("\u202d+442079460011\u202c", "+442079460011"),
    ("\u200e+442079460011", "+442079460011"),
    ("\u200f+442079460011\u200f", "+442079460011"),
    ("\u2066+442079460011\u2069", "+442079460011"),
    ("+44\u200b20\u200c7946\u200d0011", "+442079460011"),
    ("\ufeff+442079460011", "+442079460011"),
    ("+44\u00ad20\u20607946\u061c0011", "+442079460011"),
    ("tel:+442079460011", "+442079460011"),
    ("TEL: +44-20-7946-0011", "+44-20-7946-0011"),
    ("whatsapp:+442079460011", "+442079460011"),
    ("WhatsApp:+44 20 7946 0011", "+44 20 7946 0011"),
    ("\u200etel:\u200e+44\u00a020 7946 0011", "+44 20 7946 0011"),
    ("+44.20.7946.0011", "+442079460011"),
    ("+44 (0)20.7946.0011", "+442079460011"),
    ("tel:+44.20.7946.0011", "+442079460011"),
    ("+4420/7946 0011", "+442079460011"),
    ("+44 20/79460011", "+442079460011"),
    ("+44 (20)/7946-0011", "+442079460011"),
    ("0044 20/7946 0011", "+442079460011"),
    ("\uff0b442079460011", "+442079460011"),
    ("+44\u201320\u20137946\u20110011", "+44-20-7946-0011"),
    ("+44\u221220\uff0d7946\u30fc0011", "+44-20-7946-0011"),
    ("+44\uff0820\uff097946\u20100011", "+44(20)7946-0011"),
    ("+44\uff0e20\uff0e7946\uff0e0011", "+442079460011"),
    (in_script("\uff10"), "+442079460011"),  # full-width
    (in_script("\u0660"), "+442079460011"),  # Arabic-Indic
    (in_script("\u06f0"), "+442079460011"),  # Persian
    (in_script("\u0966", "+44 20 7946 0011"), "+44 20 7946 0011"),  # Devanagari
    ("+44 " + in_script("\u0660", "2079460011"), "+44 2079460011"),
    ("\u200f" + in_script("\u0660", "0044-20-7946-0011"), "0044-20-7946-0011"),
)
AT_HOME = (
    ("020/7946 0011", "GB", DIGITS),
    ("(020)/7946 0011", "GB", DIGITS),
    ("020.7946.0011", "GB", DIGITS),
    ("442.079.460.011", "GB", DIGITS),
    (in_script("\u06f0", DIGITS), "GB", DIGITS),
    ("tel:020-7946-0011", "GB", DIGITS),
    (in_script("\u0660", "020 7946 0011"), "GB", DIGITS),
    ("030/12345678", "DE", "493012345678"),
    ("0151/12345678", "DE", "4915112345678"),
    ("0151.12345678", "DE", "4915112345678"),
    ("415/555-2671", "US", "14155552671"),
    ("415.555.2671", "US", "14155552671"),
    ("1.415.555.2671", "US", "14155552671"),
    ("06.12.34.56.78", "FR", "33612345678"),
)
CHARACTERS, PARTS = "may only contain", "which number is meant"
REFUSED = (
    ("+442079460011 ext 5", CHARACTERS),
    ("+442079460011x5", CHARACTERS),
    ("tel:+442079460011;ext=5", CHARACTERS),
    ("tel:2079460011;phone-context=+44", CHARACTERS),
    ("+442079460011#5", CHARACTERS),
    ("+442079460011, +442079460012", CHARACTERS),
    ("+44 20 SEVEN 0011", CHARACTERS),
    ("mailto:+442079460011", CHARACTERS),
    ("tel:tel:+442079460011", CHARACTERS),
    ("tel:", "is empty"),
    ("\u200b", "is empty"),
    ("+4420794600\u202e11", CHARACTERS),  # shown the other way round
    ("+44 20 7946\n0011", CHARACTERS),  # on two lines
    ("+44\t20 7946 0011", CHARACTERS),
    ("+44 20 7946 001\u00bd", CHARACTERS),
    ("+44 20 7946 001\u2460", CHARACTERS),
    ("+44 20 7946 0011\u0664\u066b", CHARACTERS),
    ("+442079460011 / +442079460012", PARTS),
    ("+442079460011/+442079460012", PARTS),
    ("020 7946 0011 / 020 7946 0012", PARTS),
    ("020 7946 0011 / 0012", PARTS),
    ("02079460011/12", PARTS),
    ("+4915112345678/9", PARTS),
    ("5551234/5678", PARTS),
    ("+4420/7946/0011", PARTS),
    ("020 / 7946 0011", PARTS),
    ("+442079460011/", PARTS),
    ("/+442079460011", PARTS),
    ("4915112345678.0", PARTS),  # as spreadsheets write numbers
    ("4915112345678.00", PARTS),
    ("+44..20.7946.0011", PARTS),
    ("+442079460011.", PARTS),
    (".+442079460011", PARTS),
    ("+44. 20. 7946. 0011", PARTS),
)


@pytest.mark.parametrize("default_country", [None, "GB", "DE"])
@pytest.mark.parametrize(("text", "stored"), ABROAD)
def test_what_people_do_not_type_is_read_all_the_same(
    text: str, stored: str, default_country: str | None
) -> None:
    phone = understand(text, default_country)
    assert isinstance(phone, Phone)
    assert (phone.digits, kept(text, phone)) == (DIGITS, stored)
    assert understand(stored) == phone
    assert re.search(pattern(1, 20), text.strip())


@pytest.mark.parametrize(("text", "country", "digits"), AT_HOME)
def test_dots_and_a_slash_part_a_number_as_dialled_at_home(text: str, country: str, digits: str) -> None:
    phone = understand(text, country)
    assert isinstance(phone, Phone)
    assert phone.digits == digits
    assert re.search(pattern(1, 20), text)


@pytest.mark.parametrize("default_country", [None, "GB", "DE", "US"])
@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_leaves_open_which_number_is_meant_is_refused(
    text: str, words: str, default_country: str | None
) -> None:
    problem = understand(text, default_country)
    assert isinstance(problem, PhoneProblem)
    assert words in problem.sentence


@pytest.mark.parametrize("text", [text for text, _ in (*ABROAD, *REFUSED)])
def test_a_typed_number_is_typed_already(text: str) -> None:
    assert typed(typed(text)) == typed(text) or text.startswith("tel:tel:")


def test_lengths_count_what_people_see() -> None:
    ten_to_twenty = re.compile(pattern(10, 20))
    seen = {count: "1" * count for count in (9, 10, 20, 21)}
    for dress in ("{}", "tel:{}", "\u202d{}\u202c", " \u00a0\u200e{}\u200f", "whatsapp: {}"):
        assert [bool(ten_to_twenty.search(dress.format(seen[count]))) for count in (9, 10, 20, 21)] == [
            False,
            True,
            True,
            False,
        ], dress
    assert ten_to_twenty.search("\u200b".join(seen[20]))
    assert not ten_to_twenty.search("\u200b".join(seen[21]))
    assert not ten_to_twenty.search(f"{seen[10]}\n")
    assert not ten_to_twenty.search(f"{seen[10]}x")


def test_every_sign_that_is_read_passes_the_pattern_and_no_other() -> None:
    one = re.compile(pattern(1, 1))
    for code in range(0x3000):
        sign = chr(code)
        is_read = typed(f"1{sign}1") != f"1{sign}1" or sign in "0123456789+-()./ "
        is_seen = is_read and typed(f"1{sign}1") not in {"11", "1 1"}
        assert bool(one.search(sign)) is (is_seen or sign == " "), hex(code)
        if is_read and sign.isdecimal():
            assert typed(f"1{sign}1") == f"1{unicodedata.decimal(sign)}1"


@given(st.text(alphabet="+0123456789 -()./\u00a0\u200e\u0661tel:", max_size=30))
def test_what_was_understood_is_understood_again_as_it_is_stored(text: str) -> None:
    for country in (None, "GB", "DE", "US"):
        phone = understand(text, country)
        if isinstance(phone, Phone):
            assert understand(kept(text, phone), country) == phone


@pytest.mark.parametrize(
    "text",
    [" " * 100_000 + "x", "\u200b" * 100_000 + "x", "1" + " \u200b" * 50_000 + "x", "tel:" + " " * 100_000],
)
def test_a_long_text_is_refused_in_time(text: str) -> None:
    assert not re.search(pattern(10, 20), text)
    assert isinstance(understand(text), PhoneProblem)
