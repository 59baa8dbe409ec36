"""Queries on tenants, their tokens and their WhatsApp numbers."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.numbers import CONNECTED, DEFAULT_NUMBER
from rasl.db.pool import Db, Row
from rasl.domain.tenants import PLAN_LIMITS, PLAN_SWITCHES
from rasl.errors import NotFound


def limit_of(limit: str) -> str:
    """Return the SQL of a limit that tenant `t` of plan `p` has: its own, else the plan's."""
    return f"coalesce((t.limit_overrides ->> '{limit.removeprefix('max_')}')::bigint, p.{limit}) as {limit}"


PLAN_COLUMNS = ", ".join([*map(limit_of, PLAN_LIMITS), *(f"p.{name}" for name in PLAN_SWITCHES)])
_TENANT_COLUMNS = f"""
    t.id as tenant_id, t.default_country, t.default_type, t.default_status_id, t.default_source_id,
    t.default_assigned_id, t.window_policy, t.unknown_policy, t.otp_budgets, t.otp_max_attempts,
    t.otp_return_generated_code, t.time_zone, t.subscription_status, t.subscription_ends_at, t.fallback_template,
    p.name as plan, {PLAN_COLUMNS},
    n.id as number_id, n.waba_id, n.phone_number_id, n.display_phone_number, n.access_token_sealed,
    n.messages_per_second
"""
_TENANT_JOINS = f"""
    join plans p on p.name = t.plan
    left join whatsapp_numbers n on n.tenant_id = t.id and n.id = {DEFAULT_NUMBER} and n.{CONNECTED}
"""
SETTINGS = (
    "name",
    "plan",
    "status",
    "default_country",
    "default_type",
    "default_status_id",
    "default_source_id",
    "default_assigned_id",
    "window_policy",
    "unknown_policy",
    "otp_budgets",
    "otp_max_attempts",
    "otp_return_generated_code",
    "subscription_status",
    "subscription_ends_at",
    "limit_overrides",
    "fallback_template",
    "time_zone",
    "language",
    "stop_words",
    "start_words",
    "retention_days",
    "webhook_format",
)


class _Use(msgspec.Struct, frozen=True):
    tenant_id: int
    id: int
    used_at: dt.datetime


async def load_callers(db: Db, hashes: Sequence[bytes]) -> dict[bytes, Row]:
    """Return tokens that are neither revoked nor expired, with all that their requests need, by hash."""
    found = await db.fetch(
        f"""
        select k.hash, k.id as token_id, k.name as token_name, k.scopes, k.rate_limit_per_minute, k.expires_at,
               k.allowed_cidrs, t.status as tenant_status, {_TENANT_COLUMNS}
        from tokens k join tenants t on t.id = k.tenant_id {_TENANT_JOINS}
        where k.hash = any($1) and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
        """,
        hashes,
    )
    return {row["hash"]: row for row in found}


async def get_account(db: Db, tenant_id: int) -> Row:
    """Return a tenant with its plan and its subscription; raises NotFound."""
    row = await db.fetchrow(
        """
        select t.id, coalesce(nullif(t.name, ''), t.subdomain) as name, t.subdomain, t.status, t.created_at,
               p.id as plan_id, p.title as plan_name, t.subscription_status, t.subscription_ends_at
        from tenants t join plans p on p.name = t.plan where t.id = $1
        """,
        tenant_id,
    )
    if row is None:
        raise NotFound("Account not found")
    return row


async def load_numbers(db: Db, number_ids: Sequence[int]) -> list[Row]:
    """Return numbers with their sealed access token."""
    return await db.fetch(
        f"""
        select n.tenant_id, n.id as number_id, n.waba_id, n.phone_number_id, n.display_phone_number,
               n.access_token_sealed, n.messages_per_second, t.unknown_policy, t.status as tenant_status,
               t.subscription_status, t.subscription_ends_at
        from whatsapp_numbers n join tenants t on t.id = n.tenant_id where n.id = any($1::bigint[])
          and n.{CONNECTED}
        """,
        number_ids,
    )


async def create_tenant(db: Db, name: str, subdomain: str, plan: str) -> int | None:
    """Create a tenant and return its id, None when the subdomain is taken."""
    value: int | None = await db.fetchval(
        """
        insert into tenants (name, subdomain, plan) values ($1, $2, $3)
        on conflict (subdomain) do nothing returning id
        """,
        name,
        subdomain,
        plan,
    )
    return value


async def find_tenant(db: Db, subdomain: str) -> Row | None:
    """Return a tenant by its subdomain."""
    return await db.fetchrow("select * from tenants where subdomain = $1", subdomain)


async def list_plans(db: Db) -> list[str]:
    """Return the names of the plans."""
    return [row["name"] for row in await db.fetch("select name from plans order by name")]


async def change_tenant(db: Db, tenant_id: int, changes: Mapping[str, Any]) -> None:
    """Write settings; the keys are among SETTINGS."""
    names = [name for name in SETTINGS if name in changes]
    assignments, values = rows.assigned(names, 2), (changes[name] for name in names)
    await db.execute(f"update tenants set {assignments} where id = $1", tenant_id, *values)


async def get_settings(db: Db, tenant_id: int) -> Row:
    """Return the row of a tenant that is there."""
    row = await db.fetchrow("select * from tenants where id = $1", tenant_id)
    assert row is not None  # noqa: S101 - whoever asks is of the tenant
    return row


async def hold_settings(db: Db, tenant_id: int) -> Row:
    """Return the row of a tenant, and let nobody else change it until the transaction ends; raises NotFound.

    It may have been deleted since it was found.
    """
    row = await db.fetchrow("select * from tenants where id = $1 for no key update", tenant_id)
    if row is None:
        raise NotFound("Tenant not found")
    return row


async def list_zones(db: Db) -> list[str]:
    """Return the names of the time zones that the database knows, and we."""
    found = await db.fetch(
        "select name from pg_timezone_names where name !~ '^(posix|right)/|^(posixrules|localtime|Factory)$'"
    )
    ours = zoneinfo.available_timezones()
    return [row["name"] for row in found if row["name"] in ours]


async def create_token(
    db: Db,
    tenant_id: int,
    name: str,
    hash_: bytes,
    last_four: str,
    scopes: Sequence[str],
    rate_limit_per_minute: int,
    expires_at: dt.datetime | None,
    allowed_cidrs: Sequence[str] = (),
) -> int:
    """Store a token's hash and return its id."""
    value: int = await db.fetchval(
        """
        insert into tokens (tenant_id, name, hash, last_four, scopes, rate_limit_per_minute, expires_at, allowed_cidrs)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning id
        """,
        tenant_id,
        name,
        hash_,
        last_four,
        scopes,
        rate_limit_per_minute,
        expires_at,
        allowed_cidrs,
    )
    return value


async def list_tokens(db: Db, tenant_id: int) -> list[Row]:
    """Return the tokens of a tenant without their hashes."""
    return await db.fetch(
        """
        select id, name, last_four, scopes, rate_limit_per_minute, allowed_cidrs, expires_at, revoked_at, last_used_at,
               created_at
        from tokens where tenant_id = $1 order by id
        """,
        tenant_id,
    )


async def rotate_token(
    db: Db,
    tenant_id: int,
    token_id: int,
    hash_: bytes,
    last_four: str,
    overlap: dt.timedelta,
    not_after: dt.datetime | None = None,
) -> Row | None:
    """Store a token like this one and let this one end; None if it is not there or does not work any more.

    Returns id, name and end of the new one and the end of the old one (`old_expires_at`). The new one has the lifetime
    that the old one was given, from now on, but ends at `not_after` at the latest.
    """
    return await db.fetchrow(
        """
        with moment as materialized (select now() as at), old as (
            select k.*, case when k.expires_at is null or k.expires_at > moment.at + $5::interval
                then moment.at + $5::interval else k.expires_at end as ends_at,
                least(moment.at + (k.expires_at - k.created_at), $6::timestamptz) as renewed_until
            from tokens k cross join moment
            where k.tenant_id = $1 and k.id = $2 and k.revoked_at is null
              and (k.expires_at is null or k.expires_at > moment.at)
            for update of k
        ), ended as (
            update tokens k set expires_at = old.ends_at from old where k.tenant_id = $1 and k.id = old.id
            returning k.expires_at
        )
        insert into tokens as k (tenant_id, name, hash, last_four, scopes, rate_limit_per_minute, allowed_cidrs,
                                 expires_at)
        select $1, old.name, $3, $4, old.scopes, old.rate_limit_per_minute, old.allowed_cidrs, old.renewed_until
        from old
        returning k.id, k.name, k.expires_at, (select expires_at from ended) as old_expires_at
        """,
        tenant_id,
        token_id,
        hash_,
        last_four,
        overlap,
        not_after,
    )


async def revoke_token(db: Db, tenant_id: int, token_id: int) -> bool:
    """Revoke a token; returns whether there is such a token."""
    found = await db.fetchval(
        """
        with moment as materialized (select now() as at)
        update tokens set revoked_at = coalesce(revoked_at, moment.at) from moment
        where tenant_id = $1 and id = $2 returning id
        """,
        tenant_id,
        token_id,
    )
    return found is not None


async def mark_tokens_used(db: Db, uses: Sequence[tuple[int, int, dt.datetime]]) -> None:
    """Write when tokens were last used: (tenant_id, token_id, moment)."""
    await db.execute(
        f"""
        update tokens k set last_used_at = greatest(k.last_used_at, u.used_at)
        from {rows.table(_Use, alias="u")}
        where k.tenant_id = u.tenant_id and k.id = u.id
        """,
        [_Use(*use) for use in sorted(uses)],
    )


async def keep_meta_app(db: Db, callback_key: str, secret_sealed: bytes, secret_digest: bytes) -> Row:
    """Return the Meta app with this secret (id, callback_key), creating it under the given callback key."""
    row = await db.fetchrow(
        """
        insert into meta_apps (callback_key, app_secret_sealed, app_secret_digest) values ($1, $2, $3)
        on conflict (app_secret_digest) do update set app_secret_sealed = excluded.app_secret_sealed
        returning id, callback_key
        """,
        callback_key,
        secret_sealed,
        secret_digest,
    )
    assert row is not None  # noqa: S101 - an upsert always returns its row
    return row


async def keep_number(
    db: Db,
    tenant_id: int,
    app_id: int,
    waba_id: str,
    phone_number_id: str,
    access_token_sealed: bytes,
    verify_token_digest: bytes,
    display_phone_number: str | None,
    messages_per_second: int,
) -> int | None:
    """Connect a number or renew its credentials; returns its id, None when another tenant has it."""
    value: int | None = await db.fetchval(
        """
        insert into whatsapp_numbers as n (tenant_id, app_id, waba_id, phone_number_id, access_token_sealed,
                                           verify_token_digest, display_phone_number, messages_per_second)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (phone_number_id) do update set
            app_id = excluded.app_id, waba_id = excluded.waba_id, access_token_sealed = excluded.access_token_sealed,
            disconnected_at = null, verify_token_digest = excluded.verify_token_digest,
            display_phone_number = coalesce(excluded.display_phone_number, n.display_phone_number),
            messages_per_second = excluded.messages_per_second
        where n.tenant_id = excluded.tenant_id
        returning id
        """,
        tenant_id,
        app_id,
        waba_id,
        phone_number_id,
        access_token_sealed,
        verify_token_digest,
        display_phone_number,
        messages_per_second,
    )
    return value


async def find_meta_app(db: Db, callback_key: str) -> Row | None:
    """Return the app behind a callback URL with the verify tokens of its numbers."""
    return await db.fetchrow(
        """
        select a.id, a.app_secret_sealed, array(
            select n.verify_token_digest from whatsapp_numbers n where n.app_id = a.id) as verify_token_digests
        from meta_apps a where a.callback_key = $1
        """,
        callback_key,
    )


async def find_tenant_by_id(db: Db, tenant_id: int) -> Row | None:
    """Return a tenant by its id."""
    return await db.fetchrow("select * from tenants where id = $1", tenant_id)


async def list_tenants(db: Db) -> list[Row]:
    """Return every tenant with how many numbers it has connected."""
    return await db.fetch(
        f"""
        select t.*, (select count(*) from whatsapp_numbers n where n.tenant_id = t.id and n.{CONNECTED}) as numbers
        from tenants t order by t.id
        """
    )


async def hold_default(db: Db, tenant_id: int, default_id: int, table: str) -> bool:
    """Tell whether a tenant has this row in `sources` or `contact_statuses`, and keep it until the transaction ends."""
    held = await db.fetchval(
        f"select id from {table} where tenant_id = $1 and id = $2 for key share", tenant_id, default_id
    )
    return held is not None


async def count_holdings(db: Db, tenant_id: int) -> Row:
    """Return what the plan of a tenant allows, and how many templates, groups and jobs it has, each to a thousand."""
    row = await db.fetchrow(
        f"""
        select {PLAN_COLUMNS}, p.id as plan_id, p.title as plan_title,
               (select count(*) from (select from templates where tenant_id = $1 limit 1000) as l) as templates,
               (select count(*) from (select from contact_groups where tenant_id = $1 limit 1000) as g) as groups,
               (select count(*) from (select from jobs where tenant_id = $1 limit 1000) as j) as jobs
        from tenants t join plans p on p.name = t.plan where t.id = $1
        """,
        tenant_id,
    )
    assert row is not None  # noqa: S101 - whoever asks has found the tenant
    return row
