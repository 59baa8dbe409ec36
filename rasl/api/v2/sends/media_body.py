"""What a media send takes: the same fields as a form and as JSON, read so that every wrong one is named at once."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from rasl.api.v2.sends.recipient import PHONE_PATTERN, Recipient
from rasl.domain.media_formats import EXTENSIONS
from rasl.domain.message_types.media import MAX_CAPTION, MAX_FILENAME
from rasl.domain.records.contact import Email, Id, Name
from rasl.domain.tenants import Caller
from rasl.domain.validation import MAX_ID, Body, read_values
from rasl.errors import ValidationFailed
from rasl.services.composing.addressing import Addressed, Collecting, address, find_number, read_phone
from rasl.services.contacts import profiles
from rasl.services.contacts.profiles import NewProfile
from rasl.services.media.files import Source, keep
from rasl.web.form import Form
from rasl.web.request import ApiRequest

FILE = "media_file"
_GROUPS = re.compile(r"\s*\d{1,18}\s*(,\s*\d{1,18}\s*)*")
Problems = dict[str, list[str]]
MediaType = Literal["image", "document", "video", "audio", "sticker"]
MediaUrl = Annotated[
    str, msgspec.Meta(max_length=2048, description="Public http or https address of the file.")
]
MEDIA_TYPE_MESSAGES = {
    ("media_type", "required"): "Media type is required",
    ("media_type", "invalid"): f"Media type must be one of {', '.join(EXTENSIONS)}",
}


class ContactFields(Body, frozen=True, kw_only=True):
    """What a contact gets that this message creates."""

    firstname: Name | None = None
    lastname: Name | None = None
    email: Email | None = None
    country: (
        Annotated[str, msgspec.Meta(max_length=100, description="Kept as attribute `country`.")] | None
    ) = None
    assigned_id: Id | None = None
    groups: (
        Annotated[str, msgspec.Meta(max_length=5_000, description="Ids of groups, with commas.")] | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("email", "pattern"): "Email must be a valid email address",
    }


class SendSticker(Recipient, frozen=True, kw_only=True):
    """A sticker to a phone number or to a known contact."""

    # Its fifteen characters are counted without signs and spaces (api-v2 section 17, row 12).
    phone: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=40,
                pattern=PHONE_PATTERN,
                description="Recipient with country code, 10 to 15 digits; may be left out with contact_id.",
            ),
        ]
        | None
    ) = None
    media_url: MediaUrl | None = None
    media_id: (
        Annotated[int, msgspec.Meta(ge=1, le=MAX_ID, description="A file stored before (`POST /media`).")]
        | None
    ) = None
    contact: (
        Annotated[ContactFields, msgspec.Meta(description="Of a recipient who is no contact yet.")] | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = Recipient.messages | {
        ("phone", "max"): "Phone number must have 10 to 15 digits",
    }


class SendMedia(SendSticker, frozen=True, kw_only=True):
    """A file to a phone number or to a known contact."""

    media_type: MediaType
    caption: (
        Annotated[
            str, msgspec.Meta(max_length=MAX_CAPTION, description="Not for audio and stickers; merge fields.")
        ]
        | None
    ) = None
    filename: (
        Annotated[str, msgspec.Meta(max_length=MAX_FILENAME, description="Shown name of a document.")] | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = SendSticker.messages | MEDIA_TYPE_MESSAGES


class Wish(msgspec.Struct, frozen=True):
    """A media send, read and checked but for its file."""

    body: SendSticker
    profile: NewProfile | None
    addressed: Addressed


async def read_wish(request: ApiRequest, caller: Caller, form: Form, body_type: type[SendSticker]) -> Wish:
    """Read and check all fields, the content of a file that came along too.

    Raises ValidationFailed, or WhatsAppNotConfigured before anything is stored for a tenant that cannot send.
    """
    problems: Problems = dict(form.problems)
    values = dict(form.fields)
    profile = await _read_profile(request, caller, values.pop("contact", None), problems)
    found: Problems = {}
    body: SendSticker | None = None
    addressed: Addressed | None = None
    with Collecting(problems):
        body = read_values(body_type, values)
    problems |= _check_source(form, values)
    if values.get("caption") and values.get("media_type") in ("audio", "sticker"):
        problems["caption"] = [f"The caption field is not allowed for media of type {values['media_type']}"]
    _check_phone(values.get("phone"), caller, problems)
    if body is None:
        await _check_number(request, caller, values.get("from_phone_number_id"), problems)
    else:
        with Collecting(found):
            addressed = await address(request.resources, caller.tenant, body.to())
        problems = found | problems
    if body is None or addressed is None or problems:
        await _check_file(request, caller, form, values, problems)
        raise ValidationFailed(problems)
    return Wish(body, profile, addressed)


def source_of(form: Form, body: SendSticker) -> Source:
    """Return where the file of a checked send comes from."""
    kind = body.media_type if isinstance(body, SendMedia) else "sticker"
    if body.media_id is not None:
        return Source("media_id", kind, media_id=body.media_id)
    if body.media_url is not None:
        return Source("media_url", kind, url=body.media_url)
    given = form.files[FILE]
    return Source(FILE, kind, file=given.file, filename=given.name)


def _check_source(form: Form, values: Mapping[str, Any]) -> Problems:
    given = [name for name in ("media_url", "media_id") if values.get(name) or values.get(name) == 0]
    given += [FILE] if FILE in form.files else []
    if len(given) == 1:
        return {}
    if not given:
        return {
            FILE: ["The media_file field is required when media_url is not given"],
            "media_url": ["The media_url field is required when media_file is not given"],
        }
    return {name: ["Give only one of media_file, media_url and media_id"] for name in given}


async def _check_file(
    request: ApiRequest, caller: Caller, form: Form, values: Mapping[str, Any], problems: Problems
) -> None:
    """Say what is wrong with the file, too, of a request that is refused already; nothing is stored."""
    given, kind = form.files.get(FILE), values.get("media_type", "sticker")
    if given is None or FILE in problems or not isinstance(kind, str) or kind not in EXTENSIONS:
        return
    source = Source(FILE, kind, file=given.file, filename=given.name)
    with Collecting(problems):
        await keep(request.resources, caller.tenant.id, source, is_rehearsal=True)


def _check_phone(text: Any, caller: Caller, problems: Problems) -> None:
    if not isinstance(text, str) or not text.strip() or "phone" in problems:
        return
    if not 10 <= sum(character.isdigit() for character in text) <= 15:
        problems["phone"] = ["Phone number must have 10 to 15 digits"]
        return
    with Collecting(problems):
        read_phone(text, caller.tenant)


async def _check_number(
    request: ApiRequest, caller: Caller, phone_number_id: Any, problems: Problems
) -> None:
    """Say what is wrong with the number, too, of a request that is refused already."""
    if isinstance(phone_number_id, int | str) and str(phone_number_id).strip():
        with Collecting(problems):
            await find_number(request.resources, caller.tenant, phone_number_id)


async def _read_profile(
    request: ApiRequest, caller: Caller, values: Any, problems: Problems
) -> NewProfile | None:
    if values is None:
        return None
    try:
        fields = read_values(ContactFields, values)
    except ValidationFailed as error:
        problems |= {f"contact.{name}" if name else "contact": texts for name, texts in error.details.items()}
        return None
    if fields.groups and not _GROUPS.fullmatch(fields.groups):
        problems["contact.groups"] = ["The groups must be ids of groups, separated by commas"]
        return None
    group_ids = sorted({int(part) for part in fields.groups.split(",")}) if fields.groups else []
    problems |= await profiles.check_groups(request.resources.database, caller.tenant.id, group_ids)
    return NewProfile(
        fields.firstname, fields.lastname, fields.email, fields.country, fields.assigned_id, tuple(group_ids)
    )
