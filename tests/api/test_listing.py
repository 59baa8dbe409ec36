"""Lists as clients ask for them, over HTTP: what is understood, what is told, what is refused."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from rasl.db.pool import Database
from rasl.domain.listing import write_cursor
from tests.api.v2.contact_calls import create, group
from tests.serving import Api

LISTS = (
    "/api/v2/contacts",
    "/api/v2/contacts/imports",
    "/api/v2/messages",
    "/api/v2/messages/messages",
    "/api/v2/templates",
    "/api/v2/auth/templates",
    "/api/v2/groups",
    "/api/v2/sources",
    "/api/v2/statuses",
)
STRICT = {"Prefer": "handling=strict"}
CONTACTS = "/api/v2/contacts"
MESSAGES = "/api/v2/messages"


async def _ids(api: Api, path: str) -> list[int]:
    answer = await api.acme.get(path)
    assert answer.status == 200, answer.body
    return [item["id"] for item in answer.data]


async def _raw(api: Api, api_url: str, target: str | bytes) -> Any:
    """Send a request line byte for byte, as `curl -g` does, and return the body of the answer."""
    url = urlsplit(api_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    token = api.world.acme.token
    head = f" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    writer.write(b"GET " + (target.encode() if isinstance(target, str) else target) + head.encode())
    text = await reader.read()
    writer.close()
    await writer.wait_closed()
    return json.loads(text.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("path", LISTS)
async def test_every_list_tells_what_it_ignores_and_refuses_it_where_that_is_wished(
    api: Api, path: str
) -> None:
    query = f"{path}?filter[statu]=1&sort=-craeted_at&fields=idd&include=x&limit=5&page="
    answer = await api.acme.get(query)
    assert answer.status == 200
    told = {item["field"]: item.get("did_you_mean") for item in answer.body["meta"]["ignored"]}
    assert told.keys() == {"filter[statu]", "sort=-craeted_at", "fields=idd", "include=x", "limit"}
    assert told["limit"] == "per_page"
    assert told["sort=-craeted_at"] == "sort=-created_at"
    strict = await api.acme.get(query, headers=STRICT)
    assert (strict.status, strict.code, strict.details.keys()) == (422, "VALIDATION_ERROR", told.keys())
    assert "ignored" not in strict.body["meta"]
    assert (
        "ignored"
        not in (await api.acme.get(f"{path}?per_page=5&q=x&filter[name]=", headers=STRICT)).body["meta"]
    )


async def test_comments_and_exports_understand_the_same_grammar(api: Api) -> None:
    await api.acme.send("+442079460001")
    path = "/api/v2/comments/442079460001"
    answer = await api.acme.get(f"{path}?srot=x")
    assert answer.body["meta"]["ignored"] == [{"field": "srot", "did_you_mean": "sort"}]
    assert (await api.acme.get(f"{path}?srot=x", headers=STRICT)).status == 422
    export = f"{CONTACTS}/export?bom=1&search=x"
    refused = await api.acme.get(f"{export}&page=2&filter[tpye]=lead", headers=STRICT)
    assert refused.details == {
        "page": ["The page parameter is not known here"],
        "filter[tpye]": ["The filter[tpye] parameter is not known here: filter[type] is"],
    }
    assert (await api.acme.get(f"{export}&filter[type][near]=lead")).status == 422


async def test_an_export_finds_a_phone_in_any_spelling(api: Api) -> None:
    await create(api, "+442079460001", firstname="Ada")
    await create(api, "+442079460002", firstname="Bob")
    text = (await api.acme.get(f"{CONTACTS}/export?filter[phone]=44 20 7946-0001")).body
    assert ("Ada" in text, "Bob" in text) == (True, False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[assigned_id][>=]=8", [8, 9]),
        ("filter[assigned_id][<=]=8", [7, 8]),
        ("filter[assigned_id][!=]=8", [7, 9]),
        ("filter%5Bassigned_id%5D%5B%3E=%5D=8", [8, 9]),
        ("filter[assigned_id][>%3D]=8", [8, 9]),
        ("filter[assigned_id][>]=8", [9]),
        ("filter[assigned_id][in][]=7&filter[assigned_id][in][]=9", [7, 9]),
        ("filter[assigned_id][]=7&filter[assigned_id][]=9", [7, 9]),
        ("filter[assigned_id]=7&filter[assigned_id]=9", [7, 9]),
    ],
)
async def test_a_filter_as_sockets_send_it_is_never_wider_than_asked(
    api: Api, api_url: str, query: str, expected: list[int]
) -> None:
    for number in (7, 8, 9):
        await create(api, f"+44207946000{number}", assigned_id=number)
    body = await _raw(api, api_url, f"{CONTACTS}?{query}")
    assert sorted(item["assigned_id"] for item in body["data"]) == expected


@pytest.mark.parametrize(
    "name",
    [
        "filter[assigned_id][near]",
        "filter[assigned_id",
        "filter[attributes]",
        "filter[group_id][gt]",
        "filter[phone]",
    ],
)
async def test_a_filter_in_no_form_is_refused(api: Api, name: str) -> None:
    answer = await api.acme.get(f"{CONTACTS}?{name}=x")
    assert (answer.status, list(answer.details)) == (422, [name])


async def test_texts_are_sorted_as_people_sort_them(api: Api) -> None:
    names = ["anna", "Bob", "Ábel", "Zoe", "élan", "Ela", "Ol", "öl", "яна"]
    made = {
        name: (await create(api, f"+44207946{n:04}", firstname=name))["id"] for n, name in enumerate(names)
    }
    order = [made[name] for name in ("Ábel", "anna", "Bob", "Ela", "élan", "Ol", "öl", "Zoe", "яна")]
    seen: list[int] = []
    query: str | None = f"{CONTACTS}?sort=firstname&per_page=2"
    while query:
        answer = await api.acme.get(query)
        seen += [item["id"] for item in answer.data]
        cursor = answer.body["meta"]["pagination"]["next_cursor"]
        query = cursor and f"{CONTACTS}?sort=firstname&per_page=2&cursor={cursor}"
    assert seen == order
    assert await _ids(api, f"{CONTACTS}?sort=-firstname&filter[type]=lead") == order[::-1]


async def test_names_of_groups_are_sorted_as_people_sort_them(api: Api) -> None:
    made = {name: await group(api.acme, name) for name in ("beta", "Alpha", "Été", "delta")}
    order = [made[name] for name in ("Alpha", "beta", "delta", "Été")]
    assert await _ids(api, "/api/v2/groups?sort=name") == order


async def test_contacts_are_found_by_phone_and_email_as_they_are_recognised(
    api: Api, database: Database
) -> None:
    async with database.connection() as db:
        await db.execute("update tenants set default_country = 'GB'")
    ada = (await create(api, "+44 20 7946 0001", email="Ada@Harbour.TEST"))["id"]
    luz = (await create(api, "+52 1 55 1234 5678"))["id"]
    for spelling in ("%2B442079460001", "+442079460001", "442079460001", "020 7946 0001", "(020) 7946-0001"):
        assert await _ids(api, f"{CONTACTS}?filter[phone]={spelling}") == [ada], spelling
    for spelling in ("525512345678", "%2B5215512345678"):
        assert await _ids(api, f"{CONTACTS}?filter[phone]={spelling}") == [luz], spelling
    cases = {
        "filter[phone][in]=02079460001,525512345678": [luz, ada],
        "filter[phone][]=02079460001&filter[phone][]=525512345678": [luz, ada],
        "filter[phone][ne]=02079460001": [luz],
        "filter[phone][not_in]=02079460001,525512345678": [],
        "filter[phone]=02079460009": [],
        "filter[phone]=02079460001&filter[type]=guest": [],
        "filter[phone][null]=true": [],
        "filter[email]=%20ada@harbour.test%20": [ada],
        "filter[email][in]=ADA@HARBOUR.TEST,x@y.test": [ada],
        "filter[email][ne]=ada@harbour.test": [luz],
        "filter[email][null]=true": [luz],
        "filter[email][like]=HARBOUR": [ada],
    }
    assert {query: await _ids(api, f"{CONTACTS}?{query}") for query in cases} == cases
    assert (await api.globex.get(f"{CONTACTS}?filter[phone]=%2B442079460001")).data == []


async def test_messages_are_found_by_contact_phone_and_id(api: Api) -> None:
    first, second = [(await api.acme.send(f"+44207946000{number}")).data for number in (1, 2)]
    one, two = first["chat_message_id"], second["chat_message_id"]
    more = (await api.acme.send("+442079460001")).data["chat_message_id"]
    cases = {
        f"filter[contact_id]={first['contact_id']}": [more, one],
        f"filter[contact_id][in]={first['contact_id']},{second['contact_id']}": [more, two, one],
        f"filter[contact_id][ne]={first['contact_id']}": [two],
        "filter[contact_id]=999999": [],
        "filter[contact_id][null]=true": [],
        "filter[contact_id][null]=false": [more, two, one],
        "filter[phone]=44 20 7946-0001": [more, one],
        "filter[phone]=%2B442079460001&filter[direction]=inbound": [],
        "filter[phone][in]=442079460001,442079460002": [more, two, one],
        "filter[phone][not_in]=442079460001": [two],
        "filter[phone]=442079460003": [],
        f"filter[message_id]={one}": [one],
        f"filter[message_id]={first['message_id']}": [one],
        f"filter[message_id][in]={one},{second['message_id']},wamid.nobody,999999": [two, one],
        f"filter[message_id][ne]={one}": [more, two],
        "filter[message_id]=abc": [],
    }
    assert {query: await _ids(api, f"{MESSAGES}?{query}") for query in cases} == cases
    for query in (f"filter[contact_id]={first['contact_id']}", f"filter[message_id]={first['message_id']}"):
        assert (await api.globex.get(f"{MESSAGES}?{query}")).data == []


async def test_a_cursor_of_the_order_that_texts_had_before_is_refused_in_words(api: Api) -> None:
    before = write_cursor((("firstname", False),), ("Bob", 5))
    answer = await api.acme.get(f"{CONTACTS}?sort=firstname&cursor={before}")
    assert answer.details == {"cursor": ["The cursor parameter belongs to another sort order"]}
    # Other orders are as they were.
    before = write_cursor((("id", False),), (0,))
    assert (await api.acme.get(f"{CONTACTS}?sort=id&cursor={before}")).status == 200


async def test_fields_and_relations_are_chosen_together(api: Api) -> None:
    vip = await group(api.acme, "VIP")
    await create(api, groups=[vip])
    answer = await api.acme.get(f"{CONTACTS}?fields[]=firstname&fields[]=groups&include[]=groups")
    assert answer.data[0].keys() == {"id", "firstname", "groups"}
    assert "ignored" not in answer.body["meta"]


@pytest.mark.parametrize("query", ["search=Köln", "filter[type]=Köln", "q=KÖLN&page=2", "Köln"])
async def test_a_query_that_is_not_encoded_is_refused_and_not_guessed_at(api: Api, query: str) -> None:
    for encoded in (query.encode(), query.encode("latin-1")):
        answer = await _raw(api, api.base_url, f"{CONTACTS}?".encode() + encoded)
        assert answer["error"]["code"] == "BAD_REQUEST"
        assert "has to be URL-encoded: ö is %C3%B6" in answer["error"]["message"]


async def test_a_query_that_is_encoded_but_no_utf8_is_refused(api: Api) -> None:
    answer = await _raw(api, api.base_url, f"{CONTACTS}?search=K%F6ln")
    assert answer["error"]["details"] == {"query": ["The query string is not valid"]}


@pytest.mark.parametrize("noun", ["contact", "message"])
async def test_what_one_record_cannot_include_is_told_or_refused(api: Api, noun: str) -> None:
    known, meant = ("groups", "source") if noun == "contact" else ("timeline", "timeline")
    if noun == "contact":
        path = f"{CONTACTS}/{(await create(api))['id']}"
    else:
        path = f"{MESSAGES}/{(await api.acme.send('+442079460001')).data['chat_message_id']}"
    query = f"{path}?include[]={known}&include[]={meant[:-1]}&include[]=colour&limit=5"
    told = await api.acme.get(query)
    assert known in told.data
    assert told.body["meta"]["ignored"] == [
        {"field": "limit"},
        {"field": f"include={meant[:-1]}", "did_you_mean": f"include={meant}"},
        {"field": "include=colour"},
    ]
    refused = await api.acme.get(query, headers=STRICT)
    assert refused.status == 422
    assert [*refused.details] == ["limit", f"include={meant[:-1]}", "include=colour"]
    assert "ignored" not in (await api.acme.get(f"{path}?include={known}", headers=STRICT)).body["meta"]
