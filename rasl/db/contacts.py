"""Queries on contacts.

Lock order of everything that writes contacts: groups, sources and statuses (held, by id) → conversations (by id) → the
tenant's counter → contacts (by id) → aliases. Whoever claims a phone or an email takes the counter first, so claims of
one tenant meet in one place; that a phone or an email is free is nevertheless decided by its unique key.

One exception: a chunk of an import under an unlimited plan takes the counter last, or every send to somebody new would
wait for it. Who meets it on a phone may end in a deadlock, and does its work once more (CONFLICTS).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from rasl.db.contact_lists import SELECT
from rasl.db.pool import Db, Row
from rasl.domain.records.contact import ContactColumns

COLUMNS = ContactColumns.__struct_fields__

# What a concurrent transaction can do to one that wrote nothing wrong: try the whole of it again.
CONFLICTS = (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError, asyncpg.DeadlockDetectedError)


class NewContact(msgspec.Struct, frozen=True):
    """A contact about to be created under its phone's match key."""

    match_key: str
    values: Mapping[str, Any]  # by column


class Taken(msgspec.Struct, frozen=True):
    """Which phones and emails somebody has; `email_keys` are the given emails as the unique index sees them."""

    match_keys: frozenset[str]
    emails: frozenset[str]
    email_keys: Mapping[str, str]


async def lock_contact(db: Db, tenant_id: int, contact_id: int) -> Row | None:
    """Lock one contact and return it."""
    return await db.fetchrow(
        f"select {SELECT} from contacts c where c.tenant_id = $1 and c.id = $2 for no key update",
        tenant_id,
        contact_id,
    )


async def hold_references(
    db: Db, tenant_id: int, source_ids: Sequence[int], status_ids: Sequence[int]
) -> tuple[set[int], set[int]]:
    """Return which of these sources and statuses the tenant has, and keep them from being deleted."""
    rows = await db.fetch(
        """
        with source as (
            select id from sources where tenant_id = $1 and id = any($2::bigint[]) order by id for key share
        ), status as (
            select id from contact_statuses where tenant_id = $1 and id = any($3::bigint[]) order by id for key share
        )
        select true as is_source, id from source union all select false, id from status
        """,
        tenant_id,
        sorted(set(source_ids)),
        sorted(set(status_ids)),
    )
    return (
        {row["id"] for row in rows if row["is_source"]},
        {row["id"] for row in rows if not row["is_source"]},
    )


async def find_taken(
    db: Db, tenant_id: int, match_keys: Sequence[str], emails: Sequence[str], but: int | None = None
) -> Taken:
    """Return which of these phones and emails contacts have, `but` one; it only names what the unique keys decide."""
    # The limits keep the planner from joining all contacts with all values while it knows nothing of the table.
    aliases = await db.fetch(
        """
        select i.value from unnest($2::text[]) as i (value)
        cross join lateral (
            select from contact_aliases a
            where a.tenant_id = $1 and a.kind = 'phone' and a.value = i.value and a.contact_id is distinct from $3
            limit 1
        ) a
        """,
        tenant_id,
        match_keys,
        but,
    )
    owners = await db.fetch(
        """
        select i.email, lower(i.email) as key, c.id is not null as is_taken
        from unnest($2::text[]) as i (email)
        left join lateral (
            select c.id from contacts c
            where c.tenant_id = $1 and lower(c.email) = lower(i.email) and c.email is not null
              and c.id is distinct from $3
            limit 1
        ) c on true
        """,
        tenant_id,
        emails,
        but,
    )
    return Taken(
        frozenset(row["value"] for row in aliases),
        frozenset(row["key"] for row in owners if row["is_taken"]),
        {row["email"]: row["key"] for row in owners},
    )


async def insert_contacts(db: Db, tenant_id: int, contacts: Sequence[NewContact]) -> list[int]:
    """Create contacts with distinct phones and return their ids, in order.

    Raises UniqueViolationError, which ends the caller's transaction or savepoint, when somebody has one of the phones
    or emails.
    """
    names = [name for name in COLUMNS if name not in {"group_ids", "attributes"}]
    integers = {"status_id", "source_id", "country_id", "assigned_id"}
    types = {"match_key": "text", "group_ids": "bigint[]", "attributes": "jsonb"}
    types |= {name: "bigint" if name in integers else "text" for name in names}
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    rows = await db.fetch(
        f"""
        with item as materialized (
            select nextval(pg_get_serial_sequence('contacts', 'id')) as id, u.*
            from rows from (json_to_recordset($2::json) as ({columns}))
                 with ordinality as u ({", ".join(types)}, ord)
        ), contact as (
            insert into contacts (tenant_id, id, group_ids, attributes, {", ".join(names)})
            overriding system value
            select $1, id, group_ids, attributes, {", ".join(names)} from item order by id
        ), alias as (
            insert into contact_aliases (tenant_id, kind, value, contact_id)
            select $1, 'phone', match_key, id from item order by match_key
        )
        select id from item order by ord
        """,
        tenant_id,
        [{"match_key": contact.match_key, **contact.values} for contact in contacts],
    )
    return [row["id"] for row in rows]


async def change_contact(db: Db, tenant_id: int, contact_id: int, changes: Mapping[str, Any]) -> None:
    """Write columns of a locked contact; raises UniqueViolationError when another has the email."""
    names = [name for name in COLUMNS if name in changes]
    assignments = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 3))
    await db.execute(
        f"update contacts set {assignments}, updated_at = now() where tenant_id = $1 and id = $2",
        tenant_id,
        contact_id,
        *(changes[name] for name in names),
    )


async def change_phone_alias(db: Db, tenant_id: int, contact_id: int, match_key: str) -> bool:
    """Make this the one phone of a locked contact; returns False when another contact has it."""
    await db.execute(
        "delete from contact_aliases where tenant_id = $1 and contact_id = $2 and kind = 'phone' and value <> $3",
        tenant_id,
        contact_id,
        match_key,
    )
    # Its own number again: what it had moved to is forgotten.
    owner = await db.fetchval(
        """
        insert into contact_aliases (tenant_id, kind, value, contact_id) values ($1, 'phone', $3, $2)
        on conflict (tenant_id, kind, value) do update set wa_id = null
            where contact_aliases.contact_id = excluded.contact_id
        returning contact_id
        """,
        tenant_id,
        contact_id,
        match_key,
    )
    return owner is not None


async def lock_count(db: Db, tenant_id: int) -> int:
    """Lock the tenant's counter, as everyone does who claims phones or emails, and return its number of contacts."""
    await db.execute("insert into tenant_counters (tenant_id) values ($1) on conflict do nothing", tenant_id)
    value: int = await db.fetchval(
        "select contacts from tenant_counters where tenant_id = $1 for update", tenant_id
    )
    return value


async def lock_conversations(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> None:
    """Lock all conversations of contacts, in order of id."""
    await db.execute(
        "select from conversations where tenant_id = $1 and contact_id = any($2::bigint[]) order by id for update",
        tenant_id,
        contact_ids,
    )


async def delete_contacts(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> int:
    """Delete contacts and return how many there were; aliases go with them, conversations stay without a contact."""
    await db.execute(
        "select from contacts where tenant_id = $1 and id = any($2::bigint[]) order by id for update",
        tenant_id,
        contact_ids,
    )
    # Those that began while nobody held the contact are among them; after this lock none can begin.
    await db.execute(
        "update conversations set contact_id = null where tenant_id = $1 and contact_id = any($2::bigint[])",
        tenant_id,
        contact_ids,
    )
    rows = await db.fetch(
        "delete from contacts where tenant_id = $1 and id = any($2::bigint[]) returning id",
        tenant_id,
        contact_ids,
    )
    return len(rows)
