import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.phone import Phone, PhoneProblem, is_bsuid, is_country, match_key, understand


@pytest.mark.parametrize(
    ("text", "digits", "country"),
    [
        ("+442079460011", "442079460011", "GB"),
        ("+44 20 7946 0011", "442079460011", "GB"),
        ("(+44) 20-7946-0011", "442079460011", "GB"),
        ("  +44 20 7946 0011 ", "442079460011", "GB"),
        ("+44 (0)20 7946 0011", "442079460011", "GB"),
        ("0044 20 7946 0011", "442079460011", "GB"),
        ("+1 555 010 1234", "15550101234", "US"),
        ("+1 (415) 555-2671", "14155552671", "US"),
        ("+1 416 555 0123", "14165550123", "CA"),
        ("+44 7700 900123", "447700900123", "GB"),
        ("+390612345678", "390612345678", "IT"),
        ("+39 340 123 4567", "393401234567", "IT"),
        ("+919876543210", "919876543210", "IN"),
        ("+2348012345678", "2348012345678", "NG"),
        ("+8613800138000", "8613800138000", "CN"),
        ("+65 9123 4567", "6591234567", "SG"),
        ("+351210000001", "351210000001", "PT"),
        ("+7 912 345-67-89", "79123456789", "RU"),
        ("+971 50 123 4567", "971501234567", "AE"),
        ("+968 9123 4567", "96891234567", "OM"),
        ("+55 11 98765-4321", "5511987654321", "BR"),
        ("+55 11 8765-4321", "551187654321", "BR"),
        ("+52 55 1234 5678", "525512345678", "MX"),
        ("+52 1 55 1234 5678", "5215512345678", "MX"),
        ("+54 9 11 2345 6789", "5491123456789", "AR"),
        ("+54 11 15 2345 6789", "5491123456789", "AR"),
        ("+54 9 11 15 2345 6789", "5491123456789", "AR"),
        ("+881612345678", "881612345678", None),
    ],
)
@pytest.mark.parametrize("default_country", [None, "GB", "DE"])
def test_an_international_number_means_the_same_everywhere(
    text: str, digits: str, country: str | None, default_country: str | None
) -> None:
    phone = understand(text, default_country)
    assert isinstance(phone, Phone)
    assert (phone.digits, phone.country) == (digits, country)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("442079460011", "442079460011"),
        ("15550101234", "15550101234"),
        ("447700900123", "447700900123"),
        ("6591234567", "6591234567"),
        ("4915112345678", "4915112345678"),
        ("5215512345678", "5215512345678"),
        ("551187654321", "551187654321"),
    ],
)
@pytest.mark.parametrize("default_country", [None, "GB", "US"])
def test_full_digits_without_a_plus_are_international(
    text: str, digits: str, default_country: str | None
) -> None:
    phone = understand(text, default_country)
    assert isinstance(phone, Phone)
    assert phone.digits == digits


@pytest.mark.parametrize(
    ("text", "country", "digits"),
    [
        ("020 7946 0011", "GB", "442079460011"),
        ("07911 123456", "GB", "447911123456"),
        ("7911 123456", "GB", "447911123456"),
        ("(415) 555-2671", "US", "14155552671"),
        ("1 415 555 2671", "US", "14155552671"),
        ("011 44 20 7946 0011", "US", "442079460011"),
        ("0151 12345678", "DE", "4915112345678"),
        ("06 1234 5678", "IT", "390612345678"),
        ("340 123 4567", "IT", "393401234567"),
        ("06 12 34 56 78", "FR", "33612345678"),
        ("9876543210", "IN", "919876543210"),
        ("98234567", "SG", "6598234567"),
        ("99887766", "OM", "96899887766"),
        ("8 (912) 345-67-89", "RU", "79123456789"),
        ("11 98765-4321", "BR", "5511987654321"),
        ("0 15 11 98765-4321", "BR", "5511987654321"),
        ("55 1234 5678", "MX", "525512345678"),
        ("011 15 2345 6789", "AR", "5491123456789"),
        ("0351 15 234 5678", "AR", "5493512345678"),
        ("138 0013 8000", "CN", "8613800138000"),
    ],
)
def test_a_number_as_dialled_at_home_needs_the_default_country(text: str, country: str, digits: str) -> None:
    phone = understand(text, country)
    assert isinstance(phone, Phone)
    assert phone.digits == digits


@pytest.mark.parametrize(
    ("text", "country", "digits"),
    [
        # Both readings are valid mobiles: home wins, an American never writes to Singapore by accident.
        ("6598234567", "US", "16598234567"),
        ("15112345678", "DE", "4915112345678"),
        ("13912345678", "CN", "8613912345678"),
        # At home a landline that nobody writes without its 0, abroad a mobile: abroad wins.
        ("447911123456", "DE", "447911123456"),
        ("33612345678", "DE", "33612345678"),
        # At home a mobile, abroad a landline: home wins.
        ("81234567890", "ID", "6281234567890"),
        # Only one reading is valid.
        ("2079460011", "GB", "442079460011"),
        ("4915112345678", "GB", "4915112345678"),
        ("6591234567", "US", "6591234567"),
    ],
)
def test_two_readings_are_decided_for_the_mobile_and_then_for_home(
    text: str, country: str, digits: str
) -> None:
    phone = understand(text, country)
    assert isinstance(phone, Phone)
    assert phone.digits == digits


@pytest.mark.parametrize(
    "text", ["020 7946 0011", "0151 12345678", "3105550123", "2079460011", "011 44 20 7946 0011"]
)
def test_a_national_number_without_a_default_country_is_refused(text: str) -> None:
    problem = understand(text)
    assert isinstance(problem, PhoneProblem)
    assert "Write it with + and its country code" in problem.sentence


def test_the_refusal_of_a_leading_zero_names_the_missing_country_code() -> None:
    problem = understand("020 7946 0011")
    assert isinstance(problem, PhoneProblem)
    assert problem.sentence.startswith("The phone number has no country code.")


def test_an_unknown_default_country_counts_as_none() -> None:
    assert understand("020 7946 0011", "XX") == understand("020 7946 0011", None)


@pytest.mark.parametrize("default_country", [None, "GB"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("  - ( ) ", "is empty"),
        ("+", "one +"),
        ("++442079460011", "one +"),
        ("44+2079460011", "one +"),
        ("+44 20 7946 0011 ext 5", "may only contain"),
        ("+44 20 7946 0011x5", "may only contain"),
        ("+44 20 7946 0011\x00", "may only contain"),
        ("US.13491208655302741918", "may only contain"),
        ("+0044 20 7946 0011", "country code that exists"),
        ("+999 123 456 789", "country code that exists"),
        ("+44 20", "7 to 15 digits"),
        ("+1234567890123456", "7 to 15 digits"),
        ("+44 20 7946", "too few digits"),
        ("+1 555 0100", "too few digits"),
        ("+44 20 7946 001112", "too many digits"),
        ("1" * 41, "7 to 15 digits"),
        ("x" * 41, "may only contain"),
        ("00", "7 to 15 digits"),
        ("12345", "cannot be read"),
        ("+49 0 0163 6967562", "cannot be read"),
        ("+49 0 9613", "7 to 15 digits"),
        ("999123456789", "cannot be read"),
    ],
)
def test_what_is_no_phone_number_is_refused_in_a_sentence(
    text: str, words: str, default_country: str | None
) -> None:
    problem = understand(text, default_country)
    assert isinstance(problem, PhoneProblem)
    assert words in problem.sentence


@pytest.mark.parametrize(
    ("digits", "key"),
    [
        ("5511987654321", "5511987654321"),
        ("551187654321", "5511987654321"),
        ("551161234567", "5511961234567"),
        ("551134567890", "551134567890"),
        ("551151234567", "551151234567"),
        ("5511934567890", "5511934567890"),
        ("550187654321", "550187654321"),
        ("5215512345678", "525512345678"),
        ("525512345678", "525512345678"),
        ("52155123456", "52155123456"),
        ("5491123456789", "541123456789"),
        ("541123456789", "541123456789"),
        ("54111523456789", "541123456789"),
        ("549111523456789", "541123456789"),
        ("5493512345678", "543512345678"),
        ("54351152345678", "543512345678"),
        ("5429011523456", "5429011523456"),
        ("54290115512345", "542901512345"),
        ("442079460011", "442079460011"),
        ("15550101234", "15550101234"),
        ("", ""),
        ("55", "55"),
        ("US.13491208655302741918", "US.13491208655302741918"),
    ],
)
def test_variants_of_one_line_share_a_key(digits: str, key: str) -> None:
    assert match_key(digits) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+55 11 8765-4321", "5511987654321"),
        ("+52 1 55 1234 5678", "525512345678"),
        ("+54 11 15 2345 6789", "5491123456789"),
        ("+54 11 2345 6789", "5491123456789"),
    ],
)
def test_understood_numbers_carry_the_key_of_metas_spelling(one: str, other: str) -> None:
    phone = understand(one)
    assert isinstance(phone, Phone)
    assert phone.match_key == match_key(other)


@given(st.text(alphabet="0123456789", max_size=16))
def test_a_key_is_its_own_key(digits: str) -> None:
    assert match_key(match_key(digits)) == match_key(digits)


@given(st.text(alphabet="+0123456789 -()", max_size=20), st.sampled_from([None, "GB", "DE", "BR", "US"]))
def test_what_was_understood_is_understood_again(text: str, country: str | None) -> None:
    phone = understand(text, country)
    if isinstance(phone, Phone):
        assert understand(f"+{phone.digits}") == phone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("US.13491208655302741918", True),
        ("US.ENT.11815799212886844830", True),
        ("US.1", True),
        ("us.1349", False),
        ("US.", False),
        ("USA.1349", False),
        ("16505551234", False),
        ("+16505551234", False),
        ("US.13\x0049", False),
        ("", False),
    ],
)
def test_a_business_scoped_user_id_is_told_from_a_phone(text: str, expected: bool) -> None:
    assert is_bsuid(text) is expected


def test_countries_are_two_capital_letters() -> None:
    assert [is_country(code) for code in ("GB", "BR", "gb", "XX", "", "001")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
