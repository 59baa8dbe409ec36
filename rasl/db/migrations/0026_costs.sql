-- Costs: what Meta says of the price of messages, counted by day, and the rate cards that price what was counted.

-- All rates that are valid from a day on, until the next card of the same owner. Tenant 0 is the installation, whose
-- cards price every tenant that has none of its own; hence no key to tenants.
create table rate_cards (
    tenant_id bigint not null,
    id bigint generated always as identity,
    valid_from date not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    name text not null,                            -- where its figures come from, for people
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, valid_from)
);

create table rates (
    tenant_id bigint not null,
    card_id bigint not null,
    category text not null,
    type text not null,
    country text not null,                         -- two letters; * is every country without a row of its own
    price numeric not null check (price >= 0),     -- of one message
    primary key (tenant_id, card_id, category, type, country),
    foreign key (tenant_id, card_id) references rate_cards (tenant_id, id) on delete cascade
);

-- The ledger: how many messages of a tenant are alike in all that a price depends on. No prices: a rate card that is
-- corrected prices the past anew. One collation, so that every writer locks lines in one order.
create table cost_lines (
    tenant_id bigint not null references tenants,
    id bigint generated always as identity,
    day date not null,                             -- in the tenant's time zone
    number_id bigint not null,                     -- of ours
    country text collate "C" not null,             -- of the recipient; empty where none is known
    category text collate "C" not null,
    type text collate "C" not null,
    template text collate "C" not null,            -- its name; empty for what is no template
    is_delivered boolean not null,
    is_billable boolean not null,                  -- Meta charges for it, once it is delivered
    messages bigint not null,
    gone bigint not null default 0,                -- those of them whose message does not exist any more
    primary key (tenant_id, id),
    unique (tenant_id, day, number_id, country, category, type, template, is_delivered, is_billable)
) with (fillfactor = 70);

-- The line that counts a message: whoever changes that counts it on the one line and off the other.
alter table messages add column cost_line_id bigint;

-- A trigger, so that whatever deletes messages is covered: the ledger stays, and knows what nobody can count again.
create function keep_gone_costs() returns trigger language plpgsql as $$
begin
    perform from cost_lines l
    where (l.tenant_id, l.id) in (select o.tenant_id, o.cost_line_id from old_messages o)
    order by l.tenant_id, l.day, l.number_id, l.country, l.category, l.type, l.template, l.is_delivered, l.is_billable
    for update;
    update cost_lines l set gone = l.gone + o.messages
    from (
        select tenant_id, cost_line_id, count(*) as messages from old_messages
        where cost_line_id is not null group by 1, 2
    ) o
    where l.tenant_id = o.tenant_id and l.id = o.cost_line_id;
    return null;
end
$$;
create trigger messages_keep_gone_costs after delete on messages referencing old table as old_messages
    for each statement execute function keep_gone_costs();
