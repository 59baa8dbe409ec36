"""Queries that write contacts: there is no other `insert into contacts`.

Lock order of everything that writes contacts: groups, sources and statuses (held, by id) → conversations (by id) → the
tenant's counter → contacts (by id) → aliases (in order of kind and value). Whoever claims a phone or an email takes the
counter first, so claims of one tenant meet in one place; that a phone or an email is free is nevertheless decided by
its unique key. A transaction for several tenants goes through this order for one after the other, by id.

One exception: a chunk of an import under an unlimited plan takes the counter last, or every send to somebody new would
wait for it. Who meets it on a phone may end in a deadlock, and does its work once more (CONFLICTS), then in this order.
"""

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

import asyncpg
import msgspec

from rasl import log
from rasl.db import contact_aliases, contact_events, rows
from rasl.db.pool import Db, Row
from rasl.domain.records.contact import ContactColumns

COLUMNS = ContactColumns.__struct_fields__
_TYPED = rows.columns(ContactColumns)
_NAMES = rows.names(ContactColumns)
_PLAIN = [name for name in COLUMNS if name not in {"phone", "group_ids", "attributes"}]
_VALUES = rows.names(ContactColumns, "i.")
_VALUES = _VALUES.replace("i.group_ids", "coalesce(i.group_ids, '{}')")
_VALUES = _VALUES.replace("i.attributes", "coalesce(i.attributes, '{}')")


class ChangedError(Exception):
    """Something that a contact was to refer to, or the contact, was changed by others in the same moment."""


# What a concurrent transaction can do to one that wrote nothing wrong: try the whole of it again.
CONFLICTS = (
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.DeadlockDetectedError,
    ChangedError,
)


class Held(msgspec.Struct, frozen=True):
    """Which of the groups, sources and statuses that were asked for the tenant has."""

    groups: set[int]
    sources: set[int]
    statuses: set[int]
    has_all: bool


class Key(msgspec.Struct, frozen=True):
    """What of a contact is unique: the alias that says who it is, and the email."""

    kind: str
    value: str | None
    email: str | None


async def hold(
    db: Db,
    tenant_id: int,
    groups: Collection[int] = (),
    sources: Collection[int] = (),
    statuses: Collection[int] = (),
) -> Held:
    """Return which of these the tenant has, and keep them from being deleted until the transaction ends."""
    found = await db.fetch(
        """
        with grp as (
            select id from contact_groups where tenant_id = $1 and id = any($2::bigint[]) order by id for key share
        ), source as (
            select id from sources where tenant_id = $1 and id = any($3::bigint[]) order by id for key share
        ), status as (
            select id from contact_statuses where tenant_id = $1 and id = any($4::bigint[]) order by id for key share
        )
        select 'group' as kind, id from grp
        union all select 'source', id from source
        union all select 'status', id from status
        """,
        tenant_id,
        *(sorted(set(ids)) for ids in (groups, sources, statuses)),
    )
    held_groups, held_sources, held_statuses = (
        {row["id"] for row in found if row["kind"] == kind} for kind in ("group", "source", "status")
    )
    has_all = len(found) == len(set(groups)) + len(set(sources)) + len(set(statuses))
    return Held(held_groups, held_sources, held_statuses, has_all)


async def lock_count(db: Db, tenant_id: int) -> int:
    """Lock the tenant's counter, as everyone does who claims phones or emails, and return its number of contacts."""
    text = "select contacts from tenant_counters where tenant_id = $1 for update"
    value: int | None = await db.fetchval(text, tenant_id)
    if value is None:
        await change_count(db, tenant_id, 0)
        value = await db.fetchval(text, tenant_id)
    return value or 0


async def find_count(db: Db, tenant_id: int) -> int:
    """Return how many contacts the plan counts."""
    return await db.fetchval("select contacts from tenant_counters where tenant_id = $1", tenant_id) or 0


async def change_count(db: Db, tenant_id: int, difference: int) -> None:
    """Correct the number of contacts the plan counts."""
    await db.execute(
        """
        insert into tenant_counters (tenant_id, contacts) values ($1, $2)
        on conflict (tenant_id) do update set contacts = tenant_counters.contacts + excluded.contacts
        """,
        tenant_id,
        difference,
    )


async def find_owners(db: Db, tenant_id: int, keys: Sequence[Key]) -> list[Row]:
    """Return by key whose alias it is (`contact_id`), whose email (`email_id`), and the email as it is compared.

    It only names what the unique keys decide.
    """
    # The limits keep the planner from joining all contacts with all values while it knows nothing of the table.
    return await db.fetch(
        f"""
        select a.contact_id, e.id as email_id, lower(i.email) as email
        from {rows.ordered(Key, 2)}
        left join lateral (
            select a.contact_id from contact_aliases a
            where a.tenant_id = $1 and a.kind = i.kind and a.value = i.value limit 1
        ) a on true
        left join lateral (
            select c.id from contacts c
            where c.tenant_id = $1 and lower(c.email) = lower(i.email) and c.email is not null limit 1
        ) e on true
        order by i.ord
        """,
        tenant_id,
        keys,
    )


async def insert(
    db: Db, tenant_id: int, contacts: Sequence[Mapping[str, Any]], *, is_told: bool = True
) -> list[tuple[int | None, bool]]:
    """Create the contacts whose alias nobody has: columns, with kind, value and wa_id of their aliases, all distinct.

    Returns each one's id and whether it is new; the id is that of whoever had the alias before, and None when somebody
    took the alias or the email in this moment: whoever looks again sees who. Aliases are claimed in order, so that two
    processes cannot wait in a ring. Events tell of the new ones, unless the caller does (`is_told`).
    """
    found = await db.fetch(
        f"""
        with item as materialized (
            select $1::bigint as tenant_id, known.contact_id as known_id, i.*,
                   case when known.contact_id is null then nextval(pg_get_serial_sequence('contacts', 'id')) end
                       as contact_id
            from rows from (json_to_recordset($2::json) as (kind text, value text, wa_id text, {_TYPED}))
                 with ordinality as i (kind, value, wa_id, {_NAMES}, ord)
            left join lateral (
                select a.contact_id from contact_aliases a
                where a.tenant_id = $1 and a.kind = i.kind and a.value = i.value limit 1
            ) known on true
        ), alias as (
            {contact_aliases.claim("item where contact_id is not null")}
        ), contact as (
            insert into contacts (tenant_id, id, {_NAMES})
            overriding system value
            select $1, i.contact_id, {_VALUES} from item i
            -- Not a join: of thousands of rows with one another, without a hash, it would be one loop in another.
            where (i.contact_id in (select contact_id from alias)) is true
            order by i.ord
            on conflict do nothing
            returning *
        ), told as (
            {contact_events.created("contact", "$3", "$4")}
        )
        select coalesce(i.known_id, i.contact_id), i.known_id is not null,
               i.contact_id in (select contact_id from alias), i.contact_id in (select id from contact)
        from item i order by i.ord
        """,
        tenant_id,
        contacts,
        log.REQUEST_ID.get(),
        is_told,
    )
    if without := [contact_id for contact_id, _, has_alias, is_new in found if has_alias and not is_new]:
        await contact_aliases.drop(db, tenant_id, without)
    return [
        (contact_id if is_known or is_new else None, bool(is_new))
        for contact_id, is_known, _, is_new in found
    ]


@contextlib.asynccontextmanager
async def unchecked(db: Db, *, is_allowed: bool) -> AsyncIterator[None]:
    """Leave out the checks of foreign keys inside the block, where the server lets us: a fifth of the time of a row.

    Only for rows whose status and source are held and whose phones are made in the same transaction as they are.
    """
    if is_allowed:
        await db.execute("set local session_replication_role = replica")
    yield
    if is_allowed:
        await db.execute("set local session_replication_role = origin")


async def lock_many(
    db: Db, tenant_id: int, wishes: Sequence[tuple[int, Mapping[str, Any] | None]]
) -> dict[int, int]:
    """Lock contacts, in order of id, and return how many attributes each would have with the given ones."""
    # One look each: a join of rows whose number the planner cannot know with all contacts may become a loop in a loop.
    found = await db.fetch(
        """
        select c.id, case when i.attributes is null then 0 else
               (select count(*) from jsonb_object_keys(c.attributes || i.attributes)) end as attributes
        from json_to_recordset($2::json) as i (id bigint, attributes jsonb)
        cross join lateral (
            select c.id, c.attributes from contacts c where c.tenant_id = $1 and c.id = i.id limit 1 for update
        ) c
        """,
        tenant_id,
        [{"id": contact_id, "attributes": given} for contact_id, given in sorted(wishes, key=itemgetter(0))],
    )
    return {row["id"]: row["attributes"] for row in found}


async def update_many(db: Db, tenant_id: int, changes: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Bring contacts up to date; what is not given stays, and a contact that has it all is not touched.

    Groups and attributes are added to those it has. The phone is what it was found by: its spelling stays. Events tell
    of them later.
    """
    bundle: int | None = await db.fetchval(
        _UPDATE_MANY,
        tenant_id,
        [{"id": contact_id, **columns} for contact_id, columns in changes],
    )
    await contact_events.enqueue(db, tenant_id, bundle)


_UPDATE_MANY = contact_events.updating_many(
    f"""
        update contacts c
        set {", ".join(f"{name} = coalesce(i.{name}, c.{name})" for name in _PLAIN)},
            group_ids = c.group_ids || array(select g from unnest(i.group_ids) g where g <> all (c.group_ids)),
            attributes = c.attributes || coalesce(i.attributes, '{{}}'), updated_at = now()
        from json_to_recordset($2::json) as i (id bigint, {_TYPED})
        where c.tenant_id = $1 and c.id = i.id
          and (({", ".join(f"c.{name}" for name in _PLAIN)})
                   is distinct from ({", ".join(f"coalesce(i.{name}, c.{name})" for name in _PLAIN)})
               or not c.group_ids @> coalesce(i.group_ids, '{{}}')
               or not c.attributes @> coalesce(i.attributes, '{{}}'))
    """,
    "c.id in (select i.id from json_to_recordset($2::json) as i (id bigint))",
)


async def lock_contact(db: Db, tenant_id: int, contact_id: int) -> Row | None:
    """Lock one contact and return what a change of it depends on."""
    return await db.fetchrow(
        "select phone, attributes from contacts where tenant_id = $1 and id = $2 for no key update",
        tenant_id,
        contact_id,
    )


async def change_contact(db: Db, tenant_id: int, contact_id: int, changes: Mapping[str, Any]) -> None:
    """Write columns of a locked contact; raises UniqueViolationError when another has the email."""
    names = [name for name in COLUMNS if name in changes]
    await db.execute(
        contact_events.updating(
            f"update contacts c set {rows.assigned(names, 4)}, updated_at = now() where tenant_id = $1 and id = $2",
            "c.id = $2",
            "$3",
        ),
        tenant_id,
        contact_id,
        log.REQUEST_ID.get(),
        *(changes[name] for name in names),
    )


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
    deleted: int = await db.fetchval(
        f"""
        with gone as (
            delete from contacts where tenant_id = $1 and id = any($2::bigint[]) returning *
        ), told as (
            {contact_events.deleted("gone", "$3")}
        )
        select count(*) from gone
        """,
        tenant_id,
        contact_ids,
        log.REQUEST_ID.get(),
    )
    return deleted
