-- Contacts in full, contact groups, comments, and jobs that are not sends.

create extension if not exists btree_gin;

alter table contacts
    add column company text,
    add column description text,
    add column city text,
    add column state text,
    add column zip text,
    add column address text,
    add column country_id bigint,
    add column group_ids bigint[] not null default '{}',
    add column attributes jsonb not null default '{}';

-- What a search looks through; every word has a space before it, so that short terms find beginnings of words. Emails
-- and phones are there twice: whole, and as words, because trigrams begin words behind every @, dot and plus, and what
-- the index finds there the text should confirm.
alter table contacts add column search_text text not null generated always as (
    lower(' ' || firstname || ' ' || lastname || ' ' || coalesce(company, '')
          || ' ' || coalesce(email || ' ' || translate(email, '@.+_-', '     '), '')
          || ' ' || coalesce(phone || ' ' || ltrim(phone, '+'), ''))
) stored;

create unique index contacts_by_email on contacts (tenant_id, lower(email)) where email is not null;
create index contacts_by_creation on contacts (tenant_id, created_at desc, id desc);
create index contacts_by_update on contacts (tenant_id, updated_at desc, id desc);
create index contacts_by_firstname on contacts (tenant_id, firstname, id);
create index contacts_by_lastname on contacts (tenant_id, lastname, id);
-- One index for every combination of filters; frequent values are found faster by walking contacts_by_creation.
create index contacts_by_filter on contacts
    using gin (tenant_id, group_ids, status_id, source_id, assigned_id, type, attributes jsonb_path_ops);
create index contacts_by_text on contacts using gin (tenant_id, search_text gin_trgm_ops);
-- How often a text occurs is guessed from a sample of this size: the guess decides how it is searched.
alter table contacts alter column search_text set statistics 500;

create table contact_groups (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create unique index contact_groups_by_name on contact_groups (tenant_id, lower(name));

alter table sources drop constraint sources_tenant_id_name_key;
create unique index sources_by_name on sources (tenant_id, lower(name));
alter table contact_statuses drop constraint contact_statuses_tenant_id_name_key;
create unique index contact_statuses_by_name on contact_statuses (tenant_id, lower(name));
