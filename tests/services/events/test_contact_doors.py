"""Whatever the door through which a contact comes, changes or goes: it is told, as reading it shows it."""

from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.dispatch.kinds.importing import Importing
from rasl.dispatch.kinds.telling import Telling
from rasl.dispatch.kinds.ungrouping import Ungrouping
from rasl.sealing import Sealer
from rasl.services.contacts import groups
from tests.api.v2.contact_calls import URL, body, create, delete, group, patch
from tests.dispatch.looping import loop_on, run_out
from tests.hearing import hear, heard, types
from tests.ingest import posts
from tests.ingest.posts import Post, text
from tests.services.imports import imported
from tests.serving import Api
from tests.world import World

PHONE, OTHER = "+442079460011", "+442079460012"


@pytest.fixture(autouse=True)
async def contacts_are_heard(database: Database, world: World) -> None:
    await hear(database, world.acme.tenant_id, "contact.*")


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


async def shown(api: Api, contact_id: int) -> dict[str, Any]:
    found: dict[str, Any] = (await api.acme.get(f"{URL}/{contact_id}")).data
    return found


def changes(event: dict[str, Any]) -> tuple[Any, Any, Any]:
    told = event["changes"]
    return told["previous"], told["current"], told["modified_fields"]


async def test_one_that_is_created_is_told_as_reading_shows_it(api: Api, database: Database) -> None:
    readers = await group(api.acme, "Readers")
    attributes = {"tier": "gold", "visits": 7, "is_vip": True}
    answer = await api.acme.post(
        URL, body(api.world.acme, groups=[readers], attributes=attributes, city="Ålesund")
    )
    (event,) = await heard(database)
    resource = event["data"]["resource"]
    assert resource["attributes"] == await shown(api, answer.data["id"])
    assert (resource["type"], resource["id"]) == ("contact", answer.data["id"])
    assert event["data"]["relationships"] == {
        "status": {"id": api.world.acme.status_id, "name": "New"},
        "source": {"id": api.world.acme.source_id, "name": "API"},
        "groups": [{"id": readers, "name": "Readers"}],
    }
    assert changes(event) == (None, resource["attributes"], None)
    assert event["metadata"]["request_id"] == answer.body["meta"]["request_id"]
    assert event["event"]["id"].startswith("evt_")


async def test_a_change_tells_what_was_and_what_is(api: Api, database: Database) -> None:
    made = await create(api, city="Leeds", attributes={"tier": "gold"})
    answer = await patch(api.acme, made["id"], city="York", company=None, attributes={"visits": 2})
    _, event = await heard(database)
    assert event["data"]["resource"]["attributes"] == await shown(api, made["id"])
    assert changes(event) == (
        {"city": "Leeds", "attributes": {"tier": "gold"}},
        {"city": "York", "attributes": {"tier": "gold", "visits": 2}},
        ["city", "attributes"],
    )
    assert event["metadata"]["request_id"] == answer.body["meta"]["request_id"]
    assert (await patch(api.acme, made["id"], city="York")).status == 200
    assert len(await heard(database)) == 2, "what changes nothing is no change"


async def test_putting_creates_and_changes(api: Api, database: Database) -> None:
    for city in ("Leeds", "York", "York"):
        assert (await api.acme.call("PUT", URL, json=body(api.world.acme, city=city))).status < 300
    created, updated = await heard(database)
    assert types([created, updated]) == ["contact.created", "contact.updated"]
    assert updated["changes"]["modified_fields"] == ["city"]


async def test_deleting_tells_what_is_gone(api: Api, database: Database) -> None:
    made = await create(api)
    before = await shown(api, made["id"])
    await delete(api.acme, made["id"])
    _, event = await heard(database)
    assert event["data"]["resource"]["attributes"] == before
    assert changes(event) == (before, {}, None)
    assert event["data"]["relationships"]["source"]["name"] == "API"


async def test_batches_tell_of_each(api: Api, database: Database) -> None:
    rows = [body(api.world.acme, f"+4420794600{number}") for number in range(20, 50)]
    created = (await api.acme.post(f"{URL}/batch", {"contacts": [*rows, rows[0]]})).data["created"]
    ids = [item["id"] for item in created]
    await api.acme.call("DELETE", f"{URL}/batch", json={"ids": ids})
    events = await heard(database)
    assert types(events) == ["contact.created"] * 30 + ["contact.deleted"] * 30
    assert [event["data"]["resource"]["id"] for event in events[:30]] == ids


async def test_a_batch_that_is_undone_tells_nothing(api: Api, database: Database) -> None:
    rows = [body(api.world.acme), body(api.world.acme)]
    wish = {"contacts": rows, "options": {"continue_on_error": False}}
    assert (await api.acme.post(f"{URL}/batch", wish)).status == 422
    assert await heard(database) == []


async def test_moving_in_and_out_of_groups_changes_a_contact(api: Api, database: Database) -> None:
    readers, made = await group(api.acme, "Readers"), await create(api)
    path, order = f"/api/v2/groups/{readers}/contacts", {"contact_ids": [made["id"]]}
    for _ in range(2):
        assert (await api.acme.post(path, order)).status == 200
    for _ in range(2):
        assert (await api.acme.call("DELETE", path, json=order)).status == 200
    _, joined, left = await heard(database)
    assert changes(joined) == ({"group_id": []}, {"group_id": [readers]}, ["group_id"])
    assert joined["data"]["relationships"]["groups"] == [{"id": readers, "name": "Readers"}]
    assert changes(left) == ({"group_id": [readers]}, {"group_id": []}, ["group_id"])


@pytest.mark.parametrize("few", [5_000, 0])
async def test_a_group_that_is_deleted_leaves_its_contacts(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(groups, "FEW_MEMBERS", few)
    readers = await group(api.acme, "Readers")
    await create(api, groups=[readers])
    await create(api, OTHER)
    assert (await api.acme.call("DELETE", f"/api/v2/groups/{readers}")).status == 200
    await run_out(loop_on(database, Ungrouping))
    assert changes((await heard(database))[-1]) == ({"group_id": [readers]}, {"group_id": []}, ["group_id"])
    assert len(await heard(database)) == 3


async def test_an_import_tells_of_every_contact_it_makes(api: Api, database: Database) -> None:
    acme = api.world.acme
    file = imported.csv(
        "phone,firstname,city", [f"{phone},Ada,Leeds" for phone in imported.numbers(0, 1_200)]
    )
    import_id = await imported.accept(database, acme.tenant_id, file)
    await run_out(loop_on(database, Importing))
    await run_out(loop_on(database, Telling))
    events = await heard(database)
    assert types(events) == ["contact.created"] * 1_200
    assert len({event["event"]["id"] for event in events}) == 1_200
    first = events[0]["data"]["resource"]
    assert first["attributes"] == await shown(api, first["id"])
    assert import_id
    assert await bundles(database) == 0


async def test_an_import_that_updates_tells_what_was(api: Api, database: Database) -> None:
    await create(api, city="Leeds")
    await create(api, OTHER, city="York")
    file = imported.csv("phone,city", [f"{phone},York" for phone in (PHONE, OTHER, "+442079460013")])
    await imported.accept(database, api.world.acme.tenant_id, file, on_duplicate="update")
    await run_out(loop_on(database, Importing))
    await run_out(loop_on(database, Telling))
    events = await heard(database)
    assert types(events).count("contact.created") == 3
    (updated,) = [event for event in events if event["event"]["type"] == "contact.updated"]
    assert changes(updated) == ({"city": "Leeds"}, {"city": "York"}, ["city"])
    assert await bundles(database) == 0


async def bundles(database: Database) -> int:
    async with database.connection() as db:
        return int(await db.fetchval("select count(*) from events where key is null"))


async def test_a_dry_run_tells_nothing(api: Api, database: Database) -> None:
    file = imported.csv("phone,city", [f"{PHONE},York"])
    await imported.accept(database, api.world.acme.tenant_id, file, dry_run="true")
    await run_out(loop_on(database, Importing))
    assert await heard(database) == []
    assert await bundles(database) == 0


async def test_sending_to_somebody_new_tells_of_them(api: Api, database: Database) -> None:
    for _ in range(2):
        assert (await api.acme.send(PHONE)).status == 200
    (event,) = await heard(database)
    assert event["event"]["type"] == "contact.created"
    resource = event["data"]["resource"]
    assert resource["attributes"] == await shown(api, resource["id"])


async def test_who_writes_in_is_told_with_what_is_learnt_later(
    api: Api, database: Database, post: Post
) -> None:
    acme = api.world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "a", 1, sender=None, bsuid="US.1")))
    await post.deliver(acme, posts.messages(acme, text("wamid.2", "stop", 2, bsuid="US.1")))
    created, phone, stopped = await heard(database)
    assert types([created, phone, stopped]) == ["contact.created", "contact.updated", "contact.updated"]
    assert changes(phone) == ({"phone": None}, {"phone": "+16505551234"}, ["phone"])
    assert changes(stopped) == ({"is_opted_out": False}, {"is_opted_out": True}, ["is_opted_out"])


async def test_of_twins_one_changes_and_one_goes(api: Api, database: Database, post: Post) -> None:
    acme = api.world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "stop", 2, sender=None, bsuid="US.1")))
    await post.deliver(acme, posts.messages(acme, text("wamid.2", "b", 1)))
    await post.deliver(acme, posts.messages(acme, text("wamid.3", "c", 3, bsuid="US.1")))
    found = {event["event"]["type"]: event for event in (await heard(database))[3:]}
    assert found.keys() == {"contact.updated", "contact.deleted"}
    assert "is_opted_out" in found["contact.updated"]["changes"]["modified_fields"]
    assert found["contact.deleted"]["changes"]["previous"]["phone"] is None


async def test_who_wants_nothing_is_told_nothing(api: Api, database: Database) -> None:
    for patterns in (["message.*"], ["contact.deleted"]):
        await hear(database, api.world.acme.tenant_id, *patterns)
        made = await create(api)
        await patch(api.acme, made["id"], city="York")
        assert await heard(database) == []
        await delete(api.acme, made["id"])
    assert types(await heard(database)) == ["contact.deleted"]


async def test_the_stranger_hears_nothing(api: Api, database: Database) -> None:
    await create(api)
    assert await heard(database, tenant_id=api.world.globex.tenant_id) == []
