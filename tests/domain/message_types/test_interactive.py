"""Buttons, lists, links and requests for a place; flows, products and carousels have files of their own."""

from typing import Any

import pytest

from rasl.api.v2.sends.interactive import _EXAMPLES
from rasl.api.v2.sends.interactive_bodies import AnyInteractive
from rasl.domain.message_types import load
from rasl.domain.message_types.interactive import KINDS
from rasl.errors import ValidationFailed
from tests.domain.message_types.bodies import TO, body_of, problems_of, reloaded

BUTTON = {"id": "yes", "title": "Yes"}
BUTTONS = {"type": "button", "body_text": "Tomorrow?", "buttons": [BUTTON]}
ROW = {"id": "am", "title": "Morning"}
LIST = {
    "type": "list",
    "body_text": "When?",
    "list_button_text": "Choose",
    "sections": [{"title": "Monday", "rows": [ROW]}],
}
LINK = {"type": "cta_url", "body_text": "Here:", "button_text": "Open", "button_url": "https://a.test/b?c=1"}
PLACE = {"type": "location_request", "body_text": "Where are you?"}
KIND_OF = dict.fromkeys(range(1, 100), "image") | {8: "video", 9: "document"}
UPLOADED = {number: f"meta-{number}" for number in range(1, 100)}
REQUIRED = "field is required"


def content_of(**fields: Any) -> Any:
    return body_of(AnyInteractive, **fields).content(KIND_OF)


def graph_of(**fields: Any) -> Any:
    content = content_of(**fields)
    assert reloaded(content) == content
    fields = content.graph_fields(UPLOADED)
    assert fields["type"] == "interactive"
    return fields["interactive"]


def rows(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"id": f"row-{number}", "title": "x"} for number in range(start, start + count)]


@pytest.mark.parametrize(
    ("fields", "payload"),
    [
        (
            BUTTONS,
            {
                "type": "button",
                "body": {"text": "Tomorrow?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
            },
        ),
        (
            BUTTONS | {"header_text": "Parcel", "footer_text": "Harbour"},
            {
                "type": "button",
                "header": {"type": "text", "text": "Parcel"},
                "body": {"text": "Tomorrow?"},
                "footer": {"text": "Harbour"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
            },
        ),
        (
            LIST | {"header_text": "Parcel", "footer_text": "Harbour"},
            {
                "type": "list",
                "header": {"type": "text", "text": "Parcel"},
                "body": {"text": "When?"},
                "footer": {"text": "Harbour"},
                "action": {
                    "button": "Choose",
                    "sections": [{"title": "Monday", "rows": [{"id": "am", "title": "Morning"}]}],
                },
            },
        ),
        (
            LIST | {"sections": [{"title": "Monday", "rows": [ROW | {"description": "8 to 12"}]}]},
            {
                "type": "list",
                "body": {"text": "When?"},
                "action": {
                    "button": "Choose",
                    "sections": [
                        {
                            "title": "Monday",
                            "rows": [{"id": "am", "title": "Morning", "description": "8 to 12"}],
                        }
                    ],
                },
            },
        ),
        (
            LINK,
            {
                "type": "cta_url",
                "body": {"text": "Here:"},
                "action": {
                    "name": "cta_url",
                    "parameters": {"display_text": "Open", "url": "https://a.test/b?c=1"},
                },
            },
        ),
        (
            PLACE,
            {
                "type": "location_request_message",
                "body": {"text": "Where are you?"},
                "action": {"name": "send_location"},
            },
        ),
    ],
)
def test_it_is_sent_as_meta_wants_it(fields: Any, payload: Any) -> None:
    assert graph_of(**fields) == payload


@pytest.mark.parametrize(("media_id", "kind"), [(7, "image"), (8, "video"), (9, "document")])
@pytest.mark.parametrize("fields", [BUTTONS, LINK])
def test_a_header_may_be_a_file_of_ours(fields: Any, media_id: int, kind: str) -> None:
    header = graph_of(**fields, header_media_id=media_id)["header"]
    assert header == {"type": kind, kind: {"id": f"meta-{media_id}"}}
    content = content_of(**fields, header_media_id=media_id)
    assert content.media_ids() == (media_id,)
    assert body_of(AnyInteractive, **fields, header_media_id=media_id).media() == {
        "header_media_id": media_id
    }


@pytest.mark.parametrize(
    "fields",
    [
        BUTTONS | {"body_text": "x" * 1024, "header_text": "x" * 60, "footer_text": "x" * 60},
        BUTTONS | {"body_text": "🙂" * 1024},
        BUTTONS | {"buttons": [{"id": f"{n}" * 256, "title": f"{n}" * 20} for n in range(3)]},
        LIST | {"body_text": "x" * 1024, "list_button_text": "x" * 20},
        LIST | {"sections": [{"title": "x" * 24, "rows": rows(10)}]},
        LIST | {"sections": [{"title": "x", "rows": rows(1, number)} for number in range(10)]},
        LIST
        | {
            "sections": [
                {"title": "x", "rows": [{"id": "x" * 200, "title": "x" * 24, "description": "x" * 72}]}
            ]
        },
        LINK | {"button_text": "x" * 20, "button_url": "HTTP://a.test/" + "x" * 1986},
    ],
)
def test_everything_may_be_as_long_as_meta_takes_it(fields: Any) -> None:
    assert graph_of(**fields)


def longest(field: str, most: int) -> dict[str, list[str]]:
    return {field: [f"The {field} field must not be greater than {most} characters"]}


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (BUTTONS | {"body_text": "🙂" * 1025}, longest("body_text", 1024)),
        (BUTTONS | {"header_text": "x" * 61}, longest("header_text", 60)),
        (BUTTONS | {"footer_text": "x" * 61}, longest("footer_text", 60)),
        (BUTTONS | {"buttons": []}, {"buttons": ["The buttons field must have at least 1 items"]}),
        (
            BUTTONS | {"buttons": [{"id": f"{n}", "title": f"{n}"} for n in range(4)]},
            {"buttons": ["The buttons field must not have more than 3 items"]},
        ),
        (BUTTONS | {"buttons": [BUTTON | {"id": "x" * 257}]}, longest("buttons.0.id", 256)),
        (BUTTONS | {"buttons": [BUTTON | {"title": "x" * 21}]}, longest("buttons.0.title", 20)),
        (
            BUTTONS | {"buttons": [BUTTON, BUTTON]},
            {
                "buttons.1.id": ["The buttons.1.id field has a duplicate value"],
                "buttons.1.title": ["The buttons.1.title field has a duplicate value"],
            },
        ),
        (
            BUTTONS | {"header_text": "Parcel", "header_media_id": 7},
            {"header_media_id": ["The header_media_id field must not be given beside header_text"]},
        ),
        (LIST | {"body_text": "x" * 1025}, longest("body_text", 1024)),
        (LIST | {"list_button_text": "x" * 21}, longest("list_button_text", 20)),
        (
            LIST | {"sections": [{"title": "x", "rows": rows(1, number)} for number in range(11)]},
            {"sections": ["The sections field must not have more than 10 items"]},
        ),
        (
            LIST | {"sections": [{"title": "x", "rows": rows(5)}, {"title": "y", "rows": rows(6, 5)}]},
            {"sections": ["The sections field must not have more than 10 rows in all, not 11"]},
        ),
        (
            LIST | {"sections": [{"title": "x", "rows": [ROW]}, {"title": "y", "rows": [ROW]}]},
            {"sections.1.rows.0.id": ["The sections.1.rows.0.id field has a duplicate value"]},
        ),
        (
            LIST
            | {
                "sections": [
                    {"title": "x" * 25, "rows": []},
                    {"rows": [{"id": "x" * 201, "title": "x" * 25, "description": "x" * 73}]},
                ]
            },
            longest("sections.0.title", 24)
            | {"sections.0.rows": ["The sections.0.rows field must have at least 1 items"]}
            | {"sections.1.title": [f"The sections.1.title {REQUIRED}"]}
            | longest("sections.1.rows.0.id", 200)
            | longest("sections.1.rows.0.title", 24)
            | longest("sections.1.rows.0.description", 72),
        ),
        (LINK | {"button_text": "x" * 21}, longest("button_text", 20)),
        *(
            (
                LINK | {"button_url": url},
                {"button_url": ["The button_url must be a link that starts with http:// or https://"]},
            )
            for url in ("www.a.test", "ftp://a.test", "https://", "https://a b.test", "javascript:alert(1)")
        ),
        (LINK | {"button_url": "https://a.test/" + "x" * 2034}, longest("button_url", 2048)),
        (PLACE | {"footer_text": "x"}, {"footer_text": ['Unknown field; did you mean "body_text"?']}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_meta_would_refuse_is_refused_by_its_place(fields: Any, problems: Any) -> None:
    assert problems_of(AnyInteractive, **fields) == problems


def test_everything_that_is_wrong_is_named_at_once() -> None:
    wrong = {
        "type": "button",
        "header_text": "x" * 61,
        "contact_id": 0,
        "buttons": [
            {"id": "a", "title": "One"},
            {"id": "a", "title": "x" * 21, "titel": "x"},
            {"title": "One\u0000"},
        ],
    }
    assert set(problems_of(AnyInteractive, **wrong)) == {
        "header_text",
        "body_text",
        "contact_id",
        "buttons.1.id",
        "buttons.1.title",
        "buttons.1.titel",
        "buttons.2.id",
        "buttons.2.title",
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "The type field is required: one of button, list, cta_url"),
        ("", "The type field is required: one of button, list, cta_url"),
        ("buttons", '; did you mean "button"?'),
        ("poll", "The type field must be one of button, list"),
        (5, "The type field must be one of button, list"),
        ({}, "The type field must be one of button, list"),
    ],
)
def test_a_type_that_is_none_is_named_beside_what_else_is_wrong(given: Any, says: str) -> None:
    problems = problems_of(AnyInteractive, type=given, phone="1", buttons=[])
    assert problems.keys() == {"type", "phone", "body_text"}
    assert says in problems["type"][0]


@pytest.mark.parametrize("field", ["body_text", "header_text", "footer_text"])
def test_texts_are_filled_from_their_recipient_and_measured_again(field: str) -> None:
    values = {"contact_first_name": "Priya", "contact_email": None}
    content = content_of(**(BUTTONS | {field: "Hi @{contact_first_name}"}))
    assert content.needs_rendering()
    assert getattr(content.rendered(values), field) == "Hi Priya"
    with pytest.raises(ValidationFailed) as caught:
        content.rendered({"contact_first_name": "x" * 1100})
    assert list(caught.value.details) == [field]
    emptied = content_of(**(BUTTONS | {field: "@{contact_email}"}))
    if field == "body_text":
        with pytest.raises(ValidationFailed) as caught:
            emptied.rendered(values)
        assert caught.value.details == {"body_text": ["The body_text is empty after merging"]}
    else:
        assert getattr(emptied.rendered(values), field) is None


def test_every_text_that_merging_spoils_is_named() -> None:
    long = "@{contact_first_name}"
    content = content_of(
        **(BUTTONS | {"body_text": "@{contact_email}", "header_text": long, "footer_text": long})
    )
    with pytest.raises(ValidationFailed) as caught:
        content.rendered({"contact_first_name": "x" * 61, "contact_email": None})
    assert set(caught.value.details) == {"body_text", "header_text", "footer_text"}


@pytest.mark.parametrize("name", _EXAMPLES)
def test_every_documented_example_can_be_sent(name: str) -> None:
    content = content_of(**{**TO, **_EXAMPLES[name]})
    assert content.kind == name
    assert content.graph_fields(UPLOADED)["interactive"]["action"]


def test_every_kind_has_an_example() -> None:
    assert {str(kind.__struct_config__.tag) for kind in KINDS} == set(_EXAMPLES)


def test_what_the_program_before_stored_with_every_field_is_understood() -> None:
    nothing = {"header_text": None, "header_file": None, "footer_text": None}
    stored = {"kind": "location_request", "body_text": "Where are you?", **nothing}
    assert load("interactive", "Where are you?", stored) == content_of(**PLACE)
