"""The fields that fill a template: in a send, and in the template that stands in for a free-form message."""

import datetime as dt
from typing import Annotated, Any

import msgspec

from rasl.domain.media_formats import MAX_BYTES
from rasl.domain.templates.values import CardValues, Location, Product, ProductSection, Values
from rasl.domain.validation import MAX_ID, Body, Upload, of_bytes
from rasl.errors import ValidationFailed
from rasl.services.media.files import Source
from rasl.services.templates.composing import Wish

MAX_VALUE = 1024
MAX_URL = 2048
FIELDS = 10
BUTTONS = 10
CARD_BUTTONS = 2
_FIELD_NAMES = tuple((place, f"field_{place}") for place in range(1, FIELDS + 1))
_BUTTON_NAMES = tuple((place, f"button_{place}") for place in range(BUTTONS))
KINDS = ("image", "video", "document")
FILES = tuple(f"header_{kind}_file" for kind in KINDS)
_VERBATIM = {"verbatim": True}
_FILE = "The file of the header; only a form can bring one."

FieldText = Annotated[
    str,
    msgspec.Meta(
        max_length=MAX_VALUE,
        description="Value of the body's first, second, ... variable; may hold merge fields.",
        extra=_VERBATIM,
    ),
]
ButtonText = Annotated[
    str,
    msgspec.Meta(
        max_length=MAX_URL,
        description="For the button at this place, from 0: the end of a dynamic address, the code to copy, the payload "
        "of a quick reply, the token of a flow, or the product a catalog's picture shows.",
        extra=_VERBATIM,
    ),
]
Parameters = Annotated[
    dict[str, FieldText],
    msgspec.Meta(description="Values by the names of the variables, instead of field_n."),
]
Url = Annotated[str, msgspec.Meta(max_length=MAX_URL, description="Address of the file of the header.")]
MediaId = Annotated[
    int, msgspec.Meta(ge=1, le=MAX_ID, description="A stored file for the header, instead of an address.")
]


class ValueFields(Body, frozen=True, kw_only=True):
    """Values that a message and a card of a carousel both take."""

    field_1: FieldText | None = None
    field_2: FieldText | None = None
    field_3: FieldText | None = None
    field_4: FieldText | None = None
    field_5: FieldText | None = None
    field_6: FieldText | None = None
    field_7: FieldText | None = None
    field_8: FieldText | None = None
    field_9: FieldText | None = None
    field_10: FieldText | None = None
    parameters: Parameters = msgspec.field(default_factory=dict)
    button_0: ButtonText | None = None
    button_1: ButtonText | None = None


class CardFields(ValueFields, frozen=True, kw_only=True):
    """Values for one card of a carousel."""

    header_image_url: Url | None = None
    header_video_url: Url | None = None
    header_media_id: MediaId | None = None
    header_product: Product | None = None


class TemplateFields(ValueFields, frozen=True, kw_only=True):
    """A template with what fills it."""

    template_name: Annotated[
        str, msgspec.Meta(max_length=512, description="An approved template of the account.")
    ]
    language: Annotated[str, msgspec.Meta(max_length=10, description="For example en or en_GB.")]
    header_image_url: Url | None = None
    header_video_url: Url | None = None
    header_document_url: Url | None = None
    header_document_name: (
        Annotated[str, msgspec.Meta(max_length=255, description="The name under which a document is shown.")]
        | None
    ) = None
    header_media_id: MediaId | None = None
    header_field_1: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=MAX_VALUE, description="Value of the variable of a TEXT header.", extra=_VERBATIM
            ),
        ]
        | None
    ) = None
    header_location: Location | None = None
    header_product: Product | None = None
    button_2: ButtonText | None = None
    button_3: ButtonText | None = None
    button_4: ButtonText | None = None
    button_5: ButtonText | None = None
    button_6: ButtonText | None = None
    button_7: ButtonText | None = None
    button_8: ButtonText | None = None
    button_9: ButtonText | None = None
    auto_generate_otp: Annotated[
        bool, msgspec.Meta(description="AUTHENTICATION templates: the server makes a code of 6 digits.")
    ] = False
    otp_field_number: Annotated[
        int,
        msgspec.Meta(ge=1, le=FIELDS, description="Which field is the code of an AUTHENTICATION template."),
    ] = 1
    limited_time_offer_expiration_ms: (
        Annotated[
            int | str,
            msgspec.Meta(description="When the offer expires: milliseconds since 1970, or ISO 8601."),
        ]
        | None
    ) = None
    flow_action_data: (
        Annotated[dict[str, Any], msgspec.Meta(description="Data for the first screen of a flow button.")]
        | None
    ) = None
    product_sections: Annotated[
        list[ProductSection], msgspec.Meta(description="What a multi-product button shows.")
    ] = msgspec.field(default_factory=list)
    cards: Annotated[
        list[CardFields],
        msgspec.Meta(max_length=10, description="Values for the cards of a carousel, in order."),
    ] = msgspec.field(default_factory=list)


def read_wish(
    body: TemplateFields, *, is_rehearsal: bool = False, is_strict: bool = False, prefix: str = ""
) -> Wish:
    """Return what these fields ask for; raises ValidationFailed for two files in one header or a wrong moment."""
    return Wish(
        name=body.template_name,
        language=body.language,
        values=Values(
            product=body.header_product,
            fields=_numbered(body, _FIELD_NAMES),
            parameters=body.parameters,
            buttons=_numbered(body, _BUTTON_NAMES),
            header_field=body.header_field_1,
            location=body.header_location,
            expires_at_ms=_milliseconds(body.limited_time_offer_expiration_ms, prefix),
            flow_action_data=body.flow_action_data,
            product_sections=tuple(body.product_sections),
            cards=tuple(_card(card) for card in body.cards),
            code_field=body.otp_field_number,
        ),
        source=_source(body, prefix, "", body.header_document_name),
        card_sources=tuple(
            _source(card, prefix, f"cards.{place}.", None) for place, card in enumerate(body.cards)
        ),
        document_name=body.header_document_name,
        generates_code=body.auto_generate_otp,
        is_rehearsal=is_rehearsal,
        is_strict=is_strict or is_rehearsal,
        prefix=prefix,
    )


class HeaderFiles(Body, frozen=True, kw_only=True):
    """The file of a header, where a form brings it."""

    header_image_file: Annotated[Upload, of_bytes(MAX_BYTES["image"], _FILE)] | None = None
    header_video_file: Annotated[Upload, of_bytes(MAX_BYTES["video"], _FILE)] | None = None
    header_document_file: Annotated[Upload, of_bytes(MAX_BYTES["document"], _FILE)] | None = None


def with_upload(wish: Wish, files: HeaderFiles, name: str | None) -> Wish:
    """Take the file of the header out of a form; raises ValidationFailed when there is another one."""
    uploads = [
        Source(field, field.split("_")[1], file=given.file, filename=name or given.name)
        for field in FILES
        if (given := getattr(files, field)) is not None
    ]
    if not uploads:
        return wish
    others = [*([wish.source] if wish.source else []), *uploads[1:]]
    if others:
        raise ValidationFailed(
            {uploads[0].field: [f"A header takes one file, and {others[0].field} is given too"]}
        )
    return msgspec.structs.replace(wish, source=uploads[0])


def _card(card: CardFields) -> CardValues:
    return CardValues(
        product=card.header_product,
        fields=_numbered(card, _FIELD_NAMES),
        parameters=card.parameters,
        buttons=_numbered(card, _BUTTON_NAMES[:CARD_BUTTONS]),
    )


def _numbered(body: msgspec.Struct, names: tuple[tuple[int, str], ...]) -> dict[int, str]:
    return {place: value for place, name in names if (value := getattr(body, name)) is not None}


def _source(body: msgspec.Struct, prefix: str, place: str, filename: str | None) -> Source | None:
    """Return where the one file of a header comes from."""
    found = [
        Source(place + f"header_{kind}_url", kind, url=url, filename=filename)
        for kind in KINDS
        if (url := getattr(body, f"header_{kind}_url", None)) is not None
    ]
    media_id = getattr(body, "header_media_id", None)
    if media_id is not None:
        found.append(Source(place + "header_media_id", "", media_id=media_id, filename=filename))
    if len(found) > 1:
        raise ValidationFailed(
            {prefix + found[1].field: [f"A header takes one file, and {found[0].field} is given too"]}
        )
    return found[0] if found else None


def _milliseconds(given: int | str | None, prefix: str) -> int | None:
    if given is None or isinstance(given, int):
        return given
    if given.isascii() and given.isdecimal() and len(given) < 16:
        return int(given)
    try:
        moment = dt.datetime.fromisoformat(given)
    except ValueError:
        field = prefix + "limited_time_offer_expiration_ms"
        raise ValidationFailed({field: ["must be milliseconds since 1970, or an ISO 8601 time"]}) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)
