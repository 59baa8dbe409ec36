import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.contact_names import known_name
from rasl.domain.merge_fields import has_fields, problem, render

PRIYA: dict[str, str | None] = {
    "contact_first_name": "Priya",
    "contact_last_name": "",
    "contact_email": None,
    "contact_phone": "+44 20 7946 0011",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi @{contact_first_name}!", "Hi Priya!"),
        ("@{contact_first_name}@{contact_first_name}", "PriyaPriya"),
        ("[@{contact_last_name}]", "[]"),  # empty
        ("[@{contact_email}]", "[]"),  # absent
        ("@{contact_shoe_size}", "@{contact_shoe_size}"),  # unknown
        ("@{contact_first_name", "@{contact_first_name"),
        ("@{ contact_first_name }", "@{ contact_first_name }"),
        ("@{CONTACT_FIRST_NAME}", "@{CONTACT_FIRST_NAME}"),
        ("@{}", "@{}"),
        ("{contact_first_name}", "{contact_first_name}"),
        ("@@{contact_first_name}", "@Priya"),
        ("@{@{contact_first_name}}", "@{Priya}"),
        ("plain", "plain"),
        ("", ""),
        ("Hi @{contact_first_name|there}!", "Hi Priya!"),
        ("Hi @{contact_last_name|friend}!", "Hi friend!"),  # empty
        ("@{contact_email|no address}", "no address"),  # absent
        ("@{contact_attr_tier|bronze}", "bronze"),  # an attribute that the contact lacks
        ("[@{contact_email|}]", "[]"),  # an empty default
        ("[@{contact_email| }]", "[ ]"),
        ("@{contact_email|a|b}", "a|b"),
        (r"@{contact_email|\}}", "}"),
        (r"@{contact_email|{\}}", "{}"),
        (r"@{contact_email|a\\}", "a\\"),
        (r"@{contact_email|a\\\}}", "a\\}"),
        (r"@{contact_email|C:\new|x}", r"C:\new|x"),
        ("@{contact_email|two\nlines}", "two\nlines"),
        (
            "@{contact_email|@{contact_first_name}}",
            "@{contact_first_name}",
        ),  # one pass, and it ends at the brace
        ("@{contact_email|never closed", "@{contact_email|never closed"),
        (r"@{contact_email|never closed\}", r"@{contact_email|never closed\}"),
        ("@{contact_shoe_size|42}", "@{contact_shoe_size|42}"),  # unknown; a problem
    ],
)
def test_it_replaces_known_fields_and_leaves_the_rest(text: str, expected: str) -> None:
    assert render(text, PRIYA) == expected


@pytest.mark.parametrize(
    "name", ["@{contact_email}", "@{contact_first_name}", "\\1", "\\g<1>", "$1", "{0}", "%s"]
)
def test_what_a_contact_is_called_does_not_unfold_again(name: str) -> None:
    values = {"contact_first_name": name, "contact_email": "secret@example.test"}
    assert render("Hi @{contact_first_name}", values) == f"Hi {name}"


@given(st.text(alphabet="@{}abc_ ", max_size=40))
def test_a_text_without_known_fields_stays_as_it_is(text: str) -> None:
    assert render(text, {"contact_first_name": "Priya"}) == text


@given(st.text(alphabet="@{}contact_name", max_size=40))
def test_the_cheap_check_never_misses_a_field(text: str) -> None:
    assert has_fields(text) or render(text, dict.fromkeys(["contact_name", "a"], "X")) == text


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("Hi @{contact_first_name|there}", False),
        ("Hi @{contact_attr_tier|you}", False),
        ("Hi @{contact_shoe_size}", False),
        ("Hi @{contact_firstname|there}", True),
        ("@{contact_first_name|a} @{contact_shoe_size|}", True),
        ("Hi @{contact_firstname|there", False),
        ("", False),
    ],
)
def test_an_unknown_field_with_a_default_is_a_problem(text: str, *, is_wrong: bool) -> None:
    found = problem(text, PRIYA)
    assert (found is not None) is is_wrong
    if found:
        assert "contact_first_name" in found


def test_a_text_of_backslashes_takes_no_longer_than_another() -> None:
    text = "@{contact_email|" + "\\" * 200_000
    assert render(text, PRIYA) == text
    assert problem(text, PRIYA) is None


@pytest.mark.parametrize(
    ("firstname", "number", "known"),
    [
        ("442079460011", "+442079460011", None),
        ("442079460011", "+44 20 7946 0011", None),
        ("+442079460011", "+44 20 7946 0011", None),
        ("442079460011", "020 7946 0011", None),  # imported, read with the default country
        ("US.13491208655302741918", None, None),
        ("Priya", "+442079460011", "Priya"),
        ("442079460012", "+442079460011", "442079460012"),
        ("10023456", "+442079460011", "10023456"),
        ("007", "+44207946007", "007"),
        ("Agent 007", "+442079460011", "Agent 007"),
        ("442079460011", None, "442079460011"),
        ("", "+442079460011", ""),
        (
            "\u0664\u0664\u0662\u0660\u0667\u0669\u0664\u0666",
            "+442079460011",
            "\u0664\u0664\u0662\u0660\u0667\u0669\u0664\u0666",
        ),
    ],
)
def test_a_name_that_is_only_the_number_is_none(
    firstname: str, number: str | None, known: str | None
) -> None:
    assert known_name(firstname, number) == known
