"""Creating contacts, one or a thousand, in one transaction with a handful of statements."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import contact_groups, recipients
from rasl.db import contacts as rows
from rasl.db.contacts import NewContact, Taken
from rasl.db.pool import Db
from rasl.domain import attributes, phone
from rasl.domain.phone import Phone, PhoneProblem
from rasl.domain.tenants import Tenant
from rasl.errors import ApiError, FeatureLimitExceeded, ValidationFailed

PHONE_TAKEN = "This phone number already exists"
EMAIL_TAKEN = "This email address already exists"
NO_SOURCE = "The selected source does not exist or does not belong to your account"
NO_STATUS = "The selected status does not exist or does not belong to your account"
NO_GROUP = "One or more groups do not exist"
DUPLICATE_PHONE = "duplicate_phone"
LONGEST_PHONE = 20

_PATIENCE = 5  # times somebody may take a phone between our look and our insert

Problems = dict[str, list[str]]


class Wish(msgspec.Struct, frozen=True):
    """A contact somebody wants: `fields` as the API names them, or the problems that kept them from being read."""

    data: Any  # as it was sent
    fields: Mapping[str, Any] | None
    problems: Mapping[str, Sequence[str]] = {}


class Options(msgspec.Struct, frozen=True):
    """What a batch does with rows that cannot be created."""

    continue_on_error: bool = True
    skip_duplicates: bool = False


class Refused(msgspec.Struct, frozen=True):
    """A row that was not created, and why."""

    index: int
    data: Any
    code: str
    problems: Problems


class Report(msgspec.Struct, frozen=True):
    """What became of a batch; a batch that ended at its first error has created nothing."""

    created: list[int]
    skipped: list[Refused]
    failed: list[Refused]
    limit: FeatureLimitExceeded | None = None  # when not even one fitted into the plan
    is_aborted: bool = False


class _Entry(msgspec.Struct, frozen=True):
    """A row with everything that can be said without looking at other contacts."""

    index: int
    wish: Wish
    phone: Phone | None
    problems: Problems

    @property
    def email(self) -> str | None:
        return self.wish.fields.get("email") if self.wish.fields else None


async def create(db: Db, tenant: Tenant, wishes: Sequence[Wish], options: Options) -> Report:
    """Create the contacts that can be created; the caller rolls back when the report says that it was aborted."""
    entries = await _examine(db, tenant, wishes)
    before = await rows.lock_count(db, tenant.id)
    match_keys = [entry.phone.match_key for entry in entries if entry.phone]
    emails = [entry.email for entry in entries if entry.email]
    for attempt in range(_PATIENCE):
        taken = await rows.find_taken(db, tenant.id, match_keys, emails)
        chosen, report = _sort_out(entries, taken, tenant, before, options)
        if report.is_aborted or report.limit or not chosen:
            return report
        try:
            async with db.transaction():
                ids = await rows.insert_contacts(db, tenant.id, [_new_contact(entry) for entry in chosen])
        except rows.CONFLICTS:
            if attempt == _PATIENCE - 1:
                raise
            continue
        await recipients.change_contact_count(db, tenant.id, len(ids))
        report.created.extend(ids)
        return report
    raise AssertionError  # the last attempt returned or raised


def understand_phone(text: str, tenant: Tenant, problems: Problems) -> Phone | None:
    """Return the number meant, or add what is wrong with it to the problems."""
    understood = phone.understand(text, tenant.default_country)
    if isinstance(understood, PhoneProblem):
        problems.setdefault("phone", [understood.sentence])
        return None
    return understood


async def hold_references(db: Db, tenant: Tenant, many: Sequence[tuple[Mapping[str, Any], Problems]]) -> None:
    """Keep what contacts refer to from being deleted, and add to the problems of each what does not exist."""
    group_ids = {group_id for fields, _ in many for group_id in fields.get("groups") or ()}
    known_groups = await contact_groups.hold_groups(db, tenant.id, sorted(group_ids)) if group_ids else set()
    source_ids = {fields["source_id"] for fields, _ in many if "source_id" in fields}
    status_ids = {fields["status_id"] for fields, _ in many if "status_id" in fields}
    sources: set[int] = set()
    statuses: set[int] = set()
    if source_ids or status_ids:
        sources, statuses = await rows.hold_references(db, tenant.id, sorted(source_ids), sorted(status_ids))
    for fields, problems in many:
        if "source_id" in fields and fields["source_id"] not in sources:
            problems["source_id"] = [NO_SOURCE]
        if "status_id" in fields and fields["status_id"] not in statuses:
            problems["status_id"] = [NO_STATUS]
        if not known_groups.issuperset(fields.get("groups") or ()):
            problems["groups"] = [NO_GROUP]


async def _examine(db: Db, tenant: Tenant, wishes: Sequence[Wish]) -> list[_Entry]:
    entries = []
    for index, wish in enumerate(wishes):
        problems = {field: list(texts) for field, texts in wish.problems.items()}
        text = wish.fields["phone"] if wish.fields else _phone_text(wish.data)
        understood = understand_phone(text, tenant, problems) if text is not None else None
        if wish.fields and len(attributes.merged({}, wish.fields["attributes"] or {})) > attributes.MAX_KEYS:
            problems["attributes"] = [attributes.TOO_MANY]
        entries.append(_Entry(index, wish, understood, problems))
    await hold_references(
        db, tenant, [(entry.wish.fields, entry.problems) for entry in entries if entry.wish.fields]
    )
    return entries


def _phone_text(data: Any) -> str | None:
    """Return the phone of a row that has other faults: whether it is a duplicate is asked first."""
    text = data.get("phone") if isinstance(data, dict) else None
    return text if isinstance(text, str) and text.strip() and len(text) <= LONGEST_PHONE else None


def _sort_out(
    entries: Sequence[_Entry], taken: Taken, tenant: Tenant, before: int, options: Options
) -> tuple[list[_Entry], Report]:
    """Decide about every row in order; a row counts as existing for those behind it once it is chosen."""
    maximum = tenant.plan.max_contacts
    room = len(entries) if maximum < 0 else maximum - before
    match_keys, emails = set(taken.match_keys), set(taken.emails)
    chosen: list[_Entry] = []
    report = Report([], [], [])
    for entry in entries:
        is_duplicate = entry.phone is not None and entry.phone.match_key in match_keys
        if is_duplicate and options.skip_duplicates:
            report.skipped.append(Refused(entry.index, entry.wish.data, DUPLICATE_PHONE, {}))
            continue
        email = taken.email_keys[entry.email] if entry.email else None
        refusal = _refusal(entry, is_duplicate, email in emails)
        if refusal is None and len(chosen) >= room:
            if room <= 0:
                limit = FeatureLimitExceeded.of("contacts", before, maximum)
                return [], msgspec.structs.replace(report, limit=limit)
            refusal = _refused(entry, FeatureLimitExceeded.of("contacts", before + len(chosen), maximum))
        if refusal is None and entry.phone:
            chosen.append(entry)
            match_keys.add(entry.phone.match_key)
            emails.update([email] if email else [])
        elif refusal:
            report.failed.append(refusal)
            if not options.continue_on_error:
                return [], msgspec.structs.replace(report, is_aborted=True)
    return chosen, report


def _refusal(entry: _Entry, has_phone: bool, has_email: bool) -> Refused | None:
    problems = dict(entry.problems)
    if has_phone:
        problems["phone"] = [PHONE_TAKEN]
    if has_email:
        problems["email"] = [EMAIL_TAKEN]
    return Refused(entry.index, entry.wish.data, ValidationFailed.code, problems) if problems else None


def _refused(entry: _Entry, error: ApiError) -> Refused:
    return Refused(entry.index, entry.wish.data, error.code, {"contacts": [error.message]})


def _new_contact(entry: _Entry) -> NewContact:
    if entry.phone is None or entry.wish.fields is None:
        raise ValueError("a contact without a phone was chosen")
    return NewContact(entry.phone.match_key, columns_of(entry.wish.fields))


def columns_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the API's fields into columns."""
    values = dict(fields)
    if "groups" in values:
        values["group_ids"] = list(dict.fromkeys(values.pop("groups") or ()))
    if "attributes" in values:
        values["attributes"] = attributes.merged({}, values["attributes"] or {})
    return values
