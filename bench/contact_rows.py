"""A million contacts of one tenant among two hundred, made by SQL: what `bench contacts` works on."""

from __future__ import annotations

import time
from collections.abc import Callable

import asyncpg
import msgspec

from pgbox.cluster import SUPERUSER

TENANTS = 200
_SMALL = 500  # contacts of every other tenant
GROUPS = 200

# Names are drawn by a power law, as people's are: a few are common, most are rare.
_WORDS = """
create temporary table words as select
    array['Maria','Anna','Jose','Mohamed','Peter','Fatima','John','Ali','Elena','David','Laura','Ahmed','Sofia','Daniel',
          'Julia','Thomas','Marta','Lucas','Emma','Omar','Nina','Paulo','Ines','Stefan','Amina','Jonas','Clara','Ivan',
          'Leila','Hugo','Petra','Yusuf','Olga','Bruno','Zoe','Viktor','Ngozi','Kofi','Xavier','Quentin'] as firstnames,
    array['mar','ste','win','ber','kow','ada','lin','gar','sch','nov','pet','rod','fer','hal','jor','bau','cal','dom',
          'eri','fis','gol','her','ism','kel','lor','mül','nie','oli','pol','qua','ros','sal','tor','urb','vas','wei',
          'yil','zan','ack','bro'] as heads,
    array['ez','mann','son','ska','er','ovic','ini','ard','ell','ira','oso','ius','ling','ton','sen','aya','off','hard',
          'ley','ak','eau','ini','ström','stein','wood','dal','berg','feld','ett','ano','idis','yan','escu','uri','ault',
          'mark','low','gate','ford','by'] as tails,
    array['Nord','Alpha','Blue','City','Delta','Euro','First','Globe','Harbor','Inter','Jet','Kraft','Luna','Metro',
          'Nova','Ocean','Prime','Quick','Royal','Solar','Terra','Union','Vista','West','Zenith'] as brands,
    array['Logistics','Foods','Media','Systems','Trading','Motors','Health','Energy','Travel','Design','Bank','Works',
          'Labs','Textil','Pharma','Bau','Retail','Data','Studio','Farms'] as trades,
    array['gmail.com','yahoo.com','outlook.com','web.de','mail.ru','hotmail.com','gmx.net','icloud.com'] as domains
"""
_OWNERS = """
insert into tenants (name, subdomain, plan) select 'Tenant ' || n, 'bench' || n, 'unlimited'
from generate_series(1, $1) n
"""
_CHOICES = """
with source as (
    insert into sources (tenant_id, name)
    select id, item from tenants, unnest(array['API', 'Import', 'WhatsApp', 'Website', 'Fair', 'Partner']) item
), status as (
    insert into contact_statuses (tenant_id, name)
    select id, item from tenants, unnest(array['New', 'Open', 'Won', 'Lost', 'Rare', 'Rarer', 'Never']) item
)
insert into contact_groups (tenant_id, name)
select id, 'Group ' || n from tenants, generate_series(1, case when subdomain = 'bench1' then $1 + 5 else 3 end) n
"""
# The five last groups: 20,000 of a million, 300, two that overlap in about 200, and 20,000 all from the oldest import.
# A power of a random number makes the first values common and the last ones rare.
_CONTACTS = """
with chance as materialized (
    select n, random() as a, random() as b, random() as c, random() as d, random() as e, random() as f,
           random() as g, random() as h
    from generate_series($2::bigint, $3::bigint) n
), choice as (
    select array(select id from contact_statuses where tenant_id = $1 order by id) as statuses,
           array(select id from sources where tenant_id = $1 order by id) as sources,
           array(select id from contact_groups where tenant_id = $1 order by id) as groups
), drawn as (
    select n, a, b, c, d, e, f, g, h, firstnames[1 + floor(40 * a * a)::int] as firstname,
           initcap(heads[1 + floor(40 * b)::int] || tails[1 + floor(40 * c * c)::int]) as lastname,
           heads[1 + floor(40 * d)::int] as city,
           brands[1 + floor(25 * d)::int] || ' ' || trades[1 + floor(20 * e)::int] as company,
           domains[1 + floor(8 * f * f)::int] as domain
    from chance, words
)
insert into contacts (tenant_id, firstname, lastname, email, phone, company, type, status_id, source_id, assigned_id,
                      group_ids, attributes, created_at, updated_at)
select $1, firstname, lastname,
       case when a + b > 0.4 then lower(firstname) || '.' || lower(lastname) || n || '@' || domain end,
       '+' || (array['49151', '34612', '44770', '55119', '91982'])[1 + floor(5 * c)::int]
           || lpad((n * 7919 % 10000000)::text, 7, '0'),
       case when d < 0.5 then company || case when e < 0.1 then ' ' || n else '' end end,
       (array['lead', 'customer', 'guest'])[1 + floor(3 * f * f)::int],
       statuses[case when n % 50000 = 17 then 6 when n % 2000 = 5 then 5 else 1 + floor(4 * g * g)::int end],
       sources[1 + floor(6 * h * h * h)::int], case when g < 0.3 then 1 + floor(40 * h * h)::bigint end,
       case when $4 then
           case when h < 0.6 then array[groups[1 + floor($5 * a * b * c)::int]] else '{}'::bigint[] end
           || case when d < 0.2 then array[groups[1 + floor($5 * e)::int]] else '{}'::bigint[] end
           || case when n % 50 = 0 then array[groups[$5 + 1]] else '{}'::bigint[] end
           || case when n % 3333 = 0 then array[groups[$5 + 2]] else '{}'::bigint[] end
           || case when n % 60 = 7 then array[groups[$5 + 3]] else '{}'::bigint[] end
           || case when n % 77 = 11 then array[groups[$5 + 4]] else '{}'::bigint[] end
           || case when n between 1000 and 1000 + $6 / 50 then array[groups[$5 + 5]] else '{}'::bigint[] end
       else array[groups[1 + floor(3 * e)::int]] end,
       case when b < 0.3 then jsonb_build_object('tier', n % 5, 'city', city,
                                                 'vip', c < 0.01)
            else '{}' end,
       now() - ($6::bigint - n) * interval '20 seconds', now() - random() * interval '200 days'
from drawn, choice
"""


class Contacts(msgspec.Struct, frozen=True):
    """The tenant with the many contacts, and the values that filters are drawn from."""

    tenant_id: int
    groups: list[int]
    statuses: list[int]
    sources: list[int]


async def load(dsn: str, count: int, say: Callable[[str], None]) -> Contacts:
    """Fill a migrated database; the big tenant is in the middle of them."""
    db = await asyncpg.connect(dsn, user=SUPERUSER)
    try:
        began = time.monotonic()
        await db.execute(_WORDS)
        await db.execute("select setseed(0.5)")
        await db.execute(_OWNERS, TENANTS)
        await db.execute(_CHOICES, GROUPS)
        owners = await db.fetch("select id, subdomain = 'bench1' as is_big from tenants order by id")
        for owner in owners:
            most = count if owner["is_big"] else _SMALL
            for first in range(1, most + 1, 100_000):
                last = min(most, first + 99_999)
                await db.execute(
                    _CONTACTS, owner["id"], first, last, owner["is_big"], GROUPS, most, timeout=600
                )
        say(
            f"{count:,} contacts of one tenant, {(TENANTS - 1) * _SMALL:,} of others: {time.monotonic() - began:.0f} s"
        )
        began = time.monotonic()
        await db.execute("vacuum analyze", timeout=600)
        await db.execute("checkpoint", timeout=600)
        say(f"vacuum and checkpoint: {time.monotonic() - began:.0f} s")
        return await describe(db)
    finally:
        await db.close()


async def describe(db: asyncpg.Connection[asyncpg.Record]) -> Contacts:
    """Read what a loaded database holds."""
    tenant_id = await db.fetchval("select id from tenants where subdomain = 'bench1'")
    groups, statuses, sources = [
        [
            row["id"]
            for row in await db.fetch(f"select id from {table} where tenant_id = $1 order by id", tenant_id)
        ]
        for table in ("contact_groups", "contact_statuses", "sources")
    ]
    return Contacts(tenant_id, groups, statuses, sources)
