-- From where a token may be used: networks as `203.0.113.0/24` or `2001:db8::/32`; none of them is from everywhere.
alter table tokens add column allowed_cidrs text[] not null default '{}';
create index tokens_by_time on tokens (tenant_id, created_at, id);

-- How Meta saw a number when it was asked or told of it, in its words, and when it last posted something for it.
alter table whatsapp_numbers
    add column verified_name text,
    add column quality_rating text,
    add column meta_status text,
    add column messaging_limit text,
    add column last_webhook_at timestamptz;
