-- Comments: what staff notes down about a conversation. A table of its own, so that no query on messages meets them.
create table comments (
    tenant_id bigint not null,
    id bigint generated always as identity,
    conversation_id bigint not null,
    token_id bigint not null,                      -- who wrote it
    text text not null,                            -- as given, HTML included
    status_message text not null,
    media_url text,
    message_id text,                               -- the caller's own references; they need not exist here
    ref_message_id text,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, id),
    foreign key (tenant_id, token_id) references tokens (tenant_id, id)
);
create index comments_by_conversation on comments (tenant_id, conversation_id, created_at desc, id desc);

-- What new contacts get cannot be deleted under the tenant's feet: the database refuses, however close the two come.
alter table tenants
    add constraint tenants_default_source foreign key (id, default_source_id) references sources (tenant_id, id),
    add constraint tenants_default_status foreign key (id, default_status_id) references contact_statuses (tenant_id, id);
