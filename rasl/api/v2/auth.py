"""One-time passwords: send, verify, resend, status, and the templates for them (api-v2 section 4)."""

import datetime as dt
from typing import Any

from litestar import get, post
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayReadTemplates, MaySendMessages
from rasl.api.operations import Create, ListOtpTemplates, SendMessage
from rasl.api.v2 import auth_schemas as schemas
from rasl.api.v2.auth_schemas import (
    MessageStanding,
    OtpOf,
    OtpStanding,
    OtpTemplateItem,
    ResendOtp,
    SendOtp,
    Verified,
    VerifyOtp,
)
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import COMMON
from rasl.api.v2.sends.recipient import Recipient
from rasl.db.pool import Row
from rasl.domain import otp as rules
from rasl.domain.message_types.template import Template
from rasl.domain.phone import Phone
from rasl.domain.templates import definition
from rasl.domain.tenants import Caller
from rasl.errors import ValidationFailed
from rasl.services.composing.addressing import address, read_phone
from rasl.services.otp import passwords, templates
from rasl.services.otp.passwords import CodeWish
from rasl.services.otp.templates import OTP_TEMPLATE_LIST
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

_MADE_HERE = """Codes are stored as a keyed hash only. The template's body gets the code as its first variable, the
expiry in minutes as its second, if it has one, then `additional_params`; the button gets the code. At most one code is
active per phone and `purpose`: another one ends it.

Codes go before every other message. Budgets per phone, prefix, country and account guard against pumping: beyond them
the answer is `OTP_BLOCKED` with the budget and `retry_after`."""


@post(
    "/auth/send-otp",
    status_code=200,
    summary="Send a one-time password",
    description=f"""Sends a code by an approved AUTHENTICATION template: yours as `code`, or with `auto_generate` one
that the server makes. {_MADE_HERE}

{COMMON}""",
    operation_class=SendMessage,
    responses=schemas.SEND_RESPONSES,
    tags=["Auth"],
)
async def send_otp(data: JSONBody[SendOtp], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Fill the template with the code, commit it and send it."""
    if data.auto_generate and data.code is not None:
        raise ValidationFailed({"code": ["The code is given, and auto_generate asks for another"]})
    if not data.auto_generate and data.code is None:
        raise ValidationFailed({"code": ["Verification code is required, unless auto_generate is true"]})
    recipient = Recipient(
        phone=data.phone,
        contact_id=data.contact_id,
        from_phone_number_id=data.from_phone_number_id,
        dry_run=data.dry_run,
    )
    wish = _wish(data, _phone(data.phone, caller), data.code, data.code_length)
    again = await answer_again(request, caller, _described(data.purpose), _since(data.expiry_minutes))
    return again or await _send(request, caller, recipient, wish)


@post(
    "/auth/resend",
    status_code=200,
    summary="Send another one-time password",
    description=f"""Makes a new code of 6 digits, ends the one before, and sends it; at most 3 times in 5 minutes per
phone. {_MADE_HERE}

{COMMON}""",
    operation_class=SendMessage,
    responses=schemas.SEND_RESPONSES,
    tags=["Auth"],
)
async def resend_otp(data: JSONBody[ResendOtp], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Make a code, commit it and send it."""
    phone = _phone(data.phone, caller)
    again = await answer_again(request, caller, _described(data.purpose), _since(data.expiry_minutes))
    if again is not None:
        return again
    await passwords.hit(request.resources.database, caller.tenant.id, rules.RESEND_LIMIT, phone.match_key)
    recipient = Recipient(
        phone=data.phone, contact_id=data.contact_id, from_phone_number_id=data.from_phone_number_id
    )
    return await _send(request, caller, recipient, _wish(data, phone, None, rules.DEFAULT_LENGTH))


@post(
    "/auth/verify",
    status_code=200,
    summary="Verify a one-time password",
    description="""Accepts the right code once. At most 10 tries a minute per phone, whatever they say (429 with
`retry_after`). Otherwise a code that is not accepted is a 422 with `details.error_code`: `OTP_NOT_FOUND`,
`MAX_ATTEMPTS_EXCEEDED`, `OTP_EXPIRED`, or `INVALID_CODE` with `attempts_remaining`, looked at in this order.""",
    operation_class=Create,
    responses=schemas.VERIFY_RESPONSES,
    tags=["Auth"],
)
async def verify_otp(data: JSONBody[VerifyOtp], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Judge the code that somebody entered."""
    phone = _phone(data.phone, caller)
    verified_at = await passwords.verify(
        request.resources, caller.tenant.id, phone.match_key, data.purpose, data.code.strip()
    )
    request.context.is_stored = True
    return success(request, schemas.VERIFIED, Verified(phone.digits, data.purpose, iso(verified_at) or ""))


@post(
    "/auth/status",
    status_code=200,
    summary="Get the standing of a one-time password",
    description="""The active code of a phone and purpose, expired or not, and its message as WhatsApp reported it:
`sent` is not yet `delivered`. Changes nothing. Without an active code `has_active_otp` is false, and `message` says
so.""",
    responses=schemas.STATUS_RESPONSES,
    tags=["Auth"],
)
async def get_status(data: JSONBody[OtpOf], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Say what is active."""
    phone = _phone(data.phone, caller)
    row = await passwords.status(request.resources.database, caller.tenant.id, phone.match_key, data.purpose)
    if row is None:
        return success(request, rules.NONE_ACTIVE, OtpStanding(False, rules.NONE_ACTIVE))
    return success(request, schemas.STANDING, _standing(row, phone))


@get(
    "/auth/templates",
    summary="List templates for one-time passwords",
    description="Approved templates of the category AUTHENTICATION.",
    operation_class=ListOtpTemplates,
    responses=schemas.TEMPLATES_RESPONSES,
    tags=["Auth"],
)
async def list_templates(caller: MayReadTemplates, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's templates that can carry a code."""
    query = listing.read_query(request.scope["query_string"], OTP_TEMPLATE_LIST)
    page = await templates.list_templates(request.resources.database, caller.tenant.id, query)
    items = [listing.select_fields(_item(row), query.fields) for row in page.rows]
    return success(request, schemas.TEMPLATES, items, listing.read_pagination(query, page))


HANDLERS = (send_otp, resend_otp, verify_otp, get_status, list_templates)


async def _send(request: ApiRequest, caller: Caller, recipient: Recipient, wish: CodeWish) -> ASGIApp:
    addressed = await address(request.resources, caller.tenant, recipient.to())
    content, new = await passwords.compose(request.resources, caller.tenant, addressed.number, wish)
    describe, since = _described(wish.purpose), _since(wish.expiry_minutes)
    return await send(
        request, caller, recipient, content, describe, addressed=addressed, otp=new, since=since
    )


def _wish(data: SendOtp | ResendOtp, phone: Phone, code: str | None, code_length: int) -> CodeWish:
    return CodeWish(
        phone=phone,
        template_name=data.template_name,
        language=data.language,
        purpose=data.purpose,
        expiry_minutes=data.expiry_minutes,
        code=code,
        code_length=code_length,
        additional_params=tuple(map(str, data.additional_params)),
    )


def _phone(text: str, caller: Caller) -> Phone:
    phone = read_phone(text, caller.tenant)
    assert phone is not None  # noqa: S101 - None is read from None only
    return phone


def _described(purpose: str) -> Any:
    def describe(content: Template) -> dict[str, Any]:
        return {
            "template_name": content.name,
            "language": content.language,
            "purpose": purpose,
            "code_sent": True,
            "expiry_minutes": content.valid_minutes,
        }

    return describe


def _since(expiry_minutes: int) -> Any:
    def since(moment: dt.datetime) -> dict[str, Any]:
        return {"expires_at": iso(moment + dt.timedelta(minutes=expiry_minutes))}

    return since


def _standing(row: Row, phone: Phone) -> OtpStanding:
    return OtpStanding(
        has_active_otp=True,
        message=MessageStanding(
            id=row["message_id"],
            message_id=row["wamid"],
            status=row["message_status"],
            sent_at=iso(row["message_sent_at"]),
            delivered_at=iso(row["delivered_at"]),
            read_at=iso(row["read_at"]),
            failed_at=iso(row["failed_at"]),
            error_code=row["error_code"],
            failed_reason=row["status_message"],
        ),
        phone=phone.digits,
        purpose=row["purpose"],
        expires_at=iso(row["expires_at"]) or "",
        expires_in_seconds=row["expires_in_seconds"],
        is_expired=row["is_expired"],
        verification_attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        attempts_remaining=max(0, row["max_attempts"] - row["attempts"]),
        created_at=iso(row["created_at"]) or "",
    )


def _item(row: Row) -> OtpTemplateItem:
    read = definition.read(row["components"], row["category"], row["parameter_format"])
    return OtpTemplateItem(
        id=row["id"],
        template_name=row["name"],
        language=row["language"],
        body_text=read.body.text,
        body_params_count=len(read.body.variables),
        header_format=read.header.format if read.header else "NONE",
        header_text=read.header.text.text or None if read.header else None,
        footer_text=read.footer,
        status=row["status"],
        created_at=iso(row["created_at"]) or "",
    )
