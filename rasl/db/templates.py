"""Queries on templates: what Meta listed, every version of a definition, and when an account was read last.

Whoever inserts or changes templates of an account locks the account first, so that two readings of it at once take
turns page by page.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.events import wanting, wants_any
from rasl.db.numbers import CONNECTED, DEFAULT_NUMBER
from rasl.db.pool import Db, Row
from rasl.domain.templates.listed import Listed


class Account(msgspec.Struct, frozen=True):
    """A WhatsApp Business Account of a tenant."""

    tenant_id: int
    waba_id: str


class Wanted(Account, frozen=True):
    """What names a template when it is sent."""

    name: str
    language: str


class _Named(msgspec.Struct, frozen=True):
    template_id: str
    name: str
    language: str


class Notice(msgspec.Struct, frozen=True):
    """What Meta's webhook said of one template; None is what it did not say."""

    waba_id: str
    template_id: str
    kind: str
    happened_at: dt.datetime
    status: str | None = None
    category: str | None = None
    previous_category: str | None = None
    correct_category: str | None = None
    quality: str | None = None
    rejected_reason: str | None = None
    status_details: str | None = None


async def lock_accounts(db: Db, accounts: Sequence[Account]) -> None:
    """Take turns with everybody else who changes the templates of these accounts, until the transaction ends."""
    ordered = sorted(set(accounts), key=msgspec.structs.astuple)
    await db.execute(
        f"""
        insert into template_syncs (tenant_id, waba_id) select tenant_id, waba_id from {rows.table(Account)}
        on conflict do nothing
        """,
        ordered,
    )
    await db.execute(
        f"""
        select from template_syncs s join {rows.table(Account, alias="k")}
            on s.tenant_id = k.tenant_id and s.waba_id = k.waba_id
        order by s.tenant_id, s.waba_id for update of s
        """,
        ordered,
    )


async def keep(
    db: Db, account: Account, items: Sequence[Listed], read_at: dt.datetime, *, is_submitted: bool = False
) -> tuple[int, int]:
    """Write templates as they stood at Meta at that moment; returns how many are new and how many changed.

    What is known to be newer stays: a page may be slower than the notice that overtook it.
    """
    distinct = list({(item.name, item.language): item for item in items}.values())
    await db.execute(
        f"""
        delete from templates t using {rows.table(_Named, 3)}
        where t.tenant_id = $1 and t.template_id = i.template_id
          and (t.waba_id, t.name, t.language) is distinct from ($2, i.name, i.language)
        """,
        account.tenant_id,
        account.waba_id,
        [_Named(item.template_id, item.name, item.language) for item in distinct],
    )
    kept = await db.fetch(
        _KEEP,
        account.tenant_id,
        account.waba_id,
        read_at,
        [
            msgspec.to_builtins(item) | {"body_text": item.body_text, "sha256": item.digest().hex()}
            for item in distinct
        ],
        is_submitted,
    )
    return sum(row["is_new"] for row in kept), sum(row["is_changed"] and not row["is_new"] for row in kept)


_KEEP = f"""
with moment as materialized (
    select clock_timestamp() as at
), item as materialized (
    select j.*, decode(j.sha256, 'hex') as digest
    from json_to_recordset($4::json) as j ({rows.columns(Listed)}, body_text text, sha256 text)
), fresh as (
    insert into template_versions (tenant_id, waba_id, name, language, digest, category, parameter_format, components)
    select $1, $2, name, language, digest, category, parameter_format, components from item order by name, language
    on conflict do nothing
    returning id, name, language
), version as (
    select id, name, language from fresh
    union all
    select v.id, v.name, v.language from template_versions v join item i
      on v.tenant_id = $1 and v.waba_id = $2 and v.name = i.name and v.language = i.language and v.digest = i.digest
), kept as (
insert into templates as t (tenant_id, waba_id, template_id, name, language, category, previous_category,
                            correct_category, sub_category, status, quality, rejected_reason, parameter_format,
                            components, message_send_ttl_seconds, version_id, body_text, listed_at,
                            read_at, submitted_at, created_at, updated_at)
select $1, $2, i.template_id, i.name, i.language, i.category, i.previous_category, i.correct_category, i.sub_category,
       i.status, i.quality, i.rejected_reason, i.parameter_format, i.components, i.message_send_ttl_seconds, v.id,
       i.body_text, $3, $3, case when $5 then now() end, moment.at, moment.at
from item i join version v on v.name = i.name and v.language = i.language cross join moment
order by i.name, i.language
on conflict (tenant_id, waba_id, name, language) do update set
    template_id = excluded.template_id, category = excluded.category,
    previous_category = coalesce(excluded.previous_category, t.previous_category),
    correct_category = excluded.correct_category, sub_category = excluded.sub_category,
    status = excluded.status, quality = coalesce(excluded.quality, t.quality),
    rejected_reason = excluded.rejected_reason, parameter_format = excluded.parameter_format,
    status_details = case when t.status = excluded.status then t.status_details end,
    components = excluded.components, message_send_ttl_seconds = excluded.message_send_ttl_seconds,
    version_id = excluded.version_id, body_text = excluded.body_text, listed_at = excluded.listed_at,
    read_at = excluded.read_at,
    submitted_at = coalesce(excluded.submitted_at, t.submitted_at),
    updated_at = case
        when (t.template_id, t.category, t.correct_category, t.status, t.quality, t.rejected_reason,
              t.message_send_ttl_seconds, t.version_id)
             is distinct from (excluded.template_id, excluded.category, excluded.correct_category, excluded.status,
                               coalesce(excluded.quality, t.quality), excluded.rejected_reason,
                               excluded.message_send_ttl_seconds, excluded.version_id)
        then excluded.updated_at else t.updated_at end
where t.read_at <= excluded.read_at
returning t.xmax = 0 as is_new, t.updated_at
)
select is_new, updated_at >= now() as is_changed from kept
"""


async def remove_unseen(db: Db, account: Account, since: dt.datetime) -> int:
    """Drop templates that no page since then has shown, except what was submitted a moment ago; returns how many."""
    found = await db.fetch(
        """
        delete from templates where tenant_id = $1 and waba_id = $2 and read_at < $3
            and (submitted_at is null or submitted_at < now() - interval '5 minutes')
        returning id
        """,
        account.tenant_id,
        account.waba_id,
        since,
    )
    return len(found)


async def remove(db: Db, account: Account, name: str, template_id: str | None) -> None:
    """Drop one language of a template, or all of the name."""
    await db.execute(
        """
        delete from templates where tenant_id = $1 and waba_id = $2 and name = $3
            and ($4::text is null or template_id = $4)
        """,
        account.tenant_id,
        account.waba_id,
        name,
        template_id,
    )


async def now(db: Db) -> dt.datetime:
    """Return the database's clock, the one that readings of an account are compared by."""
    moment: dt.datetime = await db.fetchval("select clock_timestamp()")
    return moment


async def list_accounts(db: Db, tenant_id: int) -> list[Row]:
    """Return the tenant's business accounts, each with the access token of the number connected last."""
    return await db.fetch(
        f"""
        select distinct on (waba_id) waba_id, access_token_sealed from whatsapp_numbers
        where tenant_id = $1 and {CONNECTED} order by waba_id, id desc
        """,
        tenant_id,
    )


async def find_sendable(db: Db, wanted: Sequence[Wanted]) -> dict[Wanted, Row]:
    """Return the templates of these names with the version that is in force."""
    found = await db.fetch(
        f"""
        select k.name as wanted_name, k.language as wanted_language, t.tenant_id, t.waba_id, t.status,
               t.rejected_reason, t.status_details, t.category, t.parameter_format, t.version_id, t.components
        from {rows.table(Wanted, alias="k")}
        join templates t on t.tenant_id = k.tenant_id and t.waba_id = k.waba_id and t.name = k.name
            and t.language = k.language
        """,
        wanted,
    )
    return {
        Wanted(row["tenant_id"], row["waba_id"], row["wanted_name"], row["wanted_language"]): row
        for row in found
    }


async def find_of_tenant(db: Db, tenant_id: int, name: str, language: str) -> Row | None:
    """Return kind and definition of a template of the tenant: of the account it sends from, where several have it."""
    return await db.fetchrow(
        f"""
        select k.category, k.parameter_format, k.components from templates k
        where k.tenant_id = $1 and k.name = $2 and k.language = $3
        order by k.waba_id = (
            select n.waba_id from tenants t join whatsapp_numbers n on n.tenant_id = t.id
                and n.id = {DEFAULT_NUMBER} where t.id = $1) desc nulls last
        limit 1
        """,
        tenant_id,
        name,
        language,
    )


async def list_named(db: Db, tenant_id: int, name: str) -> list[Row]:
    """Return account and language of every template of this name, with the numbers of the account."""
    return await db.fetch(
        f"""
        select t.waba_id, t.language, array(
            select n.phone_number_id from whatsapp_numbers n
            where n.tenant_id = t.tenant_id and n.waba_id = t.waba_id and n.{CONNECTED}
            order by n.id) as phone_number_ids
        from templates t where t.tenant_id = $1 and t.name = $2 order by t.waba_id, t.language
        """,
        tenant_id,
        name,
    )


async def find(db: Db, tenant_id: int, template_id: str, own_id: int) -> Row | None:
    """Return a template by Meta's id, or by ours when no template has that one (section 17, row 14)."""
    return await db.fetchrow(
        """
        select *, template_id = $2 as is_metas from templates
        where tenant_id = $1 and (template_id = $2 or id = $3) order by is_metas desc limit 1
        """,
        tenant_id,
        template_id,
        own_id,
    )


async def route(db: Db, app_id: int, waba_ids: Sequence[str]) -> list[Account]:
    """Return the accounts that are connected through this Meta app."""
    found = await db.fetch(
        f"""
        select distinct tenant_id, waba_id from whatsapp_numbers
        where app_id = $1 and waba_id = any($2) and {CONNECTED}
        """,
        app_id,
        waba_ids,
    )
    return [Account(row["tenant_id"], row["waba_id"]) for row in found]


async def list_told(db: Db, accounts: Sequence[Account]) -> list[Row]:
    """Return what events tell of the templates of accounts, as far as their tenants want any."""
    return await db.fetch(
        f"""
        select t.tenant_id, t.id, t.template_id, t.name, t.language, t.waba_id, t.category, t.previous_category,
               t.correct_category, t.status, t.rejected_reason, t.status_details, t.quality, t.version_id,
               t.body_text as body_data
        from {rows.table(Account, alias="k")}
        {wanting(wants_any("template", "t"), "k.tenant_id", "o")}
        join templates t on t.tenant_id = k.tenant_id and t.waba_id = k.waba_id
        """,
        list(dict.fromkeys(accounts)),
    )


async def apply_notice(db: Db, account: Account, notice: Notice) -> bool:
    """Change a template as Meta announced, unless something newer is known; returns whether we have the template."""
    happened = {notice.kind: notice.happened_at.timestamp()}
    return bool(await db.fetchval(_APPLY_NOTICE, account.tenant_id, [notice], happened))


# A list that was read after it happened shows it already; clocks may differ by seconds.
_APPLY_NOTICE = f"""
with known as (
    select t.id as known_id, clock_timestamp() as at, i.*
    from {rows.table(Notice, 2)} join templates t on t.tenant_id = $1 and t.template_id = i.template_id
), changed as (
    update templates t set
        status = coalesce(k.status, t.status), category = coalesce(k.category, t.category),
        previous_category = coalesce(k.previous_category, t.previous_category),
        correct_category = case when k.category is null then t.correct_category else k.correct_category end,
        quality = coalesce(k.quality, t.quality),
        rejected_reason = case when k.status is null then t.rejected_reason else k.rejected_reason end,
        status_details = case when k.status is null then t.status_details else k.status_details end,
        notices = t.notices || $3::jsonb, read_at = greatest(t.read_at, k.at), updated_at = now()
    from known k
    where t.tenant_id = $1 and t.id = k.known_id and k.happened_at >= t.listed_at - interval '5 seconds'
      and coalesce((t.notices ->> k.kind)::float8 <= ($3::jsonb ->> k.kind)::float8, true)
)
select true from known
"""


async def make_due(db: Db, accounts: Sequence[Account]) -> None:
    """Let the worker read these accounts again soon."""
    await db.execute(
        f"""
        update template_syncs s set due_at = least(s.due_at, now())
        from {rows.table(Account, alias="k")}
        where s.tenant_id = k.tenant_id and s.waba_id = k.waba_id
        """,
        accounts,
    )


async def claim_due(db: Db, limit: int, lease: dt.timedelta) -> list[Account]:
    """Take accounts whose turn it is; nobody else gets them before the lease ends."""
    found = await db.fetch(
        """
        update template_syncs s set due_at = now() + $2::interval
        from (
            select d.tenant_id, d.waba_id from template_syncs d
            join tenants t on t.id = d.tenant_id and t.status = 'active'
            where d.due_at <= now() order by d.due_at limit $1 for update of d skip locked
        ) as due
        where s.tenant_id = due.tenant_id and s.waba_id = due.waba_id
        returning s.tenant_id, s.waba_id
        """,
        limit,
        lease,
    )
    return [Account(row["tenant_id"], row["waba_id"]) for row in found]


async def watch_new_accounts(db: Db) -> None:
    """Have every connected account read from time to time."""
    await db.execute(
        f"""
        insert into template_syncs (tenant_id, waba_id)
        select distinct n.tenant_id, n.waba_id from whatsapp_numbers n
        left join template_syncs s on s.tenant_id = n.tenant_id and s.waba_id = n.waba_id
        where s.tenant_id is null and n.{CONNECTED}
        on conflict do nothing
        """
    )


async def finish_sync(db: Db, account: Account, synced: int, next_in: dt.timedelta) -> dt.datetime:
    """Note that an account was read to its end; returns when."""
    moment: dt.datetime = await db.fetchval(
        """
        update template_syncs set synced_at = now(), synced = $3, failure = null, due_at = now() + $4::interval
        where tenant_id = $1 and waba_id = $2 returning synced_at
        """,
        account.tenant_id,
        account.waba_id,
        synced,
        next_in,
    )
    return moment


async def note_failure(db: Db, account: Account, failure: str, next_in: dt.timedelta) -> None:
    """Note why an account could not be read."""
    await db.execute(
        "update template_syncs set failure = $3, due_at = now() + $4::interval where tenant_id = $1 and waba_id = $2",
        account.tenant_id,
        account.waba_id,
        failure,
        next_in,
    )
