"""What a send says about a recipient who is not a contact yet."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import contact_groups, recipients
from rasl.db import contacts as contact_rows
from rasl.db.pool import Database, Db
from rasl.errors import ValidationFailed
from rasl.services.contacts.creation import EMAIL_TAKEN, NO_GROUP

_COUNTRY = "country"  # an attribute: contacts know countries by id only


class NewProfile(msgspec.Struct, frozen=True):
    """What a new contact gets besides the tenant's defaults."""

    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    country: str | None = None
    assigned_id: int | None = None
    group_ids: tuple[int, ...] = ()

    def applied(self, contact: recipients.NewContact) -> recipients.NewContact:
        """Return the contact with what is said here."""
        given: dict[str, Any] = {
            name: value
            for name in ("firstname", "lastname", "email", "assigned_id", "group_ids")
            if (value := getattr(self, name))
        }
        attributes: Mapping[str, str] = {_COUNTRY: self.country} if self.country else {}
        return msgspec.structs.replace(contact, attributes=attributes, **given)


async def check_groups(database: Database, tenant_id: int, group_ids: Sequence[int]) -> dict[str, list[str]]:
    """Return what is wrong with the groups a send names: they must be the tenant's."""
    if not group_ids:
        return {}
    async with database.connection() as db:
        known = await contact_groups.hold_groups(db, tenant_id, group_ids)
    return {} if set(group_ids) <= known else {"contact.groups": [NO_GROUP]}


class Emails(msgspec.Struct):
    """Emails that new people of one batch want, as the database compares them, and those that somebody has."""

    keys: dict[tuple[int, str], tuple[int, str]]
    taken: set[tuple[int, str]]

    def take(self, tenant_id: int, email: str | None) -> bool:
        """Give an email to a new contact; False when somebody has it, also one before it in the batch."""
        if email is None:
            return True
        key = self.keys[tenant_id, email]
        if key in self.taken:
            return False
        self.taken.add(key)
        return True


async def look_up_emails(db: Db, wanted: Sequence[tuple[int, str | None]]) -> Emails:
    """Find out which of these emails, given as (tenant_id, email), contacts have already."""
    by_tenant: dict[int, list[str]] = defaultdict(list)
    for tenant_id, email in wanted:
        if email is not None:
            by_tenant[tenant_id].append(email)
    emails = Emails({}, set())
    for tenant_id, given in sorted(by_tenant.items()):
        found = await contact_rows.find_taken(db, tenant_id, [], given)
        emails.keys |= {(tenant_id, email): (tenant_id, key) for email, key in found.email_keys.items()}
        emails.taken |= {(tenant_id, key) for key in found.emails}
    return emails


def email_taken() -> ValidationFailed:
    """Refuse to create a contact with an email that another one has."""
    return ValidationFailed({"contact.email": [EMAIL_TAKEN]})


async def with_groups_that_are_left(
    db: Db, contacts: Sequence[recipients.NewContact]
) -> list[recipients.NewContact]:
    """Leave out groups that were deleted since they were checked; the others stay until the transaction ends."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for contact in contacts:
        wanted[contact.tenant_id].update(contact.group_ids)
    known = {
        tenant_id: await contact_groups.hold_groups(db, tenant_id, sorted(group_ids))
        for tenant_id, group_ids in sorted(wanted.items())
        if group_ids
    }
    return [
        msgspec.structs.replace(
            contact, group_ids=tuple(sorted(set(contact.group_ids) & known.get(contact.tenant_id, set())))
        )
        for contact in contacts
    ]
