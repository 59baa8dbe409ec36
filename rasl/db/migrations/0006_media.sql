-- Files: each stored once per tenant, Meta's ids of them, and where callers said they are.

create table media (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    sha256 bytea not null,
    mime_type text not null,                       -- as the content says, never as a caller does
    kind text not null check (kind in ('image', 'video', 'document', 'audio', 'sticker')),
    size bigint not null,
    filename text,
    is_voice boolean not null,                     -- OGG with OPUS, mono: may go out as a voice message
    origin text not null check (origin in ('file', 'url', 'inbound')),
    store_key text not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, sha256, mime_type)
);

-- Meta keeps an upload for 30 days, and only for the number it was uploaded to.
create table media_uploads (
    tenant_id bigint not null,
    media_id bigint not null,
    number_id bigint not null,
    graph_media_id text not null,
    expires_at timestamptz not null,
    primary key (tenant_id, media_id, number_id),
    foreign key (tenant_id, media_id) references media (tenant_id, id) on delete cascade,
    foreign key (tenant_id, number_id) references whatsapp_numbers (tenant_id, id)
);

-- An address that was loaded a moment ago is not loaded again; only a digest is kept, as addresses may carry secrets.
create table media_urls (
    tenant_id bigint not null,
    digest bytea not null,
    media_id bigint not null,
    fetched_at timestamptz not null default now(),
    primary key (tenant_id, digest),
    foreign key (tenant_id, media_id) references media (tenant_id, id) on delete cascade
);
create index media_urls_by_age on media_urls (fetched_at);
