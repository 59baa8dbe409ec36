"""What a media send takes, and what is wrong with it: everything is named at once, the content of the file too."""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from rasl.api.v2.sends.also import recipient_problems
from rasl.api.v2.sends.recipient import PHONE_PATTERN, Recipient
from rasl.domain.media_formats import EXTENSIONS, LARGEST, MAX_BYTES
from rasl.domain.message_types.media import MAX_CAPTION, MAX_FILENAME
from rasl.domain.phone_spelling import WHAT_IT_MAY_HAVE
from rasl.domain.records.contact import Email, IdOrNone, Name
from rasl.domain.tenants import Caller
from rasl.domain.validation import MAX_ID, Body, Upload, of_bytes
from rasl.domain.validation.rules import Rule
from rasl.errors import ValidationFailed
from rasl.services.composing.addressing import Addressed, Collecting, address
from rasl.services.contacts import profiles
from rasl.services.contacts.profiles import NewProfile
from rasl.services.media.files import Source, keep
from rasl.web.request import ApiRequest, Problems

FILE = "media_file"
_GROUPS = re.compile(r"\s*\d{1,18}\s*(,\s*\d{1,18}\s*)*")
MediaType = Literal["image", "document", "video", "audio", "sticker"]
MediaUrl = Annotated[
    str, msgspec.Meta(max_length=2048, description="Public http or https address of the file.")
]
MediaFile = Annotated[Upload, of_bytes(LARGEST, "The file; only a form can bring one.")]
StickerFile = Annotated[Upload, of_bytes(MAX_BYTES["sticker"], "The file; only a form can bring one.")]
MEDIA_TYPE_MESSAGES = {
    ("media_type", "required"): "Media type is required",
    ("media_type", "invalid"): f"Media type must be one of {', '.join(EXTENSIONS)}",
}
_ONE_FILE = f"Give only one of {FILE}, media_url and media_id"


class ContactFields(Body, frozen=True, kw_only=True):
    """What a contact gets that this message creates."""

    firstname: Name | None = None
    lastname: Name | None = None
    email: Email | None = None
    country: (
        Annotated[str, msgspec.Meta(max_length=100, description="Kept as attribute `country`.")] | None
    ) = None
    assigned_id: IdOrNone | None = None
    groups: (
        Annotated[str, msgspec.Meta(max_length=5_000, description="Ids of groups, with commas.")] | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("email", "pattern"): "Email must be a valid email address",
    }


def _check_phone(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Count digits: the contract's fifteen are without signs and blanks (api-v2 section 17, row 12)."""
    text = values.get("phone")
    if isinstance(text, str) and not 10 <= sum(character.isdigit() for character in text) <= 15:
        yield "phone", "Phone number must have 10 to 15 digits"


def _check_groups(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    contact = values.get("contact")
    groups = contact.get("groups") if isinstance(contact, dict) else None
    if isinstance(groups, str) and not _GROUPS.fullmatch(groups):
        yield "contact.groups", "The groups must be ids of groups, separated by commas"


def _check_caption(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = values.get("media_type")
    if values.get("caption") and kind in ("audio", "sticker"):
        yield "caption", f"The caption field is not allowed for media of type {kind}"


class SendSticker(Recipient, frozen=True, kw_only=True):
    """A sticker to a phone number or to a known contact."""

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
    media_file: StickerFile | None = None
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
        (
            "phone",
            "pattern",
        ): f"Phone number must have 10 to 15 digits, and may contain only {WHAT_IT_MAY_HAVE}",
    }
    rules: ClassVar[tuple[Rule, ...]] = (_check_phone, _check_groups)

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient, and one file."""
        sources = [name for name in (FILE, "media_url", "media_id") if name in given]
        problems = super().missing(given)
        if not sources:
            problems[FILE] = ["The media_file field is required when media_url is not given"]
            problems["media_url"] = ["The media_url field is required when media_file is not given"]
        return problems | ({name: [_ONE_FILE] for name in sources} if len(sources) > 1 else {})


class SendMedia(SendSticker, frozen=True, kw_only=True):
    """A file to a phone number or to a known contact."""

    media_file: MediaFile | None = None
    media_type: MediaType
    caption: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=MAX_CAPTION,
                description="Not for audio and stickers; merge fields.",
                extra={"verbatim": True},
            ),
        ]
        | None
    ) = None
    filename: (
        Annotated[str, msgspec.Meta(max_length=MAX_FILENAME, description="Shown name of a document.")] | None
    ) = None

    messages: ClassVar[dict[tuple[str, str], str]] = SendSticker.messages | MEDIA_TYPE_MESSAGES
    rules: ClassVar[tuple[Rule, ...]] = (*SendSticker.rules, _check_caption)


async def read_recipient(
    request: ApiRequest, caller: Caller, body: SendSticker
) -> tuple[Addressed, NewProfile | None]:
    """Look up who gets it, and what a new contact gets; raises ValidationFailed naming all that is wrong.

    Raises WhatsAppNotConfigured before anything is stored for a tenant that cannot send.
    """
    problems: Problems = {}
    addressed: Addressed | None = None
    with Collecting(problems):
        addressed = await address(request.resources, caller.tenant, body.to())
    profile = _profile_of(body.contact)
    problems |= await _group_problems(request, caller, profile)
    if addressed is None or problems:
        raise ValidationFailed(
            problems | await _file_problems(request, caller, body.media_file, kind_of(body))
        )
    return addressed, profile


async def media_problems(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Problems:
    """Say what is wrong with recipient, groups and file, too, of a request that is refused already."""
    problems = await recipient_problems(request, caller, right)
    if "contact" in right:
        problems |= await _group_problems(request, caller, _profile_of(ContactFields(**right["contact"])))
    return problems | await _file_problems(request, caller, right.get(FILE), right.get("media_type"))


async def sticker_problems(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Problems:
    """Say the same of a sticker."""
    return await media_problems(request, caller, {**right, "media_type": "sticker"})


def kind_of(body: SendSticker) -> str:
    """Return what the file is sent as."""
    return body.media_type if isinstance(body, SendMedia) else "sticker"


def source_of(body: SendSticker) -> Source:
    """Return where the file of a checked send comes from."""
    kind = kind_of(body)
    if body.media_id is not None:
        return Source("media_id", kind, media_id=body.media_id)
    if body.media_url is not None:
        return Source("media_url", kind, url=body.media_url)
    if body.media_file is None:
        raise RuntimeError("a body without a file is refused")
    return upload_source(body.media_file, kind)


def upload_source(given: Upload, kind: str) -> Source:
    """Return where a file that came with a form is."""
    return Source(FILE, kind, file=given.file, filename=given.name)


async def _file_problems(
    request: ApiRequest, caller: Caller, given: Upload | None, kind: str | None
) -> Problems:
    """Look at the content of a file, if it is known what it should be; nothing is stored."""
    problems: Problems = {}
    if given is not None and kind is not None:
        with Collecting(problems):
            await keep(request.resources, caller.tenant.id, upload_source(given, kind), is_rehearsal=True)
    return problems


async def _group_problems(request: ApiRequest, caller: Caller, profile: NewProfile | None) -> Problems:
    group_ids = profile.group_ids if profile else ()
    return await profiles.check_groups(request.resources.database, caller.tenant.id, group_ids)


def _profile_of(fields: ContactFields | None) -> NewProfile | None:
    if fields is None:
        return None
    group_ids = sorted({int(part) for part in fields.groups.split(",")}) if fields.groups else []
    return NewProfile(
        fields.firstname,
        fields.lastname,
        fields.email,
        fields.country,
        fields.assigned_id or None,
        tuple(group_ids),
    )
