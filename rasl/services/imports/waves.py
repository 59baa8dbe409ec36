"""Rows become contacts by sets: a wave has each phone once, so that a row meets what the rows before it left."""

from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import contact_import_rows as rows_db
from rasl.db import recipients
from rasl.db.pool import Db
from rasl.domain import attributes
from rasl.domain.contact_csv import ContactRow

_EMAIL_TAKEN = "This email address already exists"
_PHONE_TAKEN = "This phone number already exists"
_LIMIT = "FEATURE_LIMIT_EXCEEDED: Contact limit reached for the current plan"


class ChangedError(Exception):
    """A group or a contact the rows refer to was deleted after they were read."""


class Ground(msgspec.Struct):
    """Where and by which rules rows are applied; in a dry run only keys are noted."""

    db: Db
    tenant_id: int
    import_id: int
    mode: str
    is_dry_run: bool
    maximum: int
    created_before: int
    type: str
    status_id: int | None
    source_id: int | None
    may_skip_checks: bool = False
    room: int | None = None  # contacts the plan still allows, None is no limit


class Outcome(msgspec.Struct):
    """What a row came to: created, updated, skipped or failed."""

    row: ContactRow
    word: str
    reason: str = ""


async def apply(ground: Ground, rows: Sequence[ContactRow]) -> list[Outcome]:
    """Apply rows in the caller's transaction."""
    await _enter(ground, rows)
    outcomes: list[Outcome] = []
    pending = list(rows)
    while pending:
        wave: dict[str, ContactRow] = {}
        later: list[ContactRow] = []
        for row in pending:
            if row.match_key in wave:
                later.append(row)
            else:
                wave[row.match_key] = row
        reached = await _apply_wave(ground, wave, later)
        outcomes += reached
        if later and ground.mode != "update":
            # Whoever comes after a row that has its contact is a duplicate; after one that failed it has its chance.
            taken = {
                item.row.match_key for item in reached if item.word != "failed" or item.reason == _PHONE_TAKEN
            }
            outcomes += [_duplicate(ground, row) for row in later if row.match_key in taken]
            later = [row for row in later if row.match_key not in taken]
        pending = sorted(later, key=lambda row: row.number)
    await _leave(ground, outcomes)
    return outcomes


async def _enter(ground: Ground, rows: Sequence[ContactRow]) -> None:
    """Lock in the order of everything that writes contacts (see `db/contacts.py`): groups, counter, the rest."""
    groups = sorted({group_id for row in rows for group_id in row.values.get("groups", ())})
    if groups and await rows_db.lock_groups(ground.db, ground.tenant_id, groups) != set(groups):
        raise ChangedError
    statuses = {found for row in rows if (found := row.values.get("status_id", ground.status_id)) is not None}
    sources = {found for row in rows if (found := row.values.get("source_id", ground.source_id)) is not None}
    if not await rows_db.hold_labels(ground.db, ground.tenant_id, statuses, sources):
        raise ChangedError
    if ground.maximum < 0:
        return  # nobody need wait for the counter until `_leave`
    if ground.is_dry_run:
        before = await rows_db.count_contacts(ground.db, ground.tenant_id) + ground.created_before
    else:
        _, before = await recipients.take_contact_places(ground.db, ground.tenant_id, 0, ground.maximum)
    ground.room = max(0, ground.maximum - before)


async def _leave(ground: Ground, outcomes: Sequence[Outcome]) -> None:
    if not ground.is_dry_run:
        created = sum(1 for item in outcomes if item.word == "created")
        await recipients.take_contact_places(ground.db, ground.tenant_id, created, -1)


def _duplicate(ground: Ground, row: ContactRow) -> Outcome:
    return Outcome(row, "skipped") if ground.mode == "skip" else Outcome(row, "failed", _PHONE_TAKEN)


async def _apply_wave(ground: Ground, wave: dict[str, ContactRow], later: list[ContactRow]) -> list[Outcome]:
    claimed = await _claim(ground, wave)
    known = [row for key, row in wave.items() if key not in claimed]
    owners: dict[str, int] = {}
    outcomes: list[Outcome] = []
    if ground.mode == "update":
        owners = await _owners(ground, known)
        wave = _once_per_contact(wave, owners, later)
        known = [row for key, row in wave.items() if key not in claimed]
    else:
        outcomes = [_duplicate(ground, row) for row in known]
        known = []
    checked = [row for key, row in wave.items() if key in claimed or ground.mode == "update"]
    failed = await _failures(ground, checked, claimed, owners)
    new = [row for row in checked if row.match_key in claimed and row.match_key not in failed]
    await _create(ground, new, claimed, failed)
    changed = [row for row in known if row.match_key not in failed]
    await _update(ground, changed, owners, failed)
    await _give_back(ground, [key for key in failed if key in claimed])
    outcomes += [Outcome(wave[key], "failed", reason) for key, reason in failed.items()]
    outcomes += [Outcome(row, "created") for row in new if row.match_key not in failed]
    outcomes += [Outcome(row, "updated") for row in changed if row.match_key not in failed]
    return outcomes


async def _owners(ground: Ground, rows: Sequence[ContactRow]) -> dict[str, int]:
    owners = await rows_db.find_owners(ground.db, ground.tenant_id, [row.match_key for row in rows])
    if len(owners) < len(rows) and not ground.is_dry_run:
        raise ChangedError
    return owners


def _once_per_contact(
    wave: dict[str, ContactRow], owners: dict[str, int], later: list[ContactRow]
) -> dict[str, ContactRow]:
    """Keep the first row of each contact: one that has two phones may be named by both."""
    seen: set[int] = set()
    kept = {}
    for key, row in wave.items():
        owner = owners.get(key)
        if owner is not None and owner in seen:
            later.append(row)
            continue
        kept[key] = row
        if owner is not None:
            seen.add(owner)
    return kept


async def _claim(ground: Ground, wave: dict[str, ContactRow]) -> dict[str, int]:
    """Return the phones nobody had, with the ids of their contacts to be."""
    if not ground.is_dry_run:
        async with rows_db.unchecked(ground.db, is_allowed=ground.may_skip_checks):
            return await rows_db.claim_phones(ground.db, ground.tenant_id, list(wave))
    taken = await rows_db.find_owners(ground.db, ground.tenant_id, list(wave))
    free = [(key, key) for key in wave if key not in taken]
    noted = await rows_db.note_keys(ground.db, ground.tenant_id, ground.import_id, "phone", free)
    return dict.fromkeys(noted, 0)


async def _give_back(ground: Ground, keys: Sequence[str]) -> None:
    if not keys:
        return
    if ground.is_dry_run:
        await rows_db.forget_keys(ground.db, ground.tenant_id, ground.import_id, keys)
    else:
        await rows_db.give_back_phones(ground.db, ground.tenant_id, keys)


async def _failures(
    ground: Ground, rows: Sequence[ContactRow], claimed: dict[str, int], owners: dict[str, int]
) -> dict[str, str]:
    """Say which rows cannot be, by match key: emails of others first, then the plan, in the order of the file."""
    failed: dict[str, str] = {}
    with_email = [row for row in rows if "email" in row.values]
    # Where no place of the plan and no known contact depends on it, the insert finds out by itself, and faster.
    if with_email and (ground.is_dry_run or ground.room is not None or ground.mode == "update"):
        found = await rows_db.find_email_owners(
            ground.db, ground.tenant_id, ground.import_id, [row.values["email"] for row in with_email]
        )
        seen: set[str] = set()
        for row, (email, owner, noted) in zip(with_email, found, strict=True):
            is_foreign = owner is not None and owner != owners.get(row.match_key)
            is_noted = noted is not None and noted != row.match_key
            if is_foreign or is_noted or email in seen:
                failed[row.match_key] = _EMAIL_TAKEN
            seen.add(email)
    if ground.room is not None:
        for row in rows:
            if row.match_key in claimed and row.match_key not in failed:
                if ground.room <= 0:
                    failed[row.match_key] = _LIMIT
                else:
                    ground.room -= 1
    return failed


async def _create(
    ground: Ground, rows: Sequence[ContactRow], claimed: dict[str, int], failed: dict[str, str]
) -> None:
    if not rows:
        return
    if ground.is_dry_run:
        await _note_emails(ground, rows)
        return
    ids = [claimed[row.match_key] for row in rows]
    completed = [_complete(ground, row) for row in rows]
    async with rows_db.unchecked(ground.db, is_allowed=ground.may_skip_checks):
        created = await rows_db.create(ground.db, ground.tenant_id, ids, completed)
    for row in rows:
        if claimed[row.match_key] not in created:
            failed[row.match_key] = _EMAIL_TAKEN
            ground.room = None if ground.room is None else ground.room + 1


def _complete(ground: Ground, row: ContactRow) -> dict[str, Any]:
    return {
        "firstname": row.digits,
        "lastname": "",
        "type": ground.type,
        "status_id": ground.status_id,
        "source_id": ground.source_id,
        **row.values,
    }


async def _update(
    ground: Ground, rows: Sequence[ContactRow], owners: dict[str, int], failed: dict[str, str]
) -> None:
    if not rows:
        return
    await _check_attributes(ground, rows, owners, failed)
    rows = [row for row in rows if row.match_key not in failed]
    if ground.is_dry_run:
        await _note_emails(ground, rows)
        return
    # The phone is the one the contact was found by: its spelling stays.
    await rows_db.update(
        ground.db, ground.tenant_id, [owners[row.match_key] for row in rows], [row.values for row in rows]
    )


async def _check_attributes(
    ground: Ground, rows: Sequence[ContactRow], owners: dict[str, int], failed: dict[str, str]
) -> None:
    """Lock the contacts, and refuse what would give one too many attributes."""
    locked = [row for row in rows if row.match_key in owners]
    counts = await rows_db.lock(
        ground.db,
        ground.tenant_id,
        [owners[row.match_key] for row in locked],
        [row.values.get("attributes") for row in locked],
    )
    if len(counts) < len(locked):
        raise ChangedError
    for row in locked:
        if counts[owners[row.match_key]] > attributes.MAX_KEYS:
            failed[row.match_key] = attributes.TOO_MANY


async def _note_emails(ground: Ground, rows: Sequence[ContactRow]) -> None:
    emails = [(row.values["email"].lower(), row.match_key) for row in rows if "email" in row.values]
    await rows_db.note_keys(ground.db, ground.tenant_id, ground.import_id, "email", emails)
