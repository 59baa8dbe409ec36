"""What contacts come to, told by the statements that write them.

A change reads what was before it only where somebody wants to know: all of it as one object by id, as a join of the
rows of a statement with one another would become a loop in a loop.
"""

from collections.abc import Sequence

from rasl.db import jobs
from rasl.db.events import difference, is_wanted, moment, telling, wanting, wants
from rasl.db.jobs import NewJob
from rasl.db.pool import Db
from rasl.domain.records import fields_of
from rasl.domain.records.contact import Contact

KIND = "tell"


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


def created(source: str, request_id: str, is_told: str) -> str:
    """Return the statement that tells of new contacts, the rows `c` of a source, of the tenant in parameter 1."""
    return _told(source, "'contact.created'", request_id, f" and {is_told}")


def deleted(source: str, request_id: str = "null") -> str:
    """Return the statement that tells of contacts that are gone, likewise."""
    return _told(source, "'contact.deleted'", request_id)


def _told(source: str, type_: str, request_id: str, also: str = "") -> str:
    return telling(
        f"{source} c where {is_wanted(type_)}{also}", type_, _payload(request_id), "c.tenant_id", "c.id"
    )


_UPDATED = "'contact.updated'"


def updating(change: str, which: str, request_id: str = "null") -> str:
    """Return a statement that makes a change of contacts `c` of the tenant in parameter 1, and tells of it.

    `which` are those it may change. It returns how many it changed.
    """
    return _updating(change, kept_before(which), updated(request_id))


def updating_some(change: str, source: str) -> str:
    """Return the same for contacts of several tenants, whom the rows of a source name."""
    return _updating(change, _some_before(source, wants(_UPDATED)), updated())


def consenting(change: str, source: str) -> str:
    """Return the same for a change of what contacts wish, which is told as such, too."""
    wanted = " or ".join(map(wants, (_UPDATED, "'consent.given'", "'consent.withdrawn'")))
    type_ = "case when c.is_opted_out then 'consent.withdrawn' else 'consent.given' end"
    wished = telling(
        f"{after()} and d.previous ? 'is_opted_out'",
        type_,
        f"""jsonb_build_object('id', c.id, 'attributes', jsonb_build_object(
            'contact_id', c.id, 'phone', c.phone, 'is_opted_out', c.is_opted_out,
            'changed_at', {moment("c.consent_changed_at")}))""",
        "c.tenant_id",
        "c.id",
        wanted=type_,
    )
    return _updating(change, _some_before(source, wanted), updated(), f", wished as ({wished})")


def updating_many(change: str, which: str) -> str:
    """Return a statement that makes a change of very many contacts, and keeps what they were for telling it later.

    It returns the bundle, if somebody wants to be told.
    """
    many = "jsonb_build_object('id', c.id, 'previous', d.previous)"
    return f"""
    with before as materialized ({kept_before(which)}), after as ({change} returning c.*)
    insert into events (tenant_id, type, payload)
    select $1, {_UPDATED}, jsonb_build_object('many', jsonb_agg({many})) from {after()} having count(*) > 0
    returning id
    """


def kept_before(which: str) -> str:
    """Return the part `before`: contacts of the tenant in parameter 1 before a change, null when nobody asks."""
    return _before(f"contacts c where c.tenant_id = $1 and {which} and {is_wanted(_UPDATED)}")


def _some_before(source: str, wanted: str) -> str:
    named = f"(select tenant_id, contact_id from {source}) k"
    return _before(
        f"""{named} {wanting(wanted, "k.tenant_id")} cross join lateral (
            select c.* from contacts c where c.tenant_id = k.tenant_id and c.id = k.contact_id limit 1) c"""
    )


def _before(source: str) -> str:
    return f"select jsonb_object_agg(c.id, {attributes()}) as were from {source}"


def after() -> str:
    """Return those of the contacts of the part `after` that are otherwise, with what they were as `d.previous`."""
    return f"""before b join after c on b.were is not null
        cross join lateral (select {difference("b.were -> c.id::text", attributes())} as previous) d
        where d.previous is not null"""


def updated(request_id: str = "null") -> str:
    """Return the statement that tells of them."""
    payload = _payload(request_id, "d.previous")
    return telling(after(), _UPDATED, payload, "c.tenant_id", "c.id", wanted=_UPDATED)


def _updating(change: str, before: str, told: str, more: str = "") -> str:
    return f"""
    with before as materialized ({before}), after as ({change} returning c.*), told as ({told}){more}
    select count(*) from after
    """


async def keep_created(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> None:
    """Keep, in one row, that very many contacts were created; told of each is later (`tell_bundle`)."""
    bundle = await db.fetchval(
        f"""
        insert into events (tenant_id, type, payload)
        select $1, 'contact.created',
               jsonb_build_object('many', (select jsonb_agg(jsonb_build_object('id', i)) from unnest($2::bigint[]) i))
        where {is_wanted("'contact.created'")}
        returning id
        """,
        tenant_id,
        contact_ids,
    )
    await enqueue(db, tenant_id, bundle)


async def enqueue(db: Db, tenant_id: int, bundle: int | None) -> None:
    """Let a worker tell what is in a bundle, if there is one."""
    if bundle is not None:
        await jobs.add(db, KIND, [NewJob(tenant_id, bundle, tenant_id)])


async def tell_bundle(db: Db, tenant_id: int, bundle: int) -> None:
    """Put an event for each contact in place of a bundle.

    They tell what a contact is by now: whoever hears of it does not mind in which order this and a change come. Of one
    that is gone its deletion has been told.
    """
    await db.execute(_TELL_BUNDLE, tenant_id, bundle)


_BUNDLED = """bundle b cross join lateral jsonb_array_elements(b.payload -> 'many') as m
    cross join lateral (
        select c.* from contacts c where c.tenant_id = $1 and c.id = (m ->> 'id')::bigint limit 1
    ) c"""
_TELL_BUNDLE = f"""
with bundle as (
    delete from events where tenant_id = $1 and id = $2 returning type, payload, created_at
)
{telling(_BUNDLED, "b.type", _payload("null") + " || (m - 'id')", "c.tenant_id", "c.id", at="b.created_at")}
"""
