-- A tenant that is being deleted: nothing may begin for it any more. To the program of before, which runs beside this
-- one during an update, it is as one that is suspended.
alter table tenants drop constraint tenants_status_check;
alter table tenants add constraint tenants_status_check check (status in ('active', 'suspended', 'deleting'));
