"""Bodies and answers of templates."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.api.nouns import from_row
from rasl.db.pool import Row
from rasl.domain.templates import definition
from rasl.domain.templates.definition import Definition
from rasl.domain.templates.linter import CATEGORIES
from rasl.domain.validation import MAX_ID, Body
from rasl.web.responses import mostly_one_of

Category = Annotated[str, mostly_one_of("TemplateCategory", CATEGORIES)]
TemplateStatus = Annotated[
    str,
    mostly_one_of(
        "TemplateStatus",
        (
            *("APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"),
            *("IN_APPEAL", "PENDING_DELETION", "DELETED", "LIMIT_EXCEEDED", "ARCHIVED"),
        ),
    ),
]
Quality = Annotated[str, mostly_one_of("TemplateQuality", ("GREEN", "YELLOW", "RED", "UNKNOWN"))]
HeaderFormat = Annotated[
    str,
    mostly_one_of("HeaderFormat", ("NONE", "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT")),
]
ParameterFormat = Annotated[str, mostly_one_of("ParameterFormat", ("POSITIONAL", "NAMED"))]


class TemplateItem(msgspec.Struct):
    """A template."""

    id: int
    template_id: str
    template_name: str
    name: str
    language: str
    category: Category
    status: TemplateStatus
    header_data_format: HeaderFormat
    header_data_text: str | None
    header_params_count: int
    header_file_url: str | None
    header_variable_value: str | None
    body_data: str
    body_params_count: int
    body_variable_value: str | None
    footer_data: str | None
    footer_params_count: int
    buttons_data: str | None
    message_send_ttl_seconds: int | None
    add_security_recommendation: bool
    code_expiration_minutes: int | None
    otp_button_config: dict[str, Any] | None
    components: list[dict[str, Any]]
    parameter_format: ParameterFormat
    waba_id: str
    quality: Quality | None
    rejected_reason: str | None
    status_details: str | None
    previous_category: Category | None
    correct_category: Category | None
    version_id: int
    synced_at: str
    created_at: str
    updated_at: str


SampleId = Annotated[
    int,
    msgspec.Meta(
        ge=1, le=MAX_ID, description="A stored file, given to WhatsApp as the example of headers without one."
    ),
]


class LintTemplate(Body, frozen=True, kw_only=True):
    """A template to check."""

    name: Annotated[str, msgspec.Meta(description="a-z, 0-9 and _, at most 512 characters.")]
    language: Annotated[str, msgspec.Meta(description="For example en or en_GB.")]
    category: Category
    components: Annotated[
        list[dict[str, Any]],
        msgspec.Meta(description="HEADER, BODY, FOOTER, BUTTONS and so on, as WhatsApp describes them."),
    ]
    parameter_format: ParameterFormat = "POSITIONAL"
    message_send_ttl_seconds: (
        Annotated[int, msgspec.Meta(description="For how long WhatsApp tries to deliver; -1 is 30 days.")]
        | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = {("name", "required"): "Template name is required"}


class CreateTemplate(LintTemplate, frozen=True, kw_only=True):
    """A new template."""

    waba_id: (
        Annotated[str, msgspec.Meta(description="The WhatsApp Business Account, when there are several.")]
        | None
    ) = None
    header_sample_media_id: SampleId | None = None


class ChangeTemplate(Body, frozen=True, kw_only=True):
    """A change of a template; what is left out stays."""

    components: (
        Annotated[
            list[dict[str, Any]], msgspec.Meta(description="All components, in place of all there were.")
        ]
        | None
    ) = None
    category: Category | None = None
    message_send_ttl_seconds: int | None = None
    header_sample_media_id: SampleId | None = None

    @classmethod
    def missing(cls, given: Any) -> dict[str, list[str]]:
        """Require something to change."""
        return {} if given else {"components": ["There is nothing to change"]}


class PreviewTemplate(Body, frozen=True, kw_only=True):
    """Values for a preview."""

    values: Annotated[dict[str, str], msgspec.Meta(description="By field: field_1, button_0 and so on.")] = (
        msgspec.field(default_factory=dict)
    )


class TemplatesSynced(msgspec.Struct):
    """What fetching the templates found and changed; `templates` begins the list of all, which may go on."""

    synced: int
    created: int
    updated: int
    deleted: int
    synced_at: str
    synced_count: int
    templates: list[TemplateItem]
    templates_has_more: bool


class Lint(msgspec.Struct):
    """What was found; `problems` stop a creation."""

    is_valid: bool
    problems: dict[str, list[str]]
    warnings: dict[str, list[str]]


def item_of(row: Row | Mapping[str, Any]) -> TemplateItem:
    """Return a template as the API shows it: as it is stored, and its parts one by one."""
    components = row["components"]
    read = definition.read(components, row["category"], row["parameter_format"])
    header = read.header
    text = header.text if header else definition.Text("")
    buttons = _part(components, "BUTTONS").get("buttons")
    return from_row(
        TemplateItem,
        row,
        template_name=row["name"],
        header_data_format=header.format if header else "NONE",
        header_data_text=text.text or None,
        header_params_count=len(text.variables),
        header_file_url=header.example_url if header else None,
        header_variable_value=_example(components, "HEADER", "header_text"),
        body_data=read.body.text,
        body_params_count=len(read.body.variables),
        body_variable_value=_example(components, "BODY", "body_text"),
        footer_data=read.footer,
        footer_params_count=0,
        buttons_data=msgspec.json.encode(buttons).decode() if buttons else None,
        add_security_recommendation=read.adds_security_recommendation,
        code_expiration_minutes=read.code_expiration_minutes,
        otp_button_config=_otp_button(read, buttons),
        synced_at=row["listed_at"],
    )


def _part(components: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next((part for part in components if part.get("type") == kind), {})


def _example(components: list[dict[str, Any]], kind: str, key: str) -> str | None:
    """Return the examples of a part's variables as JSON text."""
    example = _part(components, kind).get("example")
    if not isinstance(example, dict):
        return None
    value = example.get(key) or example.get(f"{key}_named_params")
    return msgspec.json.encode(value).decode() if value else None


def _otp_button(read: Definition, buttons: Any) -> dict[str, Any] | None:
    places = [button.index for button in read.buttons if button.is_otp] if read.is_authentication else []
    return buttons[places[0]] if places else None


ASKED = {
    "name": "parcel_at_shop",
    "language": "en_GB",
    "category": "UTILITY",
    "components": [
        {
            "type": "BODY",
            "text": "Hi {{1}}, your parcel waits at our shop.",
            "example": {"body_text": [["Priya"]]},
        },
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}]},
    ],
}
EXAMPLE = item_of(
    {
        "id": 12,
        "template_id": "1689556908129832",
        "name": "parcel_ready",
        "language": "en_GB",
        "category": "UTILITY",
        "status": "APPROVED",
        "message_send_ttl_seconds": None,
        "components": [
            {
                "type": "BODY",
                "text": "Hi {{1}}, your parcel is ready.",
                "example": {"body_text": [["Priya"]]},
            },
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}]},
        ],
        "parameter_format": "POSITIONAL",
        "waba_id": "102290129340398",
        "quality": "GREEN",
        "rejected_reason": None,
        "status_details": None,
        "previous_category": None,
        "correct_category": None,
        "version_id": 31,
        "listed_at": dt.datetime(2026, 3, 4, 9, 15, 22, tzinfo=dt.UTC),
        "created_at": dt.datetime(2026, 2, 11, 8, tzinfo=dt.UTC),
        "updated_at": dt.datetime(2026, 3, 4, 9, 15, 22, tzinfo=dt.UTC),
    }
)
