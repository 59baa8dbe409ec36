-- The foundation: tenants, tokens, WhatsApp numbers, contacts by alias, conversations, messages, jobs, ingest.
-- tenant_id leads every tenant-owned key, so that a query without an owner cannot be written by accident.

create extension if not exists pg_trgm;

create table plans (
    name text primary key,
    title text not null,
    max_contacts bigint not null default -1,       -- -1 is unlimited
    max_conversations bigint not null default -1   -- per calendar month (UTC)
);
insert into plans (name, title, max_contacts, max_conversations) values
    ('free', 'Free', 500, 1000),
    ('unlimited', 'Unlimited', -1, -1);

create table tenants (
    id bigint generated always as identity primary key,
    name text not null,
    subdomain text not null unique,
    status text not null default 'active' check (status in ('active', 'suspended')),
    plan text not null references plans (name),
    default_country text check (default_country ~ '^[A-Z]{2}$'),
    default_type text not null default 'lead' check (default_type in ('lead', 'customer', 'guest')),
    default_status_id bigint,
    default_source_id bigint,
    default_assigned_id bigint,
    window_policy text not null default 'pass' check (window_policy in ('pass', 'reject')),
    unknown_policy text not null default 'hold' check (unknown_policy in ('hold', 'resend')),
    created_at timestamptz not null default now()
);

create table tokens (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    name text not null,
    hash bytea not null unique,                    -- SHA-256; a token carries 285 random bits, so no slow hash
    last_four text not null,
    scopes text[] not null,
    rate_limit_per_minute integer not null default 60 check (rate_limit_per_minute > 0),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);

-- Meta signs with the secret of the *app*, and one app may serve many tenants: the secret is chosen by callback path.
create table meta_apps (
    id bigint generated always as identity primary key,
    callback_key text not null unique,
    app_secret_sealed bytea not null,
    app_secret_digest bytea not null unique        -- keyed; tells that two tenants came with the same app
);

create table whatsapp_numbers (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    app_id bigint not null references meta_apps,
    waba_id text not null,
    phone_number_id text not null unique,          -- routing key of inbound traffic, hence unique across tenants
    display_phone_number text,
    access_token_sealed bytea not null,
    verify_token_digest bytea not null,
    messages_per_second integer not null default 80 check (messages_per_second > 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index whatsapp_numbers_by_app on whatsapp_numbers (app_id);

create table sources (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table contact_statuses (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    name text not null,
    color text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table contacts (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    firstname text not null,
    lastname text not null default '',
    email text,
    phone text,                                    -- as given; identity lives in contact_aliases
    type text not null check (type in ('lead', 'customer', 'guest')),
    status_id bigint not null,
    source_id bigint not null,
    assigned_id bigint,
    is_opted_out boolean not null default false,
    opted_out_at timestamptz,
    consent_changed_at timestamptz,                -- by Meta's clock: an older STOP or START that comes late changes nothing
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, status_id) references contact_statuses (tenant_id, id),
    foreign key (tenant_id, source_id) references sources (tenant_id, id)
);

-- Who a person is: a phone (under its match key), Meta's wa_id, a BSUID. A person without a phone is normal since 2026.
create table contact_aliases (
    tenant_id bigint not null,
    kind text not null check (kind in ('phone', 'bsuid', 'parent_bsuid')),
    value text not null,
    contact_id bigint not null,
    wa_id text,                                    -- Meta's own spelling of a phone, the one to send to
    primary key (tenant_id, kind, value),
    foreign key (tenant_id, contact_id) references contacts (tenant_id, id) on delete cascade
        deferrable initially deferred
);
create index contact_aliases_by_contact on contact_aliases (tenant_id, contact_id);

create table tenant_counters (
    tenant_id bigint primary key references tenants,
    contacts bigint not null default 0
);

create table conversation_counters (
    tenant_id bigint not null references tenants,
    month date not null,
    conversations bigint not null default 0,
    primary key (tenant_id, month)
);

create table conversations (
    tenant_id bigint not null,
    id bigint generated always as identity,
    number_id bigint not null,
    contact_id bigint,
    window_expires_at timestamptz,                 -- the service window: 24 h after the customer's last message
    counted_until timestamptz,                     -- the plan counted this conversation until then
    pair_tat timestamptz,                          -- theoretical arrival time of Meta's per-recipient limit
    last_message_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, number_id, contact_id),
    foreign key (tenant_id, number_id) references whatsapp_numbers (tenant_id, id),
    foreign key (tenant_id, contact_id) references contacts (tenant_id, id) on delete set null (contact_id)
) with (fillfactor = 80);
create index conversations_by_contact on conversations (tenant_id, contact_id);

-- No index holds a column that changes while a message travels, so every status is a heap-only update.
create table messages (
    tenant_id bigint not null,
    id bigint generated always as identity,
    conversation_id bigint not null,               -- leads to the contact and to our number
    direction text not null check (direction in ('inbound', 'outbound')),
    type text not null,
    status text not null check (status in
        ('queued', 'sending', 'unknown', 'sent', 'delivered', 'read', 'played', 'failed', 'received')),
    peer text not null,                            -- the person: digits of the number, or a BSUID
    text text,
    content jsonb,                                 -- what the type needs beyond the text
    wamid text,
    reply_to text,                                 -- wamid of the message this one answers
    status_message text,
    error_code integer,
    is_ambiguous boolean not null default false,   -- once unknown, forever marked
    request_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    failed_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, id)
) with (fillfactor = 80);
create index messages_by_time on messages (tenant_id, created_at desc, id desc);
create index messages_by_conversation on messages (tenant_id, conversation_id, created_at desc, id desc);
-- Finds any three characters in a million texts in milliseconds instead of a second; a small pending list keeps the
-- flushes that writers pay for short.
create index messages_by_text on messages using gin (text gin_trgm_ops) with (gin_pending_list_limit = 256);

create table message_wamids (
    tenant_id bigint not null,
    wamid text not null,
    message_id bigint not null,
    primary key (tenant_id, wamid)
);

create table message_attempts (
    tenant_id bigint not null,
    message_id bigint not null,
    attempt integer not null,
    outcome text not null check (outcome in ('accepted', 'refused', 'not_sent', 'unknown')),
    started_at timestamptz not null,
    finished_at timestamptz not null,
    code integer,
    subcode integer,
    title text,
    details text,
    cure text,
    fbtrace_id text,
    wamid text,
    primary key (tenant_id, message_id, attempt)
);

-- Every status Meta reported, once. A parked one waits for a message that does not know its wamid yet.
create table message_statuses (
    tenant_id bigint not null,
    wamid text not null,
    status text not null,
    is_parked boolean not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null default now(),
    code integer,
    title text,
    details text,
    pricing jsonb,
    primary key (tenant_id, wamid, status)
);
create index message_statuses_parked on message_statuses (received_at) where is_parked;

-- A job is leased by setting is_leased and moving due_at to the end of the lease; a leased job that is due was abandoned.
create table jobs (
    tenant_id bigint not null,
    kind text not null,
    subject_id bigint not null,
    queue_id bigint not null,                      -- what is served in turn: the sending number
    lane smallint not null,                        -- lower goes first
    due_at timestamptz not null,
    is_leased boolean not null,
    fence integer not null default 1,
    attempts integer not null default 0,
    primary key (tenant_id, kind, subject_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create index jobs_due on jobs (kind, queue_id, lane, due_at);

create table idempotency_keys (
    tenant_id bigint not null references tenants,
    key text not null,
    fingerprint bytea not null,
    fence integer not null default 1,
    locked_until timestamptz not null,
    message_id bigint,
    status integer,
    body bytea,
    created_at timestamptz not null default now(),
    primary key (tenant_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Leaky buckets shared by all processes: a lost bucket only refills early, so no write-ahead log.
create unlogged table buckets (
    name text primary key,
    tat timestamptz not null
) with (fillfactor = 50);

-- What Meta posted, byte for byte. Not owned by a tenant: one delivery may carry changes of several.
create table ingests (
    id bigint generated always as identity primary key,
    app_id bigint not null references meta_apps,
    body bytea not null,
    received_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    failures integer not null default 0,
    applied_at timestamptz
) with (fillfactor = 80);
create index ingests_due on ingests (due_at, id) where applied_at is null;
create index ingests_applied on ingests (applied_at) where applied_at is not null;

-- Changes that name no number of ours, or that we could not read: kept, visible in `rasl doctor`, never guessed.
create table quarantined_changes (
    id bigint generated always as identity primary key,
    app_id bigint not null references meta_apps,
    phone_number_id text,
    reason text not null,
    change jsonb not null,
    received_at timestamptz not null default now()
);
create index quarantined_changes_by_number on quarantined_changes (phone_number_id, id);
