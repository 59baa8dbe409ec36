-- The number a tenant sends from unless a send says otherwise; null is the one it connected first.
alter table tenants add column default_number_id bigint;
alter table tenants add constraint tenants_default_number_fkey
    foreign key (id, default_number_id) references whatsapp_numbers (tenant_id, id)
    on delete set null (default_number_id);

-- Whoever changes templates, in whatever process or by hand, tells all processes that remember them, at commit.
create function tell_of_templates() returns trigger language plpgsql as $$
begin
    perform pg_notify('rasl_templates', tenant_id::text) from (select distinct tenant_id from changed) as told;
    return null;
end
$$;
create trigger templates_inserted after insert on templates
    referencing new table as changed for each statement execute function tell_of_templates();
create trigger templates_updated after update on templates
    referencing new table as changed for each statement execute function tell_of_templates();
create trigger templates_deleted after delete on templates
    referencing old table as changed for each statement execute function tell_of_templates();
