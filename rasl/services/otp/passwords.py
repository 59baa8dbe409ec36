"""One-time passwords: composing the message that carries a code, judging the codes that come back, and what stands."""

import datetime as dt
import hmac
import uuid

import msgspec

from rasl.db import otps as otp_rows
from rasl.db import recipients, window_limits
from rasl.db.pool import Database, Row
from rasl.db.recipients import Address
from rasl.domain import fixed_windows, otp
from rasl.domain import otp_budgets as budget_rules
from rasl.domain.events import Event
from rasl.domain.fixed_windows import WindowLimit
from rasl.domain.message_types.template import Template
from rasl.domain.otp import Standing
from rasl.domain.phone import Phone, understand
from rasl.domain.templates import surplus
from rasl.domain.templates.definition import Definition
from rasl.domain.templates.surplus import Fitting
from rasl.domain.templates.values import Values
from rasl.domain.tenants import Number, Tenant
from rasl.errors import RateLimitExceeded, ServiceUnavailable, ValidationFailed
from rasl.sealing import Sealer
from rasl.services.ground import events, message_secrets
from rasl.services.ground.resources import Resources
from rasl.services.otp import guard
from rasl.services.otp.intents import NewOtp
from rasl.services.templates import composing
from rasl.services.templates.composing import Wish, find_sendable

_HASH = "otp_code"
_SWEPT = 1000
_MOST_LOOKS = 5


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """A message with its password, if it carries a code, and the fields of the request it has no place for.

    `shown_code` is a code that was made here for a tenant whose answers show it.
    """

    content: Template
    otp: NewOtp | None
    shown_code: str | None = None
    surplus: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Never show the code."""
        return f"Composed(content={self.content.name!r})"


class CodeWish(msgspec.Struct, frozen=True, kw_only=True):
    """A code somebody wants to be sent; without one it is made here."""

    template_name: str
    language: str
    purpose: str
    expiry_minutes: int
    code: str | None = None
    code_length: int = otp.DEFAULT_LENGTH
    additional_params: tuple[str, ...] = ()
    is_strict: bool = False  # refuse parameters that the template has no place for

    def __repr__(self) -> str:
        """Never show the code."""
        return f"CodeWish(template_name={self.template_name!r}, purpose={self.purpose!r})"


async def compose(
    resources: Resources, tenant: Tenant, number: Number, wish: CodeWish, phone: Phone | None = None
) -> Composed:
    """Fill the stored template with the code; raises NotFound or ValidationFailed (section 17, row 41).

    The password is one for `phone`; without it there is none, and what is returned cannot be sent.
    """
    template = await find_sendable(resources, tenant.id, number, wish.template_name, wish.language)
    definition = template.definition
    if not definition.is_authentication:
        raise ValidationFailed(
            {"template_name": [f"The template is {definition.category}, not AUTHENTICATION"]}
        )
    code = wish.code or message_secrets.make_code(wish.code_length)
    values = surplus.without_blanks(_values(definition, code, wish))
    found = Fitting(values) if wish.is_strict else surplus.fitting(definition, values)
    is_made_here = wish.code is None
    try:
        content = composing.filled(
            resources.sealer,
            tenant.id,
            template,
            found.values,
            wish.expiry_minutes,
            is_code_made_here=is_made_here,
        )
    except ValidationFailed as error:
        raise _as_asked(error, has_expiry=_has_expiry(definition)) from None
    first = 3 if _has_expiry(definition) else 2
    return Composed(
        content=content,
        otp=_new_otp(resources, tenant, template.language, wish, code, phone) if phone else None,
        shown_code=code if is_made_here and tenant.otp_return_generated_code else None,
        surplus=tuple(
            f"additional_params.{int(field.removeprefix('field_')) - first}" for field in found.surplus
        ),
    )


async def compose_template(
    resources: Resources,
    tenant: Tenant,
    number: Number,
    wish: Wish,
    phone: Phone | None,
    contact_id: int | None,
) -> Composed:
    """Bind a template as `composing.compose` does; a code in it counts and is verified as one of `/auth/send-otp`.

    Returns no password for a message without a code, or to a contact without a phone.
    """
    composed = await composing.compose(resources, tenant.id, number, wish)
    content = composed.content
    if content.sealed() is None:
        return Composed(content=content, otp=None, surplus=composed.surplus)
    _, code = message_secrets.open_secret(resources.sealer, tenant.id, content)
    if code is not None and phone is None and contact_id is not None:
        phone = await _phone_of(
            resources.database, Address(tenant.id, number.id, contact_id, None, has_phone=False)
        )
    shows = wish.generates_code and tenant.otp_return_generated_code
    made = Composed(content=content, otp=None, shown_code=code if shows else None, surplus=composed.surplus)
    if code is None or phone is None:
        return made
    code_wish = CodeWish(
        template_name=content.name,
        language=content.language,
        purpose=otp.DEFAULT_PURPOSE,
        expiry_minutes=otp.DEFAULT_EXPIRY_MINUTES,
    )
    content = msgspec.structs.replace(content, valid_minutes=code_wish.expiry_minutes)
    otp_of_message = _new_otp(resources, tenant, content.language, code_wish, code, phone)
    return msgspec.structs.replace(made, content=content, otp=otp_of_message)


async def _phone_of(database: Database, address: Address) -> Phone | None:
    async with database.connection() as db:
        row = await recipients.find_thread(db, address)
    understood = understand(f"+{row['address']}") if row and row["address"] else None
    return understood if isinstance(understood, Phone) else None


def _values(definition: Definition, code: str, wish: CodeWish) -> Values:
    """Put code, expiry and what else there is into the body's variables, in this order."""
    own = (code, str(wish.expiry_minutes)) if _has_expiry(definition) else (code,)
    return Values(fields=dict(enumerate((*own, *wish.additional_params), 1)))


def _has_expiry(definition: Definition) -> bool:
    return len(definition.body.variables) > 1


def _as_asked(error: ValidationFailed, *, has_expiry: bool) -> ValidationFailed:
    """Name the fields of our request instead of those of the template."""
    names = {"field_1": "code"} | ({"field_2": "expiry_minutes"} if has_expiry else {})
    problems: dict[str, list[str]] = {}
    for field, texts in error.details.items():
        is_further = field.startswith("field_") and field not in names
        name = "additional_params" if is_further else names.get(field, "template_name")
        problems.setdefault(name, []).extend(texts)
    return ValidationFailed(problems)


def _new_otp(
    resources: Resources, tenant: Tenant, language: str, wish: CodeWish, code: str, phone: Phone
) -> NewOtp:
    otp_id = str(uuid.uuid4())
    settings = resources.settings
    return NewOtp(
        tenant_id=tenant.id,
        id=otp_id,
        destination=budget_rules.destination(phone, settings.otp_prefix_digits),
        purpose=wish.purpose,
        code_hash=hash_code(resources.sealer, tenant.id, otp_id, code),
        template_name=wish.template_name,
        language=language,
        valid_for=dt.timedelta(minutes=wish.expiry_minutes),
        max_attempts=tenant.otp_max_attempts or settings.otp_max_attempts,
        budgets=guard.budgets_of(settings, tenant),
    )


def hash_code(sealer: Sealer, tenant_id: int, otp_id: str, code: str) -> bytes:
    """Return the only form in which a code is kept once its message is gone."""
    return sealer.digest(otp.hashed_text(tenant_id, otp_id, code), _HASH)


async def hit(database: Database, tenant_id: int, limit: WindowLimit, subject: str) -> None:
    """Count one on a limit; raises RateLimitExceeded."""
    async with database.connection() as db:
        left = await window_limits.hit(db, tenant_id, limit, subject)
    if left is not None:
        raise RateLimitExceeded(fixed_windows.retry_after(left))


async def verify(resources: Resources, tenant_id: int, phone: str, purpose: str, code: str) -> dt.datetime:
    """Accept the right code, once; raises RateLimitExceeded or OtpRejected. The limiter comes first (row 19)."""
    await hit(resources.database, tenant_id, otp.VERIFY_LIMIT, phone)
    return await judge(resources, tenant_id, phone, purpose, code)


async def judge(resources: Resources, tenant_id: int, phone: str, purpose: str, code: str) -> dt.datetime:
    """Say whether a code is right; what the comparison found is worth nothing unless an attempt is left for it."""
    for _ in range(_MOST_LOOKS):
        async with resources.database.connection() as db:
            row = await otp_rows.find_active(db, tenant_id, phone, purpose)
        refusal = otp.refusal(None if row is None else _standing(row))
        if row is None or refusal is not None:
            raise refusal or otp.not_found()
        is_right = _is_right(resources.sealer, row, code)
        taken = await _take_attempt(resources.database, row, is_right=is_right)
        if taken is not None and is_right:
            moment: dt.datetime = taken["verified_at"]
            return moment
        if taken is not None:
            raise otp.wrong_code(taken["max_attempts"] - taken["attempts"])
        # Between reading and taking it was verified, exhausted, replaced or over: the next look tells which.
    raise ServiceUnavailable


def _is_right(sealer: Sealer, row: Row, code: str) -> bool:
    """Compare every reading of a code, the right one first or last: the time it takes tells of the guess alone."""
    digests = [hash_code(sealer, row["tenant_id"], str(row["id"]), reading) for reading in otp.readings(code)]
    return sum(hmac.compare_digest(digest, row["code_hash"]) for digest in digests) > 0


async def _take_attempt(database: Database, row: Row, *, is_right: bool) -> Row | None:
    """Let a code count, if one still does; a right one ends the password and clears the limiter."""
    tenant_id: int = row["tenant_id"]
    async with database.transaction() as db:
        taken = await otp_rows.take_attempt(db, tenant_id, str(row["id"]), is_right=is_right)
        if taken is not None and is_right:
            await window_limits.clear(db, tenant_id, otp.VERIFY_LIMIT, row["phone"])
            await events.record(db, tenant_id, _verified(row, taken["verified_at"]))
    return taken


async def status(database: Database, tenant_id: int, phone: str, purpose: str) -> Row | None:
    """Return the active password, expired or not (row 21), with its message, touching nothing."""
    async with database.connection() as db:
        return await otp_rows.find_active(db, tenant_id, phone, purpose)


async def sweep(database: Database) -> int:
    """Erase codes whose time is over; returns how many passwords were looked at."""
    total = 0
    while True:
        async with database.transaction() as db:
            swept = await otp_rows.sweep(db, _SWEPT)
        total += swept
        if swept < _SWEPT:
            return total


def _standing(row: Row) -> Standing:
    return Standing(row["attempts"], row["max_attempts"], row["is_expired"])


def _verified(row: Row, moment: dt.datetime) -> Event:
    return Event(
        type="otp.verified",
        id=str(row["id"]),
        attributes={
            "otp_id": str(row["id"]),
            "phone": row["phone"],
            "purpose": row["purpose"],
            "verified_at": moment.isoformat(),
            "wrong_attempts": row["attempts"],
        },
        once=str(row["id"]),
    )
