-- What a plan allows: three more limits, five switches. What a tenant has of it: its own limits beside the plan's, its
-- subscription, and the time zone by whose calendar its months begin.
alter table plans
    add column id bigint generated always as identity unique,
    add column max_campaigns bigint default -1,            -- active ones; null is not configured, which limits nothing
    add column max_staff bigint default -1,
    add column max_api_calls_per_minute bigint default -1, -- of all tokens of a tenant together
    add column whatsapp_templates boolean not null default true,
    add column bulk_messaging boolean not null default true,
    add column chatbot boolean not null default true,
    add column advanced_analytics boolean not null default true,
    add column custom_branding boolean not null default true,
    add constraint plans_limits check (least(max_contacts, max_conversations, max_campaigns, max_staff) >= -1
        and max_api_calls_per_minute <> 0 and max_api_calls_per_minute >= -1);

alter table tenants
    add column time_zone text not null default 'UTC',
    add column limit_overrides jsonb not null default '{}', -- limits other than the plan's, by name (contacts, staff, …)
    add column subscription_status text check (subscription_status in ('active', 'expired', 'cancelled')),
    add column subscription_ends_at timestamptz;            -- the end of the billing period

-- Counted by whoever adds or takes one away, in the same transaction, as contacts are.
alter table tenant_counters
    add column campaigns bigint not null default 0,         -- active ones
    add column staff bigint not null default 0;
