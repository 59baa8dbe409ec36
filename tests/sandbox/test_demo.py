"""The demo tenants, in a database that is new, and in one where somebody works in earnest."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from rasl.db.pool import Database
from rasl.sandbox.demo import ACME, Demo, Kept, furnish
from rasl.services.ground.audit import Actor
from rasl.services.operators import tenants
from rasl.start.database import Prepared
from rasl.start.errors import StartError
from tests.conftest import cloned
from tests.serving import settings_for
from tests.world import SECRET_KEY

NOTHING = Kept({}, {})


@pytest.fixture
async def new_dsn(template_dsn: str) -> AsyncIterator[str]:
    """A database whose ids begin at 1."""
    async with cloned(template_dsn, "sandbox") as dsn:
        yield dsn


async def furnished(dsn: str, kept: Kept = NOTHING) -> Demo:
    settings = dataclasses.replace(settings_for("http://127.0.0.1:1"), secret_key=SECRET_KEY)
    return await asyncio.to_thread(furnish, Prepared(settings, dsn), kept)


async def test_ids_begin_where_the_documentation_has_them_and_stay(new_dsn: str) -> None:
    first = await furnished(new_dsn)
    database = Database(new_dsn, 1)
    await database.open()
    try:
        async with database.connection() as db:
            assert await db.fetchval("select name from sources where id = 5") == "Shop"
            assert await db.fetchval("select name from contact_statuses where id = 2") == "In progress"
            assert await db.fetchval("select name from contact_groups where id = 3") == "Newsletter"
            counted = "select (select count(*) from sources) + (select count(*) from contact_groups)"
            labels = await db.fetchval(counted)
            assert await db.fetchval("select nextval(pg_get_serial_sequence('contacts', 'id'))") == 812
            again = await furnished(new_dsn)
            assert [member.tenant_id for member in again.members] == [
                item.tenant_id for item in first.members
            ]
            assert await db.fetchval(counted) == labels
            # Numbering has begun: it does not begin anew.
            assert await db.fetchval("select nextval(pg_get_serial_sequence('contacts', 'id'))") == 813
    finally:
        await database.close()


@pytest.mark.parametrize("subdomain", ["harbour", ACME.subdomain])
async def test_demo_data_never_get_beside_tenants_who_work_in_earnest(
    database: Database, dsn: str, subdomain: str
) -> None:
    await tenants.create_tenant(database, "Harbour Books", subdomain, "free", Actor.system("test"))
    with pytest.raises(StartError, match=f"The tenant '{subdomain}' of this database is not the sandbox's"):
        await furnished(dsn)
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from tenants") == 1
        assert await db.fetchval("select count(*) from whatsapp_numbers") == 0
        assert await db.fetchval("select count(*) from contact_groups") == 0


async def test_a_sandbox_with_tenants_of_ones_own_starts_again(database: Database, dsn: str) -> None:
    await furnished(dsn)
    await tenants.create_tenant(database, "Harbour Books", "harbour", "free", Actor.system("test"))
    assert len((await furnished(dsn)).members) == 2
