-- Message templates as they stand at Meta, every definition they ever had, and when each account was last read.

create table template_versions (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    waba_id text not null,
    name text not null,
    language text not null,
    digest bytea not null,                         -- of what makes a definition; example files have new URLs on every read
    category text not null,
    parameter_format text not null,
    components jsonb not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, waba_id, name, language, digest)
);

create table templates (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    waba_id text not null,
    template_id text not null,                     -- Meta's
    name text not null,
    language text not null,
    category text not null,
    previous_category text,
    correct_category text,                         -- the one Meta is going to give it
    sub_category text,
    status text not null,
    quality text,
    rejected_reason text,
    status_details text,                           -- what Meta's notice said beyond the reason
    parameter_format text not null,
    components jsonb not null,
    message_send_ttl_seconds integer,
    version_id bigint not null,
    body_text text not null default '',
    listed_at timestamptz not null,                -- when Meta's list showed it last, by the database's clock
    read_at timestamptz not null,                  -- the same, or later: when the last notice about it was applied
    notices jsonb not null default '{}',           -- Meta's time, in seconds, of the newest notice of each kind
    submitted_at timestamptz,                      -- created through us: Meta's list may not have it for a moment
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, template_id),
    unique (tenant_id, waba_id, name, language),
    foreign key (tenant_id, version_id) references template_versions (tenant_id, id)
);
create index templates_by_name on templates (tenant_id, name, id);
create index templates_by_creation on templates (tenant_id, created_at, id);
create index templates_by_update on templates (tenant_id, updated_at, id);
create index templates_by_category on templates (tenant_id, category, status);

-- One row per tenant and WhatsApp Business Account: when its templates are read again, whoever gets there first.
create table template_syncs (
    tenant_id bigint not null references tenants,
    waba_id text not null,
    due_at timestamptz not null default now(),
    synced_at timestamptz,
    synced integer,
    failure text,
    primary key (tenant_id, waba_id)
);
create index template_syncs_due on template_syncs (due_at);

alter table tenants drop constraint tenants_window_policy_check;
alter table tenants add constraint tenants_window_policy_check
    check (window_policy in ('pass', 'reject', 'fallback_template'));
