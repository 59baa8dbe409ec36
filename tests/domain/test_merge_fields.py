import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.merge_fields import has_fields, render

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
