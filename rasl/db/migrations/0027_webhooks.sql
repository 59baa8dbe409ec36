-- Webhooks: what happens goes out to the addresses that tenants give.

-- The patterns of events that the endpoints of a tenant want, all together, kept by a trigger below: whoever records an
-- event has the tenant's row at hand and need not look further.
alter table tenants add column webhook_events text[] not null default '{}';

alter table events
    add column key text,                            -- its public id, evt_{unix time}_{random}; null for old rows
    add column contact_id bigint,                   -- whom it is about, for endpoints that want order
    add column message_id bigint;
create unique index events_by_key on events (tenant_id, key);
create index events_by_contact on events (tenant_id, contact_id, id) where contact_id is not null;

create table webhook_endpoints (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    url text not null,
    events text[] not null,                         -- exact types, or all of a kind as contact.*, or *
    format text not null check (format in ('n8n', 'default', 'meta')),
    description text,
    headers bytea,                                  -- sealed JSON object
    secrets bytea not null,                         -- sealed JSON list, the newest first; old ones with their end
    is_ordered boolean not null default false,
    max_per_second integer check (max_per_second > 0),
    is_active boolean not null default true,
    paused_at timestamptz,                          -- by the tenant: deliveries wait
    disabled_at timestamptz,                        -- by us: nothing is kept for it until it is made active again
    disabled_reason text check (disabled_reason in ('gone', 'failing')),
    failing_since timestamptz,                      -- the first failure after the last success
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,                         -- its deliveries go by their age, and it after them
    primary key (tenant_id, id)
);
create index webhook_endpoints_alive on webhook_endpoints (tenant_id) where deleted_at is null;
create index webhook_endpoints_deleted on webhook_endpoints (deleted_at) where deleted_at is not null;

-- One row for each endpoint that an event goes to. Its job (kind 'webhook', queue: the endpoint) says when the next attempt
-- is due. No index holds what changes from attempt to attempt, so that these are heap-only updates.
create table webhook_deliveries (
    tenant_id bigint not null,
    id bigint generated always as identity,
    endpoint_id bigint not null,
    event_id bigint not null,
    event_key text not null,
    event_type text not null,
    message_id bigint,
    line_id bigint,                                 -- the contact whose deliveries come in order, until this one is over
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed', 'dropped')),
    -- Without a job: 1 behind an earlier one of its line, 2 until its endpoint works (again) or for a replay.
    held smallint not null default 0,
    attempt smallint not null default 0,            -- of the plan, which a replay begins anew
    attempts jsonb not null default '[]',
    next_attempt_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, endpoint_id, event_id),
    foreign key (tenant_id, endpoint_id) references webhook_endpoints
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index webhook_deliveries_by_time on webhook_deliveries (tenant_id, endpoint_id, created_at, id);
create index webhook_deliveries_by_age on webhook_deliveries (created_at);
create index webhook_deliveries_by_message on webhook_deliveries (tenant_id, message_id) where message_id is not null;
create index webhook_deliveries_in_line on webhook_deliveries (tenant_id, endpoint_id, line_id, event_id)
    where line_id is not null;
create index webhook_deliveries_held on webhook_deliveries (tenant_id, endpoint_id, event_id) where held = 2;

-- A trigger, so that it holds for whoever writes endpoints. The tenant's row is locked first: two changes made at once
-- see each other.
create function tell_webhook_events() returns trigger language plpgsql as $$
begin
    perform from tenants t where t.id = new.tenant_id for no key update;
    update tenants t set webhook_events = wanted.events
    from (
        select coalesce(array_agg(distinct p.pattern order by p.pattern), '{}') as events
        from webhook_endpoints w cross join unnest(w.events) as p (pattern)
        where w.tenant_id = new.tenant_id and w.deleted_at is null and w.disabled_at is null
    ) wanted
    where t.id = new.tenant_id and t.webhook_events <> wanted.events;
    return null;
end
$$;
create trigger webhook_endpoints_tell after insert or update of events, deleted_at, disabled_at on webhook_endpoints
    for each row execute function tell_webhook_events();

-- An event that may be wanted waits as a job (queue: the tenant) until a worker makes its deliveries. The job is committed
-- with its event, so that none is forgotten however late its transaction ends.
create function queue_events() returns trigger language plpgsql as $$
begin
    insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
    select w.tenant_id, 'event', w.id, w.tenant_id, 0, now(), false
    from written w
    where w.key is not null
      and exists (select from tenants t where t.id = w.tenant_id and t.webhook_events <> '{}');
    if found then
        perform pg_notify('rasl_webhooks', '');
    end if;
    return null;
end
$$;
create trigger events_queue after insert on events
    referencing new table as written for each statement execute function queue_events();
