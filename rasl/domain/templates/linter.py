"""What Meta would reject about a template, said before it is submitted (cloud-api sections 4.3 to 4.5)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from rasl.domain.templates.definition import AUTHENTICATION, MEDIA_FORMATS, part, upper
from rasl.domain.templates.lint_buttons import check_buttons, check_otp_buttons
from rasl.domain.templates.lint_report import Json, Report, items
from rasl.domain.templates.lint_texts import check_body_places, check_examples, check_variables

MAX_NAME = 512
MAX_BODY, MAX_OFFER_BODY, MAX_CARD_BODY = 1024, 600, 160
MAX_HEADER = MAX_FOOTER = 60
MAX_OFFER = 16
CARDS = range(2, 11)
CARD_BUTTONS = 2
EXPIRY_MINUTES = range(1, 91)
CATEGORIES = (AUTHENTICATION, "MARKETING", "UTILITY")
THIRTY_DAYS = -1
TTL_SECONDS = {
    AUTHENTICATION: range(30, 901),
    "UTILITY": range(30, 43_201),
    "MARKETING": range(43_200, 2_592_001),
}
_NAME = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,6})?")
_HEADERS = frozenset({"TEXT", "LOCATION", "PRODUCT", *MEDIA_FORMATS})
_CARD_HEADERS = frozenset({"IMAGE", "VIDEO", "PRODUCT"})
_TYPES = frozenset({"HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"})


def lint(
    *,
    name: str,
    language: str,
    category: str,
    components: Sequence[Any] | None,
    parameter_format: str = "POSITIONAL",
    ttl_seconds: int | None = None,
) -> Report:
    """Return what is wrong with a template; without components only the rest is looked at."""
    report = Report({}, {})
    category = upper(category)
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        report.problem("name", f"must be 1 to {MAX_NAME} of a-z, 0-9 and _")
    if not _LANGUAGE.fullmatch(language):
        report.problem("language", "must be a language code such as en or en_GB")
    if category not in CATEGORIES:
        report.problem("category", f"must be one of {', '.join(CATEGORIES)}")
    if upper(parameter_format) not in {"POSITIONAL", "NAMED"}:
        report.problem("parameter_format", "must be POSITIONAL or NAMED")
    _check_ttl(report, category, ttl_seconds)
    if components is not None:
        _Components(report, category, is_named=upper(parameter_format) == "NAMED").check(components)
    return report


def with_handle(components: Sequence[Any], handle: str) -> list[Any]:
    """Name an uploaded example in every header that shows a file and has no example yet."""
    return [
        _with_handle(component, handle) if isinstance(component, dict) else component
        for component in components
    ]


def _with_handle(component: Json, handle: str) -> Json:
    kind = upper(component.get("type"))
    if kind == "HEADER" and upper(component.get("format")) in MEDIA_FORMATS and not component.get("example"):
        return component | {"example": {"header_handle": [handle]}}
    cards = items(component.get("cards")) if kind == "CAROUSEL" else None
    if cards is None:
        return component
    filled = [
        card | {"components": with_handle(items(card.get("components")) or [], handle)} for card in cards
    ]
    return component | {"cards": filled}


def _check_ttl(report: Report, category: str, seconds: int | None) -> None:
    allowed = TTL_SECONDS.get(category)
    if seconds is None or allowed is None or seconds in allowed:
        return
    if seconds == THIRTY_DAYS and category != "MARKETING":
        return
    report.problem(
        "message_send_ttl_seconds", f"must be between {allowed[0]} and {allowed[-1]} for {category} templates"
    )


class _Components:
    """The components of one template under inspection."""

    def __init__(self, report: Report, category: str, *, is_named: bool) -> None:
        self._report = report
        self._category = category
        self._is_named = is_named
        self._types: list[str] = []

    def check(self, given: Sequence[Any]) -> None:
        """Check every component, and which stand together."""
        components = items(list(given))
        if not components:
            self._report.problem("components", "must be a list of at least one component")
            return
        self._types = [upper(component.get("type")) for component in components]
        if "BODY" not in self._types:
            self._report.problem("components", "needs a BODY")
        for index, (component, kind) in enumerate(zip(components, self._types, strict=True)):
            path = f"components.{index}"
            if kind not in _TYPES:
                self._report.problem(f"{path}.type", f"must be one of {', '.join(sorted(_TYPES))}")
            elif self._types.index(kind) < index:
                self._report.problem(f"{path}.type", f"there is a {kind} already")
            else:
                self._checks()[kind](component, path)
        texts = {kind: part_.get("text") for kind, part_ in zip(self._types, components, strict=True)}
        if texts.get("FOOTER") and texts.get("FOOTER") == texts.get("BODY"):
            self._report.problem("components", "body and footer must not be the same")

    def _checks(self) -> dict[str, Callable[[Json, str], None]]:
        if self._category == AUTHENTICATION:
            return {
                **dict.fromkeys(("HEADER", "CAROUSEL", "LIMITED_TIME_OFFER"), self._refuse),
                "BODY": self._refuse_text,
                "FOOTER": self._authentication_footer,
                "BUTTONS": lambda component, path: check_otp_buttons(self._report, component, path),
            }
        return {
            "HEADER": self._header,
            "BODY": self._body,
            "FOOTER": self._footer,
            "BUTTONS": lambda component, path: check_buttons(self._report, component, path),
            "CAROUSEL": self._carousel,
            "LIMITED_TIME_OFFER": self._offer,
        }

    def _refuse(self, _component: Json, path: str) -> None:
        self._report.problem(f"{path}.type", "does not belong into an AUTHENTICATION template")

    def _header(self, component: Json, path: str, formats: frozenset[str] = _HEADERS) -> None:
        format_ = upper(component.get("format"))
        if format_ not in formats:
            self._report.problem(f"{path}.format", f"must be one of {', '.join(sorted(formats))}")
        elif format_ == "TEXT":
            self._text_header(component, path)
        elif format_ in MEDIA_FORMATS:
            handles = part(component.get("example")).get("header_handle")
            if (
                not isinstance(handles, list)
                or not handles
                or not all(isinstance(item, str) and item for item in handles)
            ):
                self._report.problem(
                    f"{path}.example.header_handle", "needs the handle of an uploaded example"
                )

    def _text_header(self, component: Json, path: str) -> None:
        text = self._report.text(component, path, "text", MAX_HEADER)
        if text is None:
            return
        if "\n" in text:
            self._report.problem(f"{path}.text", "must be one line")
        names = check_variables(self._report, f"{path}.text", text, is_named=self._is_named)
        if len(names) > 1:
            self._report.problem(f"{path}.text", "must not hold more than one variable")
        check_examples(self._report, path, component, names, key="header_text", is_named=self._is_named)

    def _body(self, component: Json, path: str, most: int | None = None) -> None:
        limit = most or (MAX_OFFER_BODY if "LIMITED_TIME_OFFER" in self._types else MAX_BODY)
        text = self._report.text(component, path, "text", limit)
        if text is None:
            return
        names = check_variables(self._report, f"{path}.text", text, is_named=self._is_named)
        check_body_places(self._report, f"{path}.text", text, names)
        check_examples(self._report, path, component, names, key="body_text", is_named=self._is_named)

    def _footer(self, component: Json, path: str) -> None:
        text = self._report.text(component, path, "text", MAX_FOOTER)
        if text and ("{{" in text or "}}" in text):
            self._report.problem(f"{path}.text", "must not hold a variable")
        if "LIMITED_TIME_OFFER" in self._types:
            self._report.problem(f"{path}.type", "does not go with a LIMITED_TIME_OFFER")

    def _offer(self, component: Json, path: str) -> None:
        self._report.text(
            part(component.get("limited_time_offer")), f"{path}.limited_time_offer", "text", MAX_OFFER
        )
        self._only_marketing(path)

    def _carousel(self, component: Json, path: str) -> None:
        self._only_marketing(path)
        cards = items(component.get("cards"))
        if cards is None or len(cards) not in CARDS:
            self._report.problem(f"{path}.cards", f"must be {CARDS[0]} to {CARDS[-1]} cards")
            return
        shapes = [self._card(card, f"{path}.cards.{index}") for index, card in enumerate(cards)]
        for index, shape in enumerate(shapes):
            if shape != shapes[0]:
                self._report.problem(f"{path}.cards.{index}", "must be built like the first card")

    def _card(self, card: Json, path: str) -> list[Any]:
        """Check a card; returns what all cards must have in common."""
        components = items(card.get("components")) or []
        kinds = [upper(component.get("type")) for component in components]
        shape: list[Any] = [kinds]
        for needed in ("HEADER", "BUTTONS"):
            if needed not in kinds:
                self._report.problem(f"{path}.components", f"needs a {needed}")
        for index, (component, kind) in enumerate(zip(components, kinds, strict=True)):
            where = f"{path}.components.{index}"
            match kind:
                case "HEADER":
                    self._header(component, where, _CARD_HEADERS)
                    shape.append(upper(component.get("format")))
                case "BODY":
                    self._body(component, where, MAX_CARD_BODY)
                case "BUTTONS":
                    check_buttons(self._report, component, where, CARD_BUTTONS)
                    shape.append(
                        [upper(button.get("type")) for button in items(component.get("buttons")) or []]
                    )
                case _:
                    self._report.problem(f"{where}.type", "must be HEADER, BODY or BUTTONS")
        return shape

    def _only_marketing(self, path: str) -> None:
        if self._category != "MARKETING":
            self._report.problem(f"{path}.type", "belongs to MARKETING templates only")

    def _refuse_text(self, component: Json, path: str) -> None:
        if component.get("text") is not None:
            self._report.problem(f"{path}.text", "is Meta's own in AUTHENTICATION templates: leave it out")

    def _authentication_footer(self, component: Json, path: str) -> None:
        minutes = component.get("code_expiration_minutes")
        if minutes is not None and minutes not in EXPIRY_MINUTES:
            self._report.problem(f"{path}.code_expiration_minutes", "must be between 1 and 90")
        self._refuse_text(component, path)
