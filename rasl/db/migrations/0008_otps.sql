-- One-time passwords, the counters that guard them, codes that users send to us, and events.

create table otps (
    tenant_id bigint not null references tenants,
    id uuid not null,
    phone text not null,                           -- match key
    purpose text not null,
    code_hash bytea not null,                      -- HMAC of tenant, id and code; the code itself is nowhere
    message_id bigint not null,
    template_name text not null,
    language text not null,
    country text not null,
    prefix text not null,
    attempts integer not null default 0,           -- wrong ones
    max_attempts integer not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    verified_at timestamptz,
    invalidated_at timestamptz,                    -- another one was sent
    swept_at timestamptz,                          -- after its end nothing of the code is left in its message
    primary key (tenant_id, id)
) with (fillfactor = 80);
create unique index otps_active on otps (tenant_id, phone, purpose) where verified_at is null and invalidated_at is null;
create unique index otps_by_message on otps (tenant_id, message_id);
create index otps_by_prefix on otps (tenant_id, prefix, created_at);
create index otps_by_age on otps (created_at);
create index otps_unswept on otps (expires_at) where swept_at is null;

-- Sends per tenant and phone, prefix, country or all together, in hours and days of UTC.
create table otp_budgets (
    tenant_id bigint not null references tenants,
    scope text not null check (scope in ('phone', 'prefix', 'country', 'tenant')),
    subject text not null,
    period text not null check (period in ('hour', 'day')),
    starts_at timestamptz not null,
    sent integer not null default 0,
    blocked integer not null default 0,
    alarmed_at timestamptz,                        -- too few of its codes came back
    primary key (tenant_id, scope, subject, period, starts_at)
) with (fillfactor = 70);
create index otp_budgets_by_age on otp_budgets (starts_at);

-- So many per window, which begins with the first: losing one only lets a few more through, so no write-ahead log.
create unlogged table window_limits (
    tenant_id bigint not null,
    name text not null,
    subject text not null,
    hits integer not null,
    ends_at timestamptz not null,
    primary key (tenant_id, name, subject)
) with (fillfactor = 50);
create index window_limits_by_age on window_limits (ends_at);

-- Codes that a user sends to us from WhatsApp.
create table challenges (
    tenant_id bigint not null references tenants,
    id uuid not null,
    number_id bigint not null,                     -- ours, which it has to be sent to
    purpose text not null,
    code_hash bytea not null,
    phone text,                                    -- match key of the only one who may answer, if it is known
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    verified_at timestamptz,
    verified_phone text,
    message_id bigint,
    contact_id bigint,
    primary key (tenant_id, id),
    unique (tenant_id, code_hash),
    foreign key (tenant_id, number_id) references whatsapp_numbers (tenant_id, id)
);
create index challenges_by_age on challenges (expires_at);

-- What happened, in the transaction that made it happen. `once` keeps a second telling of the same out.
create table events (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    type text not null,
    once text,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, type, once)
);
create index events_by_age on events (created_at);

alter table tenants
    add column otp_budgets jsonb not null default '{}',      -- budgets other than the server's, by name
    add column otp_max_attempts integer check (otp_max_attempts between 1 and 20);
