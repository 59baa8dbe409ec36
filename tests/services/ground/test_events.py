"""Events: kept in the transaction that causes them, each thing once."""

import pytest

from rasl.db.pool import Database
from rasl.domain.events import Event
from rasl.services.ground import events
from tests.api.v2.codes import rows
from tests.world import World

pytestmark = pytest.mark.usefixtures("hearing_of_codes")


def _event(type_: str, once: str | None = None) -> Event:
    return Event(type=type_, id="a", attributes={"otp_id": "a"}, once=once)


async def test_an_event_is_there_when_its_transaction_is(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id

    async def fail_after_recording() -> None:
        async with database.transaction() as db:
            await events.record(db, tenant_id, _event("otp.sent"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_recording()
    assert await rows(database, "select from events") == []
    async with database.transaction() as db:
        await events.record(db, tenant_id, _event("otp.sent"))
    (row,) = await rows(database, "select * from events")
    assert (row["tenant_id"], row["type"]) == (tenant_id, "otp.sent")
    assert row["payload"] == {"id": "a", "attributes": {"otp_id": "a"}}


async def test_what_happens_once_is_told_once_per_tenant_and_type(database: Database, world: World) -> None:
    for tenant_id in (world.acme.tenant_id, world.globex.tenant_id):
        for type_ in ("otp.sent", "otp.failed", "otp.sent"):
            async with database.transaction() as db:
                await events.record(db, tenant_id, _event(type_, once="a"))
    assert len(await rows(database, "select from events")) == 4


async def test_what_may_happen_again_is_told_again(database: Database, world: World) -> None:
    for _ in range(2):
        async with database.transaction() as db:
            await events.record(db, world.acme.tenant_id, _event("otp.sent"))
    assert len(await rows(database, "select from events")) == 2


async def test_a_type_that_is_not_in_the_catalogue_is_a_mistake(database: Database, world: World) -> None:
    async with database.transaction() as db:
        with pytest.raises(ValueError, match="catalogue"):
            await events.record(db, world.acme.tenant_id, _event("otp.unheard_of"))
