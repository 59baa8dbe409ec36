-- Contact imports: the file as rows in chunks, so that any worker on any machine can apply it, and what became of it.

create table contact_imports (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    status text not null check (status in ('uploading', 'queued', 'running', 'done', 'failed')),
    file_name text,
    headers text[] not null,
    targets text[] not null,                       -- per column the contact field it fills, null where it is left out
    is_dry_run boolean not null,
    on_duplicate text not null check (on_duplicate in ('skip', 'update', 'fail-row')),
    type text not null check (type in ('lead', 'customer', 'guest')),
    source_id bigint,                              -- for rows that name none
    status_id bigint,
    group_ids bigint[] not null default '{}',
    total bigint not null default 0,               -- rows, without the header
    chunks integer not null default 0,
    chunks_done integer not null default 0,
    created bigint not null default 0,
    updated bigint not null default 0,
    skipped bigint not null default 0,
    failed bigint not null default 0,
    failure text,
    idempotency_key text,
    fingerprint bytea,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    primary key (tenant_id, id)
);
create unique index contact_imports_by_key on contact_imports (tenant_id, idempotency_key)
    where idempotency_key is not null;

-- [[row number, [cells]], ...] as compressed JSON; deleted in the transaction that applies it.
create table import_chunks (
    tenant_id bigint not null,
    import_id bigint not null,
    number integer not null,
    content bytea not null,
    primary key (tenant_id, import_id, number),
    foreign key (tenant_id, import_id) references contact_imports (tenant_id, id) on delete cascade
);
alter table import_chunks alter column content set storage external;

create table import_errors (
    tenant_id bigint not null,
    import_id bigint not null,
    row_number bigint not null,                    -- as a spreadsheet counts: the header is row 1
    cells text not null,                           -- JSON
    reasons text[] not null,
    primary key (tenant_id, import_id, row_number),
    foreign key (tenant_id, import_id) references contact_imports (tenant_id, id) on delete cascade
);

-- What a dry run would have created so far: later rows of the file must find it taken.
create table import_keys (
    tenant_id bigint not null,
    import_id bigint not null,
    kind text not null check (kind in ('phone', 'email')),
    value text not null,
    owner text not null,                           -- match key of the phone of the row
    primary key (tenant_id, import_id, kind, value),
    foreign key (tenant_id, import_id) references contact_imports (tenant_id, id) on delete cascade
);
