-- A tenant that is being deleted: nothing may begin for it any more. To the program of before, which runs beside this
-- one during an update, it is as one that is suspended.
alter table tenants drop constraint tenants_status_check;
alter table tenants add constraint tenants_status_check check (status in ('active', 'suspended', 'deleting'));

-- What was dropped of whom, and when last: a row for each day on which it was. What is no tenant's has tenant 0, as has the
-- row that tells that there was nothing to drop.
create table purge_tallies (
    tenant_id bigint not null,
    kind text not null,
    day date not null,
    rows bigint not null,
    bytes bigint not null,
    files bigint not null,
    last_at timestamptz not null,
    primary key (tenant_id, kind, day)
);
create index purge_tallies_by_day on purge_tallies (day);

-- What was said may go while what is billed stays. Messages are gone through from the oldest on, once: up to where is kept
-- by tenant, as an index on what is still there would cost every send. One that was not settled then is looked at again.
alter table messages add column body_dropped_at timestamptz;
create table body_marks (
    tenant_id bigint primary key references tenants,
    created_at timestamptz not null,
    message_id bigint not null
);
create table bodies_left (
    tenant_id bigint not null references tenants,
    message_id bigint not null,
    due_at timestamptz not null,
    primary key (tenant_id, message_id)
);
create index bodies_left_due on bodies_left (due_at);
