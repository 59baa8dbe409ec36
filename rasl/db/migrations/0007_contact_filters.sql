-- A filter on one column, fast however its matches lie in the order of creation: an index has them in that order, and
-- counts them without visiting a row. The one index over all columns had to visit and sort every match.
create index contacts_by_status on contacts (tenant_id, status_id, created_at desc, id desc);
create index contacts_by_source on contacts (tenant_id, source_id, created_at desc, id desc);
create index contacts_by_type on contacts (tenant_id, type, created_at desc, id desc);
create index contacts_by_assignee on contacts (tenant_id, assigned_id, created_at desc, id desc)
    where assigned_id is not null;
-- Ids of groups are unique across tenants: to intersect with all contacts of a large tenant cost more than the search.
create index contacts_by_group on contacts using gin (group_ids);
create index contacts_by_attribute on contacts using gin (tenant_id, attributes jsonb_path_ops);
drop index contacts_by_filter;
