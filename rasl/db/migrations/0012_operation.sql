-- Whose this database is: a keyed digest that only the installation's RASL_SECRET_KEY yields, written at the first start.
create table installation (
    is_only boolean primary key default true check (is_only),
    key_check bytea not null,
    created_at timestamptz not null default now()
);

-- One row that is written again by whoever asks whether writing works.
create table write_probe (
    is_only boolean primary key default true check (is_only),
    written_at timestamptz not null
);

-- Messages whose fate nobody knows begin with such an attempt. An index on the status of messages would cost every
-- send; attempts are written once, and hardly any of them gets in here.
create index message_attempts_unknown on message_attempts (finished_at) where outcome = 'unknown';
