"""The audit as an account reads it."""

from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor, Change
from tests.serving import Api
from tests.things import PREFIX

AUDIT = f"{PREFIX}/audit"


async def _fill(api: Api, database: Database) -> None:
    tenant_id = api.world.acme.tenant_id
    changes = [
        Change(
            tenant_id, Actor("operator", name="ada@desk"), "token.created", "token", 7, None, {"name": "a"}
        ),
        Change(tenant_id, Actor("token", api.world.acme.token_id), "token.renamed", "token", 8),
        Change(tenant_id, Actor("admin_token", 3, "billing"), "plan.assigned", "tenant", tenant_id),
    ]
    for change in changes:
        async with database.transaction() as db:
            await audit.record(db, change)


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("", ["plan.assigned", "token.renamed", "token.created"]),
        ("sort=created_at", ["token.created", "token.renamed", "plan.assigned"]),
        ("filter[action]=token.created", ["token.created"]),
        ("filter[subject]=token", ["token.renamed", "token.created"]),
        ("filter[subject_id]=8", ["token.renamed"]),
        ("filter[actor]=ada@desk", ["token.created"]),
        ("filter[actor_type][in]=token,admin_token", ["plan.assigned", "token.renamed"]),
        ("filter[actor_id]=3", ["plan.assigned"]),
        ("filter[created_at][gt]=2000-01-01&search=token", ["token.renamed", "token.created"]),
        ("filter[created_at][lt]=2000-01-01", []),
    ],
)
async def test_it_is_a_list_like_any_other(
    api: Api, database: Database, query: str, actions: list[str]
) -> None:
    await _fill(api, database)
    answer = await api.acme.get(f"{AUDIT}?{query}")
    assert [entry["action"] for entry in answer.data] == actions


async def test_an_entry_says_who_from_where_and_in_which_request(api: Api) -> None:
    changed = await api.acme.call("PATCH", f"{PREFIX}/settings", json={"default_country": "GB"})
    [entry] = (await api.acme.get(AUDIT)).data
    created_at: Any = entry.pop("created_at")
    assert created_at.endswith("+00:00")
    assert entry.pop("id") > 0
    assert entry == {
        "action": "settings.changed",
        "subject": "settings",
        "subject_id": str(api.world.acme.tenant_id),
        "actor": "test",
        "actor_type": "token",
        "actor_id": api.world.acme.token_id,
        "ip_address": "127.0.0.1",
        "request_id": changed.body["meta"]["request_id"],
        "before": {"default_country": None},
        "after": {"default_country": "GB"},
    }


async def test_wrong_queries_are_named(api: Api) -> None:
    answer = await api.acme.get(f"{AUDIT}?sort=action&filter[created_at]=soon")
    assert answer.status == 422
    assert list(answer.details) == ["filter[created_at]"]
    assert answer.body["meta"]["ignored"] == [{"field": "sort=action"}]
