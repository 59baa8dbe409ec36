"""Events told to endpoints: to whoever wants them, signed, again when it failed, and on request."""

import datetime as dt
import hmac
from typing import Any

import pytest
from standardwebhooks import Webhook

from rasl.db.pool import Database
from rasl.domain import webhooks as rules
from tests.dispatch.looping import run_out, step
from tests.dispatch.webhook_calls import WEBHOOKS, Worker, deliveries, happen, subscribe
from tests.receiving import INACTIVE, NEVER, Receiver
from tests.serving import Api, Client


async def test_an_event_goes_to_whoever_wants_it_and_to_nobody_else(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    acme, globex = api.world.acme.tenant_id, api.world.globex.tenant_id
    await subscribe(api.acme, receiver.url + "/all", "*")
    await subscribe(api.acme, receiver.url + "/exact", "contact.updated")
    await subscribe(api.acme, receiver.url + "/other", "message.*", "contact.created")
    await subscribe(api.globex, receiver.url + "/stranger", "*")
    await happen(database, acme)
    await worker.run()
    assert sorted(it.path for it in receiver.got) == ["/all", "/exact"]
    assert receiver.got[0].id == receiver.got[1].id == receiver.got[0].json["event"]["id"]
    await happen(database, globex)
    await worker.run()
    assert sorted(it.path for it in receiver.got) == ["/all", "/exact", "/stranger"]


async def test_what_nobody_wants_costs_no_job(api: Api, database: Database, worker: Worker) -> None:
    await happen(database, api.world.acme.tenant_id)
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0
    assert await step(worker.fanning) == 0


async def test_every_delivery_is_signed_as_both_kinds_of_receivers_check_it(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(
        api.acme, receiver.url + "/hook", headers={"X-Team": "crm", "Authorization": "Bearer x"}
    )
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    (got,) = receiver.got
    Webhook(webhook["secret"]).verify(got.body, got.headers)
    assert got.headers["x-webhook-signature"] == plain(webhook["secret"], got.body)
    assert got.headers["x-team"] == "crm"
    assert got.headers["authorization"] == "Bearer x"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-webhook-event"] == "contact.updated"
    assert "x-webhook-signature-previous" not in got.headers


def plain(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


async def test_both_secrets_hold_during_the_overlap_and_only_the_new_one_after(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    path = f"{WEBHOOKS}/{webhook['id']}/rotate-secret"
    rotated = (await api.acme.post(path, {"overlap_hours": 2})).data
    old, new = webhook["secret"], rotated["secret"]
    assert old != new
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    got = receiver.got[-1]
    for secret in (old, new):
        Webhook(secret).verify(got.body, got.headers)
    assert got.headers["x-webhook-signature"] == plain(new, got.body)
    assert got.headers["x-webhook-signature-previous"] == plain(old, got.body)
    newest = (await api.acme.post(path, {"overlap_hours": 0})).data
    assert newest["old_secret_until"] is None
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    got = receiver.got[-1]
    Webhook(newest["secret"]).verify(got.body, got.headers)
    for secret in (old, new):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(secret).verify(got.body, got.headers)


async def test_a_delivery_is_tried_by_the_whole_plan_and_then_fails(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    receiver.always["/hook"] = 404
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    for made, pause in enumerate(rules.PAUSES, 1):
        (delivery,) = await deliveries(api.acme, webhook)
        assert delivery["state"] == "pending"
        assert len(delivery["attempts"]) == made
        assert await _pause_is_between(database, pause * 0.8, pause * 1.2)
        await worker.later()
    (delivery,) = await deliveries(api.acme, webhook)
    assert delivery["state"] == "failed"
    assert delivery["next_attempt_at"] is None
    assert len(delivery["attempts"]) == len(receiver.got) == 10
    assert delivery["attempts"][0]["status"] == 404
    assert delivery["attempts"][0]["response"] == INACTIVE
    assert "404" in delivery["attempts"][0]["error"]
    assert {it.id for it in receiver.got} == {delivery["event_id"]}
    await worker.later()
    assert len(receiver.got) == 10


async def _pause_is_between(database: Database, least: float, most: float) -> bool:
    """Tell whether the next attempt comes so long after the last, however long ago that was by now."""
    async with database.connection() as db:
        row = await db.fetchrow(
            """
            select extract(epoch from j.due_at - (d.attempts -> -1 ->> 'at')::timestamptz)::float8 as after_attempt,
                   extract(epoch from j.due_at - now())::float8 as from_now
            from jobs j join webhook_deliveries d on d.id = j.subject_id where j.kind = 'webhook'
            """
        )
    assert row is not None
    return bool(row["after_attempt"] >= least and row["from_now"] <= most)


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "1200", 1200),
        (503, "9999999", 36_000),
        (429, "0", None),
        (500, "nonsense", None),
        (503, None, None),
        (301, None, None),
    ],
)
async def test_only_2xx_is_success_and_an_endpoint_may_ask_for_time(
    api: Api,
    database: Database,
    worker: Worker,
    receiver: Receiver,
    status: int,
    retry_after: str | None,
    seconds: float | None,
) -> None:
    receiver.answers["/hook"].append(status)
    receiver.headers = {"location": receiver.url + "/elsewhere"} | (
        {"retry-after": retry_after} if retry_after else {}
    )
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    assert [it.path for it in receiver.got] == ["/hook"]
    usual = rules.PAUSES[0]
    assert await _pause_is_between(database, seconds or usual * 0.8, seconds or usual * 1.2)
    (delivery,) = await deliveries(api.acme, webhook)
    assert (delivery["state"], delivery["attempts"][0]["status"]) == ("pending", status)


async def test_410_ends_the_endpoint_and_its_people_are_told(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    receiver.always["/gone"] = 410
    gone = await subscribe(api.acme, receiver.url + "/gone")
    await subscribe(api.acme, receiver.url + "/alarm", "webhook.disabled")
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    await worker.run()
    shown = (await api.acme.get(f"{WEBHOOKS}/{gone['id']}")).data
    assert (shown["is_active"], shown["disabled_reason"]) == (False, "gone")
    (told,) = receiver.at("/alarm")
    attributes = told.json["data"]["resource"]["attributes"]
    assert attributes["webhook_id"] == gone["id"]
    assert "410" in attributes["reason"]
    assert "is_active" in attributes["cure"]
    assert (await deliveries(api.acme, gone))[0]["state"] == "failed"
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    assert len(receiver.at("/gone")) == 1
    audit = (await api.acme.get("/api/v2/audit?filter[action]=webhook.disabled")).data
    assert [entry["subject_id"] for entry in audit] == [str(gone["id"])]


async def test_five_days_of_nothing_but_failure_end_it_and_one_success_does_not(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    receiver.always["/hook"] = 500
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    path = f"{WEBHOOKS}/{webhook['id']}"

    async def fail_since(days: float) -> None:
        async with database.connection() as db:
            await db.execute(
                "update webhook_endpoints set failing_since = now() - $1::interval", dt.timedelta(days=days)
            )

    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    assert (await api.acme.get(path)).data["failing_since"] is not None
    await fail_since(4.99)
    await worker.later()
    assert (await api.acme.get(path)).data["is_active"] is True
    receiver.always["/hook"] = 200
    await worker.later()
    assert (await api.acme.get(path)).data["failing_since"] is None
    receiver.always["/hook"] = 500
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    await fail_since(5.01)
    await worker.later()
    shown = (await api.acme.get(path)).data
    assert (shown["is_active"], shown["disabled_reason"]) == (False, "failing")
    await worker.later()
    assert [it["state"] for it in await deliveries(api.acme, webhook)] == ["delivered", "dropped"]
    # The cure.
    receiver.always["/hook"] = 200
    assert (await api.acme.call("PATCH", path, json={"is_active": True})).data["disabled_at"] is None
    assert (await api.acme.post(f"{path}/replay", {"state": "dropped"})).data == {"replayed": 1}
    await worker.run()
    assert [it["state"] for it in await deliveries(api.acme, webhook)] == ["delivered", "delivered"]


async def test_what_was_delivered_or_failed_is_made_again_on_request(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    path = f"{WEBHOOKS}/{webhook['id']}"
    await happen(database, api.world.acme.tenant_id, 3)
    await worker.run()
    first = (await deliveries(api.acme, webhook))[0]
    again = await api.acme.post(f"{path}/deliveries/{first['id']}/replay", {})
    assert again.data["state"] == "pending"
    await worker.run()
    assert [it.id for it in receiver.got].count(first["event_id"]) == 2
    shown = (await api.acme.get(f"{path}/deliveries/{first['id']}")).data
    assert (shown["state"], len(shown["attempts"])) == ("delivered", 2)
    assert (await api.acme.post(f"{path}/replay", {})).data == {"replayed": 0}
    since = first["created_at"]
    assert (await api.acme.post(f"{path}/replay", {"since": since})).data == {"replayed": 3}
    await worker.run()
    assert len(receiver.got) == 7


async def test_the_timeline_of_a_message_shows_which_webhooks_were_told_of_it(
    api: Api, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook", "message.*")
    await subscribe(api.globex, receiver.url + "/stranger", "*")
    receiver.answers["/hook"].append(500)
    message_id = (await api.acme.send("+442079460011")).data["chat_message_id"]
    await worker.run()
    await worker.later()
    await api.acme.send("+442079460012")
    await api.globex.send("+442079460011")
    await worker.run()
    first, _ = await deliveries(api.acme, webhook)
    (step_,) = [it for it in await timeline(api.acme, message_id) if it["step"] == "webhook"]
    assert (step_["webhook_id"], step_["delivery_id"]) == (webhook["id"], first["id"])
    assert (step_["event_id"], step_["event_type"]) == (first["event_id"], "message.sent")
    assert (step_["state"], [it["status"] for it in step_["attempts"]]) == ("delivered", [500, 200])
    assert "500" in step_["attempts"][0]["error"]
    assert step_["attempts"][1] == {"at": first["attempts"][1]["at"], "status": 200, "error": None}


async def timeline(client: Client, message_id: int) -> list[dict[str, Any]]:
    return list((await client.get(f"/api/v2/messages/{message_id}?include=timeline")).data["timeline"])


async def test_who_lost_the_lease_writes_nothing(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    """A worker that woke up late must not overwrite what the next one wrote."""
    receiver.answers["/hook"].append(NEVER)
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    await happen(database, api.world.acme.tenant_id)
    await run_out(worker.fanning)
    await worker.delivering.step()
    await receiver.news.wait()
    async with database.connection() as db:
        await db.execute("update jobs set fence = fence + 1 where kind = 'webhook'")
    receiver.go_on.set()
    await worker.delivering.drain()
    (delivery,) = await deliveries(api.acme, webhook)
    assert (delivery["state"], delivery["attempts"]) == ("pending", [])
