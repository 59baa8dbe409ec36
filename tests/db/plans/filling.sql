-- About 100,000 rows in every table that grows, most of them of one tenant, so that a plan that reads more than it has
-- to cannot hide. Nothing here is analysed: the plans under test were made before, and statistics would renew them.
set session_replication_role = replica;  -- no foreign key is checked: the rows fit

insert into tenants (id, name, subdomain, plan, webhook_events) overriding system value
select i, 'Tenant ' || i, 'tenant-' || i, 'unlimited', '{*}' from generate_series(1, 1000) i;
insert into tokens (tenant_id, id, name, hash, last_four, scopes) overriding system value
select i % 1000 + 1, i, 'token', int4send(i::integer), 'abcd', '{}' from generate_series(1, 5000) i;
insert into meta_apps (id, callback_key, app_secret_sealed, app_secret_digest) overriding system value
select i, 'callback ' || i, '', int4send(i::integer) from generate_series(1, 1000) i;
insert into whatsapp_numbers (tenant_id, id, app_id, waba_id, phone_number_id, access_token_sealed, verify_token_digest)
overriding system value
select (i - 1) % 1000 + 1, i, i % 1000 + 1, 'waba ' || i, i::text, '', '' from generate_series(1, 3000) i;
insert into sources (tenant_id, id, name) overriding system value
select case when i <= 50 then 1 else i % 1000 + 1 end, i, 'source ' || i from generate_series(1, 5000) i;
insert into contact_statuses (tenant_id, id, name) overriding system value
select case when i <= 50 then 1 else i % 1000 + 1 end, i, 'status ' || i from generate_series(1, 5000) i;
insert into contact_groups (tenant_id, id, name) overriding system value
select case when i <= 50 then 1 else i % 1000 + 1 end, i, 'group ' || i from generate_series(1, 5000) i;
insert into tenant_counters (tenant_id, contacts) select i, 100 from generate_series(1, 1000) i;
insert into conversation_counters (tenant_id, month)
select i % 1000 + 1, date '2020-01-01' + (i / 1000 * 31) from generate_series(0, 9999) i;

insert into contacts (tenant_id, id, firstname, email, type, status_id, source_id, group_ids, attributes)
overriding system value
select 1, i, 'n', 'somebody' || i || '@x.test', 'lead', 1 + i % 50, 1 + i % 50,
       case when i % 5000 = 0 then '{1}' else '{}' end::bigint[], '{}'
from generate_series(1, 100001) i;
insert into contact_aliases (tenant_id, kind, value, contact_id)
select 1, 'phone', '44' || lpad(i::text, 10, '0'), i from generate_series(1, 100000) i;
insert into conversations (tenant_id, id, number_id, contact_id) overriding system value
select 1, i, 1, case when i <= 100000 then i end from generate_series(1, 100001) i;
insert into comments (tenant_id, id, conversation_id, token_id, text, status_message) overriding system value
select 1, i, i, 1000, 'note', '' from generate_series(1, 100000) i;
insert into messages (tenant_id, id, conversation_id, direction, type, status, peer, wamid, content, created_at)
overriding system value
select 1, i, i, 'outbound', 'text', 'sent', '44', 'wamid.' || i, null, now() - interval '1 second' * (100000 - i) * 60
from generate_series(1, 100000) i;
insert into body_marks (tenant_id, created_at, message_id)
select tenant_id, created_at, id from messages where tenant_id = 1 and id = 50000;
insert into bodies_left (tenant_id, message_id, due_at)
select 1, i, now() - interval '1 minute' * (30000 - i) from generate_series(1, 30000) i;
insert into message_wamids (tenant_id, wamid, message_id) select 1, 'wamid.' || i, i from generate_series(1, 100000) i;
insert into message_attempts (tenant_id, message_id, attempt, outcome, started_at, finished_at)
select 1, i, 1, 'accepted', now() - interval '1 minute' * (100000 - i), now() - interval '1 minute' * (100000 - i)
from generate_series(1, 100000) i;
insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at, received_at)
select 1, 'wamid.' || i, 'sent', i % 10 = 0, now(), now() - interval '1 minute' * (100000 - i)
from generate_series(1, 100000) i;
insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
select 1, 'send', 40000 + i, 1 + i % 3000, 1, now() + interval '1 day', false from generate_series(1, 100000) i;

insert into idempotency_keys (tenant_id, key, fingerprint, locked_until, created_at)
select 1, 'key ' || i, '', now(), now() - interval '1 second' * (100000 - i) from generate_series(1, 100000) i;
insert into buckets (name, tat) select 'name ' || i, now() - interval '1 second' * i from generate_series(1, 100000) i;
insert into ingests (id, app_id, body, received_at, due_at, applied_at) overriding system value
select i, 1, '{}', now() - interval '1 minute' * (100000 - i), now() - interval '1 minute' * (100000 - i),
       case when i % 100 > 0 then now() - interval '1 minute' * (100000 - i) end
from generate_series(1, 100000) i;
insert into quarantined_changes (id, app_id, phone_number_id, reason, change, received_at) overriding system value
select i, 1, (i % 1000)::text, 'reason', '{}', now() - interval '1 hour' * (100000 - i) from generate_series(1, 100000) i;

insert into contact_imports (tenant_id, id, status, headers, targets, is_dry_run, on_duplicate, type, idempotency_key,
                             created_at, finished_at)
overriding system value
select 1, i, 'done', '{}', '{}', false, 'skip', 'lead', 'key ' || i, now() - interval '1 minute' * (100000 - i),
       now() - interval '1 minute' * (100000 - i)
from generate_series(1, 100000) i;
insert into import_chunks (tenant_id, import_id, number, content) select 1, i, 1, '' from generate_series(1, 100000) i;
insert into import_errors (tenant_id, import_id, row_number, cells, reasons)
select 1, i, 1, '[]', '{}' from generate_series(1, 100000) i;
insert into import_keys (tenant_id, import_id, kind, value, owner)
select 1, i, 'phone', '44' || lpad(i::text, 10, '0'), '44' from generate_series(1, 100000) i;

insert into template_versions (tenant_id, id, waba_id, name, language, digest, category, parameter_format, components)
overriding system value
select 1, i, 'waba ' || i, 'name ' || i, 'en', '', 'UTILITY', 'POSITIONAL', '[]' from generate_series(1, 100000) i;
insert into templates (tenant_id, id, waba_id, template_id, name, language, category, status, parameter_format,
                       components, version_id, listed_at, read_at)
overriding system value
select 1, i, 'waba ' || i, i::text, 'name ' || i, 'en', 'UTILITY', 'APPROVED', 'POSITIONAL', '[]', i, now(), now()
from generate_series(1, 100000) i;
insert into template_syncs (tenant_id, waba_id, due_at)
select 1 + i % 1000, 'waba ' || i, now() + interval '1 hour' from generate_series(1, 100000) i;

insert into media (tenant_id, id, sha256, mime_type, kind, size, is_voice, origin, store_key, created_at,
                   needed_at, is_named)
overriding system value
select 1, i, int4send(i::integer) || '\x00'::bytea, 'image/png', 'image', 1, false, 'file', 'key ' || i,
       now(), now() - interval '1 minute' * (100000 - i), i % 2 = 0
from generate_series(1, 100000) i;
insert into message_media (tenant_id, message_id, media_id)
select 1, i, i from generate_series(1, 100000) i where i <> 50000;  -- of one file, settled messages have forgotten it
insert into media_uploads (tenant_id, media_id, number_id, graph_media_id, expires_at)
select 1, i, 1, 'graph ' || i, now() + interval '1 day' from generate_series(1, 100000) i;
insert into media_urls (tenant_id, digest, media_id, fetched_at)
select 1, int4send(i::integer) || '\x00'::bytea, i, now() - interval '1 minute' * (100000 - i) from generate_series(1, 100000) i;

insert into otps (tenant_id, id, phone, purpose, code_hash, message_id, template_name, language, country, prefix,
                  max_attempts, created_at, expires_at, verified_at, swept_at)
select 1, lpad(to_hex(i), 32, '0')::uuid, '44' || lpad(i::text, 10, '0'), 'login', '', i, 'login', 'en', 'GB',
       '+44' || i % 5000, 5, now() - interval '1 minute' * (100000 - i), now() - interval '1 minute' * (100000 - i),
       case when i % 10 > 0 then now() end, case when i % 100 > 0 then now() end
from generate_series(1, 100000) i;
insert into otp_budgets (tenant_id, scope, subject, period, starts_at, sent)
select 1, case i % 4 when 0 then 'phone' when 1 then 'prefix' when 2 then 'country' else 'tenant' end,
       '44' || lpad(i::text, 10, '0'), case i % 2 when 0 then 'hour' else 'day' end,
       date_trunc('hour', now()) - interval '1 hour' * (i % 20), 1
from generate_series(1, 100000) i;
insert into window_limits (tenant_id, name, subject, hits, ends_at)
select 1, 'name', i::text, 1, now() - interval '1 second' * i from generate_series(1, 100000) i;
insert into challenges (tenant_id, id, number_id, purpose, code_hash, phone, expires_at)
select 1, lpad(to_hex(i), 32, '0')::uuid, 1, 'login', int4send(i::integer), '44', now() - interval '1 minute' * (100000 - i)
from generate_series(1, 100000) i;
insert into events (tenant_id, id, type, once, payload, created_at) overriding system value
select 1, i, 'otp.sent', i::text, '{}', now() - interval '1 minute' * (100000 - i) from generate_series(1, 100000) i;
update events set contact_id = id;
insert into webhook_endpoints (tenant_id, id, url, events, format, secrets, deleted_at) overriding system value
select 1, i, 'https://example.com', '{contact.*}', 'n8n', 'sealed', now() - interval '1 minute' * (100000 - i)
from generate_series(1, 100000) i;
update webhook_endpoints set deleted_at = null where id between 49990 and 50010;
-- As in life, of those that were deleted long ago nothing is left.
insert into webhook_deliveries (tenant_id, id, endpoint_id, event_id, event_key, event_type, message_id, line_id, state,
                                held, created_at) overriding system value
select 1, i, greatest(i, 1000 + i % 1000), i, 'evt ' || i, 'contact.updated', i, case when i % 10 = 0 then i end,
       case when i % 100 = 0 then 'pending' else 'delivered' end, case when i % 100 = 0 then 1 + i / 100 % 2 else 0 end,
       now() - interval '1 minute' * (100000 - i)
from generate_series(1, 100000) i;

-- A thousand days of a hundred lines; tenant 1 has ten rate cards of 1,000 rates.
insert into cost_lines (tenant_id, id, day, number_id, country, category, type, template, is_delivered, is_billable,
                        messages)
overriding system value
select 1, i, current_date - i / 100, 1, 'GB', 'marketing', 'regular', 'template ' || i % 100, true, true, 1
from generate_series(1, 100000) i;
update messages set cost_line_id = id where id <= 100000;
insert into rate_cards (tenant_id, id, valid_from, currency, name) overriding system value
select 1 + i % 1000, i, date '2026-01-01' + i / 1000, 'USD', 'card' from generate_series(1, 10000) i;
insert into rates (tenant_id, card_id, category, type, country, price)
select 1, 1000 * (1 + i / 1000), 'marketing', 'regular', 'country ' || i, 0.05 from generate_series(1, 9999) i;

select setval(pg_get_serial_sequence(table_name::text, column_name::text), 10000000)
from information_schema.columns where table_schema = 'public' and is_identity = 'YES';
