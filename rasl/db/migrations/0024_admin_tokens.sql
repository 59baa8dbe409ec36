-- Tokens of whoever runs the installation, for the operator API: of no tenant, and never taken where tenants' tokens are.
create table admin_tokens (
    id bigint generated always as identity primary key,
    name text not null,
    hash bytea not null constraint admin_tokens_hash_key unique,
    last_four text not null,
    allowed_cidrs text[] not null default '{}',    -- networks it may be used from; none of them is from everywhere
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null default now()
);

-- Operators name a token by its id alone.
create unique index tokens_by_id on tokens (id);
