"""What a billing system asks for: the same again, something else, too much, too little, and all at once."""

import asyncio
import csv
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.media_store.opening import open_store
from rasl.services.operators import deleting
from tests.api.admin.conftest import PREFIX
from tests.api.v2.codes import rows
from tests.serving import Answer, Api, Client

TENANTS, PLANS, TOKENS, NUMBERS = (f"{PREFIX}/{noun}" for noun in ("tenants", "plans", "tokens", "numbers"))
BY_COUNT = "select count(*) as entries from audit_log"


async def patched(admin: Client, path: str, body: dict[str, Any]) -> Answer:
    return await admin.call("PATCH", path, json=body)


async def put(admin: Client, path: str, body: dict[str, Any]) -> Answer:
    return await admin.call("PUT", path, json=body)


async def test_a_tenant_is_created_once_however_often_it_is_asked_for(
    admin: Client, database: Database
) -> None:
    wish = {
        "subdomain": "harbour",
        "name": "Harbour",
        "plan": "free",
        "time_zone": "europe/london",
        "default_country": "gb",
        "limit_overrides": {"contacts": 7},
        "subscription_ends_at": "2036-12-31",
    }
    first = await admin.post(TENANTS, wish)
    assert (first.status, first.data["time_zone"], first.data["limits"]["contacts"]) == (
        201,
        "Europe/London",
        7,
    )
    assert first.data["subscription_ends_at"] == "2036-12-31T00:00:00+00:00"
    assert first.data["default_source_id"]
    entries = await rows(database, BY_COUNT)
    again = await admin.post(TENANTS, wish)
    assert (again.status, again.data) == (200, first.data)
    assert (await put(admin, f"{TENANTS}/harbour", {"name": "Harbour", "plan": "free"})).data == first.data
    taken = await admin.post(TENANTS, {"subdomain": "harbour", "name": "Others", "language": "de"})
    assert (taken.status, taken.code) == (409, "RESOURCE_CONFLICT")
    assert taken.details == {"differs": ["name", "language"]}
    assert (await admin.get(f"{TENANTS}/harbour")).data == first.data
    assert await rows(database, BY_COUNT) == entries


async def test_of_many_who_want_one_subdomain_at_once_one_gets_it(admin: Client, database: Database) -> None:
    names = [f"Customer {number % 2}" for number in range(12)]
    answers = await asyncio.gather(
        *(admin.post(TENANTS, {"subdomain": "wanted", "name": name}) for name in names)
    )
    (winner,) = (name for name, it in zip(names, answers, strict=True) if it.status == 201)
    for name, answer in zip(names, answers, strict=True):
        assert answer.status in ({200, 201} if name == winner else {409})
    kept = await rows(database, "select action from audit_log where subject = 'tenant'")
    assert [row["action"] for row in kept] == ["tenant.created"]


async def test_put_makes_it_so_and_leaves_the_rest(admin: Client) -> None:
    path = f"{TENANTS}/moored"
    made = await put(admin, path, {"name": "Moored", "stop_words": ["enough"]})
    assert (made.status, made.data["plan"]) == (201, "unlimited")
    changed = await put(
        admin, path, {"name": "Moored Ltd", "plan": "free", "subscription_status": "cancelled"}
    )
    assert (changed.status, changed.data["name"], changed.data["plan"]) == (200, "Moored Ltd", "free")
    assert (changed.data["stop_words"], changed.data["subscription_status"]) == (["enough"], "cancelled")
    cleared = await patched(admin, path, {"subscription_status": None, "stop_words": None})
    assert cleared.data["subscription_status"] is None
    assert "stop" in cleared.data["stop_words"]
    assert (await put(admin, f"{TENANTS}/No", {"name": "x"})).details.keys() == {"subdomain"}


async def test_limits_and_budgets_of_its_own_are_joined_and_taken_back(admin: Client) -> None:
    path = f"{TENANTS}/acme"
    await patched(
        admin, path, {"limit_overrides": {"contacts": 5, "staff": 2}, "otp_budgets": {"phone_per_day": 3}}
    )
    found = (
        await patched(admin, path, {"limit_overrides": {"staff": None, "api_calls_per_minute": 100}})
    ).data
    assert found["limit_overrides"] == {"contacts": 5, "api_calls_per_minute": 100}
    assert (found["limits"]["contacts"], found["limits"]["staff"]) == (5, -1)
    assert found["otp_budgets"] == {"phone_per_day": 3}
    found = (
        await patched(admin, path, {"limit_overrides": None, "otp_budgets": {"phone_per_day": None}})
    ).data
    assert (found["limit_overrides"], found["otp_budgets"], found["limits"]["contacts"]) == ({}, {}, -1)


async def test_a_limit_below_what_is_in_use_is_allowed_and_said(api: Api, admin: Client) -> None:
    for number in range(3):
        await api.acme.send(f"+44207946004{number}")
    answer = await patched(admin, f"{TENANTS}/acme", {"limit_overrides": {"contacts": 2}})
    above = [{"tenant": "acme", "limit": "contacts", "current": 3, "maximum": 2}]
    assert (answer.status, answer.data["exceeded"], answer.data["usage"]["contacts"]) == (200, above, 3)
    await patched(admin, f"{TENANTS}/acme", {"limit_overrides": None, "plan": "free"})
    plan = await patched(admin, f"{PLANS}/free", {"limits": {"contacts": 1}})
    assert plan.data["exceeded"] == [{"tenant": "acme", "limit": "contacts", "current": 3, "maximum": 1}]
    assert (await api.acme.send("+442079460049")).code == "FEATURE_LIMIT_EXCEEDED"


async def test_all_that_is_wrong_is_named_at_once_and_nothing_is_changed(
    admin: Client, database: Database
) -> None:
    entries = await rows(database, BY_COUNT)
    wrong = {
        "name": "x" * 201,
        "plan": "nope",
        "time_zone": "Europe/Lndon",
        "default_country": "XX",
        "subscription_status": "soon",
        "subscription_ends_at": "tomorrow",
        "limit_overrides": {"contacts": -2, "api_calls_per_minute": 0, "staff": 3},
        "otp_max_attempts": 21,
        "retention_days": {"messages": 1},
    }
    fields = {*wrong} - {"limit_overrides", "retention_days"}
    fields |= {"limit_overrides.contacts", "limit_overrides.api_calls_per_minute", "retention_days.messages"}
    for answer in (
        await patched(admin, f"{TENANTS}/acme", wrong),
        await put(admin, f"{TENANTS}/fresh", wrong),
        await admin.post(TENANTS, {**wrong, "subdomain": "fresh"}),
    ):
        assert (answer.status, answer.code, {*answer.details}) == (422, "VALIDATION_ERROR", fields)
        assert "choose of free, unlimited" in answer.details["plan"][0]
        assert "Europe/London" in answer.details["time_zone"][0]
    late = await admin.post(TENANTS, {"subdomain": "fresh", "name": "x", "plan": "nope", "time_zone": "Mars"})
    assert {*late.details} == {"plan", "time_zone"}
    short = await admin.post(TENANTS, {"subdomain": "-a"})
    assert {*short.details} == {"subdomain", "name"}
    assert (await admin.get(f"{TENANTS}/fresh")).status == 404
    assert await rows(database, BY_COUNT) == entries


async def test_suspending_twice_is_as_good_as_once(api: Api, admin: Client, database: Database) -> None:
    for _ in range(2):
        answer = await admin.post(f"{TENANTS}/acme/suspend")
        assert (answer.status, answer.data["status"]) == (200, "suspended")
    assert (await api.acme.get("/api/v2/account")).code == "ACCOUNT_SUSPENDED"
    for _ in range(2):
        assert (await admin.post(f"{TENANTS}/acme/resume")).data["status"] == "active"
    kept = await rows(database, "select action from audit_log where subject = 'tenant' order by id")
    assert [row["action"] for row in kept] == ["tenant.suspended", "tenant.resumed"]
    seen = (await api.acme.get("/api/v2/audit?filter[subject]=tenant")).data
    assert {(entry["actor"], entry["actor_type"]) for entry in seen} == {("billing", "admin_token")}


async def test_plans_are_created_changed_and_deleted_when_nobody_has_them(admin: Client) -> None:
    wish = {"name": "gold", "limits": {"contacts": 500, "campaigns": None}, "features": {"chatbot": False}}
    first = await admin.post(PLANS, wish)
    assert (first.status, first.data["title"], first.data["limits"]["campaigns"]) == (201, "Gold", None)
    assert (await admin.post(PLANS, wish)).data == first.data
    taken = await admin.post(
        PLANS, {"name": "gold", "limits": {"contacts": 5}, "features": {"chatbot": True}}
    )
    assert (taken.code, taken.details) == ("RESOURCE_CONFLICT", {"differs": ["limits.contacts", "chatbot"]})
    wrong = {
        "name": "-",
        "title": "\n",
        "limits": {"contacts": None, "api_calls_per_minute": 0, "staff": "x"},
    }
    fields = {f"limits.{name}" for name in ("contacts", "api_calls_per_minute", "staff")}
    assert {*(await admin.post(PLANS, wrong)).details} >= {"name"} | fields
    await patched(admin, f"{TENANTS}/acme", {"plan": "gold"})
    used = await admin.call("DELETE", f"{PLANS}/gold")
    assert (used.status, used.body["error"]["message"]) == (409, "The plan 'gold' is in use (tenants: 1)")
    await patched(admin, f"{TENANTS}/acme", {"plan": "free"})
    assert (await admin.call("DELETE", f"{PLANS}/gold")).status == 200
    assert (await admin.get(f"{PLANS}/gold")).status == 404
    noted = (await admin.get(f"{PREFIX}/audit?filter[subject]=plan")).data
    assert [entry["action"] for entry in noted] == ["plan.deleted", "plan.created"]


async def test_a_token_is_made_once_and_what_is_wrong_with_one_is_named(
    api: Api, admin: Client, database: Database
) -> None:
    wish = {"tenant": "acme", "name": "Web shop", "scopes": ["messages:send", "account:read"]}
    answers = await asyncio.gather(*(admin.post(TOKENS, wish) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    (made,) = (answer.data for answer in answers if answer.status == 201)
    assert all("token" not in answer.data for answer in answers if answer.status == 200)
    client = Client(api.acme.session, api.base_url, {"authorization": f"Bearer {made['token']}"})
    assert (await client.get("/api/v2/account")).status == 200
    other = await admin.post(TOKENS, wish | {"rate_limit_per_minute": 5})
    assert (other.status, other.details) == (409, {"token_id": made["id"]})
    rotated = await admin.post(f"{TOKENS}/{made['id']}/rotate", {"overlap_minutes": 0})
    assert (rotated.status, rotated.data["tenant"]) == (201, "acme")
    wrong = {
        "tenant": "acne",
        "scopes": ["messages:sed"],
        "expires_at": "2020-01-01",
        "allowed_cidrs": ["fe80::1%e"],
    }
    refused = await admin.post(TOKENS, wrong)
    assert {*refused.details} == {"tenant", "name", "scopes", "expires_at", "allowed_cidrs.0"}
    late = await admin.post(TOKENS, wish | {"name": "y", "expires_at": "2020-01-01"})
    assert {*late.details} == {"expires_at"}
    listed = (await admin.get(f"{TOKENS}?filter[tenant]=acme&filter[name]=Web shop&sort=created_at")).data
    assert [item["id"] for item in listed] == [made["id"], rotated.data["id"]]
    assert {item["tenant"] for item in (await admin.get(TOKENS)).data} == {"acme", "globex"}
    texts = await rows(database, "select audit_log::text as text from audit_log")
    assert not any(made["token"] in row["text"] for row in texts)


async def test_a_number_that_meta_refuses_is_not_stored(api: Api, admin: Client, database: Database) -> None:
    person = api.world.acme
    wish = {
        "tenant": "acme",
        "waba_id": person.waba_id,
        "phone_number_id": person.phone_number_id,
        "access_token": person.access_token,
        "app_secret": person.app_secret,
        "verify_token": person.verify_token,
    }
    entries = await rows(database, BY_COUNT)
    refused = await admin.post(NUMBERS, wish | {"access_token": "EAAnobodys0123456789"})
    assert (refused.status, refused.code) == (422, "VALIDATION_ERROR")
    assert "Meta refuses the access token" in refused.details["access_token"][0]
    assert "System users" in refused.details["access_token"][0]
    stranger = await admin.post(NUMBERS, wish | {"tenant": "globex"})
    assert "another account" in stranger.details["phone_number_id"][0]
    assert {*(await admin.post(NUMBERS, wish | {"tenant": "acne"})).details} == {"tenant"}
    assert await rows(database, BY_COUNT) == entries
    for _ in range(2):
        made = await admin.post(NUMBERS, wish)
        assert (made.status, made.data["tenant"], made.data["state"]) == (201, "acme", "connected")
    assert [item["tenant"] for item in (await admin.get(f"{NUMBERS}?filter[tenant]=acme")).data] == ["acme"]
    for _ in range(2):
        assert (await admin.call("DELETE", f"{NUMBERS}/{person.phone_number_id}")).status == 200
    assert (await admin.get(f"{NUMBERS}/{person.phone_number_id}")).data["state"] == "disconnected"


async def test_usage_is_told_as_data_and_as_a_file(api: Api, admin: Client) -> None:
    await api.acme.send("+442079460041")
    told = {line["subdomain"]: line for line in (await admin.get(f"{PREFIX}/usage")).data}
    assert (told["acme"]["contacts"], told["globex"]["contacts"]) == (1, 0)
    answer = await admin.get(f"{PREFIX}/usage.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.body)))
    assert [
        {k: str(v if v is not None else "") for k, v in told[it["subdomain"]].items()} for it in lines
    ] == lines
    past = (await admin.get(f"{PREFIX}/usage?month=2021-02")).data
    assert {(line["month"], line["conversations"]) for line in past} == {("2021-02", 0)}
    assert {*(await admin.get(f"{PREFIX}/usage?month=2021-13")).details} == {"month"}


@pytest.mark.parametrize("noun", ["tenants", "plans", "tokens", "numbers", "audit"])
async def test_lists_have_the_grammar_of_lists(admin: Client, noun: str) -> None:
    everything = (await admin.get(f"{PREFIX}/{noun}?per_page=100")).data
    walked, cursor = [], ""
    while True:
        page = await admin.get(f"{PREFIX}/{noun}?per_page=1&fields=id{cursor}")
        walked += page.data
        if not page.body["meta"]["pagination"]["has_more"]:
            break
        cursor = f"&cursor={page.body['meta']['pagination']['next_cursor']}"
    assert walked == [{"id": item["id"]} for item in everything]
    strict = {"prefer": "handling=strict"}
    assert (await admin.get(f"{PREFIX}/{noun}?filter[none]=1", headers=strict)).status == 422
    assert (await admin.get(f"{PREFIX}/{noun}?search=zzzz")).data == []


async def test_a_tenant_is_exported_shut_and_gone(api: Api, admin: Client, database: Database) -> None:
    path, store = f"{TENANTS}/acme", open_store(api.settings)
    first = await admin.call("DELETE", path)
    assert (first.status, first.data["status"]) == (200, "deleting")
    archive = Path(first.data["export"])
    assert await asyncio.to_thread(tarfile.is_tarfile, archive)
    await asyncio.to_thread(archive.unlink)
    again = await admin.call("DELETE", path)
    assert (again.status, again.data["export"]) == (200, None)
    for answer in (
        await patched(admin, path, {"name": "Still here"}),
        await put(admin, path, {"name": "Still here"}),
        await admin.post(f"{path}/resume"),
        await admin.post(TOKENS, {"tenant": "acme", "name": "x", "scopes": ["messages:send"]}),
    ):
        assert (answer.status, answer.body["error"]["message"]) == (409, "The tenant acme is being deleted")
    assert (await api.acme.get("/api/v2/account")).status in {401, 403}
    await deleting.finish_all(database, store)
    assert (await admin.call("DELETE", path)).status == 404
    assert (await api.globex.get("/api/v2/account")).status == 200
    noted = (await admin.get(f"{PREFIX}/audit?filter[action]=tenant.deleted")).data
    assert [entry["actor"] for entry in noted] == ["billing"]
    other = await admin.call("DELETE", f"{TENANTS}/globex?without_export=true")
    assert (other.data["status"], other.data["export"]) == ("deleting", None)
