"""Bodies and answers of one-time passwords."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from litestar.openapi.spec import Tag
from msgspec import UNSET, UnsetType

from rasl.api.v2.sends.documented import Sent, Status
from rasl.api.v2.sends.recipient import ContactId, FromNumber, Recipient
from rasl.api.v2.template_schemas import HeaderFormat, TemplateStatus
from rasl.domain import otp
from rasl.domain.phone_spelling import pattern
from rasl.domain.validation import Body
from rasl.domain.validation.problems import is_true
from rasl.domain.validation.rules import Rule

Phone = Annotated[
    str,
    msgspec.Meta(
        pattern=pattern(10, 20),
        description="The person's number, with country code.",
    ),
]
TemplateName = Annotated[
    str, msgspec.Meta(max_length=512, description="An approved AUTHENTICATION template of the account.")
]
Language = Annotated[str, msgspec.Meta(max_length=10, description="For example en or en_GB.")]
Expiry = Annotated[int, msgspec.Meta(ge=1, le=60, description="Minutes for which the code is good.")]
Purpose = Annotated[
    str,
    msgspec.Meta(
        max_length=otp.MAX_PURPOSE, description="What the code is for: each purpose has a code of its own."
    ),
]
Parameters = Annotated[
    list[str | int],
    msgspec.Meta(max_length=10, description="Further variables of the body, after code and expiry."),
]
Code = Annotated[
    str,
    msgspec.Meta(
        pattern=otp.CODE_PATTERN,
        description="4 to 10 letters and digits; a number is written with 6 digits. Left out: the server makes one.",
        extra={"padded": otp.PADDED_LENGTH},
    ),
]
# Not padded when it is read: which codes a number may stand for is decided when it is judged.
GuessedCode = Annotated[
    str,
    msgspec.Meta(max_length=64, description="What the person entered; a number may have lost leading zeros."),
]
DryRun = Annotated[
    bool, msgspec.Meta(description="Send and store nothing; answer what would be sent, the code masked.")
]

PHONE_MESSAGES = {**Recipient.messages, ("phone", "required"): "Phone number is required"}


class ResendOtp(Body, frozen=True, kw_only=True):
    """Another code for a phone; the one before is no longer good."""

    phone: Phone
    template_name: TemplateName
    language: Language = otp.DEFAULT_LANGUAGE
    expiry_minutes: Expiry = otp.DEFAULT_EXPIRY_MINUTES
    purpose: Purpose = otp.DEFAULT_PURPOSE
    contact_id: ContactId | None = None
    additional_params: Parameters = msgspec.field(default_factory=list)
    from_phone_number_id: FromNumber | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = PHONE_MESSAGES | {
        ("template_name", "required"): "Template name is required",
        ("code", "pattern"): "The code must be 4 to 10 letters and digits",
        ("expiry_minutes", "range"): "The expiry_minutes must be between 1 and 60",
    }


def _two_codes(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if data.get("code") is not None and is_true(data.get("auto_generate")):
        yield "code", "The code is given, and auto_generate asks for another"


class SendOtp(ResendOtp, frozen=True, kw_only=True):
    """A code for a phone."""

    code: Code | None = None
    auto_generate: Annotated[
        bool, msgspec.Meta(description="The server makes the code, as it does when none is given.")
    ] = False
    code_length: Annotated[
        int,
        msgspec.Meta(
            ge=otp.MIN_LENGTH, le=otp.MAX_LENGTH, description="Digits of a code that the server makes."
        ),
    ] = otp.DEFAULT_LENGTH
    dry_run: DryRun = False

    rules: ClassVar[tuple[Rule, ...]] = (_two_codes,)

    def __repr__(self) -> str:
        """Never show the code."""
        return f"SendOtp(template_name={self.template_name!r}, purpose={self.purpose!r})"


class VerifyOtp(Body, frozen=True, kw_only=True):
    """A code that somebody entered."""

    phone: Phone
    code: GuessedCode
    purpose: Purpose = otp.DEFAULT_PURPOSE

    messages: ClassVar[dict[tuple[str, str], str]] = PHONE_MESSAGES | {
        ("code", "required"): "Verification code is required",
        ("code", "string"): "Verification code must be a string",
    }

    def __repr__(self) -> str:
        """Never show the code."""
        return f"VerifyOtp(purpose={self.purpose!r})"


class OtpOf(Body, frozen=True, kw_only=True):
    """Whose code it is about."""

    phone: Phone
    purpose: Purpose = otp.DEFAULT_PURPOSE

    messages: ClassVar[dict[tuple[str, str], str]] = PHONE_MESSAGES


class SentOtp(Sent):
    """A message with a code as it stands when the request is answered."""

    template_name: str
    language: str
    purpose: str
    code_sent: bool
    code_auto_generated: bool
    expiry_minutes: int
    expires_at: str
    code: str | UnsetType = UNSET


class Verified(msgspec.Struct):
    """A phone that is verified."""

    phone: str
    purpose: str
    verified_at: str


class MessageStanding(msgspec.Struct):
    """The message that carries the code: `delivered` is on the phone, whatever the send answered."""

    id: int
    message_id: str | None
    status: Status
    sent_at: str | None
    delivered_at: str | None
    read_at: str | None
    failed_at: str | None
    error_code: int | None
    failed_reason: str | None


class OtpStanding(msgspec.Struct, omit_defaults=True):
    """The active code of a phone and purpose; without one only `has_active_otp` and `message` are there."""

    has_active_otp: bool
    message: str | MessageStanding
    phone: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    expires_in_seconds: int | UnsetType = UNSET
    is_expired: bool | UnsetType = UNSET
    verification_attempts: int | UnsetType = UNSET
    max_attempts: int | UnsetType = UNSET
    attempts_remaining: int | UnsetType = UNSET
    created_at: str | UnsetType = UNSET


class OtpTemplateItem(msgspec.Struct):
    """A template that can carry a code."""

    id: int
    template_name: str
    language: str
    body_text: str
    body_params_count: int
    header_format: HeaderFormat
    header_text: str | None
    footer_text: str | None
    status: TemplateStatus
    created_at: str


AUTH_TAG = Tag("Auth", "One-time passwords, and verification by a message from the person.")
SENT_EXAMPLE = {
    "template_name": "login_code",
    "language": "en",
    "purpose": "authentication",
    "code_sent": True,
    "code_auto_generated": False,
    "expiry_minutes": 10,
    "expires_at": "2026-03-04T09:25:22+00:00",
}
STANDING_EXAMPLE = OtpStanding(
    has_active_otp=True,
    message=MessageStanding(
        id=9031,
        message_id="wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
        status="delivered",
        sent_at="2026-03-04T09:15:23+00:00",
        delivered_at="2026-03-04T09:15:24+00:00",
        read_at=None,
        failed_at=None,
        error_code=None,
        failed_reason=None,
    ),
    phone="442079460011",
    purpose="authentication",
    expires_at="2026-03-04T09:25:22+00:00",
    expires_in_seconds=499,
    is_expired=False,
    verification_attempts=1,
    max_attempts=5,
    attempts_remaining=4,
    created_at="2026-03-04T09:15:22+00:00",
)
TEMPLATE_EXAMPLE = OtpTemplateItem(
    id=4,
    template_name="login_code",
    language="en",
    body_text="*{{1}}* is your verification code.",
    body_params_count=1,
    header_format="NONE",
    header_text=None,
    footer_text=None,
    status="APPROVED",
    created_at="2026-02-11T08:00:00+00:00",
)
