"""Contacts through HTTP: creating, listing, reading, changing, deleting."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.contact_calls import (
    MAX_ID,
    URL,
    body,
    counted,
    create,
    delete,
    fresh_client,
    group,
    ids,
    patch,
)
from tests.serving import Api


async def test_a_contact_has_every_field_of_the_contract(api: Api) -> None:
    vip, old = await group(api.acme, "VIP"), await group(api.acme, "Old")
    sent = body(
        api.world.acme,
        "+44 20 7946-0011",
        email="priya@harbour.test",
        company="Harbour Books",
        description="Likes tea",
        city="Leeds",
        state="Yorkshire",
        zip="LS1 4AP",
        address="1 Quay",
        country_id=230,
        assigned_id=4,
        groups=[old, vip, old],
        attributes={"tier": "gold", "visits": 7, "score": 1.5, "is_new": True, "gone": None},
    )
    answer = await api.acme.post(URL, sent)
    assert (answer.status, answer.body["message"]) == (201, "Contact created successfully")
    created = answer.data
    assert {item["name"] for item in created.pop("groups")} == {"VIP", "Old"}
    expected = {name: value for name, value in sent.items() if name not in {"groups", "attributes"}}
    assert created == dict.fromkeys(created) | expected | {
        "id": created["id"],
        "group_id": [old, vip],
        "is_opted_out": False,
        "attributes": {"tier": "gold", "visits": 7, "score": 1.5, "is_new": True},
        "created_at": created["created_at"],
        "updated_at": created["created_at"],
    }
    assert (await api.acme.get(f"{URL}/{created['id']}")).data == created
    assert (await api.acme.get(URL)).data == [created]


async def test_what_is_left_out_is_null(api: Api) -> None:
    created = await create(api, email="", company=None)
    absent = (
        "email",
        "company",
        "description",
        "city",
        "state",
        "zip",
        "address",
        "country_id",
        "assigned_id",
    )
    assert {created[name] for name in absent} == {None}
    assert (created["group_id"], created["groups"], created["attributes"]) == ([], [], {})


async def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    answer = await api.acme.post(URL, {"type": "vip", "email": "nobody", "zip": "1" * 21, "colour": "red"})
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert answer.details == {
        "firstname": ["First name is required"],
        "lastname": ["Last name is required"],
        "phone": ["Phone number is required"],
        "type": ["Type must be either lead, customer, or guest"],
        "source_id": ["Source is required"],
        "status_id": ["Status is required"],
        "email": ["Email must be a valid email address"],
        "zip": ["The zip field must not be greater than 20 characters"],
    }
    assert answer.body["meta"]["ignored"] == [{"field": "colour"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("firstname", "x" * 256),
        ("lastname", True),
        ("phone", "1" * 21),
        ("phone", "abc"),
        ("phone", "12345"),
        ("phone", ["+442079460011"]),
        ("type", None),
        ("type", "Lead"),
        ("email", f"{'x' * 190}@a.de"),
        ("email", "a b@c.de"),
        ("email", "a@b"),
        ("company", "x" * 256),
        ("description", {}),
        ("description", "a\x00b"),
        ("city", "x" * 256),
        ("address", "x" * 501),
        ("country_id", -1),
        ("country_id", MAX_ID + 1),
        ("assigned_id", "four"),
        ("source_id", MAX_ID + 1),
        ("status_id", -1),
        ("groups", "1,2"),
        ("groups", [1, "x"]),
        ("groups", [True]),
        ("groups", [MAX_ID + 1]),
        ("groups", [2**200]),
        ("attributes", [1]),
        ("attributes", {"Tier": 1}),
        ("attributes", {"1a": 1}),
        ("attributes", {"a" * 51: 1}),
        ("attributes", {"a\n": 1}),
        ("attributes", {"a": "x" * 1001}),
        ("attributes", {"a": []}),
        ("attributes", {"a": {}}),
        ("attributes", {"a": "b\x00"}),
        ("attributes", {"a\x00": "b"}),
        ("attributes", {"a": 2**63}),
        ("attributes", {f"a{n}": n for n in range(51)}),
    ],
)
async def test_a_wrong_value_is_refused_when_created_and_when_changed(
    api: Api, field: str, value: Any
) -> None:
    for answer in (
        await api.acme.post(URL, body(api.world.acme, **{field: value})),
        await patch(api.acme, (await create(api, "+442079460099"))["id"], **{field: value}),
    ):
        assert (answer.status, list(answer.details)) == (422, [field])


async def test_strangers_and_missing_ids_are_refused_alike(api: Api) -> None:
    globex, theirs = api.world.globex, await group(api.globex, "Theirs")
    mine = (await create(api, "+442079460099"))["id"]
    expected = {
        "source_id": ["The selected source does not exist or does not belong to your account"],
        "status_id": ["The selected status does not exist or does not belong to your account"],
        "groups": ["One or more groups do not exist"],
    }
    both: tuple[dict[str, Any], ...] = (
        {"source_id": globex.source_id, "status_id": globex.status_id, "groups": [theirs]},
        {"source_id": 999_999_999, "status_id": 999_999_999, "groups": [999_999_999]},
    )
    for fields in both:
        answer = await api.acme.post(URL, body(api.world.acme, **fields))
        assert (answer.status, answer.details) == (422, expected)
        answer = await patch(api.acme, mine, **fields)
        assert (answer.status, answer.details) == (422, expected)


async def test_phone_and_email_are_unique_and_both_are_named(api: Api) -> None:
    phone_owner = await create(api, "+44 20 7946 0011")
    email_owner = await create(api, "+44 20 7946 0012", email="Priya@Harbour.test")
    answer = await api.acme.post(
        URL, body(api.world.acme, "00442079460011", email="PRIYA@harbour.test", source_id=999_999)
    )
    assert answer.details == {
        "phone": ["This phone number already exists"],
        "email": ["This email address already exists"],
        "source_id": ["The selected source does not exist or does not belong to your account"],
        "contact_id": phone_owner["id"],
        "email_contact_id": email_owner["id"],
    }
    other = await api.globex.post(URL, body(api.world.globex, email="priya@harbour.test"))
    assert other.status == 201


async def test_a_phone_is_one_however_it_is_written(api: Api, database: Database) -> None:
    brazil = await create(api, "+55 11 8765-4321")
    answer = await api.acme.post(URL, body(api.world.acme, "+5511987654321"))
    assert answer.details == {"phone": ["This phone number already exists"], "contact_id": brazil["id"]}
    async with database.connection() as db:
        await db.execute("update tenants set default_country = 'GB' where id = $1", api.world.acme.tenant_id)
    client = await fresh_client(api, database)  # acme itself may be remembered without the country
    assert (await client.post(URL, body(api.world.acme, "07400 123456"))).data["phone"] == "07400 123456"
    answer = await client.post(URL, body(api.world.acme, "+447400123456"))
    assert answer.details["phone"] == ["This phone number already exists"]


async def test_sending_finds_the_contact_and_fills_its_attributes(api: Api) -> None:
    contact = await create(
        api, attributes={"tier": "gold", "visits": 7.0, "score": 1.5, "is_new": True, "x2": 2}
    )
    sent = await api.acme.send(
        "+442079460011",
        "@{contact_attr_tier} @{contact_attr_visits} @{contact_attr_score} @{contact_attr_is_new} "
        "@{contact_attr_x2} [@{contact_attr_missing}] @{unknown}",
    )
    assert sent.data["contact_id"] == contact["id"]
    assert sent.data["message"] == "gold 7 1.5 true 2 [] @{unknown}"


async def test_an_idempotent_creation_answers_again(api: Api) -> None:
    answers = [
        await api.acme.post(URL, body(api.world.acme), headers={"idempotency-key": "k1"}) for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body


async def test_relations_appear_when_asked_for(api: Api) -> None:
    vip = await group(api.acme, "VIP")
    contact = await create(api, groups=[vip])
    plain = (await api.acme.get(f"{URL}/{contact['id']}")).data
    assert not {"groups", "source", "status"} & plain.keys()
    for answer in (
        (await api.acme.get(f"{URL}/{contact['id']}?include=groups,source,status,nothing")).data,
        (await api.acme.get(f"{URL}?include=groups,source,status")).data[0],
    ):
        assert [item["name"] for item in answer["groups"]] == ["VIP"]
        assert (answer["source"]["name"], answer["status"]["name"]) == ("API", "New")
        assert answer["status"]["color"] == "#3B82F6"
    only = (await api.acme.get(f"{URL}?fields=phone&include=status")).data[0]
    assert only.keys() == {"id", "phone", "status"}


async def test_lists_filter_sort_and_search(api: Api) -> None:
    vip = await group(api.acme, "VIP")
    ada = (
        await create(api, "+442079460001", firstname="Ada", lastname="Lopes", groups=[vip], assigned_id=7)
    )["id"]
    bob = (
        await create(
            api,
            "+442079460002",
            firstname="Bob",
            lastname="Xavier",
            type="guest",
            attributes={"tier": "gold"},
        )
    )["id"]
    eve = (await create(api, "+442079460003", firstname="Eve", company="Lopeston", email="eve@x.test"))["id"]
    await api.globex.post(URL, body(api.world.globex, groups=[]))
    cases = {
        "": [eve, bob, ada],
        "sort=firstname": [ada, bob, eve],
        "sort=-lastname,id": [bob, eve, ada],
        "sort=-id": [eve, bob, ada],
        f"filter[group_id]={vip}": [ada],
        "filter[type]=guest": [bob],
        "filter[type][in]=guest,customer": [bob],
        "filter[assigned_id]=7": [ada],
        "filter[assigned_id][null]=true": [eve, bob],
        f"filter[source_id]={api.world.acme.source_id}": [eve, bob, ada],
        f"filter[source_id]={api.world.globex.source_id}": [],
        f"filter[status_id][ne]={api.world.acme.status_id}": [],
        "filter[attributes.tier]=gold": [bob],
        "filter[attributes.tier]=silver": [],
        "filter[created_at][gte]=2020-01-01": [eve, bob, ada],
        "search=LOPES": [eve, ada],
        "q=60002": [bob],
        "search=ev": [eve],
        "search=op": [eve, ada],
        "search=z": [],
        "search=pq": [],
        "search=eve@x": [eve],
        "filter[nothing]=1&sort=nothing": [eve, bob, ada],
    }
    assert {query: await ids(api.acme, query) for query in cases} == cases
    answer = await api.acme.get(f"{URL}?filter[group_id]=x")
    assert (answer.status, list(answer.details)) == (422, ["filter[group_id]"])


async def test_a_cursor_walks_all_contacts(api: Api) -> None:
    made = [(await create(api, f"+44207946{n:04}"))["id"] for n in range(5)]
    seen, query = [], "per_page=2"
    while query:
        answer = await api.acme.get(f"{URL}?{query}")
        seen += [item["id"] for item in answer.data]
        cursor = answer.body["meta"]["pagination"]["next_cursor"]
        query = f"per_page=2&cursor={cursor}" if cursor else ""
    assert seen == made[::-1]


@pytest.mark.parametrize("contact_id", ["0", "999999999", "9" * 30, "-1", "abc", "1%00", "%C3%A4", "1.0"])
async def test_what_does_not_exist_is_not_found(api: Api, contact_id: str) -> None:
    for answer in (
        await api.acme.get(f"{URL}/{contact_id}"),
        await patch(api.acme, contact_id, firstname="x"),
        await delete(api.acme, contact_id),
    ):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
        assert answer.body["error"]["message"] == "Contact not found"


async def test_strangers_cannot_touch_a_contact(api: Api) -> None:
    contact = await create(api)
    for answer in (
        await api.globex.get(f"{URL}/{contact['id']}"),
        await patch(api.globex, contact["id"], firstname="x"),
        await delete(api.globex, contact["id"]),
    ):
        assert (answer.status, answer.body["error"]["message"]) == (404, "Contact not found")
    assert (await api.acme.get(f"{URL}/{contact['id']}?include=groups")).data == contact


async def test_a_change_touches_only_what_is_sent(api: Api) -> None:
    vip, old = await group(api.acme, "VIP"), await group(api.acme, "Old")
    before = await create(
        api, email="a@b.test", company="X", assigned_id=3, groups=[vip], attributes={"a": 1, "b": 2}
    )
    contact_id = before["id"]
    answer = await patch(api.acme, contact_id, firstname="Ana", company=None, email="A@b.test")
    assert (answer.status, answer.body["message"]) == (200, "Contact updated successfully")
    changed = {"firstname": "Ana", "company": None, "email": "A@b.test"}
    assert answer.data == before | changed | {"updated_at": answer.data["updated_at"]}
    assert (await patch(api.acme, contact_id, groups=[old])).data["group_id"] == [old]
    assert (await patch(api.acme, contact_id, lastname="L")).data["groups"][0]["name"] == "Old"
    assert (await patch(api.acme, contact_id, groups=[])).data["group_id"] == []
    attributes = (await patch(api.acme, contact_id, attributes={"a": None, "c": "x"})).data["attributes"]
    assert attributes == {"b": 2, "c": "x"}
    assert (await patch(api.acme, contact_id, attributes={})).data["attributes"] == attributes
    assert (await patch(api.acme, contact_id, attributes=None)).data["attributes"] == {}
    cleared = (await patch(api.acme, contact_id, email="", assigned_id=None)).data
    assert (cleared["email"], cleared["assigned_id"]) == (None, None)
    assert (await patch(api.acme, contact_id)).status == 200
    for name in ("firstname", "phone", "type", "source_id", "status_id"):
        assert list((await patch(api.acme, contact_id, **{name: None})).details) == [name]


async def test_attributes_stay_within_fifty_after_a_change(api: Api) -> None:
    contact_id = (await create(api, attributes={f"a{n}": n for n in range(50)}))["id"]
    answer = await patch(api.acme, contact_id, attributes={"b": 1})
    assert answer.details == {"attributes": ["A contact can have at most 50 attributes"]}
    assert (await patch(api.acme, contact_id, attributes={"b": 1, "a0": None})).status == 200


async def test_a_change_of_phone_frees_the_old_one(api: Api) -> None:
    first = await create(api, "+442079460001", email="a@b.test")
    second = (await create(api, "+442079460002", email="c@d.test"))["id"]
    answer = await patch(api.acme, second, phone="+44 2079 460001", email="A@B.test")
    assert answer.details == {
        "phone": ["This phone number already exists"],
        "email": ["This email address already exists"],
        "contact_id": first["id"],
        "email_contact_id": first["id"],
    }
    own = await patch(api.acme, first["id"], phone="0044 20 79460001", email="A@b.test")
    assert own.data["phone"] == "0044 20 79460001"
    assert (await api.acme.send("+442079460001")).data["contact_id"] == first["id"]
    assert (await patch(api.acme, first["id"], phone="+442079460003")).status == 200
    assert (await patch(api.acme, second, phone="+442079460001")).status == 200
    assert (await api.acme.send("+442079460001")).data["contact_id"] == second
    assert (await api.acme.send("+442079460003")).data["contact_id"] == first["id"]


async def test_deleting_keeps_the_messages_and_frees_the_place(api: Api, database: Database) -> None:
    contact = await create(api)
    sent = (await api.acme.send("+442079460011", "kept")).data
    answer = await delete(api.acme, contact["id"])
    assert (answer.status, answer.data, answer.body["message"]) == (200, None, "Contact deleted successfully")
    assert await counted(database, api.world.acme.tenant_id) == (0, 0)
    message = (await api.acme.get(f"/api/v2/messages/{sent['chat_message_id']}")).data
    assert (message["message"], message["contact_id"]) == ("kept", None)
    again = (await api.acme.send("+442079460011")).data
    assert again["contact_id"] not in {contact["id"], None}
    assert again["chat_id"] != sent["chat_id"]
    assert (await delete(api.acme, contact["id"])).status == 404
    assert (await create(api, "+442079460012"))["id"]
