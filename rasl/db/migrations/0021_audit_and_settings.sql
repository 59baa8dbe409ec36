-- Who changed what of a tenant, written by the transaction that makes the change.

-- No key leads to tenants: what was done to a tenant outlives it. What is of no tenant, such as a plan, has tenant 0.
create table audit_log (
    tenant_id bigint not null,
    id bigint generated always as identity,
    action text not null,                          -- such as settings.changed
    subject text not null,                         -- what was changed, such as token
    subject_id text,
    actor_type text not null check (actor_type in ('token', 'admin_token', 'operator', 'system')),
    actor_id bigint,                               -- of the token
    actor text not null,                           -- its name, or who gave the command
    ip_address text,
    request_id text,
    before jsonb,
    after jsonb,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index audit_log_by_time on audit_log (tenant_id, created_at, id);
create index audit_log_by_age on audit_log (created_at);

-- Append-only, whoever asks: a row goes by its age alone, in a transaction that says so (`rasl.audit` is `dropping`).
create function keep_audit_log() returns trigger language plpgsql as $$
begin
    if tg_op <> 'UPDATE' and current_setting('rasl.audit', true) = 'dropping' then
        return old;
    end if;
    raise exception 'audit_log is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_log_is_kept before update or delete on audit_log for each row execute function keep_audit_log();
create trigger audit_log_is_whole before truncate on audit_log for each statement execute function keep_audit_log();

-- What tenants choose for themselves. Null words are the usual ones; data of a kind without days is kept as long as the
-- server keeps it.
alter table tenants
    add column if not exists time_zone text not null default 'UTC',
    add column fallback_template jsonb,
    add column language text not null default 'en',
    add column stop_words text[],
    add column start_words text[],
    add column retention_days jsonb not null default '{}',
    add column webhook_format text not null default 'n8n' check (webhook_format in ('n8n', 'default'));

-- Every process forgets what it remembers of a tenant as soon as somebody changes it, whoever that is.
create function tell_tenant_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('rasl_tenants', new.id::text);
    return null;
end
$$;
create trigger tenants_tell after update on tenants for each row
    when (old.* is distinct from new.*) execute function tell_tenant_changed();

-- What tenants keep for a shorter time than the server is found tenant by tenant.
create index otps_by_tenant on otps (tenant_id, created_at);
create index media_by_tenant on media (tenant_id, is_named, needed_at);
