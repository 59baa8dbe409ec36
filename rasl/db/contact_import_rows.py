"""Queries that make contacts of thousands of rows at once, and those that only find out what would happen."""

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import msgspec

from rasl.db.pool import Db

# Columns of contacts a row can give, with the type they travel as.
_COLUMNS = {
    "firstname": "text",
    "lastname": "text",
    "email": "text",
    "phone": "text",
    "type": "text",
    "status_id": "bigint",
    "source_id": "bigint",
    "company": "text",
    "description": "text",
    "city": "text",
    "state": "text",
    "zip": "text",
    "address": "text",
    "country_id": "bigint",
    "assigned_id": "bigint",
    "groups": "text",  # an array written as text, as arrays of different lengths cannot be unnested
    "attributes": "text",
}
_NAMES = ", ".join(_COLUMNS)
_UNNEST = (
    "unnest({first}, "
    + ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_COLUMNS.values(), 3))
    + ")"
)
_PLAIN = [name for name in _COLUMNS if name not in {"phone", "groups", "attributes"}]
_MERGED_GROUPS = (
    "c.group_ids || array(select g from unnest(i.groups::bigint[]) g where g <> all (c.group_ids))"
)
_VALUES = _NAMES.replace("groups", "coalesce(i.groups, '{}')::bigint[]")
_VALUES = _VALUES.replace("attributes", "coalesce(i.attributes, '{}')::jsonb")
_INSERT = f"""
insert into contacts (tenant_id, id, {_NAMES.replace("groups", "group_ids")})
overriding system value
select $1, i.id, {_VALUES}
from {_UNNEST.format(first="$2::bigint[]")} as i (id, {_NAMES})
on conflict do nothing
returning id
"""
_UPDATE = f"""
update contacts c
set {", ".join(f"{name} = coalesce(i.{name}, c.{name})" for name in _PLAIN)},
    group_ids = {_MERGED_GROUPS},
    attributes = c.attributes || coalesce(i.attributes, '{{}}')::jsonb, updated_at = now()
from {_UNNEST.format(first="$2::bigint[]")} as i (id, {_NAMES})
where c.tenant_id = $1 and c.id = i.id
  and (({", ".join(f"c.{name}" for name in _PLAIN)})
           is distinct from ({", ".join(f"coalesce(i.{name}, c.{name})" for name in _PLAIN)})
       or not c.group_ids @> coalesce(i.groups, '{{}}')::bigint[]
       or not c.attributes @> coalesce(i.attributes, '{{}}')::jsonb)
"""


def _arrays(rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    columns = [[row.get(name) for row in rows] for name in _COLUMNS]
    names = list(_COLUMNS)
    place = names.index("groups")
    columns[place] = ["{" + ",".join(map(str, ids)) + "}" if ids else None for ids in columns[place]]
    place = names.index("attributes")
    columns[place] = [msgspec.json.encode(item).decode() if item else None for item in columns[place]]
    return columns


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


async def hold_labels(
    db: Db, tenant_id: int, status_ids: Collection[int], source_ids: Collection[int]
) -> bool:
    """Keep statuses and sources from being deleted until the end of the transaction; False when one is gone."""
    for table, ids in (("contact_statuses", status_ids), ("sources", source_ids)):
        rows = await db.fetch(
            f"select id from {table} where tenant_id = $1 and id = any($2::bigint[]) order by id for key share",
            tenant_id,
            list(ids),
        )
        if len(rows) < len(ids):
            return False
    return True


async def claim_phones(db: Db, tenant_id: int, keys: Sequence[str]) -> dict[str, int]:
    """Make aliases of the phones nobody has, and return the ids of their contacts, which are still to be created."""
    rows = await db.fetch(
        """
        insert into contact_aliases (tenant_id, kind, value, contact_id)
        select $1, 'phone', value, nextval(pg_get_serial_sequence('contacts', 'id'))
        from unnest($2::text[]) as u (value)
        on conflict do nothing
        returning value, contact_id
        """,
        tenant_id,
        sorted(keys),
    )
    return {row["value"]: row["contact_id"] for row in rows}


async def give_back_phones(db: Db, tenant_id: int, keys: Sequence[str]) -> None:
    """Undo `claim_phones` for rows that came to nothing."""
    await db.execute(
        "delete from contact_aliases where tenant_id = $1 and kind = 'phone' and value = any($2::text[])",
        tenant_id,
        list(keys),
    )


async def find_owners(db: Db, tenant_id: int, keys: Sequence[str]) -> dict[str, int]:
    """Return the contacts of phones that have one."""
    # Subqueries, here and below: a join may be planned as one over all contacts, which costs a minute per chunk.
    rows = await db.fetch(
        """
        select u.value, (
            select a.contact_id from contact_aliases a
            where a.tenant_id = $1 and a.kind = 'phone' and a.value = u.value
        ) as contact_id
        from unnest($2::text[]) as u (value)
        """,
        tenant_id,
        list(keys),
    )
    return {row["value"]: row["contact_id"] for row in rows if row["contact_id"] is not None}


async def find_email_owners(
    db: Db, tenant_id: int, import_id: int, emails: Sequence[str]
) -> list[tuple[str, int | None, str | None]]:
    """Return each email as it is compared, the contact that has it, and the row of a dry run that would have."""
    rows = await db.fetch(
        """
        select lower(u.email) as email, (
            select c.id from contacts c
            where c.tenant_id = $1 and lower(c.email) = lower(u.email) and c.email is not null
        ) as id, (
            select k.owner from import_keys k
            where k.tenant_id = $1 and k.import_id = $2 and k.kind = 'email' and k.value = lower(u.email)
        ) as owner
        from unnest($3::text[]) with ordinality as u (email, place)
        order by u.place
        """,
        tenant_id,
        import_id,
        list(emails),
    )
    return [(row["email"], row["id"], row["owner"]) for row in rows]


async def create(db: Db, tenant_id: int, ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Create contacts under claimed ids; those are absent from the answer whose email another one took meanwhile."""
    found = await db.fetch(_INSERT, tenant_id, list(ids), *_arrays(rows))
    return {row["id"] for row in found}


async def lock(
    db: Db, tenant_id: int, ids: Sequence[int], attributes: Sequence[Mapping[str, Any] | None]
) -> dict[int, int]:
    """Lock contacts, in order of id, and return how many attributes each would have with the given ones."""
    rows = await db.fetch(
        """
        select c.id, case when i.attributes is null then 0 else
               (select count(*) from jsonb_object_keys(c.attributes || i.attributes::jsonb)) end as attributes
        from unnest($2::bigint[], $3::text[]) as i (id, attributes)
        join contacts c on c.tenant_id = $1 and c.id = i.id
        order by c.id for update of c
        """,
        tenant_id,
        list(ids),
        [msgspec.json.encode(item).decode() if item else None for item in attributes],
    )
    return {row["id"]: row["attributes"] for row in rows}


async def update(db: Db, tenant_id: int, ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring contacts up to date; what a row does not give stays, and a contact that has it all is not touched."""
    await db.execute(_UPDATE, tenant_id, list(ids), *_arrays(rows))


async def lock_groups(db: Db, tenant_id: int, ids: Sequence[int]) -> set[int]:
    """Keep groups from being deleted until the end of the transaction; returns those that still exist."""
    rows = await db.fetch(
        "select id from contact_groups where tenant_id = $1 and id = any($2::bigint[]) order by id for key share",
        tenant_id,
        list(ids),
    )
    return {row["id"] for row in rows}


async def count_contacts(db: Db, tenant_id: int) -> int:
    """Return how many contacts the plan counts."""
    return await db.fetchval("select contacts from tenant_counters where tenant_id = $1", tenant_id) or 0


async def note_keys(
    db: Db, tenant_id: int, import_id: int, kind: str, keys: Sequence[tuple[str, str]]
) -> set[str]:
    """Remember what a dry run would have taken, given as (value, owner); returns the values that were free."""
    rows = await db.fetch(
        """
        insert into import_keys (tenant_id, import_id, kind, value, owner)
        select $1, $2, $3, u.value, u.owner from unnest($4::text[], $5::text[]) as u (value, owner)
        on conflict do nothing
        returning value
        """,
        tenant_id,
        import_id,
        kind,
        [item[0] for item in keys],
        [item[1] for item in keys],
    )
    return {row["value"] for row in rows}


async def forget_keys(db: Db, tenant_id: int, import_id: int, values: Sequence[str]) -> None:
    """Undo `note_keys` for phones of rows that would have come to nothing."""
    await db.execute(
        """
        delete from import_keys
        where tenant_id = $1 and import_id = $2 and kind = 'phone' and value = any($3::text[])
        """,
        tenant_id,
        import_id,
        list(values),
    )
