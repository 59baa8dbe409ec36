"""Changing a contact, putting one of whom the caller does not know whether they are there, and what speaks against it.

What speaks against a change is also asked for alone, with those fields of a refused request that are right, so that one
answer names all that is wrong.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from rasl.db import contact_aliases
from rasl.db import contacts as rows
from rasl.db.contacts import ChangedError
from rasl.db.pool import Db
from rasl.domain import attributes, phone
from rasl.domain.phone import Phone
from rasl.domain.records import written_fields
from rasl.domain.records.contact import Contact
from rasl.domain.tenants import Tenant
from rasl.errors import NotFound, ValidationFailed
from rasl.services.contacts import arrivals
from rasl.services.contacts.arrivals import (
    EMAIL_OWNER,
    EMAIL_TAKEN,
    PHONE_OWNER,
    PHONE_TAKEN,
    Arrival,
    Book,
    Problems,
)
from rasl.services.contacts.creation import Wish, arrive_alone, columns_of, understand_phone

Match = Literal["phone", "email"]
_REQUIRED = {told.name: told.field.texts["required"] for told in written_fields(Contact) if told.is_required}
_NEEDED_TO_MATCH = {"phone": _REQUIRED["phone"], "email": "Email is required to match by it"}
_OWNERS: Mapping[Match, str] = {"phone": PHONE_OWNER, "email": EMAIL_OWNER}
Objections = dict[str, list[str] | int]
"""What speaks against fields, by field, and beside it the ids of contacts that have what they want."""


class Meant(msgspec.Struct, frozen=True):
    """What fields come to: columns, the number of the phone, and what is wrong with them whoever gets them."""

    fields: Mapping[str, Any]
    columns: dict[str, Any]
    number: Phone | None
    problems: Problems


async def change(db: Db, tenant: Tenant, contact_id: int, fields: Mapping[str, Any]) -> None:
    """Write what is given; groups replace, attributes merge. Raises NotFound or ValidationFailed."""
    meant = await _understand(db, tenant, fields)
    if "phone" in fields or fields.get("email"):
        await rows.lock_count(db, tenant.id)
    row = await rows.lock_contact(db, tenant.id, contact_id)
    if row is None:
        raise not_found()
    if found := await _objections(db, tenant, meant, contact_id, row["attributes"]):
        raise ValidationFailed(found)
    changes = meant.columns
    if fields.get("attributes") is not None:
        changes["attributes"] = attributes.merged(row["attributes"], fields["attributes"])
    if (
        meant.number
        and _is_another(row["phone"], meant.number, tenant)
        and not await contact_aliases.change_phone(db, tenant.id, contact_id, meant.number.match_key)
    ):
        raise ChangedError  # somebody took it in this moment: whoever looks again sees who
    if changes:
        await rows.change_contact(db, tenant.id, contact_id, changes)


async def put(db: Db, tenant: Tenant, fields: Mapping[str, Any], match: Match) -> tuple[int, bool]:
    """Create the contact, or change the one that has the phone or the email already; returns its id, and if it is new.

    Whether somebody has them is decided where contacts come in, and nobody can take either before this transaction
    ends. Raises ValidationFailed or FeatureLimitExceeded.
    """
    outcome = await arrive_alone(db, tenant, Wish(None, fields, _lacks(fields, match)))
    if outcome.word == "created" and outcome.contact_id is not None:
        return outcome.contact_id, True
    known = outcome.owners.get(_OWNERS[match])
    if known is None:
        if outcome.limit:
            raise outcome.limit
        taken = {"phone": [PHONE_TAKEN]} if PHONE_OWNER in outcome.owners else {}
        raise ValidationFailed({**outcome.problems, **taken, **outcome.owners})
    try:
        await change(db, tenant, known, fields)
    except NotFound:
        raise ChangedError from None  # joined with another contact in this moment
    return known, False


async def objections(
    db: Db, tenant: Tenant, fields: Mapping[str, Any], contact_id: int | None = None
) -> Objections:
    """Return what speaks against a new contact with these fields, or a change of one; raises NotFound."""
    meant = await _understand(db, tenant, fields)
    if contact_id is None:
        return await _objections(db, tenant, meant, None, {})
    row = await rows.lock_contact(db, tenant.id, contact_id)
    if row is None:
        raise not_found()
    return await _objections(db, tenant, meant, contact_id, row["attributes"])


async def objections_to_putting(
    db: Db, tenant: Tenant, fields: Mapping[str, Any], match: Match
) -> Objections:
    """Return what speaks against putting a contact."""
    owners = await _objections(db, tenant, await _understand(db, tenant, fields), None, {})
    known = owners.get(_OWNERS[match])
    if isinstance(known, int):
        return await objections(db, tenant, fields, known)
    return {**_lacks(fields, match), **owners}


def _lacks(fields: Mapping[str, Any], match: Match) -> Problems:
    """Return what a new contact with these fields would lack."""
    lacks = {name: [text] for name, text in _REQUIRED.items() if fields.get(name) is None}
    if fields.get(match) is None:
        lacks[match] = [_NEEDED_TO_MATCH[match]]
    return lacks


async def _understand(db: Db, tenant: Tenant, fields: Mapping[str, Any]) -> Meant:
    """Understand fields and hold what they refer to."""
    problems: Problems = {}
    number = understand_phone(fields.get("phone"), tenant, problems)
    columns = columns_of(fields, number)
    problems |= await arrivals.missing(Book(db, tenant.id), Arrival(None, columns))
    return Meant(fields, columns, number, problems)


async def _objections(
    db: Db, tenant: Tenant, meant: Meant, contact_id: int | None, known: Mapping[str, Any]
) -> Objections:
    found: Objections = {**meant.problems}
    given = meant.fields.get("attributes")
    if given is not None and len(attributes.merged(known, given)) > attributes.MAX_KEYS:
        found["attributes"] = [attributes.TOO_MANY]
    if meant.number is not None or meant.columns.get("email") is not None:
        wish = Arrival(meant.number.match_key if meant.number else None, meant.columns)
        [owner] = await Book(db, tenant.id).look([wish])
        if owner.contact_id not in {None, contact_id}:
            found |= {"phone": [PHONE_TAKEN], PHONE_OWNER: owner.contact_id}
        if owner.email_id not in {None, contact_id}:
            found |= {"email": [EMAIL_TAKEN], EMAIL_OWNER: owner.email_id}
    return found


def _is_another(old: str | None, new: Phone, tenant: Tenant) -> bool:
    """Tell whether a phone is another one than before, and not just written in another way."""
    understood = phone.understand(old, tenant.default_country) if old else None
    return not isinstance(understood, Phone) or understood.match_key != new.match_key


def not_found() -> NotFound:
    """Return the error for a contact that is absent, or of another tenant."""
    return NotFound("Contact not found")
