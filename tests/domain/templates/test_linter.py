"""The linter: every limit of Meta's at its edge and one beyond, each finding under its field."""

import copy
from typing import Any

import pytest

from rasl.domain.templates.linter import lint

TEXT = "Hello there, all of you"
HANDLE = {"example": {"header_handle": ["4::aW"]}}


def body(text: str = TEXT, **more: Any) -> dict[str, Any]:
    return {"type": "BODY", "text": text, **more}


def found(*components: Any, **frame: Any) -> set[str]:
    fields = {"name": "a", "language": "en_GB", "category": "MARKETING", **frame}
    return set(lint(components=list(components), **fields).problems)


@pytest.mark.parametrize(
    ("frame", "fields"),
    [
        ({"name": "a" * 512}, set()),
        ({"name": "a" * 513}, {"name"}),
        ({"name": ""}, {"name"}),
        ({"name": "Order"}, {"name"}),
        ({"name": "order-1"}, {"name"}),
        ({"name": "order_1\n"}, {"name"}),
        ({"language": "en"}, set()),
        ({"language": "english"}, {"language"}),
        ({"language": "en-GB"}, {"language"}),
        ({"category": "utility"}, set()),
        ({"category": "OTP"}, {"category"}),
        ({"parameter_format": "named"}, set()),
        ({"parameter_format": "other"}, {"parameter_format"}),
    ],
)
def test_the_frame_of_a_template(frame: dict[str, Any], fields: set[str]) -> None:
    assert found(body(), **frame) == fields


@pytest.mark.parametrize(
    ("category", "least", "most", "takes_thirty_days"),
    [
        ("AUTHENTICATION", 30, 900, True),
        ("UTILITY", 30, 43_200, True),
        ("MARKETING", 43_200, 2_592_000, False),
    ],
)
def test_times_to_live(category: str, least: int, most: int, *, takes_thirty_days: bool) -> None:
    def wrong(seconds: int) -> bool:
        report = lint(name="a", language="en", category=category, components=None, ttl_seconds=seconds)
        return "message_send_ttl_seconds" in report.problems

    assert [wrong(least - 1), wrong(least), wrong(most), wrong(most + 1)] == [True, False, False, True]
    assert wrong(-1) is not takes_thirty_days


def url(address: str = "https://x.test/", **more: Any) -> dict[str, Any]:
    return {"type": "URL", "text": "Go", "url": address, **more}


def reply(text: str = "Yes") -> dict[str, Any]:
    return {"type": "QUICK_REPLY", "text": text}


def buttons(*items: Any) -> list[dict[str, Any]]:
    return [body(), {"type": "BUTTONS", "buttons": list(items)}]


def offer(text: str = "Ends soon", words: str = TEXT) -> list[dict[str, Any]]:
    return [{"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": text}}, body(words)]


def head(**more: Any) -> list[dict[str, Any]]:
    return [{"type": "HEADER", **more}, body()]


def card(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "header": {"type": "HEADER", "format": "IMAGE", **HANDLE},
        "body": body(),
        "buttons": {"type": "BUTTONS", "buttons": [reply()]},
        **changes,
    }
    return {"components": [part for part in parts.values() if part]}


def carousel(*cards: Any) -> list[dict[str, Any]]:
    return [body(), {"type": "CAROUSEL", "cards": list(cards)}]


LIMITS: list[tuple[list[dict[str, Any]], list[dict[str, Any]], str]] = [
    ([body("x" * 1024)], [body("x" * 1025)], "components.0.text"),
    ([body("\N{GRINNING FACE}" * 1024)], [body("\N{GRINNING FACE}" * 1025)], "components.0.text"),
    (head(format="TEXT", text="x" * 60), head(format="TEXT", text="x" * 61), "components.0.text"),
    (
        [body(), {"type": "FOOTER", "text": "x" * 60}],
        [body(), {"type": "FOOTER", "text": "x" * 61}],
        "components.1.text",
    ),
    (offer("x" * 16), offer("x" * 17), "components.0.limited_time_offer.text"),
    (offer(words="x" * 600), offer(words="x" * 601), "components.1.text"),
    (buttons(*[reply()] * 10), buttons(*[reply()] * 11), "components.1.buttons"),
    (buttons(reply("x" * 25)), buttons(reply("x" * 26)), "components.1.buttons.0.text"),
    (buttons(*[url()] * 2), buttons(*[url()] * 3), "components.1.buttons"),
    (
        buttons(url("https://" + "x" * 1992)),
        buttons(url("https://" + "x" * 1993)),
        "components.1.buttons.0.url",
    ),
    (
        buttons({"type": "PHONE_NUMBER", "text": "Call", "phone_number": "1" * 20}),
        buttons({"type": "PHONE_NUMBER", "text": "Call", "phone_number": "1" * 21}),
        "components.1.buttons.0.phone_number",
    ),
    (
        buttons({"type": "COPY_CODE", "example": "x" * 20}),
        buttons({"type": "COPY_CODE", "example": "x" * 21}),
        "components.1.buttons.0.example",
    ),
    (carousel(*[card()] * 10), carousel(*[card()] * 11), "components.1.cards"),
    (carousel(*[card()] * 2), carousel(card()), "components.1.cards"),
    (
        carousel(*[card(body=body("x" * 160))] * 2),
        carousel(card(body=body("x" * 161)), card()),
        "components.1.cards.0.components.1.text",
    ),
    (
        carousel(*[card(buttons={"type": "BUTTONS", "buttons": [reply()] * 2})] * 2),
        carousel(*[card(buttons={"type": "BUTTONS", "buttons": [reply()] * 3})] * 2),
        "components.1.cards.0.components.2.buttons",
    ),
]


@pytest.mark.parametrize(("fits", "over", "field"), LIMITS)
def test_limits_hold_at_their_edge_and_break_one_beyond(
    fits: list[dict[str, Any]], over: list[dict[str, Any]], field: str
) -> None:
    assert found(*fits) == set()
    assert field in found(*over)


EXAMPLE = {"example": {"body_text": [["a"]]}}
VARIABLES = [
    (body("Hi {{1}} there all", **EXAMPLE), set()),
    (body("Hi {{1}} there all"), {"components.0.example.body_text"}),
    (body("Hi {{1}} there", example={"body_text": [["a", "b"]]}), {"components.0.example.body_text"}),
    (body("Hi {{2}} there", **EXAMPLE), {"components.0.text"}),
    (body("Hi {{1}}", **EXAMPLE), {"components.0.text"}),
    (body("{{1}} hi", **EXAMPLE), {"components.0.text"}),
    (body("Hi {{1}} {{2}} there", example={"body_text": [["a", "b"]]}), {"components.0.text"}),
    (body("Hi {{1} there"), {"components.0.text"}),
    (body("Hi {{name}} there", **EXAMPLE), {"components.0.text"}),
    (body("Hi {{}} there"), {"components.0.text"}),
]


@pytest.mark.parametrize(("component", "fields"), VARIABLES)
def test_variables_are_numbered_apart_inside_and_have_examples(
    component: dict[str, Any], fields: set[str]
) -> None:
    assert found(component) == fields


def test_named_variables_have_names_and_examples() -> None:
    named = {"example": {"body_text_named_params": [{"param_name": "name", "example": "Ana"}]}}
    assert found(body("Hi {{name}} there", **named), parameter_format="NAMED") == set()
    assert found(body("Hi {{name}} there"), parameter_format="NAMED") == {
        "components.0.example.body_text_named_params"
    }
    assert found(body("Hi {{Name}} there", **named), parameter_format="NAMED") >= {"components.0.text"}


def test_few_words_for_many_variables_are_a_warning() -> None:
    component = body("Hi {{1}} and {{2}} ok", example={"body_text": [["a", "b"]]})
    report = lint(name="a", language="en", category="UTILITY", components=[component])
    assert (report.problems, list(report.warnings)) == ({}, ["components.0.text"])


SHAPES: list[tuple[list[Any], set[str]]] = [
    ([], {"components"}),
    (["x"], {"components"}),
    ([{"type": "FOOTER", "text": "x"}], {"components"}),
    ([body(), body()], {"components.1.type"}),
    ([body(), {"type": "SOMETHING"}], {"components.1.type"}),
    ([body(""), {"type": "FOOTER"}], {"components.0.text", "components.1.text"}),
    ([body(), {"type": "FOOTER", "text": TEXT}], {"components"}),
    ([body(), {"type": "FOOTER", "text": "Bye {{1}}"}], {"components.1.text"}),
    ([*offer(), {"type": "FOOTER", "text": "Bye"}], {"components.2.type"}),
    (head(format="STICKER"), {"components.0.format"}),
    (head(format="IMAGE"), {"components.0.example.header_handle"}),
    (head(format="IMAGE", **HANDLE), set()),
    (head(format="LOCATION"), set()),
    (head(format="TEXT", text="a\nb"), {"components.0.text"}),
    (
        head(format="TEXT", text="a {{1}} {{2}}", example={"header_text": ["a", "b"]}),
        {"components.0.text"},
    ),
    (head(format="TEXT", text="a {{1}}"), {"components.0.example.header_text"}),
    (buttons(), {"components.1.buttons"}),
    (buttons({"type": "OTP"}), {"components.1.buttons.0.type"}),
    (buttons(reply(), url(), reply()), {"components.1.buttons"}),
    (buttons(reply("{{1}}")), {"components.1.buttons.0.text"}),
    (buttons(url("ftp://x.test")), {"components.1.buttons.0.url"}),
    (buttons(url("https://x.test/{{1}}", example=["https://x.test/a"])), set()),
    (buttons(url("https://x.test/{{1}}")), {"components.1.buttons.0.example"}),
    (buttons(url("https://x.test/{{1}}/b", example=["a"])), {"components.1.buttons.0.url"}),
    (buttons({"type": "FLOW", "text": "Go"}), {"components.1.buttons.0.flow_id"}),
    (carousel(card(), card(body=None)), {"components.1.cards.1"}),
    (
        carousel(*[card(header=None)] * 2),
        {"components.1.cards.0.components", "components.1.cards.1.components"},
    ),
]


@pytest.mark.parametrize(("components", "fields"), SHAPES)
def test_components_that_do_not_go_together_are_named(components: list[Any], fields: set[str]) -> None:
    assert found(*components) == fields


@pytest.mark.parametrize("components", [offer(), carousel(card(), card())])
def test_offers_and_carousels_are_marketing(components: list[Any]) -> None:
    assert found(*components, category="MARKETING") == set()
    assert len(found(*components, category="UTILITY")) == 1


OTP: list[dict[str, Any]] = [
    {"type": "BODY", "add_security_recommendation": True},
    {"type": "FOOTER", "code_expiration_minutes": 5},
    {
        "type": "BUTTONS",
        "buttons": [
            {
                "type": "OTP",
                "otp_type": "ZERO_TAP",
                "text": "x" * 25,
                "autofill_text": "y" * 25,
                "zero_tap_terms_accepted": True,
                "supported_apps": [{"package_name": "p" * 224, "signature_hash": "K8a/AINcGX7"}] * 5,
            }
        ],
    },
]


def test_an_authentication_template_at_every_limit_is_right() -> None:
    assert found(*OTP, category="AUTHENTICATION") == set()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ((0, "text"), "Your code", "components.0.text"),
        ((1, "text"), "Bye", "components.1.text"),
        ((1, "code_expiration_minutes"), 0, "components.1.code_expiration_minutes"),
        ((1, "code_expiration_minutes"), 91, "components.1.code_expiration_minutes"),
        ((2, "buttons"), [], "components.2.buttons"),
        ((2, "buttons", 0, "otp_type"), "TWO_TAP", "components.2.buttons.0.otp_type"),
        ((2, "buttons", 0, "text"), "x" * 26, "components.2.buttons.0.text"),
        ((2, "buttons", 0, "autofill_text"), "x" * 26, "components.2.buttons.0.autofill_text"),
        (
            (2, "buttons", 0, "zero_tap_terms_accepted"),
            False,
            "components.2.buttons.0.zero_tap_terms_accepted",
        ),
        ((2, "buttons", 0, "supported_apps"), [], "components.2.buttons.0.supported_apps"),
        ((2, "buttons", 0, "supported_apps"), [{}] * 6, "components.2.buttons.0.supported_apps"),
        (
            (2, "buttons", 0, "supported_apps", 0, "package_name"),
            "p" * 225,
            "components.2.buttons.0.supported_apps.0.package_name",
        ),
        (
            (2, "buttons", 0, "supported_apps", 0, "signature_hash"),
            "x" * 12,
            "components.2.buttons.0.supported_apps.0.signature_hash",
        ),
    ],
)
def test_an_authentication_template_one_beyond_a_limit(path: tuple[Any, ...], value: Any, field: str) -> None:
    components: Any = copy.deepcopy(OTP)
    holder = components
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    assert field in found(*components, category="AUTHENTICATION")
