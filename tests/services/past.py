"""One row past its time and one within it, of everything that is purged by age alone."""

from rasl.db.pool import Database
from tests.world import Person

# Per kind: the statement that stores one row of an age in days ($2) for a tenant ($1), and the table it is in.
ROWS = {
    "deliveries": (
        "ingests",
        """insert into ingests (app_id, body, applied_at)
           select app_id, '{}', now() - $2::integer * interval '1 day' from whatsapp_numbers where tenant_id = $1""",
    ),
    "quarantine": (
        "quarantined_changes",
        """insert into quarantined_changes (app_id, reason, change, received_at)
           select app_id, 'why', '{}', now() - $2::integer * interval '1 day'
           from whatsapp_numbers where tenant_id = $1""",
    ),
    "statuses": (
        "message_statuses",
        """insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at, received_at)
           values ($1, 'wamid.' || $2::integer, 'sent', false, now(), now() - $2 * interval '1 day')""",
    ),
    "parked_statuses": (
        "message_statuses",
        """insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at, received_at)
           values ($1, 'parked.' || $2::integer, 'sent', true, now(), now() - $2 * interval '1 day')""",
    ),
    "events": (
        "events",
        """insert into events (tenant_id, type, payload, created_at)
           values ($1, 'otp.sent', '{}', now() - $2::integer * interval '1 day')""",
    ),
    "idempotency_keys": (
        "idempotency_keys",
        """insert into idempotency_keys (tenant_id, key, fingerprint, locked_until, created_at)
           values ($1, 'key' || $2::integer, '', now() - interval '1 hour', now() - $2 * interval '1 day')""",
    ),
    "otps": (
        "otps",
        """insert into otps (tenant_id, id, phone, purpose, code_hash, message_id, template_name, language, country,
                             prefix, max_attempts, created_at, expires_at)
           values ($1, gen_random_uuid(), $2::integer::text, 'login', '', $2, 'login', 'en', 'GB', '44', 5,
                   now() - $2 * interval '1 day', now() - $2 * interval '1 day')""",
    ),
    "challenges": (
        "challenges",
        """insert into challenges (tenant_id, id, number_id, purpose, code_hash, expires_at)
           select $1, gen_random_uuid(), id, 'login', $2::integer::text::bytea, now() - $2 * interval '1 day'
           from whatsapp_numbers where tenant_id = $1""",
    ),
    "imports": (
        "contact_imports",
        """with import as (
               insert into contact_imports (tenant_id, status, headers, targets, is_dry_run, on_duplicate, type,
                                            finished_at)
               values ($1, 'done', '{}', '{}', false, 'skip', 'lead', now() - $2::integer * interval '1 day')
               returning id)
           insert into import_errors (tenant_id, import_id, row_number, cells, reasons)
           select $1, id, n, '[]', '{}' from import cross join generate_series(1, 5) n""",
    ),
    "broken_uploads": (
        "contact_imports",
        """with import as (
               insert into contact_imports (tenant_id, status, headers, targets, is_dry_run, on_duplicate, type,
                                            created_at)
               values ($1, 'uploading', '{}', '{}', false, 'skip', 'lead', now() - $2::integer * interval '1 day')
               returning id)
           insert into import_chunks (tenant_id, import_id, number, content)
           select $1, id, n, '' from import cross join generate_series(1, 5) n""",
    ),
    "otp_budgets": (
        "otp_budgets",
        """insert into otp_budgets (tenant_id, scope, subject, period, starts_at)
           values ($1, 'phone', '1', 'day', now() - $2::integer * interval '1 day')""",
    ),
    "windows": (
        "window_limits",
        """insert into window_limits (tenant_id, name, subject, hits, ends_at)
           values ($1, 'w', $2::integer::text, 1, now() - $2 * interval '1 day')""",
    ),
    "buckets": (
        "buckets",
        """insert into buckets (name, tat)
           select t.name || $2::integer, now() - $2 * interval '1 day' from tenants t where t.id = $1""",
    ),
}


async def store_rows(database: Database, person: Person, *ages: int) -> None:
    """Store one row of each kind for each age in days."""
    async with database.transaction() as db:
        for _, statement in ROWS.values():
            for age in ages:
                await db.execute(statement, person.tenant_id, age)


async def store_message(database: Database, person: Person, age: int, status: str = "sent") -> int:
    """Store a message of an age in days with all that hangs on one; returns its id."""
    async with database.transaction() as db:
        conversation_id = await db.fetchval(
            """
            insert into conversations (tenant_id, number_id, last_message_at)
            values ($1, $2, now() - $3::integer * interval '1 day') returning id
            """,
            person.tenant_id,
            person.number_id,
            age,
        )
        message_id: int = await db.fetchval(
            """
            insert into messages (tenant_id, conversation_id, direction, type, status, peer, text, created_at)
            values ($1, $2, 'outbound', 'text', $3, '44', 'Hello', now() - $4::integer * interval '1 day') returning id
            """,
            person.tenant_id,
            conversation_id,
            status,
            age,
        )
        await db.execute(
            "update messages set wamid = 'wamid.m' || $1::bigint where id = $1 and status <> 'queued'",
            message_id,
        )
        await db.execute(
            "insert into message_wamids (tenant_id, wamid, message_id) values ($1, 'wamid.m' || $2::bigint, $2)",
            person.tenant_id,
            message_id,
        )
        await db.execute(
            """
            insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at, received_at)
            values ($1, 'wamid.m' || $2::bigint, 'sent', false, now(), now() - $3::integer * interval '1 day')
            """,
            person.tenant_id,
            message_id,
            age,
        )
        await db.execute(
            """
            insert into message_attempts (tenant_id, message_id, attempt, outcome, started_at, finished_at, wamid)
            values ($1, $2, 1, 'accepted', now(), now() - $3::integer * interval '1 day', 'wamid.m' || $2::bigint)
            """,
            person.tenant_id,
            message_id,
            age,
        )
    return message_id
