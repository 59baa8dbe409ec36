-- From where a token may be used: networks as `203.0.113.0/24` or `2001:db8::/32`; none of them is from everywhere.
alter table tokens add column allowed_cidrs text[] not null default '{}';
create index tokens_by_time on tokens (tenant_id, created_at, id);
