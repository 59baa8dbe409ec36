"""What groups, sources and statuses have in common: /groups, /sources, /statuses."""

import asyncio
import dataclasses
import json
from typing import Any

import asyncpg
import pytest

from rasl.db.pool import Database
from tests.api.v2.labelled import groups_of, insert_contacts, make_contacts, until_someone_waits
from tests.serving import Answer, Api, Client


@dataclasses.dataclass(frozen=True)
class Noun:
    """One of the three, and what is said about it."""

    path: str
    word: str
    fields: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"/api/v2/{self.path}"

    @property
    def title(self) -> str:
        return self.word.capitalize()


PLAIN = ("id", "name", "created_at", "updated_at")
NOUNS = (
    Noun("groups", "group", PLAIN),
    Noun("sources", "source", PLAIN),
    Noun("statuses", "status", ("id", "name", "color", "created_at", "updated_at")),
)
EVERY = pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.path)
NO_SUCH_IDS = ["0", "999999999999", "9" * 30, "-1", "abc", "1%00", "%C3%A4", "1.0", "%D9%A1"]


async def create(client: Client, noun: Noun, name: str = "VIP") -> dict[str, Any]:
    answer = await client.post(noun.url, {"name": name})
    assert answer.status == 201, answer.body
    data: dict[str, Any] = answer.data
    return data


async def names(client: Client, noun: Noun, query: str = "") -> list[str]:
    """The names in a list, without the ones the world begins with."""
    answer = await client.get(f"{noun.url}?per_page=100&{query}")
    return [item["name"] for item in answer.data if item["name"] not in {"API", "New"}]


@EVERY
async def test_what_is_created_can_be_read_renamed_and_deleted(api: Api, noun: Noun) -> None:
    created = await api.acme.post(noun.url, {"name": "  VIP "})
    assert (created.status, created.body["message"]) == (201, f"{noun.title} created successfully")
    assert tuple(created.data) == noun.fields
    assert created.data["name"] == "VIP"
    one = f"{noun.url}/{created.data['id']}"
    read = await api.acme.get(one)
    assert (read.status, read.data) == (200, created.data)

    changed = await api.acme.call("PATCH", one, json={"name": "Very important"})
    assert (changed.status, changed.body["message"]) == (200, f"{noun.title} updated successfully")
    assert changed.data["name"] == "Very important"
    assert (await api.acme.get(one)).data == changed.data

    gone = await api.acme.call("DELETE", one)
    assert (gone.status, gone.body["message"]) == (200, f"{noun.title} deleted successfully")
    assert gone.data is None
    for method in ("GET", "DELETE"):
        assert (await api.acme.call(method, one)).body["error"]["message"] == f"{noun.title} not found"


@EVERY
async def test_the_list_pages_sorts_searches_filters_and_selects(api: Api, noun: Noun) -> None:
    for name in ("Beta", "alpha 100%", "Gamma"):
        await create(api.acme, noun, name)
    await create(api.globex, noun, "Theirs")
    assert await names(api.acme, noun) == ["Gamma", "alpha 100%", "Beta"]
    for query, expected in (
        ("sort=created_at", ["Beta", "alpha 100%", "Gamma"]),
        ("sort=-updated_at", ["Gamma", "alpha 100%", "Beta"]),
        ("search=AMM", ["Gamma"]),
        ("q=100%25", ["alpha 100%"]),
        ("search=Theirs", []),
        ("filter[name]=Beta", ["Beta"]),
        ("filter[name]=Theirs", []),
        ("filter[name][in]=Beta,Gamma&sort=name", ["Beta", "Gamma"]),
        ("filter[name][like]=mm", ["Gamma"]),
        ("filter[created_at][lt]=2020-01-01", []),
        ("filter[nonsense]=1&sort=nonsense", ["Gamma", "alpha 100%", "Beta"]),
    ):
        assert await names(api.acme, noun, query) == expected, query
    assert sorted(await names(api.acme, noun, "sort=name")) == ["Beta", "Gamma", "alpha 100%"]
    paged = await api.acme.get(f"{noun.url}?per_page=2&page=2&filter[name][in]=Beta,Gamma,alpha 100%25")
    assert [item["name"] for item in paged.data] == ["Beta"]
    assert paged.body["meta"]["pagination"]["total"] == 3
    selected = (await api.acme.get(f"{noun.url}?fields=name&filter[name]=Beta")).data
    assert [set(item) for item in selected] == [{"id", "name"}]


@EVERY
@pytest.mark.parametrize("query", ["page=x", "per_page=0", "filter[created_at]=yesterday", "search=%00"])
async def test_a_wrong_list_parameter_is_named(api: Api, noun: Noun, query: str) -> None:
    answer = await api.acme.get(f"{noun.url}?{query}")
    assert (answer.status, list(answer.details)) == (422, [query.partition("=")[0]])


@EVERY
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "{} name is required"),
        ({"name": None}, "{} name is required"),
        ({"name": "  "}, "{} name is required"),
        ({"name": {"a": 7}}, "{} name must be a string"),
        ({"name": ["VIP"]}, "{} name must be a string"),
        ({"name": "x" * 256}, "{} name must not be greater than 255 characters"),
        ({"name": "a\x00b"}, "The name field must not contain NUL characters"),
    ],
)
async def test_a_wrong_name_is_refused(api: Api, noun: Noun, body: dict[str, Any], text: str) -> None:
    existing = await create(api.acme, noun, "Existing")
    for method, url in (("POST", noun.url), ("PATCH", f"{noun.url}/{existing['id']}")):
        answer = await api.acme.call(method, url, json=body)
        assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
        assert answer.details == {"name": [text.format(noun.title)]}
    assert await names(api.acme, noun) == ["Existing"]


@EVERY
async def test_all_that_is_wrong_is_named_at_once(api: Api, noun: Noun) -> None:
    answer = await api.acme.post(noun.url, {"nam": "VIP", "id": 1})
    assert (answer.status, set(answer.details)) == (422, {"name"})
    assert answer.body["meta"]["ignored"] == [{"field": "nam", "did_you_mean": "name"}, {"field": "id"}]
    strict = {"prefer": "handling=strict"}
    taken = await create(api.acme, noun, "VIP")
    answer = await api.acme.post(noun.url, {"name": "vip", "nam": "x"}, headers=strict)
    assert (answer.status, set(answer.details)) == (422, {"name", "nam"})
    one = f"{noun.url}/{(await create(api.acme, noun, 'Other'))['id']}"
    answer = await api.acme.call("PATCH", one, json={"name": "vip", "nam": "x"}, headers=strict)
    assert (answer.status, set(answer.details)) == (422, {"name", "nam"})
    itself = f"{noun.url}/{taken['id']}"
    answer = await api.acme.call("PATCH", itself, json={"name": "vip", "nam": "x"}, headers=strict)
    assert (answer.status, set(answer.details)) == (422, {"nam"})
    assert (await api.acme.call("PATCH", f"{noun.url}/999999999999", json={})).status == 404


@EVERY
@pytest.mark.parametrize("name", ["x" * 255, "😀" * 255, "Ä <b>&amp;</b> '; drop table x; --", "%_\\"])
async def test_any_text_is_a_name(api: Api, noun: Noun, name: str) -> None:
    made = await create(api.acme, noun, name)
    assert (await api.acme.get(f"{noun.url}/{made['id']}")).data["name"] == name


@EVERY
async def test_a_name_is_unique_in_any_case_of_letters_within_the_tenant(api: Api, noun: Noun) -> None:
    first, second = await create(api.acme, noun, "VIP"), await create(api.acme, noun, "Other")
    await create(api.globex, noun, "VIP")
    taken = {"name": [f"A {noun.word} with this name already exists"]}
    for name in ("VIP", "vip", " Vip "):
        refused = await api.acme.post(noun.url, {"name": name})
        assert (refused.status, refused.code, refused.details) == (422, "VALIDATION_ERROR", taken)
        refused = await api.acme.call("PATCH", f"{noun.url}/{second['id']}", json={"name": name})
        assert (refused.status, refused.details) == (422, taken)
    itself = await api.acme.call("PATCH", f"{noun.url}/{first['id']}", json={"name": "vip"})
    assert (itself.status, itself.data["name"]) == (200, "vip")


@EVERY
async def test_of_thirty_creations_of_one_name_at_once_one_succeeds(api: Api, noun: Noun) -> None:
    texts = ["VIP", "vip", "Vip"] * 10
    answers = await asyncio.gather(*(api.acme.post(noun.url, {"name": text}) for text in texts))
    assert sorted(answer.status for answer in answers) == [201] + [422] * 29
    assert len(await names(api.acme, noun)) == 1


@EVERY
async def test_of_many_renamed_to_one_name_at_once_one_succeeds(api: Api, noun: Noun) -> None:
    made = [await create(api.acme, noun, f"Number {n}") for n in range(10)]
    answers = await asyncio.gather(
        *(api.acme.call("PATCH", f"{noun.url}/{item['id']}", json={"name": "One"}) for item in made)
    )
    assert sorted(answer.status for answer in answers) == [200] + [422] * 9


@EVERY
async def test_a_repeated_creation_with_a_key_gets_the_first_answer(api: Api, noun: Noun) -> None:
    answers = [
        await api.acme.post(noun.url, {"name": "VIP"}, headers={"idempotency-key": "order-1"})
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].data == answers[1].data
    assert answers[1].headers["idempotent-replayed"] == "true"


@EVERY
@pytest.mark.parametrize("name", NO_SUCH_IDS)
async def test_an_id_that_cannot_be_is_not_found(api: Api, noun: Noun, name: str) -> None:
    for method, options in (("GET", {}), ("PATCH", {"json": {"name": "x"}}), ("DELETE", {})):
        answer = await api.acme.call(method, f"{noun.url}/{name}", **options)
        assert (answer.status, answer.code, answer.body["error"]["message"]) == (
            404,
            "NOT_FOUND",
            f"{noun.title} not found",
        )


@EVERY
async def test_a_strangers_are_as_if_they_were_not_there(api: Api, noun: Noun) -> None:
    theirs = await create(api.globex, noun)
    for method, options in (("GET", {}), ("PATCH", {"json": {"name": "x"}}), ("DELETE", {})):
        foreign = await api.acme.call(method, f"{noun.url}/{theirs['id']}", **options)
        missing = await api.acme.call(method, f"{noun.url}/999999999999", **options)
        assert (foreign.status, json.dumps(foreign.body["error"])) == (404, json.dumps(missing.body["error"]))
    assert (await api.globex.get(f"{noun.url}/{theirs['id']}")).data == theirs


@EVERY
async def test_reading_is_not_writing(api: Api, noun: Noun) -> None:
    made = await create(api.acme, noun)
    assert (await api.reader.get(f"{noun.url}/{made['id']}")).data == made
    for method, url, need in (
        ("POST", noun.url, "write"),
        ("PATCH", f"{noun.url}/{made['id']}", "write"),
        ("DELETE", f"{noun.url}/{made['id']}", "delete"),
    ):
        refused = await api.reader.call(method, url, json={"name": "x"})
        needs: dict[str, Any] = {"required_scope": f"{noun.path}:{need}"}
        if need == "delete" and noun.path != "groups":
            needs = {**needs, "any_of_scopes": [f"{noun.path}:delete", f"{noun.path}:write"]}
        assert (refused.status, refused.details) == (403, needs)


USED = pytest.mark.parametrize("noun", NOUNS[1:], ids=lambda noun: noun.path)


@USED
async def test_what_contacts_have_cannot_be_deleted(
    api: Api, database: Database, noun: Noun, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create(api.acme, noun)
    one = f"{noun.url}/{made['id']}"
    contacts = await make_contacts(database, api.world.acme, 3, **{f"{noun.word}_id": made["id"]})
    refused = await api.acme.call("DELETE", one)
    assert (refused.status, refused.code, refused.details) == (
        409,
        "RESOURCE_CONFLICT",
        {"contacts_count": 3},
    )
    assert refused.body["error"]["message"] == f"The {noun.word} is used by 3 contacts and cannot be deleted"
    monkeypatch.setattr("rasl.services.contacts.labels.EXACT_TOTAL", 2)
    assert (await api.acme.call("DELETE", one)).details == {
        "contacts_count": 2,
        "contacts_count_is_capped": True,
    }
    async with database.transaction() as db:
        await db.execute("delete from contacts where id = any($1)", contacts)
    assert (await api.acme.call("DELETE", one)).status == 200


@USED
async def test_what_new_contacts_get_cannot_be_deleted(api: Api, database: Database, noun: Noun) -> None:
    default = getattr(api.world.acme, f"{noun.word}_id")
    refused = await api.acme.call("DELETE", f"{noun.url}/{default}")
    assert (refused.status, refused.code) == (409, "RESOURCE_CONFLICT")
    assert refused.details == {"contacts_count": 0, "is_default": True}
    assert "by default" in refused.body["error"]["message"]
    async with database.transaction() as db:
        await db.execute(
            f"update tenants set default_{noun.word}_id = null where id = $1", api.world.acme.tenant_id
        )
    assert (await api.acme.call("DELETE", f"{noun.url}/{default}")).status == 200


@USED
@pytest.mark.parametrize("commits", [True, False])
async def test_a_deletion_waits_for_a_contact_that_is_being_created(
    api: Api, database: Database, noun: Noun, commits: bool
) -> None:
    made = await create(api.acme, noun)
    async with database.connection() as db:
        transaction = db.transaction()
        await transaction.start()
        label = {f"{noun.word}_id": made["id"]}
        await insert_contacts(db, api.world.acme, 1, **label)
        deleting = asyncio.create_task(api.acme.call("DELETE", f"{noun.url}/{made['id']}"))
        await until_someone_waits(database)
        await (transaction.commit() if commits else transaction.rollback())
    answer = await deleting
    if commits:
        assert (answer.status, answer.details) == (409, {"contacts_count": 1})
    else:
        assert answer.status == 200


@USED
async def test_deletions_and_new_contacts_at_once_leave_no_contact_without_its_label(
    api: Api, database: Database, noun: Noun
) -> None:
    async def add(label_id: int) -> bool:
        try:
            await make_contacts(database, api.world.acme, 1, **{f"{noun.word}_id": label_id})
        except asyncpg.ForeignKeyViolationError:
            return False
        return True

    made = [(await create(api.acme, noun, f"Number {n}"))["id"] for n in range(20)]
    deletions = asyncio.gather(*(api.acme.call("DELETE", f"{noun.url}/{label_id}") for label_id in made))
    additions = asyncio.gather(*(add(label_id) for label_id in made))
    answers, has_contact = await deletions, await additions
    assert [answer.status for answer in answers] == [409 if has else 200 for has in has_contact]
    assert all(answer.details == {"contacts_count": 1} for answer in answers if answer.status == 409)


async def create_contact(api: Api, number: int, **labels: Any) -> Answer:
    person = api.world.acme
    contact = {
        "firstname": "Ana",
        "lastname": "Lopes",
        "type": "lead",
        "phone": f"+4420794600{number:02}",
        "source_id": person.source_id,
        "status_id": person.status_id,
    }
    return await api.acme.post("/api/v2/contacts", {**contact, **labels})


@USED
async def test_a_contact_and_the_deletion_of_its_label_at_once_never_both_succeed(
    api: Api, noun: Noun
) -> None:
    made = [(await create(api.acme, noun, f"Number {n}"))["id"] for n in range(20)]
    field = f"{noun.word}_id"
    deletions = asyncio.gather(*(api.acme.call("DELETE", f"{noun.url}/{label_id}") for label_id in made))
    creations = asyncio.gather(
        *(create_contact(api, number, **{field: label_id}) for number, label_id in enumerate(made))
    )
    deleted, created = await deletions, await creations
    assert [(answer.status, other.status) for answer, other in zip(deleted, created, strict=True)] == [
        (409, 201) if other.status == 201 else (200, 422) for other in created
    ]
    assert all(list(other.details) == [field] for other in created if other.status == 422)


async def test_contacts_created_into_a_group_that_is_deleted_are_never_left_in_it(
    api: Api, database: Database
) -> None:
    made = [(await create(api.acme, NOUNS[0], f"Number {n}"))["id"] for n in range(20)]
    deletions = asyncio.gather(*(api.acme.call("DELETE", f"/api/v2/groups/{group_id}") for group_id in made))
    creations = asyncio.gather(
        *(create_contact(api, number, groups=[group_id]) for number, group_id in enumerate(made))
    )
    deleted, answers = await deletions, await creations
    assert {answer.status for answer in deleted} == {200}
    assert {answer.status for answer in answers} <= {201, 422}
    created = [answer.data["id"] for answer in answers if answer.status == 201]
    assert await groups_of(database, created) == [[]] * len(created)
