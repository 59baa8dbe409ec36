"""Creating contacts for phones that a batch of sends is addressed to and nobody has yet."""

from collections import defaultdict
from collections.abc import MutableMapping, Sequence
from typing import Any

from rasl.db import recipients
from rasl.db.pool import Db
from rasl.domain.tenants import Tenant
from rasl.errors import FeatureLimitExceeded, ValidationFailed
from rasl.services.composing.draft import Draft
from rasl.services.contacts import profiles


async def create_missing(
    db: Db, drafts: Sequence[Draft], places: Sequence[int], answers: MutableMapping[int, Any]
) -> None:
    """Create a contact for each unknown phone, within the plan."""
    candidates = [place for place in places if drafts[place].contact_id is None]
    known = await recipients.find_contacts(db, [drafts[place].address() for place in candidates])
    wanted: dict[int, dict[str, list[int]]] = defaultdict(dict)
    emails = await profiles.look_up_emails(
        db, [(drafts[place].tenant.id, _email(drafts[place])) for place in candidates]
    )
    for place, contact_id in zip(candidates, known, strict=True):
        phone, tenant = drafts[place].phone, drafts[place].tenant
        if contact_id is not None or phone is None:
            continue
        same = wanted[tenant.id].get(phone.match_key)
        if same is not None:
            same.append(place)  # the same person as in a draft before
        elif problem := missing_defaults(tenant):
            answers[place] = problem
        elif not emails.take(tenant.id, _email(drafts[place])):
            answers[place] = profiles.email_taken()
        else:
            wanted[tenant.id][phone.match_key] = [place]
    new: list[recipients.NewContact] = []
    for tenant_id, by_key in sorted((key, value) for key, value in wanted.items() if value):
        tenant = drafts[next(iter(by_key.values()))[0]].tenant
        granted, before = await recipients.take_contact_places(
            db, tenant_id, len(by_key), tenant.plan.max_contacts
        )
        keys = list(by_key)
        new += [_new_contact(drafts[by_key[key][0]]) for key in keys[:granted]]
        for key in keys[granted:]:
            refusal = FeatureLimitExceeded.of("contacts", before + granted, tenant.plan.max_contacts)
            answers.update(dict.fromkeys(by_key[key], refusal))
    if new:
        await _create(db, await profiles.with_groups_that_are_left(db, new))


def _email(draft: Draft) -> str | None:
    return draft.profile.email if draft.profile else None


def missing_defaults(tenant: Tenant) -> ValidationFailed | None:
    """Return why no contact can be created by sending, or None (api-v2 section 17, row 42)."""
    absent = ", ".join(tenant.missing_defaults())
    if not absent:
        return None
    return ValidationFailed(
        {"phone": [f"No contact has this number and none can be created: {absent} is not set"]}
    )


async def _create(db: Db, new: Sequence[recipients.NewContact]) -> None:
    """Create contacts and give back the places of those that another process created in the same moment."""
    by_tenant: dict[int, list[recipients.NewContact]] = defaultdict(list)
    for contact in new:
        by_tenant[contact.tenant_id].append(contact)
    for tenant_id, contacts in sorted(by_tenant.items()):
        created = await recipients.create_contacts(db, contacts)
        await recipients.change_contact_count(db, tenant_id, created - len(contacts))


def _new_contact(draft: Draft) -> recipients.NewContact:
    tenant, phone = draft.tenant, draft.phone
    # `create_missing` has looked: a phone is there, and so are the defaults.
    assert phone is not None  # noqa: S101
    assert tenant.default_status_id is not None  # noqa: S101
    assert tenant.default_source_id is not None  # noqa: S101
    contact = recipients.NewContact(
        tenant_id=tenant.id,
        alias_kind="phone",
        alias_value=phone.match_key,
        wa_id=None,
        firstname=phone.digits,
        lastname="",
        phone=f"+{phone.digits}",
        type=tenant.default_type,
        status_id=tenant.default_status_id,
        source_id=tenant.default_source_id,
        assigned_id=tenant.default_assigned_id,
    )
    return draft.profile.applied(contact) if draft.profile else contact
