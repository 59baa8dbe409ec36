"""Templates through the door: lists, one template, fetching them from the simulated account."""

import asyncio
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.templated import BODY, ORDER, have, register, template
from tests.serving import Api

PATH = "/api/v2/templates"
SYNC = f"{PATH}/sync"


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    async with database.connection() as db:
        return list(await db.fetch(sql, *values))


async def many(api: Api, count: int) -> None:
    order = {
        "waba_id": api.world.acme.waba_id,
        "templates": [template("promo", {"type": "BODY", "text": "Hello there, all of you"})],
        "count": count,
    }
    answer = await api.simulator.post("/_control/templates", order)
    assert answer.status == 200, answer.body


async def test_syncing_counts_what_is_new_changed_and_gone(api: Api) -> None:
    first = await have(api, template("a", BODY), template("b", BODY), template("c", BODY))
    assert first.body["message"] == "Templates synced successfully"
    assert first.data == {
        "synced": 3,
        "created": 3,
        "updated": 0,
        "deleted": 0,
        "synced_at": first.data["synced_at"],
        "synced_count": 3,
        "templates": (await api.acme.get(PATH)).data,
        "templates_has_more": False,
    }
    assert [item["template_name"] for item in first.data["templates"]] == ["a", "b", "c"]
    await register(api, {**template("a", BODY), "status": "PAUSED"}, template("d", BODY))
    await api.simulator.post(
        "/_control/template",
        {
            "waba_id": api.world.acme.waba_id,
            "name": "b",
            "language": "en_GB",
            "action": "delete",
            "webhook": False,
        },
    )
    second = (await api.acme.post(SYNC)).data
    assert {key: second[key] for key in ("synced", "created", "updated", "deleted")} == {
        "synced": 3,
        "created": 1,
        "updated": 1,
        "deleted": 1,
    }
    third = (await api.acme.post(SYNC)).data
    assert (third["created"], third["updated"], third["deleted"]) == (0, 0, 0)


async def test_rejected_templates_stay_with_their_reason(api: Api) -> None:
    await have(api, {**ORDER, "status": "REJECTED", "rejected_reason": "ABUSIVE_CONTENT"})
    [item] = (await api.acme.get(PATH)).data
    assert (item["status"], item["rejected_reason"]) == ("REJECTED", "ABUSIVE_CONTENT")


async def test_three_thousand_templates_are_read_page_by_page(api: Api, database: Database) -> None:
    await many(api, 3000)
    answer = await api.acme.post(SYNC)
    assert (answer.data["synced"], answer.data["created"], answer.data["synced_count"]) == (3000, 3000, 3000)
    shown = answer.data["templates"]
    assert (len(shown), answer.data["templates_has_more"]) == (250, True)
    assert shown[:100] == (await api.acme.get(f"{PATH}?per_page=100")).data
    assert shown[200:] == (await api.acme.get(f"{PATH}?per_page=50&page=5")).data
    [row] = await rows(database, "select count(*) as n, count(distinct template_id) as ids from templates")
    assert (row["n"], row["ids"]) == (3000, 3000)


async def test_syncing_twice_at_once_counts_each_template_once(api: Api, database: Database) -> None:
    await many(api, 600)
    answers = await asyncio.gather(*(api.acme.post(SYNC) for _ in range(3)))
    assert [answer.status for answer in answers] == [200] * 3
    assert [answer.data["synced"] for answer in answers] == [600] * 3
    assert sum(answer.data["created"] for answer in answers) == 600
    assert {answer.data["deleted"] for answer in answers} == {0}
    [row] = await rows(database, "select count(*) as n from templates")
    assert row["n"] == 600


async def test_a_walk_that_breaks_off_removes_nothing(api: Api, database: Database) -> None:
    await have(api, *(template(f"t{n}", BODY) for n in range(3)))
    await many(api, 300)
    fault = {"match": {"endpoint": "message_templates"}, "effect": {"kind": "error", "code": 190}}
    # The second page fails.
    await api.simulator.post("/_control/faults", fault | {"when": {"every": 2}})
    answer = await api.acme.post(SYNC)
    assert (answer.status, answer.code) == (502, "WHATSAPP_REQUEST_FAILED")
    assert len(await rows(database, "select from templates")) >= 3


async def test_a_cursor_that_meta_forgot_starts_the_walk_again(api: Api, database: Database) -> None:
    await many(api, 150)
    fault = {"match": {"endpoint": "message_templates"}, "effect": {"kind": "error", "code": 131059}}
    await api.simulator.post("/_control/faults", fault | {"when": {"every": 3}})
    acme = api.world.acme
    # One read of our own, so that the third one is the second page of the walk.
    await api.simulator.get(f"/v24.0/{acme.waba_id}/message_templates?access_token={acme.access_token}")
    answer = await api.acme.post(SYNC)
    assert (answer.status, answer.data["synced"]) == (200, 150)
    assert len(await rows(database, "select from templates")) == 150


async def test_a_passing_trouble_of_meta_is_waited_out(api: Api) -> None:
    await register(api, ORDER)
    fault = {"match": {"endpoint": "message_templates"}, "effect": "html_502"}
    await api.simulator.post("/_control/faults", fault | {"when": {"next": 1}})
    assert (await api.acme.post(SYNC)).data["synced"] == 1


async def test_without_a_connected_number_nothing_can_be_synced(api: Api, database: Database) -> None:
    await rows(database, "delete from whatsapp_numbers where tenant_id = $1", api.world.acme.tenant_id)
    answer = await api.acme.post(SYNC)
    assert (answer.status, answer.code) == (422, "WHATSAPP_NOT_CONFIGURED")


async def test_a_definition_keeps_its_version_until_it_changes(api: Api, database: Database) -> None:
    await have(api, ORDER)
    await api.acme.post(SYNC)
    assert len(await rows(database, "select from template_versions")) == 1
    changed = {**ORDER, "components": [{"type": "BODY", "text": "Hello {{1}}, order {{2}} is on its way"}]}
    await have(api, changed)
    await have(api, ORDER)
    versions = await rows(database, "select id from template_versions order by id")
    [row] = await rows(database, "select version_id from templates")
    assert (len(versions), row["version_id"]) == (2, versions[0]["id"])


async def test_a_new_address_of_an_example_file_makes_no_new_version(api: Api, database: Database) -> None:
    for url in ("https://cdn.test/a?x=1", "https://cdn.test/a?x=2"):
        header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": [url]}}
        last = await have(api, template("picture", header, BODY))
    assert last.data["updated"] == 0
    assert len(await rows(database, "select from template_versions")) == 1
    [item] = (await api.acme.get(PATH)).data
    assert item["header_file_url"] == "https://cdn.test/a?x=2"


async def test_a_template_has_every_field_of_the_contract(api: Api) -> None:
    header = {
        "type": "HEADER",
        "format": "TEXT",
        "text": "Order {{1}}",
        "example": {"header_text": ["7"]},
    }
    body = {**BODY, "example": {"body_text": [["Ana", "7"]]}}
    buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thanks"}]}
    await have(api, template("order", header, body, {"type": "FOOTER", "text": "Bye"}, buttons))
    [item] = (await api.acme.get(PATH)).data
    answer = await api.acme.get(f"{PATH}/{item['template_id']}")
    assert answer.data == item
    expected = {
        "template_name": "order",
        "name": "order",
        "header_data_format": "TEXT",
        "header_data_text": "Order {{1}}",
        "header_params_count": 1,
        "body_data": "Hi {{1}}, order {{2}} is on its way",
        "body_params_count": 2,
        "footer_data": "Bye",
        "footer_params_count": 0,
        "buttons_data": '[{"text":"Thanks","type":"QUICK_REPLY"}]',
        "otp_button_config": None,
    }
    assert {key: item[key] for key in expected} == expected
    assert (await api.acme.get(f"{PATH}/{item['id']}")).data == item


async def test_metas_id_comes_before_ours(api: Api) -> None:
    await have(api, template("a", BODY))
    [first] = (await api.acme.get(PATH)).data
    await have(api, {**template("b", BODY), "id": str(first["id"])})
    assert (await api.acme.get(f"{PATH}/{first['id']}")).data["template_name"] == "b"


@pytest.mark.parametrize("name", ["999999", "abc", "-1", "%00", "9" * 40])
async def test_what_is_not_there_is_not_found(api: Api, name: str) -> None:
    answer = await api.acme.get(f"{PATH}/{name}")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_another_tenants_template_is_missing(api: Api) -> None:
    await have(api, ORDER)
    [item] = (await api.acme.get(PATH)).data
    for name in (item["id"], item["template_id"]):
        assert (await api.globex.get(f"{PATH}/{name}")).status == 404
        assert (await api.globex.call("DELETE", f"{PATH}/{name}")).status == 404
    assert (await api.globex.get(PATH)).data == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["alpha", "beta", "gamma"]),
        ("?sort=-template_name", ["gamma", "beta", "alpha"]),
        ("?filter[status]=PAUSED", ["beta"]),
        ("?filter[category]=MARKETING", ["gamma"]),
        ("?filter[language][ne]=en_GB", ["gamma"]),
        ("?filter[template_name][like]=et", ["beta"]),
        ("?search=market", ["gamma"]),
        ("?q=ALP", ["alpha"]),
        ("?sort=status", ["alpha", "beta", "gamma"]),
    ],
)
async def test_lists_are_filtered_sorted_and_searched(api: Api, query: str, names: list[str]) -> None:
    await have(
        api,
        template("alpha", BODY),
        template("beta", BODY, status="PAUSED"),
        {**template("gamma", BODY, category="MARKETING"), "language": "de"},
    )
    assert [item["template_name"] for item in (await api.acme.get(PATH + query)).data] == names


async def test_a_list_is_walked_by_cursor_with_chosen_fields(api: Api) -> None:
    await have(api, *(template(f"t{n}", BODY) for n in range(5)))
    names, cursor = [], ""
    while True:
        page = await api.acme.get(f"{PATH}?per_page=2&fields=template_name&cursor={cursor}")
        names += [item["template_name"] for item in page.data]
        assert set(page.data[0]) == {"id", "template_name"}
        cursor = page.body["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert names == [f"t{n}" for n in range(5)]


async def test_checking_a_template_names_what_meta_would_refuse(api: Api) -> None:
    wrong = {
        "name": "Bad Name",
        "language": "en_GB",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "{{1}} hello"}],
    }
    answer = await api.acme.post(f"{PATH}/lint", wrong)
    assert (answer.status, answer.data["is_valid"]) == (200, False)
    assert set(answer.data["problems"]) == {
        "name",
        "components.0.text",
        "components.0.example.body_text",
    }


NEW: dict[str, Any] = {
    "name": "parcel_ready",
    "language": "en_GB",
    "category": "UTILITY",
    "components": [
        {
            "type": "BODY",
            "text": "Hi {{1}}, your parcel is ready for you now.",
            "example": {"body_text": [["Priya"]]},
        }
    ],
}


async def test_a_template_is_submitted_and_kept(api: Api) -> None:
    answer = await api.acme.post(PATH, NEW)
    assert (answer.status, answer.data["status"], answer.data["template_name"]) == (
        201,
        "PENDING",
        "parcel_ready",
    )
    assert [item["id"] for item in (await api.acme.get(PATH)).data] == [answer.data["id"]]
    again = await api.acme.post(PATH, NEW)
    assert (again.status, again.code) == (502, "WHATSAPP_REQUEST_FAILED")


async def test_a_wrong_template_is_not_submitted(api: Api) -> None:
    answer = await api.acme.post(PATH, {**NEW, "name": "Parcel"})
    assert (answer.status, list(answer.details)) == (422, ["name"])
    assert (await api.acme.get(PATH)).data == []


async def test_a_template_is_changed_and_deleted_at_meta_and_here(api: Api) -> None:
    await have(api, {**NEW, "status": "REJECTED"})
    [item] = (await api.acme.get(PATH)).data
    body = [{"type": "BODY", "text": "Your parcel is ready for you now."}]
    changed = await api.acme.call("PATCH", f"{PATH}/{item['template_id']}", json={"components": body})
    assert (changed.status, changed.data["body_data"]) == (200, "Your parcel is ready for you now.")
    assert changed.data["version_id"] != item["version_id"]
    deleted = await api.acme.call("DELETE", f"{PATH}/{item['template_id']}")
    assert (deleted.status, deleted.data) == (200, None)
    assert (await api.acme.get(PATH)).data == []
    assert (await api.acme.post(SYNC)).data["synced"] == 0


async def test_a_pending_template_cannot_be_changed(api: Api) -> None:
    await have(api, {**NEW, "status": "PENDING"})
    [item] = (await api.acme.get(PATH)).data
    answer = await api.acme.call(
        "PATCH", f"{PATH}/{item['template_id']}", json={"message_send_ttl_seconds": 60}
    )
    assert (answer.status, list(answer.details)) == (422, ["status"])


async def test_a_preview_shows_values_in_place_and_escapes_them(api: Api) -> None:
    await have(api, ORDER)
    [item] = (await api.acme.get(PATH)).data
    path = f"{PATH}/{item['template_id']}/preview"
    shown = (await api.acme.post(path, {"values": {"field_1": "<b>Ana</b>"}})).data
    assert shown["body"] == "Hi <b>Ana</b>, order {{2}} is on its way"
    assert shown["html"] == "<p>Hi &lt;b&gt;Ana&lt;/b&gt;, order {{2}} is on its way</p>"
    assert shown["missing"] == ["field_2"]
