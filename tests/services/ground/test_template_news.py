"""What changed about templates is in force at once: in this process, in the others, and when news are lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from rasl import clock
from rasl.app import create_app
from rasl.db import templates as template_rows
from rasl.db.pool import Database
from rasl.db.templates import Wanted
from rasl.services.ground import template_catalog
from rasl.services.ground.template_catalog import Catalog
from tests.api.v2.templated import ORDER, PHONE, SEND, have, register, send
from tests.serving import Answer, Api, Client, served
from tests.waiting import until

FILLED = {"field_1": "a", "field_2": "b"}
NAME = "order_update"


@pytest.fixture
async def other(api: Api, shared_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """Acme at a second server; none looks anything up again for an hour unless it is told to."""
    monkeypatch.setattr(template_catalog, "HEARING_SECONDS", 3600)
    monkeypatch.setattr(template_catalog, "DEAF_SECONDS", 3600)
    async with served(create_app(api.settings, shared_dsn)) as url, aiohttp.ClientSession() as session:
        yield Client(session, url, api.world.acme.headers)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the clock is ahead; the test moves it."""
    ahead, real = [0.0], clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: real() + ahead[0])
    return ahead


async def _send(client: Client, language: str = "en_GB", **fields: Any) -> Answer:
    body = {"phone": PHONE, "template_name": NAME, "language": language, **FILLED, **fields}
    return await client.post(SEND, body)


async def _change(database: Database, status: str) -> None:
    """Change the template as anybody may: another process, another version, a person at psql."""
    async with database.transaction() as db:
        await db.execute("update templates set status = $1", status)


async def _wanted(api: Api, database: Database) -> Wanted:
    async with database.connection() as db:
        row = await db.fetchrow("select * from templates")
    assert row is not None
    return Wanted(api.world.acme.tenant_id, row["waba_id"], row["name"], row["language"])


async def test_a_sync_is_in_force_for_the_next_send_of_the_process_that_answered(api: Api) -> None:
    for status, expected in (("APPROVED", 200), ("PAUSED", 422), ("APPROVED", 200), ("REJECTED", 422)):
        before = await _send(api.acme)
        await have(api, {**ORDER, "status": status})
        answer = await _send(api.acme)
        assert answer.status == expected, (before.body, answer.body)


async def test_a_template_that_was_missing_a_moment_ago_can_be_sent_after_a_sync(api: Api) -> None:
    assert (await _send(api.acme)).status == 404
    await have(api, ORDER)
    assert (await _send(api.acme)).status == 200


async def test_every_change_reaches_every_process_whoever_made_it(
    api: Api, other: Client, database: Database
) -> None:
    async def is_answered(status: int) -> bool:
        answers = await asyncio.gather(_send(api.acme), _send(other))
        return {answer.status for answer in answers} == {status}

    assert await is_answered(404)
    await have(api, ORDER)
    await until(lambda: is_answered(200))
    for _ in range(3):
        await _change(database, "PAUSED")
        await until(lambda: is_answered(422))
        await _change(database, "APPROVED")
        await until(lambda: is_answered(200))
    async with database.transaction() as db:
        await db.execute("delete from templates")
    await until(lambda: is_answered(404))


async def test_a_connection_that_is_cut_leaves_nothing_old_behind(
    api: Api, other: Client, database: Database
) -> None:
    await have(api, ORDER)

    async def is_refused() -> bool:
        return (await _send(other)).status == 422

    for status in ("PAUSED", "DISABLED"):
        await _change(database, "APPROVED")
        await until(lambda: _is_sent(other))
        async with database.transaction() as db:
            await db.execute(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and application_name = 'rasl news'
                """
            )
            await db.execute("update templates set status = $1", status)
        await until(is_refused)


async def _is_sent(client: Client) -> bool:
    return (await _send(client)).status == 200


async def test_what_is_remembered_is_looked_up_again_after_a_moment_and_sooner_without_news(
    api: Api, database: Database, later: list[float]
) -> None:
    await have(api, ORDER)
    wanted, catalog = await _wanted(api, database), Catalog(database)

    async def status() -> str | None:
        found = await catalog.find(wanted)
        return found.status if found else None

    for is_hearing, seconds in (
        (False, template_catalog.DEAF_SECONDS),
        (True, template_catalog.HEARING_SECONDS),
    ):
        await _change(database, "APPROVED")
        catalog.hearing(is_hearing)
        assert await status() == "APPROVED"
        await _change(database, "PAUSED")
        later[0] += seconds / 2
        assert await status() == "APPROVED"
        later[0] += seconds
        assert await status() == "PAUSED"
    assert template_catalog.DEAF_SECONDS <= 0.1
    assert template_catalog.HEARING_SECONDS < 1


async def test_beginning_and_ceasing_to_hear_forget_what_was_remembered(api: Api, database: Database) -> None:
    await have(api, ORDER)
    wanted, catalog = await _wanted(api, database), Catalog(database)
    for is_hearing, status in ((True, "PAUSED"), (False, "REJECTED"), (True, "APPROVED")):
        await catalog.find(wanted)
        await _change(database, status)
        catalog.hearing(is_hearing)
        found = await catalog.find(wanted)
        assert found is not None
        assert found.status == status


@pytest.mark.parametrize("news", ["", "of something else"])
async def test_news_that_do_not_say_whose_templates_changed_are_about_all(
    api: Api, database: Database, news: str
) -> None:
    await have(api, ORDER)
    wanted, catalog = await _wanted(api, database), Catalog(database)
    catalog.hearing(True)
    await catalog.find(wanted)
    await _change(database, "PAUSED")
    catalog.told(news)
    found = await catalog.find(wanted)
    assert found is not None
    assert found.status == "PAUSED"


async def test_what_was_read_before_a_change_is_not_remembered_after_it(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await have(api, ORDER)
    wanted, catalog = await _wanted(api, database), Catalog(database)
    catalog.hearing(True)
    real = template_rows.find_sendable

    async def overtaken(*arguments: Any) -> Any:
        rows = await real(*arguments)
        catalog.told(str(wanted.tenant_id))  # the news arrive while the answer is on its way
        return rows

    monkeypatch.setattr(template_rows, "find_sendable", overtaken)
    await catalog.find(wanted)
    monkeypatch.undo()
    await _change(database, "PAUSED")
    found = await catalog.find(wanted)
    assert found is not None
    assert found.status == "PAUSED"


async def test_changes_of_one_tenant_leave_what_is_remembered_of_others(api: Api, database: Database) -> None:
    await have(api, ORDER)
    wanted, catalog = await _wanted(api, database), Catalog(database)
    catalog.hearing(True)
    await catalog.find(wanted)
    await _change(database, "PAUSED")
    catalog.told(str(api.world.globex.tenant_id))
    found = await catalog.find(wanted)
    assert found is not None
    assert found.status == "APPROVED"


@pytest.mark.parametrize("language", ["en_GB", "en-GB", "en_gb", "EN-gb", " en_GB "])
async def test_a_language_may_be_written_in_any_way(api: Api, language: str) -> None:
    await have(api, ORDER)
    answer = await _send(api.acme, language)
    assert answer.status == 200, answer.body
    assert answer.data["language"] == "en_GB"


@pytest.mark.parametrize("status", ["PAUSED", "REJECTED", "PENDING", "DISABLED"])
@pytest.mark.parametrize("language", ["en_GB", "en-gb"])
async def test_a_language_that_is_there_but_not_approved_is_called_so(
    api: Api, status: str, language: str
) -> None:
    await have(api, {**ORDER, "status": status}, {**ORDER, "language": "de"})
    answer = await _send(api.acme, language)
    assert (answer.status, list(answer.details)) == (422, ["template_name"])
    assert status in answer.details["template_name"][0]


async def test_languages_that_there_are_never_name_the_one_that_was_asked_for(
    api: Api, database: Database, other: Client
) -> None:
    await register(api, {**ORDER, "language": "de"})
    await api.acme.post("/api/v2/templates/sync")
    answer = await _send(other, "en_GB")
    assert (answer.status, answer.details) == (404, {"languages": ["de"]})
    async with database.transaction() as db:
        # As if no news of it came: what is remembered as missing is there.
        await db.execute("set local session_replication_role = replica")
        await db.execute("update templates set language = 'en_GB'")
    answer = await _send(other, "en_GB", dry_run=True)
    assert answer.data["would_send"] is True
    answer = await _send(other, "fr")
    assert (answer.status, answer.details) == (404, {"languages": ["en_GB"]})
    answer = await send(api, "nothing_such")
    assert (answer.status, answer.details) == (404, {})
