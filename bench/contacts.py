"""Lists of a million contacts, measured through the list engine and, for some, over HTTP; every bound of the issue."""

import asyncio
import gc
import platform
import random
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

import asyncpg
import msgspec

from bench.contact_rows import GROUPS, Contacts, load
from bench.procs import Postgres
from rasl.db.contacts import LIST_SOURCE
from rasl.db.listing import explanations, fetch_page
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.domain.listing import Kind, ListQuery, ListSpec, parse
from rasl.postgres.cluster import SUPERUSER

_SPEC = ListSpec(
    filters={
        "type": Kind.TEXT,
        "status_id": Kind.INTEGER,
        "source_id": Kind.INTEGER,
        "assigned_id": Kind.INTEGER,
        "created_at": Kind.MOMENT,
        "group_id": Kind.ARRAY,
        "attributes": Kind.JSON,
    },
    sorts=("id", "firstname", "lastname", "created_at", "updated_at"),
    default_sort="-created_at",
    fields=(),
)
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


class Case(msgspec.Struct, frozen=True):
    """Requests of one kind, and what 99 of 100 of them may take."""

    name: str
    bound: float
    queries: list[ListQuery]


class Result(msgspec.Struct, frozen=True):
    """What the requests of a case took, in milliseconds."""

    name: str
    bound: float
    count: int
    p50: float
    p99: float
    worst: str
    plans: list[str] = []

    @property
    def is_met(self) -> bool:
        """Tell whether the bound holds."""
        return self.p99 < self.bound


def run(is_quick: bool, say: Callable[[str], None]) -> list[Result]:
    """Load a durable database, measure, and leave nothing behind."""
    count = 100_000 if is_quick else 1_000_000
    with Postgres(has_statements=False) as postgres:
        return asyncio.run(_run(postgres.dsn, count, say))


async def _run(dsn: str, count: int, say: Callable[[str], None]) -> list[Result]:
    await migrate(dsn)
    contacts = await load(dsn, count, say)
    return await measure(dsn, contacts, say)


async def measure(dsn: str, contacts: Contacts, say: Callable[[str], None]) -> list[Result]:
    """Measure every case on a loaded database, one request at a time."""
    database = Database(dsn, 4)
    await database.open()
    db = await asyncpg.connect(dsn, user=SUPERUSER)
    gc.freeze()
    try:
        results = []
        for case in [*await _walks(db, contacts), *_filters(contacts), *await _searches(db, contacts)]:
            results.append(await _measure(database, contacts.tenant_id, case))
            say(line(results[-1]))
        return results
    finally:
        await db.close()
        await database.close()


def line(result: Result) -> str:
    """Return a result as a line of the table."""
    verdict = "ok" if result.is_met else "MISSED"
    return (
        f"{result.name:<34}{result.count:>5} values  p50 {result.p50:>7.1f}  p99 {result.p99:>7.1f} ms  "
        f"under {result.bound:.0f}: {verdict}"
    )


def report(results: list[Result]) -> Iterator[str]:
    """Yield the table, and the plans of what missed its bound."""
    yield f"\nContacts, one request at a time, Python {platform.python_version()}"
    for result in results:
        yield line(result)
    for result in results:
        if not result.is_met:
            yield f"\n{result.name}: {result.worst}"
            yield from result.plans


async def _measure(database: Database, tenant_id: int, case: Case) -> Result:
    timed: list[tuple[float, ListQuery]] = []
    async with database.listing() as db:
        # Everything once before: what is measured is the work, not a cold cache.
        for query in case.queries:
            await fetch_page(db, LIST_SOURCE, query, tenant_id)
        for query in case.queries:
            began = time.perf_counter()
            await fetch_page(db, LIST_SOURCE, query, tenant_id)
            timed.append((1000 * (time.perf_counter() - began), query))
        timed.sort(key=lambda pair: pair[0])
        p50, p99 = timed[len(timed) // 2][0], timed[int(len(timed) * 0.99)][0]
        worst = timed[-1][1]
        plans = await explanations(db, LIST_SOURCE, worst, tenant_id) if p99 >= case.bound else []
    return Result(case.name, case.bound, len(timed), p50, p99, repr(worst), plans)


def _query(text: str) -> ListQuery:
    return parse(parse_qsl(text, keep_blank_values=True), _SPEC)


async def _walks(db: asyncpg.Connection, contacts: Contacts) -> list[Case]:
    """Pages by cursor at places spread evenly over each order."""
    cases = []
    count = await db.fetchval("select count(*) from contacts where tenant_id = $1", contacts.tenant_id)
    for sort in _SORTS:
        first = _query(f"sort={sort}&per_page=15")
        name, is_descending = first.sorts[0]
        direction = "desc" if is_descending else "asc"
        column = "id" if name == "id" else f"{name} {direction}, id"
        rows = await db.fetch(
            f"""
            select * from (select {name} as value, id, row_number() over (order by {column} {direction}) as place
                           from contacts where tenant_id = $1) ordered
            where place % $2 = 1 order by place
            """,
            contacts.tenant_id,
            max(1, count // _PLACES),
        )
        places = [(row["id"],) if name == "id" else (row["value"], row["id"]) for row in rows]
        queries = [
            msgspec.structs.replace(first, cursor=place, per_page=per_page)
            for place in places
            for per_page in (15, 15, 50, 100, 100)
        ]
        cases.append(Case(f"page by cursor, sort={sort or '-created_at'}", 15, [first, *queries]))
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
    return [
        Case(f"one filter on a group{page}", 30, [_query(text + page) for text in singles]) for page in pages
    ] + [
        Case(
            "one filter on another field", 30, [_query(text + page) for text in values for page in pages[:2]]
        ),
        Case("two groups at once", 30, [_query(text) for text in pairs]),
        Case(
            "one filter on a group, one group less",
            30,
            [
                _query(f"filter[group_id]={one}&filter[group_id][ne]={two}")
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
        Case(name, 60, [_query(f"search={text.replace('+', '%2B')}") for text in sorted(set(texts))])
        for name, texts in (
            ("search, common", common),
            ("search, rare or nobody", rare),
            ("search, two words", both),
            ("search, a part of a word", parts),
            ("search, under 3 characters", short),
        )
    ]
