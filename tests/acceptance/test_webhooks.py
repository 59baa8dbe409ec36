"""Workers killed while they tell endpoints that fail a third of the time: nothing is lost, every signature is good."""

import datetime as dt
import random
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from rasl.db.pool import Database
from rasl.domain.events import Event
from rasl.services.ground import events
from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet
from tests.receiving import Receiver, receiving
from tests.waiting import until

pytestmark = pytest.mark.acceptance

EVENTS = 3000
KILLS = 3


class Failing(Receiver):
    """A receiver that fails for 30 % of what comes, once an event at most, and remembers what it took."""

    def __init__(self) -> None:
        super().__init__()
        self._dice = random.Random(7)
        self.taken: Counter[str] = Counter()
        self.failed: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Take it or not."""
        answer = await super().answer(request)
        key = self.got[-1].id
        if key not in self.failed and self._dice.random() < 0.3:
            self.failed.add(key)
            return web.Response(status=500)
        self.taken[key] += 1
        return answer


async def subscribe(fleet: Fleet, people: People, api_url: str, url: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {people.fast.token}"}
    wish = {"url": url, "events": ["contact.*"]}
    async with fleet.session.post(f"{api_url}/api/v2/webhooks", json=wish, headers=headers) as answer:
        body = await answer.json()
        assert answer.status == 201, body
        return dict(body["data"])


async def happen(fleet: Fleet, people: People) -> None:
    (tenant,) = await fleet.fetch("select id from tenants where subdomain = $1", people.fast.subdomain)
    database = Database(fleet.dsn, 2)
    await database.open()
    for start in range(0, EVENTS, 100):
        told = [
            (tenant["id"], Event(type="contact.updated", id=number, attributes={"number": number}))
            for number in range(start, start + 100)
        ]
        async with database.transaction() as db:
            await events.record_many(db, told)
    await database.close()


@pytest.mark.parametrize("kills", [0, KILLS])
async def test_every_event_arrives_whatever_dies(
    fleet: Fleet, people: People, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.receiving.Receiver", Failing)
    fleet.env["RASL_ALLOW_PRIVATE_URLS"] = "true"
    # Longer than a busy machine stands still: who lost a lease that way would tell an event twice.
    fleet.env["RASL_LEASE_SECONDS"] = "10" if kills else "60"
    async with receiving() as receiver:
        assert isinstance(receiver, Failing)
        server = await fleet.serve()
        webhook = await subscribe(fleet, people, server.url, f"{receiver.url}/hook")
        worker = await fleet.work()
        await happen(fleet, people)
        for number in range(kills):
            goal = (number + 1) * EVENTS // (kills + 2)

            async def is_underway(goal: int = goal) -> bool:
                return len(receiver.taken) >= goal

            await until(is_underway, explain=fleet.logs)
            worker.kill()
            await worker.start()

        async def is_done() -> bool:
            # What failed is due in 5 s, or later by chance.
            return len(receiver.taken) == EVENTS

        await until(is_done, 120, fleet.logs)

        async def is_written() -> bool:
            (row,) = await fleet.fetch(
                "select count(*) as n from webhook_deliveries where state <> 'delivered'"
            )
            return not row["n"]

        await until(is_written, explain=fleet.logs)
        assert len(receiver.failed) > EVENTS * 0.2
        signer = Webhook(webhook["secret"])
        for got in receiver.got:  # by now some are too old for `verify`
            at = dt.datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), dt.UTC)
            assert got.headers["webhook-signature"] == signer.sign(got.id, at, got.body.decode())
        twice = sum(1 for count in receiver.taken.values() if count > 1)
        # Whoever dies has a third of a hundred requests open at most.
        assert twice <= kills * 32
        (row,) = await fleet.fetch(
            "select count(*) as n, count(distinct event_id) as events from webhook_deliveries"
        )
        assert (row["n"], row["events"]) == (EVENTS, EVENTS)
        (row,) = await fleet.fetch("select count(*) as n from jobs where kind in ('event', 'webhook')")
        assert row["n"] == 0
        worker.terminate()
        server.terminate()
        assert [await worker.exit_code(30), await server.exit_code(30)] == [0, 0]
