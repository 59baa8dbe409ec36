"""What the rule of tenants leaves out, each with its reason: lists that a reviewer reads when one of them grows."""

# Tables of the house, a copy of which lies on every server, with the column that says which tenant a row is about.
SHARED = {
    "plans": "",
    "meta_apps": "",
    "tenants": "id",
    "tokens": "tenant_id",
    "whatsapp_numbers": "tenant_id",
    "rate_cards": "tenant_id",
    "rates": "tenant_id",
}
# Tables of the house that lie on one server.
LOCAL = frozenset(
    {
        "ingests",
        "quarantined_changes",
        "buckets",
        "job_turns",
        "installation",
        "write_probe",
        "schema_migrations",
    }
)
# Unique over all tenants, in tables of the house only.
GLOBAL_UNIQUES = frozenset({"tokens_hash_key", "whatsapp_numbers_phone_number_id_key"})

# What asks all servers and adds up, or walks them for an operator: reads alone.
READS_OF_EVERYONE = frozenset(
    {
        "imports.list_given_up",
        "doctor.count_parked",
        "doctor.count_unknown",
        "following.list_reports",
        "jobs.backlog",
        "jobs.count_failing",
        "jobs.list_failing",
        "media_purging.count",
        "tallies.report",
        "media_purging.count_of_tenants",
        "message_purging.count",
        "body_purging.count",
        "purging.count",
        "purging.count_attempts",
        "purging.count_imports",
        "usage.list_usage",
        "webhook_deliveries.list_endpoints_waited_for",
        "purging.count_of_tenants",
    }
)

# What is looked for now and then on each server, endpoint after endpoint of whatever tenants lie there.
WALKS_BY_STEPS = frozenset({"webhook_deliveries.list_endpoints_waited_for"})

_BY_AGE = "tenant by tenant: … where tenant_id = $1 and <age> order by <age> limit $2 for update skip locked"
_BY_KEYS = "tenants in order: … where tenant_id = $1 and <key> = any($2) order by <key> for update"
# What locks rows of several tenants in one statement, or changes rows of whatever tenant, and the form it takes where
# tenants lie on several servers: one tenant at a time. What requests bring is gathered in one place, `db/batch.py`.
PER_TENANT = {
    # Group commits, and what the worker applies for many at once.
    "challenges.answer": _BY_KEYS,
    "idempotency.claim_keys": _BY_KEYS,
    "idempotency.hold_keys": _BY_KEYS,
    "idempotency.renew_keys": _BY_KEYS,
    "inbound.lock_conversations": _BY_KEYS,
    "otp_budgets.lock": _BY_KEYS,
    "recipients.lock_threads": _BY_KEYS,
    "statuses.adopt_wamids": _BY_KEYS,
    "statuses.lock_messages": _BY_KEYS,
    "statuses.take_parked": _BY_KEYS,
    "templates.lock_accounts": _BY_KEYS,
    # What the worker finds by itself.
    "jobs.claim": (
        "select distinct tenant_id, queue_id … where due_at <= $1, without a lock; then, tenant by tenant, "
        "… where tenant_id = $2 and queue_id = $3 and due_at <= $1 order by due_at limit $4 for update skip locked"
    ),
    "jobs.retry": "tenant by tenant: update jobs … where tenant_id = $1 and failures > 0",
    "otp_budgets.raise_alarms": "tenant by tenant: the same with b.tenant_id = $1",
    "otps.sweep": _BY_AGE,
    "statuses.take_attachable": _BY_AGE,
    "templates.claim_due": (
        "select tenant_id, waba_id … where due_at <= $1, without a lock; then, tenant by tenant, "
        "update … where tenant_id = $2 and waba_id = $3 and due_at <= $1"
    ),
    "templates.watch_new_accounts": "as it is: a copy on every server, joined to what lies there",
    "media_purging.drop": _BY_AGE,
    "media_purging.drop_of_tenants": _BY_AGE,
    "message_purging.drop": _BY_AGE,
    "webhooks.hold_lines": _BY_KEYS,
    "body_purging.drop": _BY_AGE,
    "purging.drop": _BY_AGE,
    "purging.drop_attempts": _BY_AGE,
    "purging.drop_of_tenants": _BY_AGE,
    "purging.drop_import_parts": "by its key instead of its place: delete … where tenant_id = $1 and import_id = $2",
    "purging.drop_imports": "by its key instead of its place: delete … where tenant_id = $1 and id = any($2)",
    "purging.lock_old_imports": _BY_AGE,
}
