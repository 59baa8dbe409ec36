"""Which column is what, what a row means, and what is wrong with it."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain import contact_csv
from rasl.domain.contact_csv import BadRow, ContactRow, Lookups, RowReader, Rules, find_targets
from rasl.domain.csv_files import CsvFile, join_names, meant, protected, split_names, write_row
from rasl.errors import ValidationFailed

LOOKUPS = Lookups({"api": 5, "fair": 6}, {"new": 2}, {"vip": 3, "a; b": 9})


def read(text: bytes, delimiter: str | None = None) -> tuple[list[str], list[tuple[int, list[str]]]]:
    file = CsvFile(io.BytesIO(text), delimiter)
    return file.headers, list(file.rows())


def row(targets: str, *cells: str, **changes: Any) -> ContactRow | BadRow:
    values: dict[str, Any] = {
        "type": "lead",
        "status_id": 2,
        "source_id": 5,
        "default_country": "GB",
    } | changes
    rules = Rules(tuple(None if name == "-" else name for name in targets.split()), lookups=LOOKUPS, **values)
    return RowReader(rules).read(7, list(cells))


def values(targets: str, *cells: str, **changes: Any) -> dict[str, Any]:
    found = row(targets, *cells, **changes)
    assert isinstance(found, ContactRow), found
    return found.values


def reasons(targets: str, *cells: str, **changes: Any) -> list[str]:
    found = row(targets, *cells, **changes)
    assert isinstance(found, BadRow), found
    assert found.number == 7
    return found.reasons


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Phone,Näme\n+44 1,Ö\n".encode(), None),
        ("\ufeffPhone,Näme\r\n+44 1,Ö\r\n".encode(), None),
        ("\ufeffPhone\tNäme\r\n+44 1\tÖ".encode("utf-16-le"), None),
        ("\ufeffPhone;Näme\n+44 1;Ö".encode("utf-16-be"), None),
        ("sep=;\nPhone;Näme\n+44 1;Ö".encode(), None),
        ("Phone|Näme\n+44 1|Ö".encode(), None),
        ('"Phone";"Näme"\n"+44 1";"Ö"'.encode(), ";"),
        (b"\n,,\nPhone,N\xc3\xa4me\n\n,\n+44 1,\xc3\x96\n\n", None),
    ],
)
def test_files_of_many_programs_are_read(text: bytes, delimiter: str | None) -> None:
    headers, rows = read(text, delimiter)
    assert headers == ["Phone", "Näme"]
    assert [cells for _, cells in rows] == [["+44 1", "Ö"]]


def test_rows_are_numbered_as_a_spreadsheet_numbers_them() -> None:
    assert read(b'phone,note\n1,"two\nlines"\n\n2,x\n')[1] == [(2, ["1", "two\nlines"]), (4, ["2", "x"])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\n\n", "empty"),
        ("phone,näme\n".encode("latin-1"), "neither UTF-8 nor UTF-16"),
        (b"phone\n+1\n" + b"\xff" * 10, "neither UTF-8 nor UTF-16"),
        (b'phone,note\n+1,"' + b"x" * 2_000_000, "never closed"),
        (b'phone,note\n+1,"x\n+2,y\n', "never closed"),
        (b'phone,"note\n+1,x', "never closed"),
        (b",".join([b"a"] * 501), "more than 500 columns"),
    ],
)
def test_what_is_no_csv_is_refused_in_a_sentence(text: bytes, message: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read(text)
    assert message in caught.value.details["file"][0]


@pytest.mark.parametrize(
    ("headers", "targets"),
    [
        ("phone", "phone"),
        ("Mobile Number|First name|Last-Name|E-Mail", "phone|firstname|lastname|email"),
        ("WhatsApp|Name|Company|Ort|PLZ", "phone|name|company|city|zip"),
        ("Phone|Mobile|attributes.tier|whatever", "phone||attributes.tier|"),
        ("id|phone|is_opted_out|created_at|status_id", "|phone|||status_id"),
    ],
)
def test_headers_are_guessed(headers: str, targets: str) -> None:
    assert find_targets(headers.split("|"), {}) == tuple(item or None for item in targets.split("|"))


def test_a_mapping_wins_over_the_guess() -> None:
    headers = ["Phone", "Tel.", "Tier", "Name"]
    mapping = {"Tel.": "phone", "Tier": "attributes.tier", "Name": None}
    assert find_targets(headers, mapping) == (None, "phone", "attributes.tier", None)


@pytest.mark.parametrize(
    ("headers", "mapping", "field", "message"),
    [
        (["Name"], {}, "file", "no phone column"),
        (["Phone"], {"Fone": "phone"}, "mapping", 'no column "Fone"'),
        (["Phone", "x"], {"x": "tenant_id"}, "mapping", '"tenant_id" is not a field'),
        (["Phone", "x"], {"x": "attributes."}, "mapping", "is not a field"),
        (["Phone", "x"], {"x": "phone", "Phone": "phone"}, "mapping", "More than one column"),
        (["Phone", *(f"attributes.k{n}" for n in range(401))], {}, "mapping", "At most 400"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    headers: list[str], mapping: dict[str, str | None], field: str, message: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        find_targets(headers, mapping)
    assert message in caught.value.details[field][0]


def test_a_row_becomes_a_contact() -> None:
    found = row("phone firstname - email groups", " 020 7946 0011 ", " Priya ", "x", "p@h.test", 'VIP;"A; b"')
    assert isinstance(found, ContactRow)
    assert (found.match_key, found.digits) == ("442079460011", "442079460011")
    assert found.values == {
        "phone": "020 7946 0011",
        "firstname": "Priya",
        "email": "p@h.test",
        "groups": [3, 9],
    }


@pytest.mark.parametrize(
    "text", ["'+442079460011", "\u202a+44\u00a020\u00a07946\u00a00011\u202c", "442079460011"]
)
def test_phones_are_freed_of_what_programs_put_around_them(text: str) -> None:
    found = row("phone", text)
    assert isinstance(found, ContactRow)
    assert found.match_key == "442079460011"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Priya Nair", {"firstname": "Priya", "lastname": "Nair"}), ("Priya", {"firstname": "Priya"})],
)
def test_a_full_name_is_split(name: str, expected: dict[str, str]) -> None:
    assert values("phone name", "+442079460011", name) == {"phone": "+442079460011", **expected}


def test_ids_and_names_of_the_tenants_are_found_in_any_case() -> None:
    found = values("phone status source type country_id", "+442079460011", "NEW", "Fair", "Guest", "230")
    assert found == {
        "phone": "+442079460011",
        "status_id": 2,
        "source_id": 6,
        "type": "guest",
        "country_id": 230,
    }


@pytest.mark.parametrize(
    ("targets", "cells", "expected"),
    [
        ("phone", ("",), "Phone number is required"),
        ("phone", ("4.42079E+11",), "phone: A phone number may only contain"),
        ("phone", ("+44 20 7946 -- -- 0011",), "phone: must not be greater than 20"),
        ("phone email", ("+442079460011", "no"), "email: Email must be a valid email address"),
        ("phone firstname", ("+442079460011", "x" * 256), "firstname: must not be greater than 255"),
        ("phone type", ("+442079460011", "vip"), "type: Type must be either lead, customer, or guest"),
        ("phone groups", ("+442079460011", "VIP;Nope"), "groups: There is no group named Nope"),
        ("phone status", ("+442079460011", "Old"), "status: There is no status named Old"),
        ("phone source_id", ("+442079460011", "99"), "source_id: The selected source does not exist"),
        ("phone country_id", ("+442079460011", "UK"), "country_id: must be an integer"),
        ("phone company", ("+442079460011", "a\x00b"), "The row contains NUL"),
        ("phone city", ("+442079460011", "Leeds", "x"), "The row has 3 cells, the header has 2"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(targets: str, cells: tuple[str, ...], expected: str) -> None:
    assert [reason[: len(expected)] for reason in reasons(targets, *cells)] == [expected]


def test_every_wrong_cell_is_named() -> None:
    assert len(reasons("phone email type", "x", "y", "z")) == 3


def test_a_row_needs_a_status_and_a_source() -> None:
    assert len(reasons("phone", "+442079460011", status_id=None, source_id=None)) == 2
    assert values("phone status", "+442079460011", "new", status_id=None)["status_id"] == 2


@pytest.mark.parametrize(
    "value", ["x", "12", "1.50", "true", '"a"', '"', "", "-5", "007", "1e5", "=1", 12, -5, 1.5, True, False]
)
def test_attributes_come_back_as_they_were(value: Any) -> None:
    found = contact_csv.read_scalar(contact_csv.write_scalar(value))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+x",
        "-x",
        "@x",
        "'=x",
        "''+x",
        "'",
        "it's",
        "a=b",
        "",
        "\tx",
        " x",
        "x ",
        "\n",
        "' x",
        "\u2003x",
    ],
)
def test_formulas_are_kept_from_running_and_come_back(text: str) -> None:
    written = protected(text)
    assert not written.startswith(("=", "+", "-", "@", "\t"))
    assert meant(written) == text


@pytest.mark.parametrize("names", [[], ["VIP"], ["A; b", 'say "x"', "c"]])
def test_names_in_one_cell_come_back(names: list[str]) -> None:
    assert split_names(join_names(names)) == names


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
AWKWARD = st.text(st.sampled_from("'\"=+-@;, \t\r\n\ufeff\u2028a1é\U0001f600"), max_size=12)
ANY_TEXT = TEXTS | AWKWARD


@given(ANY_TEXT)
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    assert meant(protected(text)) == text


@given(st.lists(st.lists(ANY_TEXT, min_size=2, max_size=4), min_size=1, max_size=5), st.booleans())
def test_every_row_comes_back_from_its_file(rows: list[list[str]], has_bom: bool) -> None:
    text = "\ufeff" * has_bom + write_row(["a", "b"]) + "".join(map(write_row, rows))
    _, found = read(text.encode())
    assert [cells for _, cells in found] == [cells for cells in rows if any(cells)]


@given(
    ANY_TEXT
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
def test_every_attribute_comes_back_as_it_was(value: Any) -> None:
    written = contact_csv.write_scalar(value)
    cell = protected(written) if isinstance(value, str) else written
    found = contact_csv.read_scalar(meant(cell))
    assert (found, type(found)) == (value, type(value))
    assert cell


NAMES = ANY_TEXT.map(str.strip).filter(bool)


@given(st.lists(NAMES, max_size=5, unique=True))
def test_every_list_of_names_comes_back_from_its_cell(names: list[str]) -> None:
    assert split_names(meant(protected(join_names(names)))) == names


def test_a_contact_can_have_50_attributes_and_no_more() -> None:
    targets = "phone " + " ".join(f"attributes.k{n}" for n in range(51))
    assert len(values(targets, "+442079460011", *["x"] * 50)["attributes"]) == 50
    assert reasons(targets, "+442079460011", *["x"] * 51) == [
        "attributes: A contact can have at most 50 attributes"
    ]


@pytest.mark.parametrize(
    "email", ["a,b@shop.test", "a;b@shop.test", "<a>@shop.test", "=a@shop.test", "ä@shop.test"]
)
def test_whatever_the_api_takes_as_an_email_is_taken_from_a_file(email: str) -> None:
    assert values("phone email", "+442079460011", protected(email))["email"] == email


@pytest.mark.parametrize("length", [65_536, 200_000, 1024 * 1024])
def test_a_text_may_be_as_long_as_a_request_can_make_it(length: int) -> None:
    headers, rows = read(
        write_row(["phone", "description"]).encode() + write_row(["+442079460011", "x" * length]).encode()
    )
    assert headers == ["phone", "description"]
    assert values("phone description", *rows[0][1])["description"] == "x" * length


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    lookups = Lookups({"api": 5, "API": 8}, {"new": 2}, {"vip": 3, "VIP": 4})
    rules = Rules(("phone", "source", "groups"), "lead", 2, 5, "GB", lookups)
    found = RowReader(rules).read(2, ["+442079460011", "API", "VIP;vip;ViP"])
    assert isinstance(found, ContactRow)
    assert (found.values["source_id"], found.values["groups"]) == (8, [4, 3])
