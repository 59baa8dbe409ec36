"""Verification the other way round: we show a code, the user sends it from WhatsApp, the message proves the phone."""

import datetime as dt
import io
import secrets
import uuid
from collections.abc import Sequence

import msgspec
import segno

from rasl.db import challenges as challenge_rows
from rasl.db.challenges import Answer
from rasl.db.pool import Database, Db, Row
from rasl.domain import challenges as rules
from rasl.domain.events import Event
from rasl.domain.fixed_windows import WindowLimit
from rasl.domain.tenants import Number
from rasl.errors import NotFound, WhatsAppNotConfigured
from rasl.sealing import Sealer
from rasl.services.ground import events
from rasl.services.ground.resources import Resources
from rasl.services.otp import passwords

PHONE_LIMIT = WindowLimit("challenge", 5, dt.timedelta(minutes=5))
TENANT_LIMIT = WindowLimit("challenges", 600, dt.timedelta(minutes=5))
_HASH = "challenge_code"


class Challenge(msgspec.Struct, frozen=True):
    """A code to show, with what makes it easy to send."""

    id: str
    code: str
    text: str
    link: str
    qr_svg: str
    expires_at: dt.datetime

    def __repr__(self) -> str:
        """Never show the code."""
        return f"Challenge(id={self.id!r})"


class Letter(msgspec.Struct, frozen=True):
    """A new inbound message, as far as a challenge is concerned."""

    tenant_id: int
    number_id: int
    message_id: int
    contact_id: int
    phone: str  # match key of the sender
    text: str | None


async def create(
    resources: Resources,
    tenant_id: int,
    number: Number,
    phone: str | None,
    purpose: str,
    valid_for: dt.timedelta,
) -> Challenge:
    """Make a code that whoever sees it can send to our number; raises RateLimitExceeded or WhatsAppNotConfigured."""
    if not number.display_phone_number:
        raise WhatsAppNotConfigured(
            "The connected number's own phone number is not known: connect it again with it"
        )
    if phone is not None:
        await passwords.hit(resources.database, tenant_id, PHONE_LIMIT, phone)
    await passwords.hit(resources.database, tenant_id, TENANT_LIMIT, "")
    challenge_id, code = str(uuid.uuid4()), rules.make_code(secrets.choice)
    async with resources.database.connection() as db:
        expires_at = await challenge_rows.insert(
            db,
            tenant_id,
            challenge_id,
            number.id,
            purpose,
            _hash(resources.sealer, tenant_id, code),
            phone,
            valid_for,
        )
    link = rules.link(number.display_phone_number, code)
    return Challenge(
        id=challenge_id,
        code=rules.shown(code),
        text=rules.text_with(code),
        link=link,
        qr_svg=_qr(link),
        expires_at=expires_at,
    )


async def get(database: Database, tenant_id: int, name: str) -> Row:
    """Return a challenge of the tenant; raises NotFound."""
    try:
        challenge_id = str(uuid.UUID(name))
    except ValueError:
        raise NotFound("Challenge not found") from None
    async with database.connection() as db:
        row = await challenge_rows.find(db, tenant_id, challenge_id)
    if row is None:
        raise NotFound("Challenge not found")
    return row


async def match(db: Db, sealer: Sealer, letters: Sequence[Letter]) -> None:
    """Verify the challenges whose codes came in, in the transaction that stores the messages."""
    answers = [
        Answer(
            letter.tenant_id,
            letter.number_id,
            _hash(sealer, letter.tenant_id, code),
            letter.phone,
            letter.message_id,
            letter.contact_id,
        )
        for letter in letters
        for code in rules.find_codes(letter.text)
    ]
    rows = await challenge_rows.answer(db, answers) if answers else []
    await events.record_many(db, [(row["tenant_id"], _verified(row)) for row in rows])


def _hash(sealer: Sealer, tenant_id: int, code: str) -> bytes:
    return sealer.digest(rules.hashed_text(tenant_id, code), _HASH)


def _qr(link: str) -> str:
    svg = io.BytesIO()
    segno.make_qr(link, error="m").save(svg, kind="svg", xmldecl=False, scale=4, omitsize=True)
    return svg.getvalue().decode().strip()


def _verified(row: Row) -> Event:
    return Event(
        type="challenge.verified",
        id=str(row["id"]),
        attributes={
            "challenge_id": str(row["id"]),
            "purpose": row["purpose"],
            "phone": row["verified_phone"],
            "contact_id": row["contact_id"],
            "message": {"id": row["message_id"]},
            "verified_at": row["verified_at"].isoformat(),
        },
        once=str(row["id"]),
    )
