"""What the database is asked when somebody looks at the metrics.

Every question is answered by index, counts no further than `MOST` where there may be millions, and names no tenant: a
server has ten thousand of them.
"""

from __future__ import annotations

import msgspec

from rasl.db.numbers import CONNECTED

MOST = 100_000
SECONDS = 5.0  # so long an answer is good
SLOW_SECONDS = 60.0  # the same for what changes slowly or is counted row by row


class Gauge(msgspec.Struct, frozen=True):
    """One metric of a question; `column` holds its value."""

    name: str
    help: str
    column: str = "value"


class Question(msgspec.Struct, frozen=True):
    """A statement with its metrics; other columns of its rows are the labels. No row: nothing to tell."""

    name: str
    sql: str
    gauges: tuple[Gauge, ...]
    labels: tuple[str, ...] = ()
    kept_seconds: float = SECONDS


def _counted(source: str) -> str:
    return f"(select count(*) from (select from {source} limit {MOST}) counted)"


# Kinds are hopped over in the index.
_KINDS = """
with recursive hop (kind) as (
    (select min(kind) from jobs)
    union all
    select (select min(kind) from jobs where kind > hop.kind) from hop where hop.kind is not null
)
"""
_JOBS_WAITING = f"""{_KINDS}
select hop.kind, {_counted("jobs where kind = hop.kind and not is_leased and due_at < 'infinity'")} as value
from hop where hop.kind is not null
"""
_JOBS_IN_WORK = f"""{_KINDS}
select hop.kind, {_counted("jobs where kind = hop.kind and is_leased")} as value from hop where hop.kind is not null
"""
_JOBS_FAILING = f"""
select kind, state, count(*) as value from (
    select kind, case when set_aside_at is null then 'put_off' else 'set_aside' end as state
    from jobs where failures > 0 limit {MOST}
) counted group by kind, state
"""
# So are the lanes of every queue, to the job of each that is due first.
_JOBS_LAG = f"""{_KINDS}
select hop.kind, coalesce((
    with recursive first (queue_id, lane, due_at) as (
        (select queue_id, lane, due_at from jobs where kind = hop.kind order by queue_id, lane, due_at limit 1)
        union all
        select next.* from first cross join lateral (
            select j.queue_id, j.lane, j.due_at from jobs j
            where j.kind = hop.kind and (j.queue_id, j.lane) > (first.queue_id, first.lane)
            order by j.queue_id, j.lane, j.due_at limit 1
        ) next
    )
    select extract(epoch from now() - min(due_at)) from first where due_at <= now()
), 0)::float8 as value
from hop where hop.kind is not null
"""
# The oldest of each Meta app by its turn, and of those that failed and were put off.
_OLDEST_DELIVERY = f"""
with recursive hop (app_id) as (
    (select app_id from ingests where applied_at is null order by app_id limit 1)
    union all
    select (select i.app_id from ingests i where i.applied_at is null and i.app_id > hop.app_id
            order by i.app_id limit 1)
    from hop where hop.app_id is not null
)
select coalesce(extract(epoch from now() - least(
    (select min(first.received_at) from hop cross join lateral (
        select received_at from ingests where applied_at is null and app_id = hop.app_id order by due_at, id limit 1
    ) first),
    (select min(received_at) from (
        select received_at from ingests where applied_at is null and failures > 0 limit {MOST}) failing)
)), 0)::float8 as value
"""
# The newest ten thousand that were uncertain: most are settled within seconds.
_UNKNOWN = """
select count(*) as value from (
    select distinct tenant_id, message_id from (
        select tenant_id, message_id from message_attempts
        where outcome = 'unknown' and finished_at > now() - interval '7 days' order by finished_at desc limit 10000
    ) newest
) a join messages m on m.tenant_id = a.tenant_id and m.id = a.message_id and m.status = 'unknown'
"""
# Every state has a row, also when nothing is in it: a line that ends looks like a server that ended.
_TENANTS = """
select status, count(id) as value
from (values ('active'), ('suspended'), ('deleting')) as s (status) left join tenants using (status)
group by 1
"""
_TOKENS = """
select state, count(id) as value from (values ('active'), ('expiring'), ('expired'), ('revoked')) as s (state)
left join (
    select id, case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired'
                    when expires_at <= now() + interval '7 days' then 'expiring' else 'active' end as state
    from tokens
) t using (state)
group by 1
"""
_TEMPLATE_SYNCS = """
select state, count(waba_id) as value from (values ('ok'), ('failing'), ('never')) as s (state)
left join (
    select waba_id, case when failure is not null then 'failing' when synced_at is null then 'never' else 'ok' end
                    as state
    from template_syncs
) t using (state)
group by 1
"""

QUESTIONS = (
    Question(
        "writable",
        "select (not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off')::int as value",
        (
            Gauge(
                "rasl_database_writable", "1 while the database takes writes, 0 when it is a read-only copy."
            ),
        ),
    ),
    Question(
        "connections",
        """
        select count(*) as used, current_setting('max_connections')::int as most from pg_stat_activity
        where backend_type = 'client backend'
        """,
        (
            Gauge(
                "rasl_database_connections", "Connections to the database server, ours and others'.", "used"
            ),
            Gauge("rasl_database_max_connections", "Connections that the database server takes.", "most"),
        ),
    ),
    Question(
        "size",
        "select pg_database_size(current_database()) as value",
        (Gauge("rasl_database_size_bytes", "Size of the database on its disk."),),
        kept_seconds=SLOW_SECONDS,
    ),
    Question(
        "jobs waiting",
        _JOBS_WAITING,
        (Gauge("rasl_jobs_waiting", "Jobs that wait, up to 100,000 of each kind."),),
        ("kind",),
    ),
    Question(
        "jobs in work",
        _JOBS_IN_WORK,
        (Gauge("rasl_jobs_in_work", "Jobs leased to a process, up to 100,000 of each kind."),),
        ("kind",),
    ),
    Question(
        "jobs failing",
        _JOBS_FAILING,
        (
            Gauge(
                "rasl_jobs_failing",
                "Jobs that failed by a fault of ours: put off and tried again by themselves, or set aside until an "
                "operator has them tried again.",
            ),
        ),
        ("kind", "state"),
    ),
    Question(
        "jobs lag",
        _JOBS_LAG,
        (Gauge("rasl_jobs_lag_seconds", "How long the job that waits longest has been due."),),
        ("kind",),
    ),
    Question(
        "deliveries",
        f"select {_counted('ingests where applied_at is null')} as value",
        (Gauge("rasl_ingest_waiting", "Deliveries of Meta that are not applied yet, up to 100,000."),),
    ),
    Question(
        "failing deliveries",
        f"select {_counted('ingests where applied_at is null and failures > 0')} as value",
        (Gauge("rasl_ingest_failing", "Deliveries of Meta that failed at least once and are not applied."),),
    ),
    Question(
        "oldest delivery",
        _OLDEST_DELIVERY,
        (
            Gauge(
                "rasl_ingest_oldest_seconds",
                "Age of the oldest delivery of Meta that is not applied; 0: none.",
            ),
        ),
    ),
    Question(
        "quarantine",
        f"select {_counted('quarantined_changes')} as value",
        (
            Gauge(
                "rasl_quarantined_changes",
                "Changes from Meta that were not applied and are kept, up to 100,000.",
            ),
        ),
        kept_seconds=SLOW_SECONDS,
    ),
    Question(
        "parked",
        f"select {_counted('message_statuses where is_parked')} as value",
        (Gauge("rasl_parked_statuses", "Statuses that wait for a message that knows them, up to 100,000."),),
    ),
    Question(
        "unknown",
        _UNKNOWN,
        (
            Gauge(
                "rasl_unknown_messages",
                "Messages of the last 7 days that Meta may or may not have taken, up to 10,000.",
            ),
        ),
    ),
    Question(
        "tenants",
        _TENANTS,
        (Gauge("rasl_tenants", "Tenants, by status."),),
        ("status",),
        SLOW_SECONDS,
    ),
    Question("tokens", _TOKENS, (Gauge("rasl_tokens", "API tokens, by state."),), ("state",), SLOW_SECONDS),
    Question(
        "template syncs",
        _TEMPLATE_SYNCS,
        (
            Gauge(
                "rasl_template_syncs", "WhatsApp accounts, by how the last reading of their templates went."
            ),
        ),
        ("state",),
        SLOW_SECONDS,
    ),
    Question(
        "template age",
        "select coalesce(extract(epoch from now() - min(synced_at)), 0)::float8 as value from template_syncs",
        (
            Gauge(
                "rasl_template_age_seconds", "Time since the account read longest ago had its templates read."
            ),
        ),
        kept_seconds=SLOW_SECONDS,
    ),
)
# Asked by itself: its rows are opened with the secret key, and only their number is told.
NUMBERS = f"select access_token_sealed from whatsapp_numbers where {CONNECTED}"
