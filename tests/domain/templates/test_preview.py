"""Previews: values in place, marks shown, nothing of a value taken for HTML."""

from typing import Any

import pytest

from rasl.domain.templates import definition
from rasl.domain.templates.preview import render

COMPONENTS: list[dict[str, Any]] = [
    {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
    {"type": "BODY", "text": "Hi {{1}}, it is *here*"},
    {"type": "FOOTER", "text": "Bye"},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track", "url": "https://x.test/{{1}}"}]},
]


def test_values_stand_in_their_places() -> None:
    shown = render(definition.read(COMPONENTS), {"header_field_1": "7", "field_1": "Ana", "button_0": "a"})
    assert (shown.header, shown.body, shown.footer) == ("Order 7", "Hi Ana, it is *here*", "Bye")
    assert shown.buttons[0].url == "https://x.test/a"
    assert shown.missing == []


def test_what_has_no_value_stays_a_variable_and_is_named() -> None:
    shown = render(definition.read(COMPONENTS), {})
    assert (shown.header, shown.body) == ("Order {{1}}", "Hi {{1}}, it is *here*")
    assert shown.missing == ["header_field_1", "field_1"]


@pytest.mark.parametrize(
    ("value", "html"),
    [
        ("<script>", "&lt;script&gt;"),
        ('"a" & b', "&quot;a&quot; &amp; b"),
        ("*a*", "<b>a</b>"),
        ("_a_ ~b~ ```c```", "<i>a</i> <s>b</s> <code>c</code>"),
        ("2*3*4", "2*3*4"),
        ("a_b_c", "a_b_c"),
    ],
)
def test_marks_become_html_and_nothing_else_does(value: str, html: str) -> None:
    components = [{"type": "BODY", "text": "x {{1}} y"}]
    assert render(definition.read(components), {"field_1": value}).html == f"<p>x {html} y</p>"
