"""Somebody of whom every table that holds people has a row, for tests of what takes all of them away."""

from rasl.db.pool import Database
from tests.world import Person

_FILL = """
with contact as (
    insert into contacts (tenant_id, firstname, email, phone, type, status_id, source_id, is_opted_out, opted_out_at)
    values ($1, $2, $2 || '@x.test', '+' || $3, 'lead', $4, $5, true, now()) returning id
), alias as (
    insert into contact_aliases (tenant_id, kind, value, contact_id) select $1, 'phone', $3, id from contact
), thread as (
    insert into conversations (tenant_id, number_id, contact_id) select $1, $6, id from contact returning id
), file as (
    insert into media (tenant_id, sha256, mime_type, kind, size, filename, is_voice, origin, store_key)
    values ($1, convert_to($2, 'UTF8'), 'image/png', 'image', 6, $2 || '.png', false, 'file', $1 || '/ab/' || $2)
    returning id
), shared as (
    insert into media (tenant_id, sha256, mime_type, kind, size, is_voice, origin, store_key)
    values ($1, 'both', 'image/png', 'image', 6, false, 'file', $1 || '/ab/both')
    on conflict (tenant_id, sha256, mime_type) do update set size = 6 returning id
), message as (
    insert into messages (tenant_id, conversation_id, direction, type, status, peer, text, wamid)
    select $1, id, 'outbound', 'text', 'sent', $3, 'Dear ' || $2, 'wamid.' || $2 from thread returning id
), use as (
    insert into message_media (tenant_id, message_id, media_id)
    select $1, message.id, f.id from message, (select id from file union all select id from shared) f
), counter as (
    insert into tenant_counters (tenant_id, contacts) values ($1, 1)
    on conflict (tenant_id) do update set contacts = tenant_counters.contacts + 1
), import as (
    insert into contact_imports (tenant_id, status, headers, targets, is_dry_run, on_duplicate, type)
    values ($1, 'done', '{}', '{}', false, 'skip', 'lead') returning id
), key as (
    insert into import_keys (tenant_id, import_id, kind, value, owner) select $1, id, 'phone', $3, $3 from import
), error as (
    insert into import_errors (tenant_id, import_id, row_number, cells, reasons)
    select $1, id, 2, jsonb_build_array('x', '+44 7700 ' || right($3, 6))::text, '{}' from import
), w as (
    insert into message_wamids (tenant_id, wamid, message_id) select $1, 'wamid.' || $2, id from message
), s as (
    insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at)
    values ($1, 'wamid.' || $2, 'sent', false, now())
), a as (
    insert into message_attempts (tenant_id, message_id, attempt, outcome, started_at, finished_at)
    select $1, id, 1, 'accepted', now(), now() from message
), j as (
    insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
    select $1, 'send', id, $6, 1, now(), false from message
), c as (
    insert into comments (tenant_id, conversation_id, token_id, text, status_message)
    select $1, id, $7, 'about ' || $2, '' from thread
), i as (
    insert into idempotency_keys (tenant_id, key, fingerprint, locked_until, message_id)
    select $1, 'key ' || $2, '', now(), id from message
), o as (
    insert into otps (tenant_id, id, phone, purpose, code_hash, message_id, template_name, language, country, prefix,
                      max_attempts, expires_at)
    select $1, gen_random_uuid(), $3, 'login', 'secret', id, 'login', 'en', 'GB', '44', 5, now() from message
), l as (
    insert into challenges (tenant_id, id, number_id, purpose, code_hash, phone, expires_at)
    values ($1, gen_random_uuid(), $6, 'login', convert_to($2, 'UTF8'), $3, now())
), e as (
    insert into events (tenant_id, type, payload) values ($1, 'otp.sent', jsonb_build_object('phone', '+' || $3))
    returning id
), p as (
    insert into webhook_endpoints (tenant_id, url, events, format, secrets)
    values ($1, 'https://example.com', '{*}', 'n8n', 'sealed') returning id
), d as (
    insert into webhook_deliveries (tenant_id, endpoint_id, event_id, event_key, event_type)
    select $1, p.id, e.id, 'evt', 'otp.sent' from p cross join e
), b as (
    insert into otp_budgets (tenant_id, scope, subject, period, starts_at) values ($1, 'phone', $3, 'day', now())
), n as (
    insert into window_limits (tenant_id, name, subject, hits, ends_at) values ($1, 'w', $3, 1, now())
), u as (
    insert into media_uploads (tenant_id, media_id, number_id, graph_media_id, expires_at)
    select $1, id, $6, 'g', now() from file
), r as (
    insert into media_urls (tenant_id, digest, media_id) select $1, convert_to($2, 'UTF8'), id from file
), q as (
    insert into quarantined_changes (app_id, phone_number_id, reason, change)
    values ($8, $9, 'why', jsonb_build_object('from', $3))
)
insert into ingests (app_id, body) values ($8, convert_to(jsonb_build_object('entry', jsonb_build_array(
    jsonb_build_object('changes', jsonb_build_array(jsonb_build_object('value', jsonb_build_object(
        'metadata', jsonb_build_object('phone_number_id', $9::text),
        'messages', jsonb_build_array(jsonb_build_object('from', $3::text),
                                       jsonb_build_object('from', '1'))))))))::text, 'UTF8'))
"""


async def know(database: Database, owner: Person, name: str, number: str) -> None:
    """Write down everything about one person of a tenant."""
    async with database.transaction() as db:
        await db.execute(
            _FILL,
            owner.tenant_id,
            name,
            number,
            owner.status_id,
            owner.source_id,
            owner.number_id,
            owner.token_id,
            owner.app_id,
            owner.phone_number_id,
        )
