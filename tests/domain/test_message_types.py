import pytest

from rasl.domain import message_types
from rasl.domain.message_types import MESSAGE_TYPES
from rasl.domain.message_types.base import Content
from rasl.domain.message_types.text import MAX_LENGTH, Text
from rasl.errors import ValidationFailed

NAMED: dict[str, str | None] = {"contact_first_name": "Priya", "contact_email": None}


def test_every_type_has_a_name_or_at_least_a_kind_of_its_own() -> None:
    names = [(kind.type_name, kind.__struct_config__.tag) for kind in MESSAGE_TYPES]
    assert len(set(names)) == len(MESSAGE_TYPES)
    assert ("text", None) in names
    assert ("interactive", "list") in names


@pytest.mark.parametrize("content", [Text("Hi"), Text("See https://example.test/a?b=1"), Text("مرحبا 👋")])
def test_what_was_stored_is_what_is_sent(content: Content) -> None:
    again = message_types.load(content.type_name, content.preview(), content.extra())
    assert again == content
    assert again.graph_fields({}) == content.graph_fields({})


def test_a_type_that_nobody_registered_does_not_load() -> None:
    with pytest.raises(message_types.UnknownTypeError):
        message_types.load("carrier_pigeon", "coo", None)


@pytest.mark.parametrize(
    ("body", "previews"),
    [
        ("no link", False),
        ("www.example.test", False),
        ("see http://example.test", True),
        ("https://example.test", True),
        ("ftp://example.test", False),
    ],
)
def test_a_text_asks_for_a_preview_when_it_holds_a_link(body: str, *, previews: bool) -> None:
    assert Text(body).graph_fields({}) == {"type": "text", "text": {"body": body, "preview_url": previews}}


@pytest.mark.parametrize(
    ("body", "needs", "result"),
    [
        ("Hi", False, "Hi"),
        ("Hi @{contact_first_name}", True, "Hi Priya"),
        ("Hi @{nobody}", True, "Hi @{nobody}"),
        ("x" * (MAX_LENGTH - 5) + "@{contact_first_name}", True, "x" * (MAX_LENGTH - 5) + "Priya"),
    ],
)
def test_a_text_is_filled_from_its_recipient(body: str, result: str, *, needs: bool) -> None:
    assert Text(body).needs_rendering() is needs
    assert Text(body).rendered(NAMED) == Text(result)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            "x" * (MAX_LENGTH - 4) + "@{contact_first_name}",
            "The message must not be greater than 4096 characters after merging",
        ),
        ("@{contact_email}", "The message is empty after merging"),
        (" @{contact_email}\n", "The message is empty after merging"),
    ],
)
def test_a_text_that_merging_spoils_is_refused(body: str, problem: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        Text(body).rendered(NAMED)
    assert caught.value.details == {"message": [problem]}
