import asyncio
import datetime as dt
import itertools
import random
from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from rasl.services.sending import statuses
from tests.ingest import posts
from tests.ingest.posts import Post, failure, outbound, status
from tests.world import World


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


def moment(at: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(posts.NOON + at, dt.UTC)


async def message_of(post: Post, message_id: int) -> Any:
    return await post.row("select * from messages where id = $1", message_id)


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
async def test_any_order_ends_in_the_same_state(post: Post, world: World, order: tuple[str, ...]) -> None:
    message_id = await outbound(post, world.acme, wamid="wamid.1")
    at = {"sent": 1, "delivered": 2, "read": 3}
    for name in order:
        await post.deliver(world.acme, posts.statuses(world.acme, status("wamid.1", name, at[name])))
    row = await message_of(post, message_id)
    assert row["status"] == "read"
    assert (row["sent_at"], row["delivered_at"], row["read_at"]) == (moment(1), moment(2), moment(3))


async def test_repeated_and_shuffled_statuses_in_one_batch(post: Post, world: World) -> None:
    ids = [await outbound(post, world.acme, wamid=f"wamid.{number}") for number in range(20)]
    items = [
        status(f"wamid.{number}", name, at)
        for number in range(20)
        for at, name in enumerate(("sent", "delivered", "read"))
    ]
    shuffled = items * 3
    random.Random(1).shuffle(shuffled)
    bodies = [
        posts.statuses(world.acme, *shuffled[start : start + 7]) for start in range(0, len(shuffled), 7)
    ]
    await post.deliver(world.acme, *bodies)
    await post.deliver(world.acme, *bodies)
    rows = await post.rows("select * from messages order by id")
    assert [row["id"] for row in rows] == ids
    assert {(row["status"], row["sent_at"], row["delivered_at"], row["read_at"]) for row in rows} == {
        ("read", moment(0), moment(1), moment(2))
    }
    assert await post.value("select count(*) from message_statuses") == 60


async def test_a_failed_message_says_why(post: Post, world: World) -> None:
    message_id = await outbound(post, world.acme, wamid="wamid.1")
    await post.deliver(
        world.acme, posts.statuses(world.acme, status("wamid.1", "failed", 5, errors=failure()))
    )
    row = await message_of(post, message_id)
    assert (row["status"], row["error_code"], row["failed_at"]) == ("failed", 131047, moment(5))
    assert row["status_message"] == "Re-engagement message: Too late"


@pytest.mark.parametrize("code", [131047, 2**31, -(2**40), 10**30, "7\x00", None, [1]])
async def test_a_failure_of_unstorable_words_and_numbers_is_recorded(
    post: Post, world: World, code: object
) -> None:
    message_id = await outbound(post, world.acme, wamid="wamid.1")
    errors = [{"code": code, "title": "a\x00b", "message": "\ud800", "error_data": {"details": "c\x00"}}]
    pricing = {"price": 10**30, "nested": [[[]]], "nul": "\x00"}
    item = status("wamid.1", "failed", 5, errors=errors, pricing=pricing)
    await post.deliver(world.acme, posts.statuses(world.acme, item))
    row = await message_of(post, message_id)
    assert (row["status"], row["error_code"]) == ("failed", 131047 if code == 131047 else None)
    assert "c\ufffd" in row["status_message"]
    assert await post.value("select pricing from message_statuses") == {
        "price": f"{10**30}",
        "nested": [[[]]],
        "nul": "\ufffd",
    }
    assert await post.reasons() == []


async def test_proof_of_delivery_takes_a_failure_back(post: Post, world: World) -> None:
    message_id = await outbound(post, world.acme, wamid="wamid.1")
    for item in (
        status("wamid.1", "failed", 5, errors=failure()),
        status("wamid.1", "sent", 6),
        status("wamid.1", "delivered", 7),
    ):
        await post.deliver(world.acme, posts.statuses(world.acme, item))
    row = await message_of(post, message_id)
    assert (row["status"], row["error_code"], row["status_message"]) == ("delivered", None, None)


async def test_pricing_is_kept(post: Post, world: World) -> None:
    await outbound(post, world.acme, wamid="wamid.1")
    pricing = {"pricing_model": "PMP", "type": "regular", "category": "utility"}
    await post.deliver(world.acme, posts.statuses(world.acme, status("wamid.1", "sent", pricing=pricing)))
    assert await post.value("select pricing from message_statuses") == pricing


async def test_an_echo_finds_the_message_before_its_wamid_is_known(post: Post, world: World) -> None:
    message_id = await outbound(post, world.acme, "sending")
    opaque = post.sealer.mint_opaque(world.acme.tenant_id, message_id)
    await post.deliver(world.acme, posts.statuses(world.acme, status("wamid.1", "sent", 1, opaque)))
    row = await message_of(post, message_id)
    assert (row["status"], row["wamid"], row["sent_at"]) == ("sent", "wamid.1", moment(1))
    assert await post.value("select message_id from message_wamids where wamid = 'wamid.1'") == message_id
    assert await post.value("select is_parked from message_statuses") is False


async def test_an_echo_of_another_tenant_finds_nothing(post: Post, world: World) -> None:
    message_id = await outbound(post, world.acme, "sending")
    opaque = post.sealer.mint_opaque(world.acme.tenant_id, message_id)
    await post.deliver(world.globex, posts.statuses(world.globex, status("wamid.1", "read", 1, opaque)))
    assert (await message_of(post, message_id))["status"] == "sending"
    assert await post.value("select is_parked from message_statuses") is True


async def test_an_echo_settles_an_unknown_message_and_drops_its_resend(post: Post, world: World) -> None:
    acme = world.acme
    message_id = await outbound(post, acme, "unknown")
    async with post.database.connection() as db:
        await db.execute(
            """
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            values ($1, 'send', $2, $3, 1, now() + interval '2 minutes', false)
            """,
            acme.tenant_id,
            message_id,
            acme.number_id,
        )
        await db.execute(
            """
            insert into message_attempts (tenant_id, message_id, attempt, outcome, started_at, finished_at)
            values ($1, $2, 1, 'unknown', now(), now())
            """,
            acme.tenant_id,
            message_id,
        )
    opaque = post.sealer.mint_opaque(acme.tenant_id, message_id)
    await post.deliver(acme, posts.statuses(acme, status("wamid.1", "delivered", 4, opaque)))
    row = await message_of(post, message_id)
    assert (row["status"], row["wamid"]) == ("delivered", "wamid.1")
    assert await post.value("select count(*) from jobs") == 0
    attempt = await post.row("select outcome, wamid from message_attempts")
    assert tuple(attempt) == ("accepted", "wamid.1")


async def test_the_job_of_a_sender_at_work_is_left_to_it(post: Post, world: World) -> None:
    acme = world.acme
    message_id = await outbound(post, acme, "sending")
    async with post.database.connection() as db:
        await db.execute(
            """
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            values ($1, 'send', $2, $3, 1, now() + interval '10 seconds', true)
            """,
            acme.tenant_id,
            message_id,
            acme.number_id,
        )
    opaque = post.sealer.mint_opaque(acme.tenant_id, message_id)
    await post.deliver(acme, posts.statuses(acme, status("wamid.1", "sent", 1, opaque)))
    assert (await message_of(post, message_id))["status"] == "sent"
    assert await post.value("select count(*) from jobs") == 1


async def know_wamid(post: Post, tenant_id: int, message_id: int) -> None:
    async with post.database.connection() as db:
        await db.execute(
            "insert into message_wamids (tenant_id, wamid, message_id) values ($1, 'wamid.1', $2)",
            tenant_id,
            message_id,
        )


async def test_a_status_that_comes_too_early_is_parked_and_attached(post: Post, world: World) -> None:
    acme = world.acme
    message_id = await outbound(post, acme, "sending")
    await post.deliver(acme, posts.statuses(acme, status("wamid.1", "read", 3), status("wamid.1", "sent", 1)))
    assert await post.value("select count(*) from message_statuses where is_parked") == 2
    assert (await message_of(post, message_id))["status"] == "sending"
    await know_wamid(post, acme.tenant_id, message_id)
    await statuses.attach_parked(post.database, [(acme.tenant_id, "wamid.1")])
    row = await message_of(post, message_id)
    assert (row["status"], row["sent_at"], row["read_at"]) == ("read", moment(1), moment(3))
    assert await post.value("select count(*) from message_statuses where is_parked") == 0


async def test_the_sweeper_attaches_what_neither_side_saw(post: Post, world: World) -> None:
    acme = world.acme
    message_id = await outbound(post, acme, "sending")
    # The sender commits the wamid while the status is being parked: neither sees the other's row.
    async with post.database.transaction() as db:
        await db.execute(
            "insert into message_wamids (tenant_id, wamid, message_id) values ($1, 'wamid.1', $2)",
            acme.tenant_id,
            message_id,
        )
        await post.deliver(acme, posts.statuses(acme, status("wamid.1", "delivered", 2)))
        await statuses.attach_parked(post.database, [(acme.tenant_id, "wamid.1")])
        assert await statuses.sweep_parked(post.database) == 0
    assert (await message_of(post, message_id))["status"] == "sending"
    assert await statuses.sweep_parked(post.database) == 1
    assert (await message_of(post, message_id))["status"] == "delivered"
    assert await statuses.sweep_parked(post.database) == 0


async def test_the_same_wamid_of_two_tenants_is_two_messages(post: Post, world: World) -> None:
    ours = await outbound(post, world.acme, wamid="wamid.1")
    theirs = await outbound(post, world.globex, wamid="wamid.1")
    await post.deliver(world.globex, posts.statuses(world.globex, status("wamid.1", "read", 1)))
    assert (await message_of(post, ours))["status"] == "sent"
    assert (await message_of(post, theirs))["status"] == "read"


async def test_metas_spelling_of_the_recipient_is_kept(post: Post, world: World) -> None:
    acme = world.acme
    await outbound(post, acme, wamid="wamid.1", peer="5511987654321")
    async with post.database.transaction() as db:
        contact_id = await db.fetchval(
            "insert into contacts (tenant_id, firstname, type, status_id, source_id) values ($1, 'A', 'lead', $2, $3) "
            "returning id",
            acme.tenant_id,
            acme.status_id,
            acme.source_id,
        )
        await db.execute(
            "insert into contact_aliases values ($1, 'phone', '5511987654321', $2)",
            acme.tenant_id,
            contact_id,
        )
    sent = status("wamid.1", "sent") | {"recipient_id": "551187654321"}
    await post.deliver(acme, posts.statuses(acme, sent))
    assert await post.value("select wa_id from contact_aliases") == "551187654321"


async def test_two_workers_apply_the_same_statuses_once(post: Post, world: World) -> None:
    for number in range(50):
        await outbound(post, world.acme, wamid=f"wamid.{number}")
    names = ("sent", "delivered", "read")
    bodies = [
        posts.statuses(world.acme, *(status(f"wamid.{number}", name, at) for number in order))
        for at, name in enumerate(names)
        for order in (range(50), reversed(range(50)))
    ]
    await post.put(world.acme, *bodies)
    while any(await asyncio.gather(*(statuses_due(post) for _ in range(3)))):
        pass
    assert await post.value("select count(*) from message_statuses") == 150
    assert await post.value("select count(*) from messages where status = 'read'") == 50


async def statuses_due(post: Post) -> int:
    return await applying.apply_due(post.database, post.sealer, 1)
