"""From a caller's fields to a template message: the stored definition, the file of its header, the one-time code."""

import functools
from collections.abc import Awaitable, Callable

import msgspec

from rasl import clock
from rasl.db import templates as template_rows
from rasl.db.templates import Wanted
from rasl.domain.message_types.template import Template, Unbound
from rasl.domain.templates import surplus
from rasl.domain.templates.binding import bind
from rasl.domain.templates.definition import SENDABLE, Definition
from rasl.domain.templates.languages import language_code
from rasl.domain.templates.values import HeaderFile, Values
from rasl.domain.tenants import Number
from rasl.errors import NotFound, ValidationFailed
from rasl.sealing import Sealer
from rasl.services.ground import message_secrets
from rasl.services.ground.resources import Resources
from rasl.services.ground.template_catalog import Sendable
from rasl.services.media import files as media
from rasl.services.media.files import Source, keep

_CODE_DIGITS = 6


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A template message somebody wants to send."""

    name: str
    language: str
    values: Values
    source: Source | None = None
    card_sources: tuple[Source | None, ...] = ()
    document_name: str | None = None  # what a file of the header is called, whether there is one or not
    generates_code: bool = False
    is_rehearsal: bool = False
    is_strict: bool = False  # refuse values that the template has no place for
    prefix: str = ""  # in front of the fields in problems


class Composed(msgspec.Struct, frozen=True):
    """A template message, and the fields of the request whose values it has no place for."""

    content: Template
    surplus: tuple[str, ...] = ()


async def compose(resources: Resources, tenant_id: int, number: Number, wish: Wish) -> Composed:
    """Bind a wish to the stored definition, leaving out the values that the template has no place for.

    Raises NotFound, or ValidationFailed naming every field that is wrong: with `is_strict` also those that would be
    left out. Files are loaded and stored only when everything else is right.
    """
    try:
        return await _compose(resources, tenant_id, number, wish)
    except ValidationFailed as error:
        if not wish.prefix:
            raise
        raise ValidationFailed(
            {wish.prefix + field: texts for field, texts in error.details.items()}
        ) from None


async def _compose(resources: Resources, tenant_id: int, number: Number, wish: Wish) -> Composed:
    template = await find_sendable(resources, tenant_id, number, wish.name, wish.language)
    wish, left_out = _fitting(template.definition, wish)
    values = await _with_files(wish.values, wish, functools.partial(_known, resources, tenant_id))
    if wish.generates_code:
        values = _with_code(template, values)
    if values.expires_at_ms is not None and values.expires_at_ms <= clock.now().timestamp() * 1000:
        raise ValidationFailed({"limited_time_offer_expiration_ms": ["The offer has expired already"]})
    if wish.source is not None or any(wish.card_sources):
        bind(template.definition, values)  # whatever else is wrong is said before files are loaded
        store = functools.partial(_stored, resources, tenant_id, is_rehearsal=wish.is_rehearsal)
        values = await _with_files(values, wish, store)
    content = filled(resources.sealer, tenant_id, template, values, is_code_made_here=wish.generates_code)
    return Composed(content, tuple(wish.prefix + field for field in left_out))


def _fitting(definition: Definition, wish: Wish) -> tuple[Wish, tuple[str, ...]]:
    """Leave out what the template has no place for, files too, before they are looked up; returns its fields.

    With `is_strict` only blanks are left out, so that binding refuses the rest.
    """
    values = surplus.without_blanks(wish.values)
    has_name = wish.document_name is not None
    is_named_idly = has_name and not (definition.header and definition.header.format == "DOCUMENT")
    if wish.is_strict:
        if is_named_idly:
            raise ValidationFailed({"header_document_name": ["The template's header is no document"]})
        return msgspec.structs.replace(wish, values=values), ()
    found = surplus.fitting(definition, values)
    names = ["header_document_name"] if is_named_idly else []
    if found.values is wish.values and wish.source is None:  # nothing to leave out, and no cards
        return wish, (*found.surplus, *names)
    takers = (definition.header, *(card.header for card in definition.cards))
    kept: list[Source | None] = []
    for header, source in zip(takers, (wish.source, *wish.card_sources), strict=False):
        takes_file = header is not None and header.is_media
        kept.append(source if takes_file else None)
        if source is not None and not takes_file:
            names.append(source.field)
    fitted = msgspec.structs.replace(wish, values=found.values, source=kept[0], card_sources=tuple(kept[1:]))
    return fitted, (*found.surplus, *names)


def filled(
    sealer: Sealer,
    tenant_id: int,
    template: Sendable,
    values: Values,
    valid_minutes: int | None = None,
    *,
    is_code_made_here: bool = False,
) -> Template:
    """Return the message of a template with these values, a one-time code in it sealed; raises ValidationFailed."""
    bound = bind(template.definition, values)
    kept = values.without_code() if bound.code else values
    content = Template(
        name=template.name,
        language=template.language,
        version_id=template.version_id,
        components=bound.components,
        body=bound.text,
        valid_minutes=valid_minutes,
        is_code_made_here=is_code_made_here if bound.code else None,
        unbound=Unbound(template.definition, kept) if values.has_merge_fields() else None,
    )
    if bound.code is None:
        return content
    return content.with_sealed(sealer.seal(bound.code, message_secrets.purpose(tenant_id)))


async def find_sendable(
    resources: Resources, tenant_id: int, number: Number, name: str, language: str
) -> Sendable:
    """Return a template that may be sent; raises NotFound, or ValidationFailed when it is not approved."""
    wanted = Wanted(tenant_id, number.waba_id, name, language_code(language))
    found = await resources.templates.find(wanted) or await _look_again(resources, wanted)
    if found.status != SENDABLE:
        reason = f": {found.reason}" if found.reason else ""
        raise ValidationFailed({"template_name": [f"The template is {found.status}, not APPROVED{reason}"]})
    return found


async def _look_again(resources: Resources, wanted: Wanted) -> Sendable:
    """Ask the table itself for what is not remembered; raises NotFound with what there is instead.

    Languages are compared without case, so that the one that was asked for is never offered instead of itself.
    """
    async with resources.database.connection() as db:
        rows = await template_rows.list_named(db, wanted.tenant_id, wanted.name)
    asked = wanted.language.casefold()
    for row in rows:
        if row["waba_id"] == wanted.waba_id and row["language"].casefold() == asked:
            resources.templates.forget(wanted.tenant_id)
            spelled = msgspec.structs.replace(wanted, language=row["language"])
            if found := await resources.templates.find(spelled):
                return found
    own = [row["language"] for row in rows if row["waba_id"] == wanted.waba_id]
    languages = [language for language in own if language.casefold() != asked]
    elsewhere = [
        phone_number_id
        for row in rows
        if row["waba_id"] != wanted.waba_id and row["language"].casefold() == asked
        for phone_number_id in row["phone_number_ids"]
    ]
    details = {"languages": languages, "from_phone_number_id": elsewhere}
    text = "Template not found in the account of the sending number" if elsewhere else "Template not found"
    raise NotFound(text, {key: value for key, value in details.items() if value} or None)


def _with_code(template: Sendable, values: Values) -> Values:
    """Make up a code for the field that carries it."""
    if not template.definition.is_authentication:
        raise ValidationFailed({"auto_generate_otp": ["Only AUTHENTICATION templates carry a code"]})
    if values.code_field in values.fields:
        raise ValidationFailed(
            {f"field_{values.code_field}": ["The code is given, and auto_generate_otp asks for another"]}
        )
    code = message_secrets.make_code(_CODE_DIGITS)
    return msgspec.structs.replace(values, fields={**values.fields, values.code_field: code})


async def _with_files(values: Values, wish: Wish, find: Callable[[Source], Awaitable[HeaderFile]]) -> Values:
    """Put the files of a wish where they are shown: in the header and in those of cards."""
    sources = (wish.source, *wish.card_sources)
    own, *of_cards = [None if source is None else await find(source) for source in sources]
    if own is None and not any(of_cards):
        return values
    cards = tuple(
        msgspec.structs.replace(card, file=file) for card, file in zip(values.cards, of_cards, strict=True)
    )
    return msgspec.structs.replace(values, file=own, cards=cards)


async def _known(resources: Resources, tenant_id: int, source: Source) -> HeaderFile:
    """Say of what kind a file is, without loading it."""
    if source.media_id is None:
        return HeaderFile(source.kind, source.field, 0, source.filename)
    try:
        found = await media.get_to_send(resources, tenant_id, source.media_id)
    except NotFound:
        raise ValidationFailed({source.field: ["There is no such file"]}) from None
    return HeaderFile(found.kind, source.field, found.id, source.filename or found.filename)


async def _stored(resources: Resources, tenant_id: int, source: Source, *, is_rehearsal: bool) -> HeaderFile:
    """Load a file and store it, unless it is stored."""
    if source.media_id is not None:
        return await _known(resources, tenant_id, source)
    found = await keep(resources, tenant_id, source, is_rehearsal=is_rehearsal)
    return HeaderFile(source.kind, source.field, found.id, source.filename or found.filename)
