"""Queries that read contacts: pages of them, some by id, and what they refer to."""

from collections.abc import Sequence

from rasl.db import contact_groups
from rasl.db.list_lookups import looked_up
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.domain.listing import ListQuery
from rasl.domain.records import fields_of
from rasl.domain.records.contact import CONTACT_LIST, Contact

# A deleted group may be on its way out of many contacts: nobody sees it any more. To ask costs one look at an index.
_LEAVING = f"select subject_id from jobs where tenant_id = $1 and kind = '{contact_groups.KIND}'"
_GROUP_IDS = f"""case when exists ({_LEAVING})
    then array(select g from unnest(c.group_ids) with ordinality as u (g, place)
               where g not in ({_LEAVING}) order by place)
    else c.group_ids end as group_ids"""
_EXPRESSIONS = {"group_ids": _GROUP_IDS}
SELECT = ", ".join(_EXPRESSIONS.get(told.column, f"c.{told.column}") for told in fields_of(Contact))

LIST_SOURCE = ListSource(
    spec=CONTACT_LIST,
    select=SELECT,
    tables="contacts c",
    alias="c",
    where="c.tenant_id = $1",
    search_column="c.search_text",
    is_search_indexed=True,
    nullable=frozenset(told.shown_as for told in fields_of(Contact) if not told.is_required),
)


async def with_ids(db: Db, tenant_id: int, query: ListQuery) -> ListQuery:
    """Return a query that asks by ids for the contacts it asked by phones, which are recognised in any spelling."""
    return await looked_up(db, tenant_id, query, "phone", "id", list_ids_by_phone)


async def list_ids_by_phone(db: Db, tenant_id: int, match_keys: Sequence[str]) -> list[int]:
    """Return the ids of the contacts that have these phones."""
    rows = await db.fetch(
        """
        select distinct contact_id from contact_aliases
        where tenant_id = $1 and kind = 'phone' and value = any($2::text[]) order by contact_id
        """,
        tenant_id,
        match_keys,
    )
    return [row["contact_id"] for row in rows]


async def find_contacts(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> dict[int, Row]:
    """Return contacts by id."""
    rows = await db.fetch(
        f"select {SELECT} from contacts c where c.tenant_id = $1 and c.id = any($2::bigint[])",
        tenant_id,
        contact_ids,
    )
    return {row["id"]: row for row in rows}


async def load_relations(
    db: Db, tenant_id: int, rows: Sequence[Row], names: frozenset[str]
) -> dict[str, dict[int, Row]]:
    """Return what contacts refer to, by relation (groups, source, status) and id."""
    wanted = {
        "groups": ("contact_groups", "", {group_id for row in rows for group_id in row["group_ids"]}),
        "source": ("sources", "", {row["source_id"] for row in rows}),
        "status": ("contact_statuses", ", color", {row["status_id"] for row in rows}),
    }
    relations: dict[str, dict[int, Row]] = {}
    for name in sorted(names & wanted.keys()):
        table, more, ids = wanted[name]
        found = await db.fetch(
            f"""
            select id, name, created_at, updated_at{more} from {table}
            where tenant_id = $1 and id = any($2::bigint[])
            """,
            tenant_id,
            sorted(ids),
        )
        relations[name] = {row["id"]: row for row in found}
    return relations


async def load_names(db: Db, tenant_id: int) -> tuple[dict[int, str], dict[int, str], dict[int, str]]:
    """Return the names of a tenant's sources, contact statuses and groups, by id."""
    sources, statuses, groups = [
        {
            row["id"]: row["name"]
            for row in await db.fetch(f"select id, name from {table} where tenant_id = $1", tenant_id)
        }
        for table in ("sources", "contact_statuses", "contact_groups")
    ]
    return sources, statuses, groups
