"""The ledger of costs: every message that Meta told a price of counts once, however and whenever it is told."""

import asyncio
import datetime as dt
import random
import zoneinfo
from collections import Counter
from typing import Any

import pytest

from rasl.db import message_purging
from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from rasl.services.operators import costs
from rasl.services.sending import statuses
from tests.ingest import posts
from tests.ingest.posts import Post, failure, outbound, status
from tests.world import Person, World

MARKETING = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}
UTILITY = MARKETING | {"category": "utility"}
FREE = {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "utility"}
DAY = dt.datetime.fromtimestamp(posts.NOON, dt.UTC).date()


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


async def template(
    post: Post, person: Person, wamid: str, name: str = "spring", peer: str = "16505551234"
) -> int:
    """Store a template that was sent."""
    message_id = await outbound(post, person, wamid=wamid, peer=peer)
    await change(
        post,
        "update messages set type = 'template', content = jsonb_build_object('name', $2::text) where id = $1",
        message_id,
        name,
    )
    return message_id


async def change(post: Post, sql: str, *values: Any) -> None:
    async with post.database.connection() as db:
        await db.execute(sql, *values)


async def deliver(post: Post, person: Person, *items: dict[str, Any]) -> None:
    await post.deliver(person, posts.statuses(person, *items))


async def ledger(post: Post, person: Person) -> list[tuple[Any, ...]]:
    """Return day, country, category, type, template, whether delivered, messages, of lines that count some."""
    found = await post.rows(
        """
        select day, country, category, type, template, is_delivered, messages from cost_lines
        where tenant_id = $1 and messages <> 0 order by 1, 2, 3, 4, 5, 6
        """,
        person.tenant_id,
    )
    return [tuple(row) for row in found]


async def recounted(post: Post) -> tuple[int, int]:
    """Recount everything and return how many messages and lines were wrong."""
    found = await costs.recount(post.database, None, is_mending=True)
    return sum(one.messages_wrong for one in found), sum(one.lines_wrong for one in found)


async def test_a_message_counts_once_and_is_charged_when_it_is_delivered(post: Post, world: World) -> None:
    await template(post, world.acme, "wamid.1")
    sent = status("wamid.1", "sent", 1, pricing=MARKETING)
    for _ in range(2):
        await deliver(post, world.acme, sent, sent)
        assert await ledger(post, world.acme) == [(DAY, "US", "marketing", "regular", "spring", False, 1)]
    delivered = status("wamid.1", "delivered", 2, pricing=MARKETING)
    await deliver(post, world.acme, delivered, sent, delivered, status("wamid.1", "read", 3))
    assert await ledger(post, world.acme) == [(DAY, "US", "marketing", "regular", "spring", True, 1)]
    assert await ledger(post, world.globex) == []
    assert await recounted(post) == (0, 0)


async def test_what_fails_after_it_was_sent_is_not_charged(post: Post, world: World) -> None:
    await template(post, world.acme, "wamid.1")
    await deliver(post, world.acme, status("wamid.1", "sent", 1, pricing=MARKETING))
    await deliver(post, world.acme, status("wamid.1", "failed", 2, errors=failure()))
    assert await ledger(post, world.acme) == [(DAY, "US", "marketing", "regular", "spring", False, 1)]


@pytest.mark.parametrize(
    ("told", "category"),
    [
        ([("sent", MARKETING), ("delivered", UTILITY)], "utility"),
        ([("delivered", UTILITY), ("sent", MARKETING)], "utility"),
        ([("sent", MARKETING), ("read", UTILITY), ("delivered", MARKETING)], "utility"),
        ([("read", None), ("sent", MARKETING)], "marketing"),
        ([("delivered", None), ("sent", MARKETING), ("read", UTILITY)], "utility"),
        ([("sent", {}), ("delivered", {"category": "authentication-international"})], "authentication_international"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_together", [True, False])
async def test_a_correction_counts_in_whatever_order_it_comes(
    post: Post,
    world: World,
    told: list[tuple[str, Any]],
    category: str,
    is_together: bool,
) -> None:
    await template(post, world.acme, "wamid.1")
    items = [
        status("wamid.1", name, **({} if pricing is None else {"pricing": pricing})) for name, pricing in told
    ]
    for part in [items] if is_together else [[item] for item in items]:
        await deliver(post, world.acme, *part)
    assert await ledger(post, world.acme) == [(DAY, "US", category, "regular", "spring", True, 1)]
    assert await recounted(post) == (0, 0)


async def test_what_was_parked_is_counted_when_its_message_is_known(post: Post, world: World) -> None:
    acme = world.acme
    message_id = await outbound(post, acme, "sending")
    await deliver(post, acme, status("wamid.1", "sent", 1, pricing=FREE), status("wamid.1", "delivered", 2))
    assert await ledger(post, acme) == []
    await change(
        post,
        "insert into message_wamids (tenant_id, wamid, message_id) values ($1, 'wamid.1', $2)",
        acme.tenant_id,
        message_id,
    )
    await statuses.attach_parked(post.database, [(acme.tenant_id, "wamid.1")])
    assert await ledger(post, acme) == [(DAY, "US", "utility", "free_customer_service", "", True, 1)]


async def test_the_day_is_the_tenants_and_that_of_the_delivery(post: Post, world: World) -> None:
    acme = world.acme
    zone = "Pacific/Kiritimati"
    await change(post, "update tenants set time_zone = $2 where id = $1", acme.tenant_id, zone)
    await template(post, acme, "wamid.1", peer="442079460011")
    await deliver(post, acme, status("wamid.1", "sent", 0, pricing=MARKETING))
    sent = dt.datetime.fromtimestamp(posts.NOON, zoneinfo.ZoneInfo(zone)).date()
    assert await ledger(post, acme) == [(sent, "GB", "marketing", "regular", "spring", False, 1)]
    await deliver(post, acme, status("wamid.1", "delivered", 86_400, pricing=MARKETING))
    there = sent + dt.timedelta(days=1)
    assert await ledger(post, acme) == [(there, "GB", "marketing", "regular", "spring", True, 1)]
    # A change of the zone is for what comes; a recount puts the past into its days.
    await change(post, "update tenants set time_zone = 'Pacific/Niue' where id = $1", acme.tenant_id)
    assert await recounted(post) == (1, 0)
    assert [row[0] for row in await ledger(post, acme)] == [there - dt.timedelta(days=1)]


async def test_the_ledger_stays_when_messages_are_purged(post: Post, world: World) -> None:
    acme = world.acme
    for number in range(3):
        await template(post, acme, f"wamid.{number}")
        await deliver(post, acme, status(f"wamid.{number}", "delivered", 1, pricing=MARKETING))
    await change(
        post, "update messages set created_at = now() - interval '400 days' where wamid <> 'wamid.2'"
    )
    async with post.database.transaction() as db:
        assert (await message_purging.drop(db, dt.timedelta(days=365), 10)).rows == 2
    kept = [(DAY, "US", "marketing", "regular", "spring", True, 3)]
    assert await ledger(post, acme) == kept
    # Statuses may go before their messages do: what they said is what is counted.
    await change(post, "delete from message_statuses")
    assert await recounted(post) == (0, 0)
    assert await ledger(post, acme) == kept


async def test_a_recount_finds_and_mends_what_differs(post: Post, world: World) -> None:
    acme = world.acme
    for number in range(4):
        await template(post, acme, f"wamid.{number}")
        await deliver(post, acme, status(f"wamid.{number}", "delivered", 1, pricing=MARKETING))
    right = await ledger(post, acme)
    await change(post, "update cost_lines set messages = messages + 7")
    # As of messages from before there was a ledger.
    await change(post, "update messages set cost_line_id = null where wamid in ('wamid.0', 'wamid.1')")
    wrong = await costs.recount(post.database, "acme", is_mending=False)
    assert [(one.messages, one.messages_wrong, one.lines_wrong) for one in wrong] == [(4, 2, 1)]
    assert await ledger(post, acme) != right
    assert await recounted(post) == (2, 1)
    assert await ledger(post, acme) == right
    assert await recounted(post) == (0, 0)


async def test_a_random_walk_of_statuses_ends_in_the_sums_of_a_recount(post: Post, world: World) -> None:
    """Parallel workers, repeated and out of order, with corrections; compared with sums made here of what was told."""
    walk = random.Random(12)
    people = (world.acme, world.globex)
    told: dict[tuple[int, str], dict[str, dict[str, Any]]] = {}
    reports: list[tuple[Person, dict[str, Any]]] = []
    for number in range(60):
        person, wamid = walk.choice(people), f"wamid.{number}"
        peer = walk.choice(["16505551234", "442079460011", "5511987654321", "DE.1349120865530274"])
        await template(post, person, wamid, walk.choice(["spring", "autumn"]), peer)
        names = walk.choice(
            [["sent"], ["sent", "failed"], ["sent", "delivered"], ["sent", "delivered", "read"]]
        )
        kept = told[person.tenant_id, wamid] = {}
        for name in names:
            more: dict[str, Any] = (
                {"pricing": walk.choice([MARKETING, UTILITY, FREE])} if walk.random() < 0.7 else {}
            )
            kept[name] = status(wamid, name, walk.randrange(0, 200_000), **more)
        reports += [(person, item) for item in kept.values() for _ in range(walk.choice([1, 1, 2, 3]))]
    walk.shuffle(reports)
    while reports:
        part, reports = reports[: len(reports) // 2 + 1], reports[len(reports) // 2 + 1 :]
        for person, item in part:
            await post.put(person, posts.statuses(person, item))
        await applied_by_three(post)
    sums = {(person.tenant_id, line[:6]): line[6] for person in people for line in await ledger(post, person)}
    assert sum(sums.values()) == sum(any("pricing" in it for it in kept.values()) for kept in told.values())
    found = Counter[Any]()
    for (tenant_id, line), messages in sums.items():
        found[tenant_id, *line[2:4], line[5]] += messages
    assert found == Counter(filter(None, (expected(key[0], kept) for key, kept in told.items())))
    assert await recounted(post) == (0, 0)


def expected(tenant_id: int, kept: dict[str, dict[str, Any]]) -> tuple[int, str, str, bool] | None:
    """Return tenant, category, type and whether delivered of what a message is to count as."""
    ladder = ("sent", "failed", "delivered", "read")
    priced = [kept[name]["pricing"] for name in ladder if "pricing" in kept.get(name, {})]
    if not priced:
        return None
    return tenant_id, priced[-1]["category"], priced[-1]["type"], bool({"delivered", "read"} & kept.keys())


async def applied_by_three(post: Post) -> None:
    """Let three workers apply small shares at once until nothing is due."""

    async def work() -> None:
        while await applying.apply_due(post.database, post.sealer, 7):
            pass

    async def is_due() -> bool:
        return bool(await post.value("select count(*) from ingests where applied_at is null"))

    while await is_due():
        await asyncio.gather(*(work() for _ in range(3)))
        # What waited too long for a lock is put off for a second.
        await change(post, "update ingests set due_at = now() where applied_at is null")
