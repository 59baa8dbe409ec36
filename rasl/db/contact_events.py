"""What contacts come to, told by the statements that write them.

A change reads what was before it only where somebody wants to know: all of it as one object by id, as a join of the rows
of a statement with one another would become a loop in a loop.
"""

from rasl.db.events import difference, is_wanted, moment, telling, wants
from rasl.db.rows import table
from rasl.domain.records import fields_of
from rasl.domain.records.contact import Contact


def attributes(alias: str = "c") -> str:
    """Return a contact as reading it shows it."""
    fields = [
        f"'{told.shown_as}', "
        + (moment(f"{alias}.{told.column}") if told.name.endswith("_at") else f"{alias}.{told.column}")
        for told in fields_of(Contact)
    ]
    return f"jsonb_build_object({', '.join(fields)})"


def _related(kind: str, alias: str) -> str:
    name = {"source": "sources", "status": "contact_statuses"}[kind]
    return f"""'{kind}', (select jsonb_build_object('id', r.id, 'name', r.name) from {name} r
        where r.tenant_id = {alias}.tenant_id and r.id = {alias}.{kind}_id)"""


def relationships(alias: str = "c") -> str:
    """Return what a contact refers to."""
    return f"""jsonb_build_object({_related("status", alias)}, {_related("source", alias)},
        'groups', case when {alias}.group_ids = '{{}}' then '[]' else (
            select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name) order by g.id), '[]')
            from contact_groups g where g.tenant_id = {alias}.tenant_id and g.id = any({alias}.group_ids)) end)"""


def _payload(request_id: str, previous: str = "") -> str:
    more = f", 'previous', {previous}" if previous else ""
    return f"""jsonb_build_object('id', c.id, 'attributes', {attributes()}, 'relationships', {relationships()},
        'request_id', {request_id}::text{more})"""


def created(source: str, request_id: str) -> str:
    """Return the statement that tells of new contacts, the rows `c` of a source, of the tenant in parameter 1."""
    return telling(
        f"{source} c where {is_wanted("'contact.created'")}",
        "'contact.created'",
        _payload(request_id),
        "c.tenant_id",
        "c.id",
    )


def deleted(source: str, request_id: str) -> str:
    """Return the statement that tells of contacts that are gone, likewise."""
    return telling(
        f"{source} c where {is_wanted("'contact.deleted'")}",
        "'contact.deleted'",
        _payload(request_id),
        "c.tenant_id",
        "c.id",
    )


_UPDATED = "'contact.updated'"


def updating(change: str, which: str, request_id: str = "null") -> str:
    """Return a statement that makes a change of contacts `c` of the tenant in parameter 1, and tells of it.

    `which` are those it may change. It returns how many it changed.
    """
    return _updating(
        change, f"contacts c where c.tenant_id = $1 and {which} and {is_wanted(_UPDATED)}", request_id
    )


def updating_some(change: str, kind: type, alias: str) -> str:
    """Return the same for contacts of several tenants, which are named by the rows of parameter 1."""
    source = f"""{table(kind, alias=alias)} join tenants t on t.id = {alias}.tenant_id and {wants(_UPDATED)}
        join contacts c on c.tenant_id = {alias}.tenant_id and c.id = {alias}.contact_id"""
    return _updating(change, source, "null")


def before(source: str) -> str:
    """Return the part that reads what contacts are before a change, as one object by id; null when nobody asks."""
    return f"select jsonb_object_agg(c.id, {attributes()}) as were from {source}"


def after(source: str = "after") -> str:
    """Return those contacts that are otherwise than before, with what they were as `d.previous`."""
    return f"""before b join {source} c on b.were is not null
        cross join lateral (select {difference("b.were -> c.id::text", attributes())} as previous) d
        where d.previous is not null"""


def _updating(change: str, source: str, request_id: str) -> str:
    told = telling(after(), _UPDATED, _payload(request_id, "d.previous"), "c.tenant_id", "c.id")
    return f"""
    with before as materialized ({before(source)}), after as ({change} returning c.*), told as ({told})
    select count(*) from after
    """
