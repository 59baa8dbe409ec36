"""Verification by a message from the user: a code to show, a link and a QR code to send it with."""

import datetime as dt
from typing import Annotated, Any, ClassVar

import msgspec
from litestar.params import FromPath, JSONBody

from rasl.api.caller import MaySendMessages
from rasl.api.nouns import Noun, from_row
from rasl.api.v2.auth_schemas import AUTH_TAG, PHONE_MESSAGES, Expiry, Phone, Purpose
from rasl.domain import otp
from rasl.domain.validation import Body
from rasl.errors import NotFound, WhatsAppNotConfigured
from rasl.services.composing.addressing import read_phone, sending_number
from rasl.services.otp import challenges
from rasl.web.request import ApiRequest
from rasl.web.responses import one_of


class CreateChallenge(Body, frozen=True, kw_only=True):
    """A code that a user is to send."""

    phone: (
        Annotated[Phone, msgspec.Meta(description="Who has to send it; left out, whoever does is verified.")]
        | None
    ) = None
    purpose: Purpose = otp.DEFAULT_PURPOSE
    expiry_minutes: Expiry = otp.DEFAULT_EXPIRY_MINUTES

    messages: ClassVar[dict[tuple[str, str], str]] = PHONE_MESSAGES


class NewChallenge(msgspec.Struct):
    """What to show to the user; the code is shown here only."""

    id: str
    code: str
    text: str
    link: str
    qr_svg: str
    phone: str | None
    purpose: str
    expires_at: str


class ChallengeItem(msgspec.Struct):
    """How a challenge stands; `status` is `pending`, `verified` or `expired`."""

    id: str
    status: Annotated[str, one_of("ChallengeStatus", ("pending", "verified", "expired"))]
    phone: str | None
    purpose: str
    contact_id: int | None
    message_id: int | None
    verified_at: str | None
    expires_at: str
    created_at: str


_ID = "5b0a8a0e-6c43-4f0c-9d4b-0a6d3f9f2b11"
_NEW: dict[str, Any] = {
    "id": _ID,
    "code": "K7QM-2XWD",
    "text": "My verification code is K7QM-2XWD",
    "link": "https://wa.me/15550783881?text=My%20verification%20code%20is%20K7QM-2XWD",
    "qr_svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 164 164" class="segno"></svg>',
    "phone": None,
    "purpose": "authentication",
    "expires_at": "2026-03-04T09:25:22+00:00",
}
_ITEM: dict[str, Any] = {
    "id": _ID,
    "status": "verified",
    "phone": "442079460011",
    "purpose": "authentication",
    "contact_id": 812,
    "message_id": 9032,
    "verified_at": "2026-03-04T09:16:40+00:00",
    "expires_at": "2026-03-04T09:25:22+00:00",
    "created_at": "2026-03-04T09:15:22+00:00",
}


CHALLENGES = Noun("/auth/challenge", AUTH_TAG, "challenge", ChallengeItem, _ITEM)


@CHALLENGES.post(
    "",
    201,
    WhatsAppNotConfigured,
    stores=False,
    tells="What to show.",
    example=_NEW,
    asks={"of_anybody": {"purpose": "authentication"}, "of_one_person": {"phone": "+442079460011"}},
)
async def create_challenge(
    data: JSONBody[CreateChallenge], caller: MaySendMessages, request: ApiRequest
) -> NewChallenge:
    """Have a user verify a phone by sending a code.

    Returns a code, a `wa.me` link that writes the message, and the link as a QR code. When the user
    sends it to your number, the challenge is verified for the sender's phone. No template is needed, and the message
    opens the 24-hour service window. With `phone` only that person can do it. Ask `GET /auth/challenge/{id}` what
    became of it.

    The code is shown by this answer only and kept nowhere, so an `Idempotency-Key` does not bring it back: ask for
    another challenge instead.
    """
    phone = read_phone(data.phone, caller.tenant)
    made = await challenges.create(
        request.resources,
        caller.tenant.id,
        sending_number(caller.tenant),
        phone.match_key if phone else None,
        data.purpose,
        dt.timedelta(minutes=data.expiry_minutes),
    )
    shown_to = phone.digits if phone else None
    return from_row(NewChallenge, msgspec.structs.asdict(made), phone=shown_to, purpose=data.purpose)


@CHALLENGES.get("/{challenge_id:str}", NotFound, tells="How it stands.")
async def get_challenge(
    challenge_id: FromPath[str], caller: MaySendMessages, request: ApiRequest
) -> ChallengeItem:
    """Get a challenge.

    Whether the user has sent the code. `phone` is who did, or who is to.
    """
    row = await challenges.get(request.resources.database, caller.tenant.id, challenge_id)
    pending = "expired" if row["is_expired"] else "pending"
    return from_row(
        ChallengeItem,
        row,
        id=str(row["id"]),
        status="verified" if row["verified_at"] else pending,
        phone=row["verified_phone"] or row["phone"],
    )


HANDLERS = (create_challenge, get_challenge)
