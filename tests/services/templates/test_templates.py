"""What Meta says of templates, late, twice and in any order; and the readings that worker and notices bring about."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl import clock
from rasl.app import build_resources, running
from rasl.db import templates as template_rows
from rasl.db.pool import Database
from rasl.db.templates import Account
from rasl.graph import templates as graph_templates
from rasl.sealing import Sealer
from rasl.services.ground.resources import Resources
from rasl.services.templates import sync
from tests.api.v2.templated import ORDER, have, register, send
from tests.ingest.posts import Post, body
from tests.serving import Api
from tests.world import Person

STATUS = "message_template_status_update"
ID = "1689556908129832"


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    """Meta's way in."""
    return Post(database, sealer)


@pytest.fixture
async def resources(api: Api, shared_dsn: str) -> AsyncIterator[Resources]:
    """A worker's resources on the test's database."""
    async with running(build_resources(api.settings, shared_dsn)) as opened:
        yield opened.resources


def notice(person: Person, field: str = STATUS, at: int | None = None, **value: Any) -> bytes:
    """Build a notice about the template, so many seconds from now by Meta's clock."""
    told = {"message_template_id": int(ID), "message_template_name": "order_update", **value}
    raw = body((person, told), field=field)
    if at is None:
        return raw
    moment = int((clock.now() + dt.timedelta(seconds=at)).timestamp())
    return raw.replace(b'"changes"', b'"time": %d, "changes"' % moment)


async def template(post: Post) -> Any:
    return await post.row("select * from templates")


async def test_a_status_changes_as_announced_with_its_reason(api: Api, post: Post) -> None:
    await have(api, {**ORDER, "id": ID})
    told: dict[str, Any] = {
        "event": "REJECTED",
        "reason": "INVALID_FORMAT",
        "rejection_info": {"reason": "Too vague"},
    }
    await post.deliver(api.world.acme, notice(api.world.acme, **told))
    row = await template(post)
    assert (row["status"], row["rejected_reason"], row["status_details"]) == (
        "REJECTED",
        "INVALID_FORMAT",
        "Too vague",
    )


@pytest.mark.parametrize("event", ["PAUSED", "DISABLED", "something-new", "PENDING_DELETION"])
async def test_any_status_is_kept_and_stops_sends(api: Api, post: Post, event: str) -> None:
    await have(api, {**ORDER, "id": ID})
    await post.deliver(api.world.acme, notice(api.world.acme, event=event, reason="NONE"))
    assert (await template(post))["status"] == event.upper().replace("-", "_")
    answer = await send(api, "order_update", field_1="a", field_2="b")
    assert list(answer.details) == ["template_name"]


async def test_the_older_of_two_notices_that_come_out_of_order_changes_nothing(api: Api, post: Post) -> None:
    await have(api, {**ORDER, "id": ID})
    acme = api.world.acme
    await post.deliver(acme, notice(acme, event="PAUSED", at=0))
    await post.deliver(acme, notice(acme, event="APPROVED", at=-3))
    assert (await template(post))["status"] == "PAUSED"


async def test_a_notice_from_before_the_last_reading_changes_nothing(api: Api, post: Post) -> None:
    await have(api, {**ORDER, "id": ID})
    await post.deliver(api.world.acme, notice(api.world.acme, event="PAUSED", at=-600))
    assert (await template(post))["status"] == "APPROVED"


async def test_quality_and_category_follow_their_notices(api: Api, post: Post) -> None:
    await have(api, {**ORDER, "id": ID})
    acme = api.world.acme
    await post.deliver(
        acme,
        notice(acme, "message_template_quality_update", new_quality_score="RED"),
        notice(acme, "template_category_update", new_category="UTILITY", correct_category="MARKETING"),
    )
    row = await template(post)
    assert (row["quality"], row["category"], row["correct_category"]) == ("RED", "UTILITY", "MARKETING")
    moved: dict[str, Any] = {"previous_category": "UTILITY", "new_category": "MARKETING"}
    await post.deliver(acme, notice(acme, "template_category_update", **moved))
    row = await template(post)
    assert (row["category"], row["previous_category"], row["correct_category"]) == (
        "MARKETING",
        "UTILITY",
        None,
    )


async def test_a_repeated_notice_changes_nothing_more(api: Api, post: Post) -> None:
    await have(api, {**ORDER, "id": ID})
    raw = notice(api.world.acme, event="PAUSED", at=0)
    await post.deliver(api.world.acme, raw, raw)
    assert (await template(post))["status"] == "PAUSED"


async def test_one_app_cannot_speak_for_the_account_of_another(api: Api, post: Post) -> None:
    await have(api, {**ORDER, "id": ID})
    await post.deliver(api.world.globex, notice(api.world.acme, event="PAUSED"))
    assert (await template(post))["status"] == "APPROVED"


@pytest.mark.parametrize("told", [{"message_template_id": None}, {"event": 5}, {"event": None}])
async def test_a_notice_that_says_too_little_harms_nothing(
    api: Api, post: Post, told: dict[str, Any]
) -> None:
    await have(api, {**ORDER, "id": ID})
    await post.deliver(api.world.acme, notice(api.world.acme, **told))
    assert (await template(post))["status"] == "APPROVED"
    assert await post.reasons() == []


async def test_an_unknown_template_and_changed_contents_are_read_soon(
    api: Api, post: Post, resources: Resources
) -> None:
    acme = api.world.acme
    await register(api, {**ORDER, "id": ID})
    await post.deliver(acme, notice(acme, event="APPROVED"))
    assert await post.rows("select from templates") == []
    assert await sync.reconcile(resources) >= 1
    assert (await template(post))["status"] == "APPROVED"
    changed = [{"type": "BODY", "text": "Hello {{1}}, order {{2}} is on its way"}]
    await register(api, {**ORDER, "id": ID, "components": changed})
    assert await sync.reconcile(resources) == 0
    await post.deliver(acme, notice(acme, "message_template_components_update"))
    assert await sync.reconcile(resources) == 1
    assert (await template(post))["body_text"] == changed[0]["text"]


async def test_every_account_is_read_by_one_worker_in_its_turn(
    api: Api, post: Post, resources: Resources
) -> None:
    await register(api, ORDER)
    read = await asyncio.gather(*(sync.reconcile(resources) for _ in range(4)))
    assert sum(read) == 2  # acme's and globex's
    rows = await post.rows(
        "select synced_at, failure, due_at > now() + interval '4 hours' as is_later from template_syncs"
    )
    assert [(row["synced_at"] is not None, row["failure"], row["is_later"]) for row in rows] == [
        (True, None, True)
    ] * 2


async def test_a_dead_token_is_noted_and_tried_again(api: Api, post: Post, resources: Resources) -> None:
    await api.simulator.post("/_control/tokens", {"token": api.world.acme.access_token, "state": "expired"})
    await sync.reconcile(resources)
    row = await post.row("select * from template_syncs where tenant_id = $1", api.world.acme.tenant_id)
    assert row["synced_at"] is None
    assert "WhatsApp refused the request" in row["failure"]


async def test_a_page_that_a_notice_overtook_does_not_undo_it(
    api: Api, post: Post, resources: Resources
) -> None:
    acme = api.world.acme
    await have(api, {**ORDER, "id": ID})
    async with resources.database.connection() as db:
        read_at = await template_rows.now(db)
    page = await graph_templates.list_page(resources.graph, acme.waba_id, acme.access_token, None)
    assert isinstance(page, graph_templates.TemplatePage)
    await post.deliver(acme, notice(acme, event="PAUSED"))
    account = Account(acme.tenant_id, acme.waba_id)
    async with resources.database.transaction() as db:
        await template_rows.lock_accounts(db, [account])
        await template_rows.keep(db, account, page.templates, read_at)
    assert (await template(post))["status"] == "PAUSED"
