"""The audit: kept by the transaction that makes the change, for good, and without secrets."""

import datetime as dt
from typing import Any

import asyncpg
import pytest

from rasl import ids
from rasl.db import audit as audit_rows
from rasl.db.pool import Database
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor, Change
from tests.api.v2.codes import rows
from tests.world import World

OPERATOR = Actor("operator", name="ada@desk")


def _change(tenant_id: int, **values: Any) -> Change:
    return Change(
        **{"tenant_id": tenant_id, "actor": OPERATOR, "action": "note.changed", "subject": "note", **values}
    )


async def test_a_change_is_kept_when_its_transaction_is(database: Database, world: World) -> None:
    async def fail_after_recording() -> None:
        async with database.transaction() as db:
            await audit.record(db, _change(world.acme.tenant_id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_recording()
    assert await rows(database, "select from audit_log") == []
    async with database.transaction() as db:
        changed = _change(
            world.acme.tenant_id, subject_id=7, before={"name": "a"}, after={"at": dt.date(2026, 1, 2)}
        )
        await audit.record(db, changed)
    (row,) = await rows(database, "select * from audit_log")
    assert row["tenant_id"] == world.acme.tenant_id
    assert (row["action"], row["subject"], row["subject_id"]) == ("note.changed", "note", "7")
    assert (row["before"], row["after"]) == ({"name": "a"}, {"at": "2026-01-02"})
    assert (row["actor_type"], row["actor_id"], row["actor"]) == ("operator", None, "ada@desk")


async def test_a_token_is_kept_by_its_name_of_the_moment(database: Database, world: World) -> None:
    acme = world.acme
    for tenant_id in (acme.tenant_id, world.globex.tenant_id):
        async with database.transaction() as db:
            await audit.record(db, _change(tenant_id, actor=Actor("token", acme.token_id, ip_address="::1")))
    found = await rows(database, "select actor, actor_id, ip_address from audit_log order by id")
    assert [tuple(row.values()) for row in found] == [
        ("test", acme.token_id, "::1"),
        ("token", acme.token_id, "::1"),  # no token of theirs: its name is none of their business
    ]


async def test_secrets_are_hidden_however_deep_they_lie(database: Database, world: World) -> None:
    token = ids.mint_token()
    after = {
        "access_token": "EAAsecret",
        "verify_token": None,
        "numbers": [{"app_secret": "hush", "note": token}],
    }
    async with database.transaction() as db:
        await audit.record(db, _change(world.acme.tenant_id, after=after))
    (row,) = await rows(database, "select after, audit_log::text as text from audit_log")
    assert row["after"] == {
        "access_token": audit.HIDDEN,
        "verify_token": None,
        "numbers": [{"app_secret": audit.HIDDEN, "note": audit.HIDDEN}],
    }
    assert not any(secret in row["text"] for secret in ("EAAsecret", "hush", token))


@pytest.mark.parametrize(
    "statement",
    ["update audit_log set actor = 'nobody'", "delete from audit_log", "truncate audit_log"],
)
async def test_nobody_rewrites_it(database: Database, world: World, statement: str) -> None:
    async with database.transaction() as db:
        await audit.record(db, _change(world.acme.tenant_id))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await rows(database, statement)
    assert len(await rows(database, "select from audit_log")) == 1


async def test_the_right_to_drop_ends_with_its_transaction(database: Database, world: World) -> None:
    for _ in range(2):
        async with database.transaction() as db:
            await audit.record(db, _change(world.acme.tenant_id))
    async with database.connection() as db:
        async with db.transaction():
            await audit_rows.allow_dropping(db)
            await db.execute("delete from audit_log where id = (select min(id) from audit_log)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute("delete from audit_log")
    assert len(await rows(database, "select from audit_log")) == 1


def test_a_difference_names_what_differs_alone() -> None:
    before, after = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "c": 6}
    assert audit.difference(before, after, ("a", "b")) == ({"b": 2}, {"b": 5})
