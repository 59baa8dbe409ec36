-- Jobs that keep failing are set aside, and a claim walks only queues whose turn has come.

alter table jobs
    add column failures integer not null default 0,   -- in a row, by a fault of ours; what Meta refuses is no such failure
    add column last_error text,                       -- what was raised last, and where: never a value of anybody's
    add column set_aside_at timestamptz;              -- failed too often: due never, until an operator has it tried again
create index jobs_failing on jobs (kind, tenant_id, subject_id) where failures > 0;
-- A lease that ran out is found here, whatever its queue. `jobs_due` finds what waits.
create index jobs_leased on jobs (due_at) where is_leased;

-- A queue stands in line with one turn at least for each lane in which a job waits, due no later than that job. Turns are
-- only ever added (by the trigger) and taken (by a claim, which lets the queue stand in line again, at the end, for what
-- it leaves): nobody who adds a job waits for anybody, and none is forgotten, as a turn is committed with its job.
create table job_turns (
    id bigint generated always as identity primary key,
    kind text not null,
    queue_id bigint not null,
    lane smallint not null,
    due_at timestamptz not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index job_turns_due on job_turns (kind, lane, due_at);
create index job_turns_by_queue on job_turns (queue_id);

-- A trigger, so that it holds for every program that writes jobs, the one before this migration included.
create function stand_in_line() returns trigger language plpgsql as $$
begin
    insert into job_turns (kind, queue_id, lane, due_at)
    select kind, queue_id, lane, greatest(min(due_at), now()) from written
    where not is_leased and due_at < 'infinity'
    group by kind, queue_id, lane;
    return null;
end
$$;
create trigger jobs_added after insert on jobs
    referencing new table as written for each statement execute function stand_in_line();
create trigger jobs_changed after update on jobs
    referencing new table as written for each statement execute function stand_in_line();

insert into job_turns (kind, queue_id, lane, due_at)
select kind, queue_id, lane, min(due_at) from jobs where not is_leased group by kind, queue_id, lane;
