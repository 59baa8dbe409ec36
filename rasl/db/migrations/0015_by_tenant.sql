-- What a tenant owns is reached by its tenant alone: no key leads from a shared table to one of a tenant's, and none
-- changes rows by itself. The statements that set and delete see to it now (docs/decisions/0010-tenants-apart.md).

-- When the last of the counted came, and when Meta took the file: the moment of a statement, where a row that is there
-- already has to be compared with it.
alter table window_limits add column hit_at timestamptz not null default now();
alter table media_uploads add column uploaded_at timestamptz not null default now();

-- Deleting a label asks the tenant after it has the row (db/labels.py), setting a default holds the row first.
alter table tenants drop constraint tenants_default_source, drop constraint tenants_default_status;

-- Deleting contacts takes them out of their conversations itself (db/contacts.py).
alter table conversations drop constraint conversations_tenant_id_contact_id_fkey;
alter table conversations add constraint conversations_tenant_id_contact_id_fkey
    foreign key (tenant_id, contact_id) references contacts (tenant_id, id) not valid;
alter table conversations validate constraint conversations_tenant_id_contact_id_fkey;

-- For the program of before, which runs beside this one during an update and leaves both to the database. A later
-- migration drops these two triggers.
create function keep_default_label() returns trigger language plpgsql as $$
begin
    if exists (
        select from tenants where id = old.tenant_id
          and old.id = case tg_table_name when 'sources' then default_source_id else default_status_id end
    ) then
        raise foreign_key_violation using message = 'new contacts get this label by default';
    end if;
    return null;
end
$$;
create trigger sources_keep_default after delete on sources for each row execute function keep_default_label();
create trigger contact_statuses_keep_default after delete on contact_statuses for each row
    execute function keep_default_label();

create function leave_conversations() returns trigger language plpgsql as $$
begin
    update conversations set contact_id = null where tenant_id = old.tenant_id and contact_id = old.id;
    return old;
end
$$;
create trigger contacts_leave_conversations before delete on contacts for each row execute function leave_conversations();
