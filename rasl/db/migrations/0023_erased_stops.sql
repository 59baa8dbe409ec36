-- Who said STOP stays out after being erased: all that is left of such a person is a digest of each alias, under a key
-- that is derived from the installation's secret key and never stored. Every session of the program brings it along.
create table erased_stops (
    tenant_id bigint not null references tenants,
    digest bytea not null,
    stopped_at timestamptz not null,
    primary key (tenant_id, digest)
);

-- Null without the key: the program of before, which runs beside this one during an update, knows none.
create function stop_digest(tenant_id bigint, kind text, value text) returns bytea language sql stable as $$
    select sha256(decode(key, 'hex') || sha256(decode(key, 'hex') || convert_to(format('%s:%s:%s', $1, $2, $3), 'UTF8')))
    from nullif(current_setting('rasl.stop_key', true), '') as key
$$;

-- A trigger, so that it holds for every way in which an alias comes to a contact: created, written in, imported, changed.
create function keep_stops() returns trigger language plpgsql as $$
begin
    if exists (select from erased_stops e where e.tenant_id in (select w.tenant_id from written w)) then
        update contacts c
        set is_opted_out = true, opted_out_at = s.stopped_at, consent_changed_at = s.stopped_at
        from (
            select w.tenant_id, w.contact_id, max(e.stopped_at) as stopped_at
            from written w join erased_stops e
                on e.tenant_id = w.tenant_id and e.digest = stop_digest(w.tenant_id, w.kind, w.value)
            group by w.tenant_id, w.contact_id
        ) as s
        where c.tenant_id = s.tenant_id and c.id = s.contact_id and not c.is_opted_out
          and coalesce(c.consent_changed_at, '-infinity') < s.stopped_at;
    end if;
    return null;
end
$$;
create trigger contact_aliases_keep_stops after insert on contact_aliases
    referencing new table as written for each statement execute function keep_stops();
-- An import leaves out the checks of foreign keys, and with them every trigger but such a one.
alter table contact_aliases enable always trigger contact_aliases_keep_stops;

-- Who comes back by START is no longer held by a stop from before.
create function forget_stops() returns trigger language plpgsql as $$
begin
    delete from erased_stops e
    where e.tenant_id = new.tenant_id and e.digest = any(array(
        select stop_digest(a.tenant_id, a.kind, a.value) from contact_aliases a
        where a.tenant_id = new.tenant_id and a.contact_id = new.id));
    return null;
end
$$;
create trigger contacts_forget_stops after update of is_opted_out on contacts for each row
    when (old.is_opted_out and not new.is_opted_out) execute function forget_stops();
