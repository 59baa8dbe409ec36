"""Contacts as the API takes them, one or a thousand: what was sent becomes arrivals, their outcomes become a report."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db.pool import Db
from rasl.domain import attributes, phone
from rasl.domain.phone import Phone, PhoneProblem
from rasl.domain.tenants import Tenant
from rasl.errors import FeatureLimitExceeded, ValidationFailed
from rasl.services.contacts.arrivals import (
    PHONE_OWNER,
    PHONE_TAKEN,
    Arrival,
    Book,
    Mode,
    Outcome,
    Problems,
    arrive,
)

DUPLICATE_PHONE = "duplicate_phone"


class Wish(msgspec.Struct, frozen=True):
    """A contact somebody wants: `fields` as the API names them, those that are right, and what is wrong with others."""

    data: Any  # as it was sent
    fields: Mapping[str, Any]
    problems: Mapping[str, Sequence[str]] = {}


class Options(msgspec.Struct, frozen=True):
    """What a batch does with rows that cannot be created."""

    continue_on_error: bool = True
    skip_duplicates: bool = False


class Refused(msgspec.Struct, frozen=True):
    """A row that was not created, and why; `owners` are the contacts that have what it wants."""

    index: int
    data: Any
    code: str
    problems: Problems
    owners: Mapping[str, int] = {}


class Report(msgspec.Struct, frozen=True):
    """What became of a batch; with a limit, or aborted at its first error, nothing of it may stay."""

    created: list[int]
    skipped: list[Refused]
    failed: list[Refused]
    limit: FeatureLimitExceeded | None = None  # when not even one fitted into the plan
    is_aborted: bool = False


async def create(db: Db, tenant: Tenant, wishes: Sequence[Wish], options: Options) -> Report:
    """Create the contacts that can be created; the caller rolls back when the report has a limit or was aborted."""
    arrivals = [_arrival(tenant, wish) for wish in wishes]
    outcomes = await arrive(Book(db, tenant.id), arrivals, Mode.CREATE, tenant.plan.max_contacts)
    report = Report([], [], [])
    for index, (wish, outcome) in enumerate(zip(wishes, outcomes, strict=True)):
        if outcome.word == "created" and outcome.contact_id is not None:
            report.created.append(outcome.contact_id)
        elif outcome.word == "known" and options.skip_duplicates:
            owner = {PHONE_OWNER: outcome.contact_id} if outcome.contact_id is not None else {}
            report.skipped.append(Refused(index, wish.data, DUPLICATE_PHONE, {}, owner))
        elif outcome.limit and not report.created:
            return msgspec.structs.replace(report, limit=outcome.limit)
        else:
            report.failed.append(_refused(index, wish, outcome))
            if not options.continue_on_error:
                return msgspec.structs.replace(report, is_aborted=True)
    return report


async def arrive_alone(db: Db, tenant: Tenant, wish: Wish) -> Outcome:
    """Create the contact unless somebody has its phone, and return what became of it."""
    [outcome] = await arrive(
        Book(db, tenant.id), [_arrival(tenant, wish)], Mode.CREATE, tenant.plan.max_contacts
    )
    return outcome


def _arrival(tenant: Tenant, wish: Wish) -> Arrival:
    problems = {field: list(texts) for field, texts in wish.problems.items()}
    understood = understand_phone(wish.fields.get("phone"), tenant, problems)
    columns = columns_of(wish.fields, understood)
    if len(columns.get("attributes", ())) > attributes.MAX_KEYS:
        problems["attributes"] = [attributes.TOO_MANY]
    return Arrival(understood.match_key if understood else None, columns, problems=problems)


def understand_phone(text: str | None, tenant: Tenant, problems: Problems) -> Phone | None:
    """Return the number meant, or add what is wrong with it to the problems; no text is no number."""
    if text is None:
        return None
    understood = phone.understand(text, tenant.default_country)
    if isinstance(understood, PhoneProblem):
        problems.setdefault("phone", [understood.sentence])
        return None
    return understood


def _refused(index: int, wish: Wish, outcome: Outcome) -> Refused:
    if outcome.limit:
        return Refused(index, wish.data, outcome.limit.code, {"contacts": [outcome.limit.message]})
    problems = dict(outcome.problems)
    if outcome.word == "known":
        problems["phone"] = [PHONE_TAKEN]
    return Refused(index, wish.data, ValidationFailed.code, problems, outcome.owners)


def columns_of(fields: Mapping[str, Any], number: Phone | None) -> dict[str, Any]:
    """Turn the API's fields, with the number that the phone means, into columns."""
    values = dict(fields)
    if number and "phone" in values:
        values["phone"] = phone.kept(values["phone"], number)
    if "groups" in values:
        values["group_ids"] = list(dict.fromkeys(values.pop("groups") or ()))
    if "attributes" in values:
        values["attributes"] = attributes.merged({}, values["attributes"] or {})
    return values
