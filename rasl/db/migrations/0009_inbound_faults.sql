-- Deliveries that keep failing are seen, set aside and tried again; no app's deliveries wait for those of another.

alter table ingests add column last_error text;
-- Each app's deliveries in turn; ingests_due, which this replaces, had all of them in one row.
create index ingests_by_app on ingests (app_id, due_at, id) where applied_at is null;
drop index ingests_due;
create index ingests_failing on ingests (app_id, received_at) where applied_at is null and failures > 0;

-- The delivery a change came in: from it the change can be applied again.
alter table quarantined_changes add column ingest_id bigint;
create index quarantined_changes_by_ingest on quarantined_changes (ingest_id) where ingest_id is not null;

-- A message with one contact card was stored as that card instead of the list of it.
update messages set content = jsonb_build_array(content)
where type = 'contacts' and direction = 'inbound' and jsonb_typeof(content) = 'object';
