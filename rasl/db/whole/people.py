"""Everything the database holds about one person of a tenant: where it is, how it is found, and how it goes.

Every table of the schema stands in one of the lists below; a test compares them with the schema, so that a new table
cannot be forgotten.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db.pool import Db, Row
from rasl.db.whole.tables import Connection

_MESSAGES = """(select m.id from messages m
                where m.tenant_id = p.tenant_id and m.conversation_id = any(p.conversations))"""
_WAMIDS = f"""(select w.wamid from message_wamids w where w.tenant_id = p.tenant_id and w.message_id in {_MESSAGES}
               union all
               select a.wamid from message_attempts a
               where a.tenant_id = p.tenant_id and a.message_id in {_MESSAGES} and a.wamid is not null)"""
_EVENTS = f"""({{0}}.payload::text ~ p.pattern or {{0}}.contact_id = any(p.contacts)
              or {{0}}.message_id in {_MESSAGES} or {{0}}.payload ->> 'contact_id' = any(p.contacts::text[]))"""
# By table, which of its rows (`t`) are about a person (`p`), in the order in which they are erased: what hangs on
# others first.
PERSONAL: Mapping[str, str] = {
    "message_statuses": f"t.wamid in {_WAMIDS}",
    "jobs": f"t.kind in ('send', 'media') and t.subject_id in {_MESSAGES}",
    "idempotency_keys": f"t.message_id in {_MESSAGES} or encode(t.body, 'escape') ~ p.pattern",
    "otps": f"t.phone = any(p.phones) or t.message_id in {_MESSAGES}",
    "challenges": f"""t.phone = any(p.peers) or t.verified_phone = any(p.peers) or t.contact_id = any(p.contacts)
                      or t.message_id in {_MESSAGES}""",
    "webhook_deliveries": f"""t.message_id in {_MESSAGES} or t.attempts::text ~ p.pattern or t.event_id in (
                              select e.id from events e where e.tenant_id = p.tenant_id and {_EVENTS.format("e")})""",
    "events": _EVENTS.format("t"),
    "otp_budgets": "t.scope = 'phone' and t.subject = any(p.peers)",
    "window_limits": "t.subject ~ p.pattern",
    "message_media": f"t.message_id in {_MESSAGES}",
    "media_uploads": "t.media_id = any(p.files)",
    "media_urls": "t.media_id = any(p.files)",
    "media": "t.id = any(p.files)",
    "message_wamids": f"t.message_id in {_MESSAGES}",
    "message_attempts": f"t.message_id in {_MESSAGES}",
    "comments": "t.conversation_id = any(p.conversations)",
    "messages": "t.conversation_id = any(p.conversations)",
    "conversations": "t.id = any(p.conversations)",
    "import_keys": "t.value = any(p.peers) or t.value = any(p.emails) or t.owner = any(p.peers)",
    "contact_aliases": "t.contact_id = any(p.contacts)",
    "contacts": "t.id = any(p.contacts)",
}
# Read and rewritten by the program, which knows their form: what Meta posted, and rows of files as people wrote them.
RAW: Mapping[str, str] = {
    "ingests": "Meta's deliveries: what names the person is cut out, the rest stays",
    "quarantined_changes": "changes that could not be applied and name the person",
    "import_errors": "rows of files with the person's phone or email, however it is spelled",
    "import_chunks": "rows that wait to be applied: nobody is erased while there are any",
}
NOT_PERSONAL: Mapping[str, str] = {
    "audit_log": "who changed settings, tokens and numbers of an account, not whom it writes to",
    "erased_stops": "what is left on purpose: digests that nobody can read back",
    "bodies_left": "ids of messages",
    "body_marks": "ids of messages",
    "buckets": "names of tokens and numbers",
    "contact_groups": "names of groups",
    "contact_imports": "counts",
    "contact_statuses": "names of statuses",
    "conversation_counters": "counts",
    "cost_lines": "counts",
    "installation": "the digest of the secret key",
    "job_turns": "numbers of ours whose turn it is",
    "meta_apps": "secrets of apps",
    "plans": "plans",
    "purge_tallies": "counts of what was dropped",
    "rate_cards": "where prices come from",
    "rates": "prices",
    "sources": "names of sources",
    "template_syncs": "when templates were read",
    "template_versions": "templates, which are for many",
    "templates": "templates, which are for many",
    "tenant_counters": "counts",
    "tenants": "who runs an account, not whom it writes to",
    "tokens": "names that staff gave to tokens",
    "webhook_endpoints": "addresses of programs",
    "whatsapp_numbers": "numbers of ours",
    "write_probe": "the time",
}
# What the data is protected with is nobody's data.
_SECRET = ("code_hash", "fingerprint", "body", "search_text")


# A person is found by walking tables that nobody else looks through in this way; there is no index for it.
_LONG_SECONDS = 600


class Person(msgspec.Struct, frozen=True):
    """One person of a tenant: all ids and spellings under which rows may have them.

    `phones` are match keys; `peers` holds every spelling of them and the business-scoped ids; `pattern` is a regular
    expression that finds any of those in a text.
    """

    tenant_id: int
    contacts: tuple[int, ...]
    phones: tuple[str, ...]
    peers: tuple[str, ...]
    emails: tuple[str, ...]
    conversations: tuple[int, ...]
    files: tuple[int, ...]  # that their messages name and nobody else's
    pattern: str


_WHO = """
with p as materialized (
    select $1::bigint as tenant_id, $2::bigint[] as contacts, $3::text[] as phones, $4::text[] as peers,
           $5::text[] as emails, $6::bigint[] as conversations, $7::bigint[] as files, $8::text as pattern
)
"""


def _values(person: Person) -> tuple[Any, ...]:
    values = msgspec.structs.astuple(person)
    return tuple(list(item) if isinstance(item, tuple) else item for item in values)


async def list_aliases(db: Connection, tenant_id: int, contact_ids: Sequence[int]) -> list[Row]:
    """Return the aliases of contacts."""
    return await db.fetch(
        "select kind, value, wa_id from contact_aliases where tenant_id = $1 and contact_id = any($2::bigint[])",
        tenant_id,
        contact_ids,
    )


async def find_contacts(db: Connection, tenant_id: int, contact_id: int, peers: Sequence[str]) -> list[Row]:
    """Return the contacts with this id or one of these aliases."""
    return await db.fetch(
        """
        select id, phone, email from contacts c where tenant_id = $1 and (id = $2 or exists (
            select from contact_aliases a
            where a.tenant_id = $1 and a.contact_id = c.id and (a.value = any($3) or a.wa_id = any($3))))
        """,
        tenant_id,
        contact_id,
        peers,
    )


async def list_conversations(
    db: Connection, tenant_id: int, contact_ids: Sequence[int], peers: Sequence[str]
) -> list[int]:
    """Return the conversations of contacts, and those left without one in which the person wrote or was written to."""
    found = await db.fetch(
        """
        select id from conversations where tenant_id = $1 and (contact_id = any($2::bigint[]) or (
            contact_id is null and id in (
                select conversation_id from messages where tenant_id = $1 and peer = any($3))))
        order by id
        """,
        tenant_id,
        contact_ids,
        peers,
        timeout=_LONG_SECONDS,
    )
    return [row["id"] for row in found]


async def list_files(db: Connection, tenant_id: int, conversation_ids: Sequence[int]) -> list[Row]:
    """Return the files that messages of these conversations name, and whether nobody else's do."""
    return await db.fetch(
        """
        with own as materialized (
            select id from messages where tenant_id = $1 and conversation_id = any($2::bigint[])
        ), named as (
            select distinct r.media_id from message_media r
            where r.tenant_id = $1 and r.message_id in (select id from own)
        )
        select f.id, f.store_key, f.filename, not exists (
            select from message_media o where o.tenant_id = $1 and o.media_id = f.id
              and o.message_id not in (select id from own)) as is_only_theirs
        from named n join media f on f.tenant_id = $1 and f.id = n.media_id order by f.id
        """,
        tenant_id,
        conversation_ids,
        timeout=_LONG_SECONDS,
    )


async def export(db: Connection, person: Person, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table that are about a person, without what protects them."""
    found = await db.fetch(
        f"""
        {_WHO} select (to_jsonb(t) - $9::text[])::text as item from {table} t, p
        where t.tenant_id = p.tenant_id and ({PERSONAL[table]})
        """,
        *_values(person),
        list(_SECRET),
        timeout=_LONG_SECONDS,
    )
    return [msgspec.json.decode(row["item"]) for row in found]


async def erase(db: Db, person: Person, table: str) -> int:
    """Delete the rows of a table that are about a person; returns how many."""
    outcome = await db.execute(
        f"""
        {_WHO} delete from {table} t using p where t.tenant_id = p.tenant_id and ({PERSONAL[table]})
        """,
        *_values(person),
        timeout=_LONG_SECONDS,
    )
    return int(outcome.rpartition(" ")[2])


async def keep_stops(db: Db, person: Person, stop_key: str) -> int:
    """Keep digests of the aliases of those of a person's contacts that are opted out; returns how many."""
    await db.execute("select set_config('rasl.stop_key', $1, true)", stop_key)
    outcome = await db.execute(
        """
        insert into erased_stops (tenant_id, digest, stopped_at)
        select a.tenant_id, stop_digest(a.tenant_id, a.kind, a.value), max(coalesce(c.opted_out_at, now()))
        from contacts c join contact_aliases a on a.tenant_id = c.tenant_id and a.contact_id = c.id
        where c.tenant_id = $1 and c.id = any($2::bigint[]) and c.is_opted_out
        group by 1, 2
        on conflict (tenant_id, digest) do update
            set stopped_at = greatest(erased_stops.stopped_at, excluded.stopped_at)
        """,
        person.tenant_id,
        list(person.contacts),
    )
    return int(outcome.rpartition(" ")[2])


async def take_time(db: Db) -> None:
    """Let the statements of this transaction take the time they need."""
    await db.execute("set local statement_timeout = 0")


async def count_waiting_imports(db: Connection, tenant_id: int) -> int:
    """Return how many imports have rows that are still to be applied."""
    return int(
        await db.fetchval(
            "select count(distinct import_id) from import_chunks where tenant_id = $1", tenant_id
        )
    )


async def list_import_errors(db: Connection, tenant_id: int) -> list[Row]:
    """Return every row of a file that an import of the tenant refused."""
    return await db.fetch(
        "select import_id, row_number, cells, reasons from import_errors where tenant_id = $1", tenant_id
    )


async def drop_import_errors(db: Db, tenant_id: int, keys: Sequence[tuple[int, int]]) -> None:
    """Delete rows by import and number."""
    await db.execute(
        """
        delete from import_errors e using unnest($2::bigint[], $3::bigint[]) as k (import_id, row_number)
        where e.tenant_id = $1 and e.import_id = k.import_id and e.row_number = k.row_number
        """,
        tenant_id,
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def list_numbers(db: Connection, tenant_id: int) -> list[Row]:
    """Return the numbers that the tenant has or had, with their apps."""
    return await db.fetch(
        "select phone_number_id, app_id from whatsapp_numbers where tenant_id = $1", tenant_id
    )


async def list_deliveries(db: Connection, app_ids: Sequence[int], needles: Sequence[str]) -> list[Row]:
    """Return Meta's deliveries to these apps that hold one of these texts."""
    return await db.fetch(
        """
        select id, body from ingests i where app_id = any($1::bigint[]) and exists (
            select from unnest($2::text[]) as n (text) where position(convert_to(n.text, 'UTF8') in i.body) > 0)
        order by id
        """,
        app_ids,
        needles,
        timeout=_LONG_SECONDS,
    )


async def rewrite_delivery(db: Db, delivery_id: int, body: bytes | None) -> None:
    """Replace what Meta posted; None leaves nothing of it."""
    if body is None:
        await db.execute("delete from ingests where id = $1", delivery_id)
    else:
        await db.execute("update ingests set body = $2 where id = $1", delivery_id, body)


_QUARANTINED = """
where q.change::text ~ $3 and (q.phone_number_id = any($2::text[]) or (
    q.app_id = any($1::bigint[])
    and not exists (select from whatsapp_numbers w where w.phone_number_id = q.phone_number_id)))
"""


async def list_quarantined(
    db: Connection, app_ids: Sequence[int], phone_number_ids: Sequence[str], pattern: str
) -> list[Any]:
    """Return changes in quarantine that name a person."""
    found = await db.fetch(
        f"select q.change::text as change from quarantined_changes q {_QUARANTINED}",
        app_ids,
        phone_number_ids,
        pattern,
    )
    return [msgspec.json.decode(row["change"]) for row in found]


async def drop_quarantined(
    db: Db, app_ids: Sequence[int], phone_number_ids: Sequence[str], pattern: str
) -> int:
    """Delete changes in quarantine that name a person; returns how many."""
    outcome = await db.execute(
        f"delete from quarantined_changes q {_QUARANTINED}", app_ids, phone_number_ids, pattern
    )
    return int(outcome.rpartition(" ")[2])
