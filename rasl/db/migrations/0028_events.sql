-- Events: who wants what Meta posted, as it stood there, has the word `meta` among what it wants; and thousands of contacts
-- of one import are told of by a bundle, an event without a key, until a job (kind 'tell') has put theirs in its place.

create or replace function tell_webhook_events() returns trigger language plpgsql as $$
begin
    perform from tenants t where t.id = new.tenant_id for no key update;
    update tenants t set webhook_events = wanted.events
    from (
        select coalesce(array_agg(distinct p.pattern order by p.pattern), '{}') as events
        from webhook_endpoints w
        cross join unnest(case when w.format = 'meta' then w.events || array['meta'] else w.events end) as p (pattern)
        where w.tenant_id = new.tenant_id and w.deleted_at is null and w.disabled_at is null
    ) wanted
    where t.id = new.tenant_id and t.webhook_events <> wanted.events;
    return null;
end
$$;
drop trigger webhook_endpoints_tell on webhook_endpoints;
create trigger webhook_endpoints_tell after insert or update of events, format, deleted_at, disabled_at on webhook_endpoints
    for each row execute function tell_webhook_events();
