-- Retention: which message names which file, when a file was needed last, and indexes by age for what is purged.

-- A file that a message names cannot lose its row while this stands: the foreign key decides, however close a send and
-- a purge come.
create table message_media (
    tenant_id bigint not null,
    message_id bigint not null,
    media_id bigint not null,
    primary key (tenant_id, message_id, media_id),
    foreign key (tenant_id, media_id) references media (tenant_id, id)
);
create index message_media_by_media on message_media (tenant_id, media_id);

alter table media
    add column needed_at timestamptz not null default now(),  -- stored, or named by a message, last; to the hour
    add column is_named boolean not null default false;       -- by a message that still exists
create index media_by_need on media (is_named, needed_at);
create index media_by_key on media (tenant_id, store_key);
create index media_urls_by_media on media_urls (tenant_id, media_id);

-- Our ids of the files that a message's content names: `media_id` in files and templates, `file.id` in interactive
-- messages. Of what people send only the member counts that we wrote ourselves.
create function named_media(direction text, content jsonb) returns setof bigint language sql immutable as $$
    select distinct trunc((value #>> '{}')::numeric)::bigint
    from (
        select content -> 'media_id' as value
        union all
        select jsonb_path_query(content, '$.**.media_id') where direction = 'outbound'
        union all
        select jsonb_path_query(content, '$.**.file.id') where direction = 'outbound'
    ) as named
    where case when jsonb_typeof(value) = 'number' then (value #>> '{}')::numeric between 1 and 9e18 end
$$;

-- A trigger, so that the program of before, which runs beside the new one during an update, is covered as well. A file
-- that has just gone is passed over: the attempt to send finds that out.
create function keep_named_media() returns trigger language plpgsql as $$
begin
    insert into message_media (tenant_id, message_id, media_id)
    select m.tenant_id, new.id, m.id from media m
    where m.tenant_id = new.tenant_id
      and m.id = any(array(select named_media(new.direction, new.content)))
    order by m.id for key share
    on conflict do nothing;
    update media set is_named = true, needed_at = now()
    where tenant_id = new.tenant_id
      and id = any(array(select named_media(new.direction, new.content)))
      and (not is_named or needed_at < now() - interval '1 hour');
    return null;
end
$$;
create trigger messages_keep_media after insert on messages for each row
    when (new.content @? '$.** ? (exists(@.media_id) || exists(@.file.id))')
    execute function keep_named_media();
create trigger messages_keep_loaded_media after update of content on messages for each row
    when (new.content ? 'media_id' and new.content is distinct from old.content)
    execute function keep_named_media();

insert into message_media (tenant_id, message_id, media_id)
select m.tenant_id, m.id, f.id
from messages m
cross join lateral named_media(m.direction, m.content) as n (media_id)
join media f on f.tenant_id = m.tenant_id and f.id = n.media_id
where m.content @? '$.** ? (exists(@.media_id) || exists(@.file.id))';
update media m set is_named = true
where exists (select from message_media r where r.tenant_id = m.tenant_id and r.media_id = m.id);

create index message_statuses_by_age on message_statuses (received_at) where not is_parked;
create index quarantined_changes_by_age on quarantined_changes (received_at);
create index contact_imports_by_end on contact_imports (finished_at) where finished_at is not null;
create index contact_imports_uploading on contact_imports (created_at) where status = 'uploading';

-- What is purged all day long is cleaned up all day long: dead rows are reused before the tables and indexes grow.
alter table ingests set (autovacuum_vacuum_scale_factor = 0.05);
alter table message_statuses set (autovacuum_vacuum_scale_factor = 0.05);
alter table message_attempts set (autovacuum_vacuum_scale_factor = 0.05);
alter table idempotency_keys set (autovacuum_vacuum_scale_factor = 0.05);
alter table events set (autovacuum_vacuum_scale_factor = 0.05);
alter table import_errors set (autovacuum_vacuum_scale_factor = 0.05);
