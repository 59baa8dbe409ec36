"""One-time passwords: send, verify, resend, status, and the templates for them (api-v2 section 4)."""

import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MayReadTemplates, MaySendMessages
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import IDEMPOTENCY_KEY, operation
from rasl.api.v2.auth_schemas import (
    AUTH_TAG,
    SENT_EXAMPLE,
    STANDING_EXAMPLE,
    TEMPLATE_EXAMPLE,
    MessageStanding,
    OtpOf,
    OtpStanding,
    OtpTemplateItem,
    ResendOtp,
    SendOtp,
    SentOtp,
    Verified,
    VerifyOtp,
)
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import sends
from rasl.api.v2.sends.recipient import Recipient
from rasl.db.pool import Row
from rasl.domain import otp as rules
from rasl.domain.fixed_windows import WindowLimit
from rasl.domain.listing import ListQuery, Page
from rasl.domain.message_types.template import Template
from rasl.domain.phone import Phone
from rasl.domain.templates import definition
from rasl.domain.tenants import Caller
from rasl.errors import NotFound, OtpBlocked, ValidationFailed
from rasl.services.composing import codes
from rasl.services.composing.addressing import address, read_phone
from rasl.services.otp import passwords
from rasl.services.templates import templates
from rasl.services.templates.templates import OTP_TEMPLATE_LIST
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest, Problems

_STANDING = "OTP status retrieved successfully"
_MADE_HERE = """Codes are stored as a keyed hash only. The template's body gets the code as its first variable, the
expiry in minutes as its second, if it has one, then `additional_params`; the button gets the code. At most one code is
active per phone and `purpose`: another one ends it.

Codes go before every other message. Budgets per phone, prefix, country and account guard against pumping: beyond them
the answer is `OTP_BLOCKED` with the budget and `retry_after`."""

_ASKED = {"phone": "+442079460011", "template_name": "login_code", "language": "en"}


AUTH = Noun("/auth", AUTH_TAG, "password", OtpStanding, STANDING_EXAMPLE)


async def _problems(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Problems:
    """Look at what has to be looked up, where the body is refused for its fields already."""
    is_strict = request.context.is_strict or right.get("dry_run") is True
    return await codes.problems(request.resources, caller.tenant, right, is_strict=is_strict)


@sends(
    "/auth/send-otp",
    SentOtp,
    SENT_EXAMPLE,
    OtpBlocked,
    tag=AUTH_TAG,
    also=_MADE_HERE,
    examples={
        "code of yours": _ASKED | {"code": "482913"},
        "code made here": _ASKED | {"phone": "+442079460013", "code_length": 6},
    },
    check=_problems,
)
async def send_otp(data: JSONBody[SendOtp], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send a one-time password.

    Sends a code by an approved AUTHENTICATION template: yours as `code`, or without it one that the server makes, which
    `/auth/verify` checks. `code_auto_generated` says which. The answer holds a code made here, as `code`, only where
    the account is set so, and only the first time: an `Idempotency-Key` brings back the rest.
    """
    return await _send(request, caller, data, dry_run=data.dry_run)


@sends(
    "/auth/resend",
    SentOtp,
    SENT_EXAMPLE,
    OtpBlocked,
    tag=AUTH_TAG,
    also=_MADE_HERE,
    examples={"another code": _ASKED | {"phone": "+442079460014"}},
    check=_problems,
)
async def resend_otp(data: JSONBody[ResendOtp], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send another one-time password.

    Makes a new code of 6 digits, ends the one before, and sends it; at most 3 times in 5 minutes per phone.
    """
    return await _send(request, caller, data, limit=rules.RESEND_LIMIT)


@AUTH.post(
    "/verify",
    200,
    says="Verification successful",
    tells="The code is right, and used up.",
    example=Verified("442079460011", "authentication", "2026-03-04T09:17:01+00:00"),
    asks={"code": {"phone": "+442079460011", "code": "482913"}},
    operation=operation(IDEMPOTENCY_KEY, after={"sendOtp": _ASKED | {"code": "482913"}}),
)
async def verify_otp(data: JSONBody[VerifyOtp], caller: MaySendMessages, request: ApiRequest) -> Verified:
    """Verify a one-time password.

    Accepts the right code once. At most 10 tries a minute per phone, whatever they say (429 with
    `retry_after`). Otherwise a code that is not accepted is a 422 with `details.error_code`: `OTP_NOT_FOUND`,
    `MAX_ATTEMPTS_EXCEEDED`, `OTP_EXPIRED`, or `INVALID_CODE` with `attempts_remaining`, looked at in this order.
    """
    phone = _phone(data.phone, caller)
    verified_at = await passwords.verify(
        request.resources, caller.tenant.id, phone.match_key, data.purpose, data.code.strip()
    )
    return Verified(phone.digits, data.purpose, iso(verified_at) or "")


@AUTH.post(
    "/status",
    200,
    stores=False,
    says=_STANDING,
    tells="The active code, or none.",
    asks={"phone": {"phone": "+442079460011"}},
)
async def get_otp_status(data: JSONBody[OtpOf], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Get the standing of a one-time password.

    The active code of a phone and purpose, expired or not, and its message as WhatsApp reported it:
    `sent` is not yet `delivered`. Changes nothing. Without an active code `has_active_otp` is false, and `message` says
    so.
    """
    phone = _phone(data.phone, caller)
    row = await passwords.status(request.resources.database, caller.tenant.id, phone.match_key, data.purpose)
    if row is None:
        return success(request, rules.NONE_ACTIVE, OtpStanding(False, rules.NONE_ACTIVE))
    return success(request, _STANDING, _standing(row, phone))


def _template(row: Row) -> OtpTemplateItem:
    read = definition.read(row["components"], row["category"], row["parameter_format"])
    return from_row(
        OtpTemplateItem,
        row,
        template_name=row["name"],
        body_text=read.body.text,
        body_params_count=len(read.body.variables),
        header_format=read.header.format if read.header else "NONE",
        header_text=read.header.text.text or None if read.header else None,
        footer_text=read.footer,
    )


TEMPLATES = Noun("/auth/templates", AUTH_TAG, "template", OtpTemplateItem, TEMPLATE_EXAMPLE, _template)


@TEMPLATES.get_list(OTP_TEMPLATE_LIST, says="Authentication templates retrieved successfully")
async def list_otp_templates(caller: MayReadTemplates, request: ApiRequest, query: ListQuery) -> Page:
    """List templates for one-time passwords.

    Approved templates of the category AUTHENTICATION.
    """
    return await templates.list_otp_templates(request.resources.database, caller.tenant.id, query)


HANDLERS = (send_otp, resend_otp, verify_otp, get_otp_status, list_otp_templates)


async def _send(
    request: ApiRequest,
    caller: Caller,
    data: ResendOtp,
    *,
    dry_run: bool = False,
    limit: WindowLimit | None = None,
) -> ASGIApp:
    """Send a code, or one made here; `limit` is counted before, unless an earlier request has sent it already."""
    resources, tenant = request.resources, caller.tenant
    is_strict = dry_run or request.context.is_strict
    describe = functools.partial(_described, data.purpose)
    since = functools.partial(_since, data.expiry_minutes)
    if again := await answer_again(request, caller, describe, since):
        return again
    recipient = Recipient(
        phone=data.phone,
        contact_id=data.contact_id,
        from_phone_number_id=data.from_phone_number_id,
        dry_run=dry_run,
    )
    given = msgspec.structs.asdict(data)
    try:
        phone = _phone(data.phone, caller)
        if limit is not None:
            await passwords.hit(resources.database, tenant.id, limit, phone.match_key)
        addressed = await address(resources, tenant, recipient.to())
        wish = codes.wish_of(given, is_strict=is_strict)
        made = await passwords.compose(resources, tenant, addressed.number, wish, phone)
    except (NotFound, ValidationFailed) as error:
        raise await codes.whole_refusal(resources, tenant, given, error, is_strict=is_strict) from None
    request.context.ignore_all(made.surplus)
    return await send(
        request,
        caller,
        recipient,
        made.content,
        describe,
        addressed=addressed,
        otp=made.otp,
        since=since,
        once={"code": made.shown_code} if made.shown_code else {},
    )


def _phone(text: str, caller: Caller) -> Phone:
    phone = read_phone(text, caller.tenant)
    assert phone is not None  # noqa: S101 - None is read from None only
    return phone


def _described(purpose: str, content: Template) -> dict[str, Any]:
    return {
        "template_name": content.name,
        "language": content.language,
        "purpose": purpose,
        "code_sent": True,
        "code_auto_generated": content.is_code_made_here is True,
        "expiry_minutes": content.valid_minutes,
    }


def _since(expiry_minutes: int, moment: dt.datetime) -> dict[str, Any]:
    return {"expires_at": iso(moment + dt.timedelta(minutes=expiry_minutes))}


def _standing(row: Row, phone: Phone) -> OtpStanding:
    message = from_row(
        MessageStanding,
        row,
        id=row["message_id"],
        message_id=row["wamid"],
        status=row["message_status"],
        sent_at=row["message_sent_at"],
        failed_reason=row["status_message"],
    )
    return from_row(
        OtpStanding,
        row,
        has_active_otp=True,
        message=message,
        phone=phone.digits,
        verification_attempts=row["attempts"],
        attempts_remaining=max(0, row["max_attempts"] - row["attempts"]),
    )
