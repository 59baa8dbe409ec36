"""Contacts that sending creates: whoever has a phone that nobody had before, with what the send says about them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import contacts as rows
from rasl.db.pool import Database, Db
from rasl.domain.phone import Phone
from rasl.domain.records.contact import NO_GROUP
from rasl.domain.tenants import Tenant
from rasl.errors import ApiError, ValidationFailed
from rasl.services.contacts.arrivals import Arrival, Book, Mode, arrive

_COUNTRY = "country"  # an attribute: contacts know countries by id only


class NewProfile(msgspec.Struct, frozen=True):
    """What a new contact gets besides the tenant's defaults."""

    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    country: str | None = None
    assigned_id: int | None = None
    group_ids: tuple[int, ...] = ()


class Stranger(msgspec.Struct, frozen=True):
    """Somebody whom a tenant writes to and who is no contact yet."""

    tenant: Tenant
    phone: Phone
    profile: NewProfile | None


async def check_groups(database: Database, tenant_id: int, group_ids: Sequence[int]) -> dict[str, list[str]]:
    """Return what is wrong with the groups a send names: they must be the tenant's."""
    if not group_ids:
        return {}
    async with database.connection() as db:
        held = await rows.hold(db, tenant_id, group_ids)
    return {} if held.has_all else {"contact.groups": [NO_GROUP]}


def missing_defaults(tenant: Tenant) -> ValidationFailed | None:
    """Return why no contact can be created by sending, or None (api-v2 section 17, row 42)."""
    absent = ", ".join(tenant.missing_defaults())
    if not absent:
        return None
    return ValidationFailed(
        {"phone": [f"No contact has this number and none can be created: {absent} is not set"]}
    )


async def welcome(db: Db, strangers: Sequence[Stranger]) -> list[int | ApiError]:
    """Create a contact for each, within the plans; returns its id, or why there is none.

    Several may have one phone, and another process may create them in the same moment: they get the same id.
    """
    answers: dict[int, int | ApiError] = {}
    places: dict[int, list[int]] = defaultdict(list)
    for place, stranger in enumerate(strangers):
        if problem := missing_defaults(stranger.tenant):
            answers[place] = problem
        else:
            places[stranger.tenant.id].append(place)
    for tenant_id, own in sorted(places.items()):
        tenant = strangers[own[0]].tenant
        arrivals = [
            Arrival(
                strangers[place].phone.match_key, columns_of(strangers[place]), completes=defaults_of(tenant)
            )
            for place in own
        ]
        outcomes = await arrive(Book(db, tenant_id), arrivals, Mode.BY_PHONE, tenant.plan.max_contacts)
        for place, outcome in zip(own, outcomes, strict=True):
            refusal = outcome.limit or ValidationFailed(
                {f"contact.{name}": texts for name, texts in outcome.problems.items()}
            )
            answers[place] = refusal if outcome.contact_id is None else outcome.contact_id
    return [answers[place] for place in range(len(strangers))]


def columns_of(stranger: Stranger) -> dict[str, Any]:
    """Return what the new contact is given."""
    digits, profile = stranger.phone.digits, stranger.profile or NewProfile()
    columns = {
        "firstname": profile.firstname or digits,
        "lastname": profile.lastname or "",
        "phone": f"+{digits}",
        "email": profile.email,
        "group_ids": profile.group_ids,
        "attributes": {_COUNTRY: profile.country} if profile.country else {},
    }
    return columns | ({"assigned_id": profile.assigned_id} if profile.assigned_id else {})


def defaults_of(tenant: Tenant) -> dict[str, Any]:
    """Return what every new contact of a tenant gets."""
    return {
        "type": tenant.default_type,
        "status_id": tenant.default_status_id,
        "source_id": tenant.default_source_id,
        "assigned_id": tenant.default_assigned_id,
    }
