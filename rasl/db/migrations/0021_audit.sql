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
