"""Bodies and answers of templates, with their part of the OpenAPI document."""

from typing import Annotated, Any, ClassVar

import msgspec

from rasl.db.pool import Row
from rasl.domain.templates import definition
from rasl.domain.templates.definition import Definition
from rasl.domain.templates.preview import Preview
from rasl.domain.validation import MAX_ID, Body
from rasl.errors import NotFound, ValidationFailed, WhatsAppFailed, WhatsAppNotConfigured
from rasl.web.context import iso
from rasl.web.envelope import Success
from rasl.web.responses import EXAMPLE_PAGE, IDEMPOTENT, READS_BODY, raises, response

LISTED = "Templates retrieved successfully"
FOUND = "Template retrieved successfully"
SYNCED = "Templates synced successfully"
CREATED = "Template created successfully"
CHANGED = "Template updated successfully"
DELETED = "Template deleted successfully"
LINTED = "Template checked successfully"
PREVIEWED = "Template previewed successfully"

LIST = "Templates as WhatsApp last showed or announced them, rejected and paused ones too."
SYNC = """Reads every template of the account's WhatsApp Business Accounts, page by page. Templates that are gone there
are removed here, once the list was read to its end. It may run twice at once. Besides this, WhatsApp's own notices
keep templates current, and the worker reads all of them every few hours."""
CREATE = """Checks the template as `POST /templates/lint` does, submits it to WhatsApp and keeps it. It can be sent
once its `status` is `APPROVED`; WhatsApp may choose another `category`."""
CHANGE = """Replaces `components`, `category` or `message_send_ttl_seconds`; WhatsApp reviews the template again. Only
approved, rejected and paused templates can be changed, approved ones ten times in 30 days and once a day."""
DELETE = "Deletes the template at WhatsApp and here, in its language or, with `all_languages=true`, in all of them."
LINT = """Says what WhatsApp would refuse (`problems`, which also stop a creation) and what its reviewers may reject
(`warnings`), by field. Nothing is stored or submitted."""
PREVIEW = (
    "Shows the template with values for `header_field_1`, `field_1`, `button_0`, `cards.0.field_1` and so on."
)


class TemplateItem(msgspec.Struct):
    """A template."""

    id: int
    template_id: str
    template_name: str
    name: str
    language: str
    category: str
    status: str
    header_data_format: str
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
    parameter_format: str
    waba_id: str
    quality: str | None
    rejected_reason: str | None
    status_details: str | None
    previous_category: str | None
    correct_category: str | None
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
    category: Annotated[str, msgspec.Meta(description="MARKETING, UTILITY or AUTHENTICATION.")]
    components: Annotated[
        list[dict[str, Any]],
        msgspec.Meta(description="HEADER, BODY, FOOTER, BUTTONS and so on, as WhatsApp describes them."),
    ]
    parameter_format: Annotated[str, msgspec.Meta(description="POSITIONAL or NAMED.")] = "POSITIONAL"
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
    category: str | None = None
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
    """What fetching the templates found and changed."""

    synced: int
    created: int
    updated: int
    deleted: int
    synced_at: str


class Lint(msgspec.Struct):
    """What was found; `problems` stop a creation."""

    is_valid: bool
    problems: dict[str, list[str]]
    warnings: dict[str, list[str]]


def item_of(row: Row) -> TemplateItem:
    """Return a template as the API shows it."""
    components = row["components"]
    read = definition.read(components, row["category"], row["parameter_format"])
    header = read.header
    text = header.text if header else definition.Text("")
    buttons = _part(components, "BUTTONS").get("buttons")
    return TemplateItem(
        id=row["id"],
        template_id=row["template_id"],
        template_name=row["name"],
        name=row["name"],
        language=row["language"],
        category=row["category"],
        status=row["status"],
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
        message_send_ttl_seconds=row["message_send_ttl_seconds"],
        add_security_recommendation=read.adds_security_recommendation,
        code_expiration_minutes=read.code_expiration_minutes,
        otp_button_config=_otp_button(read, buttons),
        components=components,
        parameter_format=row["parameter_format"],
        waba_id=row["waba_id"],
        quality=row["quality"],
        rejected_reason=row["rejected_reason"],
        status_details=row["status_details"],
        previous_category=row["previous_category"],
        correct_category=row["correct_category"],
        version_id=row["version_id"],
        synced_at=iso(row["listed_at"]) or "",
        created_at=iso(row["created_at"]) or "",
        updated_at=iso(row["updated_at"]) or "",
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


_COMPONENTS = [
    {"type": "BODY", "text": "Hi {{1}}, your parcel is ready.", "example": {"body_text": [["Priya"]]}},
    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}]},
]
EXAMPLE: dict[str, Any] = {
    "id": 12,
    "template_id": "1689556908129832",
    "template_name": "parcel_ready",
    "name": "parcel_ready",
    "language": "en_GB",
    "category": "UTILITY",
    "status": "APPROVED",
    "header_data_format": "NONE",
    "header_data_text": None,
    "header_params_count": 0,
    "header_file_url": None,
    "header_variable_value": None,
    "body_data": "Hi {{1}}, your parcel is ready.",
    "body_params_count": 1,
    "body_variable_value": '[["Priya"]]',
    "footer_data": None,
    "footer_params_count": 0,
    "buttons_data": '[{"type":"QUICK_REPLY","text":"Thanks"}]',
    "message_send_ttl_seconds": None,
    "add_security_recommendation": False,
    "code_expiration_minutes": None,
    "otp_button_config": None,
    "components": _COMPONENTS,
    "parameter_format": "POSITIONAL",
    "waba_id": "102290129340398",
    "quality": "GREEN",
    "rejected_reason": None,
    "status_details": None,
    "previous_category": None,
    "correct_category": None,
    "version_id": 31,
    "synced_at": "2026-03-04T09:15:22+00:00",
    "created_at": "2026-02-11T08:00:00+00:00",
    "updated_at": "2026-03-04T09:15:22+00:00",
}
_SYNCED = {"synced": 12, "created": 2, "updated": 9, "deleted": 1, "synced_at": "2026-03-04T09:15:22+00:00"}
_LINT = {
    "is_valid": False,
    "problems": {"components.0.text": ["must not be greater than 1024 characters, it has 1031"]},
    "warnings": {},
}
_PREVIEW = {
    "header_format": "NONE",
    "header": None,
    "body": "Hi Priya, your parcel is ready.",
    "footer": None,
    "buttons": [{"type": "QUICK_REPLY", "text": "Thanks", "url": None}],
    "cards": [],
    "html": "<p>Hi Priya, your parcel is ready.</p>",
    "missing": [],
}
_META = (WhatsAppNotConfigured, WhatsAppFailed)

LIST_RESPONSES = raises(ValidationFailed) | {
    200: response(Success[list[TemplateItem]], "One page.", LISTED, [EXAMPLE], pagination=EXAMPLE_PAGE)
}
GET_RESPONSES = raises(NotFound) | {200: response(Success[TemplateItem], "The template.", FOUND, EXAMPLE)}
SYNC_RESPONSES = raises(*_META, *IDEMPOTENT) | {
    200: response(Success[TemplatesSynced], "What was found, and what changed here.", SYNCED, _SYNCED)
}
CREATE_RESPONSES = raises(*READS_BODY, *IDEMPOTENT, *_META) | {
    201: response(
        Success[TemplateItem],
        "Submitted for review.",
        CREATED,
        EXAMPLE | {"status": "PENDING", "quality": None},
    )
}
CHANGE_RESPONSES = raises(NotFound, *READS_BODY, *_META) | {
    200: response(Success[TemplateItem], "Submitted for review.", CHANGED, EXAMPLE | {"status": "PENDING"})
}
DELETE_RESPONSES = raises(NotFound, *_META) | {200: response(Success[None], "It is gone.", DELETED, None)}
LINT_RESPONSES = raises(*READS_BODY, *IDEMPOTENT) | {
    200: response(Success[Lint], "What was found.", LINTED, _LINT)
}
PREVIEW_RESPONSES = raises(NotFound, *READS_BODY, *IDEMPOTENT) | {
    200: response(Success[Preview], "The template as it is shown.", PREVIEWED, _PREVIEW)
}
