"""Lists of a million contacts, through the list resources in this process and over HTTP from a server process."""

import gc
import random
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

import asyncpg
import msgspec

from bench.contact_results import Timed, timed
from bench.contact_rows import GROUPS, Contacts
from bench.contact_stage import Client
from pgbox.cluster import SUPERUSER
from rasl.db.contact_lists import LIST_SOURCE
from rasl.db.listing import LARGEST_WINDOW, Walk, fetch_page
from rasl.db.pool import Database, Db
from rasl.domain.list_reading import parse
from rasl.domain.listing import EXACT_TOTAL, ListQuery, write_cursor
from rasl.domain.records.contact import CONTACT_LIST

_SORTS = (
    "",
    "created_at",
    "-updated_at",
    "updated_at",
    "firstname",
    "-firstname",
    "lastname",
    "-lastname",
    "id",
    "-id",
)
_PLACES = 20  # of each order, from its beginning to its end
_VALUES = 120


_OVER_HTTP = 40  # requests of each case


class Case(msgspec.Struct, frozen=True):
    """Requests of one kind as query strings, and what 99 of 100 of them may take."""

    name: str
    bound: float
    texts: list[str]


async def measure(dsn: str, contacts: Contacts, say: Callable[[str], None]) -> tuple[list[Timed], list[Case]]:
    """Measure every case on a loaded database, one request at a time; returns the cases as well."""
    database = Database(dsn, 4)
    await database.open()
    db = await asyncpg.connect(dsn, user=SUPERUSER)
    gc.freeze()
    try:
        cases = [*await _walks(db, contacts), *_filters(contacts), *await _searches(db, contacts)]
        results = []
        for case in cases:
            results.append(await _measure(database, contacts.tenant_id, case))
            say(results[-1].line)
        return results, cases
    finally:
        await db.close()
        await database.close()


def measure_over_http(client: Client, cases: list[Case], say: Callable[[str], None]) -> list[Timed]:
    """Ask a server for a sample of each case, one request at a time, what it found included."""
    results = []
    for case in cases:
        texts = case.texts[:: max(1, len(case.texts) // _OVER_HTTP)]
        for text in texts:
            client.get(f"/api/v2/contacts?{text}")
        measured = []
        for text in texts:
            began = time.perf_counter()
            client.get(f"/api/v2/contacts?{text}")
            measured.append((1000 * (time.perf_counter() - began), text))
        results.append(timed(f"HTTP: {case.name}", case.bound, measured))
        say(results[-1].line)
    return results


async def _measure(database: Database, tenant_id: int, case: Case) -> Timed:
    async with database.listing() as db:
        # Everything once before: what is measured is the work, not a cold cache.
        for text in case.texts:
            await fetch_page(db, LIST_SOURCE, _query(text), tenant_id)
        measured = []
        for text in case.texts:
            query = _query(text)
            began = time.perf_counter()
            await fetch_page(db, LIST_SOURCE, query, tenant_id)
            measured.append((1000 * (time.perf_counter() - began), text))
        result = timed(case.name, case.bound, measured)
        if not result.is_met:
            plans = await _plans(db, _query(result.worst), tenant_id)
            result = msgspec.structs.replace(result, plans=plans)
    return result


async def _plans(db: Db, query: ListQuery, tenant_id: int) -> list[str]:
    """Run the statements that a page can be fetched by, and return their plans."""
    walk = Walk(LIST_SOURCE, query, tenant_id)
    edge = await db.fetchrow(*walk.edge(LARGEST_WINDOW))
    statements = {"as planned": walk.page(), "sorting all": walk.sorted_page()}
    statements["edge"] = walk.edge(LARGEST_WINDOW)
    statements["counted"] = walk.counted_page()
    statements["count"] = walk.count(EXACT_TOTAL + 1)
    if edge is not None:
        statements["window"] = walk.page(until=walk.place(edge))
    lines: list[str] = []
    for name, (text, *parameters) in statements.items():
        try:
            plan = [row[0] for row in await db.fetch(f"explain (analyze, buffers) {text}", *parameters)]
        except asyncpg.QueryCanceledError as error:
            plan = [str(error)]
        lines += [f"-- {name}: {text}", *plan]
    return lines


def _query(text: str) -> ListQuery:
    return parse(parse_qsl(text, keep_blank_values=True), CONTACT_LIST)


async def _walks(db: asyncpg.Connection, contacts: Contacts) -> list[Case]:
    """Pages by cursor at places spread evenly over each order."""
    cases = []
    count = await db.fetchval("select count(*) from contacts where tenant_id = $1", contacts.tenant_id)
    for sort in _SORTS:
        first = f"sort={sort}&per_page=15"
        sorts = _query(first).sorts
        name, is_descending = sorts[0]
        direction = "desc" if is_descending else "asc"
        value = "id" if name == "id" else LIST_SOURCE.order_by(name)
        column = "id" if name == "id" else f"{value} {direction}, id"
        rows = await db.fetch(
            f"""
            select * from (select {value} as value, id, row_number() over (order by {column} {direction}) as place
                           from contacts c where tenant_id = $1) ordered
            where place % $2 = 1 order by place
            """,
            contacts.tenant_id,
            max(1, count // _PLACES),
        )
        places = [(row["id"],) if name == "id" else (row["value"], row["id"]) for row in rows]
        texts = [
            f"sort={sort}&per_page={per_page}&cursor={write_cursor(sorts, place, CONTACT_LIST.texts)}"
            for place in places
            for per_page in (15, 15, 50, 100, 100)
        ]
        cases.append(Case(f"page by cursor, sort={sort or '-created_at'}", 15, [first, *texts]))
    return cases


def _filters(contacts: Contacts) -> list[Case]:
    chance = random.Random(1)
    plain, extra = contacts.groups[:GROUPS], contacts.groups[GROUPS:]
    pages = ["", "&sort=firstname", "&per_page=100", "&sort=-updated_at"]
    singles = [f"filter[group_id]={group}" for group in [*plain[:100], *extra]]
    values = [f"filter[status_id]={item}" for item in contacts.statuses]
    values += [f"filter[source_id]={item}" for item in contacts.sources]
    values += [f"filter[assigned_id]={item}" for item in range(1, 42)]
    values += [f"filter[attributes.city]={item}" for item in ("mar", "ste", "zan", "nowhere")]
    values += [f"filter[attributes.tier]={item}" for item in range(6)] + ["filter[attributes.vip]=true"]
    values += [f"filter[type]={item}" for item in ("lead", "customer", "guest")]
    pairs = [f"filter[group_id]={extra[2]}&filter[group_id]={extra[3]}"] * 4
    pairs += [
        "filter[group_id]={}&filter[group_id]={}".format(*chance.sample(plain, 2)) for _ in range(_VALUES)
    ]
    return [Case(f"one filter on a group{page}", 30, [text + page for text in singles]) for page in pages] + [
        Case("one filter on another field", 30, [text + page for text in values for page in pages[:2]]),
        Case("two groups at once", 30, pairs),
        Case(
            "one filter on a group, one group less",
            30,
            [
                f"filter[group_id]={one}&filter[group_id][ne]={two}"
                for one, two in zip(plain, reversed(plain), strict=True)
            ],
        ),
    ]


async def _searches(db: asyncpg.Connection, contacts: Contacts) -> list[Case]:
    rows = await db.fetch(
        "select firstname, lastname, email, phone, company from contacts tablesample bernoulli (1) repeatable (3)"
        " where tenant_id = $1 and email is not null and company is not null limit $2",
        contacts.tenant_id,
        _VALUES,
    )
    common = [name for row in rows for name in (row["firstname"], row["lastname"], row["company"].split()[0])]
    rare = [row["phone"][-9:] for row in rows] + [row["email"].partition("@")[0] for row in rows]
    rare += [f"{row['lastname'][:5]}zq" for row in rows]  # nobody
    both = [f"{row['firstname']} {row['lastname']}" for row in rows]
    parts = [row["lastname"][1:5] for row in rows] + [row["phone"][3:8] for row in rows]
    short = sorted({name[:length] for name in common for length in (1, 2)})
    short += [f"{one}{two}" for one in "qxyzw" for two in "aeioubcdfg"]
    return [
        Case(
            name,
            60,
            [f"search={text.replace('+', '%2B').replace(' ', '%20')}" for text in sorted(set(texts))],
        )
        for name, texts in (
            ("search, common", common),
            ("search, rare or nobody", rare),
            ("search, two words", both),
            ("search, a part of a word", parts),
            ("search, under 3 characters", short),
        )
    ]
