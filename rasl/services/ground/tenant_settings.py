"""What a tenant chooses for itself: read and changed the same way by whichever door, each change in the audit."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasl.db import labels, tenants
from rasl.db import templates as template_rows
from rasl.db.labels import LabelTable
from rasl.db.pool import Database, Db, Row
from rasl.domain import tenant_settings, zones
from rasl.domain.keywords import Words
from rasl.domain.templates import definition
from rasl.domain.templates.binding import bind
from rasl.domain.templates.values import Values
from rasl.domain.tenant_settings import NAMES, RETENTION, ChangeSettings, FallbackTemplate
from rasl.errors import ValidationFailed
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor, Change
from rasl.settings import Settings

Problems = dict[str, list[str]]
_DEFAULTS = {"default_status_id": labels.STATUSES, "default_source_id": labels.SOURCES}


async def get(database: Database, tenant_id: int) -> dict[str, Any]:
    """Return the settings of a tenant as its people see them."""
    async with database.connection() as db:
        row = await tenants.get_settings(db, tenant_id)
    return tenant_settings.shown(dict(row))


async def change(
    database: Database, settings: Settings, tenant_id: int, given: ChangeSettings, actor: Actor
) -> dict[str, Any]:
    """Change what is given, all of it or, when anything is wrong, nothing; raises ValidationFailed naming it all."""
    async with database.transaction() as db:
        before = await tenants.hold_settings(db, tenant_id)
        return await apply(db, settings, before, msgspec.to_builtins(given), actor)


async def apply(
    db: Db, settings: Settings, held: Row, given: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """Change settings of a tenant whose row the transaction holds, which puts changes made at once in a row.

    `given` has the shape of ChangeSettings already.
    """
    problems, values = await _understood(db, settings, held, given)
    if problems:
        raise ValidationFailed(problems)
    tenant_id, before = held["id"], tenant_settings.shown(dict(held))
    if values:
        await tenants.change_tenant(db, tenant_id, values)
    after = tenant_settings.shown({name: values.get(name, held[name]) for name in NAMES})
    old, new = audit.difference(before, after, NAMES)
    if new:
        await audit.record(db, Change(tenant_id, actor, "settings.changed", "settings", tenant_id, old, new))
    return after


async def find_objections(
    database: Database, settings: Settings, tenant_id: int, right: Mapping[str, Any]
) -> Problems:
    """Return what the database says against those fields of a refused change whose shape is right."""
    async with database.connection() as db:
        row = await tenants.get_settings(db, tenant_id)
        problems, _ = await _understood(db, settings, row, right)
    return problems


async def _understood(
    db: Db, settings: Settings, row: Row, given: Mapping[str, Any]
) -> tuple[Problems, dict[str, Any]]:
    """Return what is wrong with settings of the right shape, and the values to store."""
    problems: Problems = {}
    values = tenant_settings.written({name: value for name, value in given.items() if name in NAMES})
    for name, table in _DEFAULTS.items():
        problems |= await _default_problems(db, row["id"], name, table, values.get(name))
    if "time_zone" in values:
        known = await tenants.list_zones(db)
        zone = zones.understood(values["time_zone"], known)
        if zone is None:
            meant = zones.suggested(values["time_zone"], known)
            hint = f'; did you mean "{meant}"?' if meant else ", such as Europe/Berlin or UTC"
            problems["time_zone"] = [f"The time_zone field must be the name of a time zone{hint}"]
        values["time_zone"] = zone
    if values.get("fallback_template") is not None:
        problems |= await _fallback_problems(db, row["id"], values["fallback_template"])
    problems |= _word_problems(row, values)
    if "retention_days" in values:
        days = values["retention_days"] or {}
        kept = {kind: getattr(settings, name) for kind, name in RETENTION.items()}
        problems |= tenant_settings.retention_problems(days, kept)
        merged = row["retention_days"] | days if values["retention_days"] is not None else {}
        values["retention_days"] = {kind: item for kind, item in merged.items() if item is not None}
    return problems, values


async def _default_problems(
    db: Db, tenant_id: int, name: str, table: LabelTable, label_id: int | None
) -> Problems:
    if label_id is None or await tenants.hold_default(db, tenant_id, label_id, table.name):
        return {}
    return {name: [f"The account has no {table.word} with this {name.removeprefix('default_')}"]}


async def _fallback_problems(db: Db, tenant_id: int, given: Mapping[str, Any]) -> Problems:
    """Bind the template as a send would, so that what it lacks is said now and not when a message needs it."""
    place = "fallback_template."
    found = await template_rows.find_of_tenant(db, tenant_id, given["template_name"], given["language"])
    if found is None:
        return {f"{place}template_name": ["The account has no template of this name in this language"]}
    if found["category"] == "AUTHENTICATION":
        return {f"{place}template_name": ["An AUTHENTICATION template cannot stand in for a message"]}
    fallback = msgspec.convert(given, FallbackTemplate)
    try:
        bind(
            definition.read(found["components"], found["category"], found["parameter_format"]),
            Values(fields=fallback.fields()),
        )
    except ValidationFailed as error:
        return {place + field: texts for field, texts in error.details.items()}
    return {}


def _word_problems(row: Row, values: Mapping[str, Any]) -> Problems:
    """Refuse a word that would mean both, whether both lists are given or one of them is stored."""
    if not values.keys() & {"stop_words", "start_words"}:
        return {}
    words = Words.of(*(values.get(name, row[name]) for name in ("stop_words", "start_words")))
    both = sorted(words.stop & words.start)
    if not both:
        return {}
    name = "stop_words" if "stop_words" in values else "start_words"
    other = "start_words" if name == "stop_words" else "stop_words"
    return {name: [f'"{both[0]}" cannot be one of the {other} as well']}
