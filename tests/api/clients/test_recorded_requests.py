"""What real clients send means what they mean, whichever client it is and however it writes the request.

The table is that of section 18 of the contract: what the rows say is tried with requests that curl, PHP, Python, Node
and Go really made, and compared with what reached WhatsApp or was stored.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rasl import ids
from rasl.db import tenants
from rasl.db.pool import Database
from rasl.services.ground.callers import hash_token
from tests.api.clients.replay import exchange, recordings, spoken
from tests.api.v2.codes import template as otp_template
from tests.api.v2.templated import ORDER, have
from tests.serving import Answer, Api, graph_requests

STRICT = "Prefer: handling=strict"
Outcome = Callable[[Api, Answer], Awaitable[Any]]


@dataclasses.dataclass(frozen=True)
class Meaning:
    """What requests of one kind lead to; `undo` makes room for the next of them."""

    outcome: Outcome
    expected: Any
    undo: Callable[[Api, Answer], Awaitable[Any]] | None = None


async def _reached(api: Api, answer: Answer) -> Any:
    """Return what reached WhatsApp, without the ids that differ from send to send."""
    assert answer.status == 200, answer.body
    payload = (await graph_requests(api))[-1]["body"]
    if "document" in payload:
        payload["document"].pop("id")
    if "template" in payload and payload["template"]["name"] == "login":
        code = payload["template"]["components"][0]["parameters"][0]["text"]
        assert len(code) == 6, code
        assert code.isdecimal(), code
    return {name: payload[name] for name in payload if name in {"to", payload["type"]}}


async def _made_code(api: Api, answer: Answer) -> Any:
    await _reached(api, answer)
    return answer.data["code_auto_generated"], "code" in answer.data


async def _contact(api: Api, answer: Answer) -> Any:
    assert answer.status in {200, 201}, answer.body
    data = (await api.acme.get(f"/api/v2/contacts/{answer.data['id']}?include=groups")).data
    kept = ("firstname", "lastname", "email", "country_id", "assigned_id")
    return {name: data[name] for name in kept} | {
        "phone": "".join(filter(str.isdigit, data["phone"])),
        "groups": sorted(group["id"] for group in data["groups"]),
    }


async def _forget_contact(api: Api, answer: Answer) -> None:
    assert (await api.acme.call("DELETE", f"/api/v2/contacts/{answer.data['id']}")).status == 200


async def _renamed(api: Api, answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    data = (await api.acme.get("/api/v2/contacts/900001")).data
    return data["firstname"], data["lastname"], data["email"]


async def _name_back(api: Api, _answer: Answer) -> None:
    changed = await api.acme.call("PATCH", "/api/v2/contacts/900001", json={"firstname": "Anna"})
    assert changed.status == 200


async def _refused(_api: Api, answer: Answer) -> Any:
    return answer.status, answer.code, sorted(answer.details)


async def _listed(_api: Api, answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return [row["firstname"] for row in answer.data]


async def _page(api: Api, answer: Answer) -> Any:
    names = (
        "total",
        "count",
        "per_page",
        "current_page",
        "total_pages",
        "has_more",
        "last_page",
        "from",
        "to",
    )
    pagination = answer.body["meta"]["pagination"]
    return await _listed(api, answer), {name: pagination[name] for name in names}


async def _ignored(_api: Api, answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.body["meta"]["ignored"][0]


async def _methods(_api: Api, answer: Answer) -> Any:
    return answer.status, set(answer.headers["allow"].split(", "))


async def _head(_api: Api, answer: Answer) -> Any:
    return answer.status, answer.headers["content-type"], int(answer.headers["content-length"]) > 100


async def _synced(_api: Api, answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.data["synced_count"], sorted(row["name"] for row in answer.data["templates"])


TO = "+442079460011"
VALUES = [{"type": "text", "text": "Jo"}, {"type": "text", "text": "5.50"}]
REPLIES = [{"type": "reply", "reply": {"id": str(n), "title": title}} for n, title in ((1, "Yes"), (2, "No"))]
ZOE = {
    "firstname": "Zoe",
    "lastname": "Ng",
    "email": "zoe@example.com",
    "country_id": None,
    "assigned_id": None,
    "phone": "442079460777",
    "groups": [900003, 900004],
}
METHODS = {"GET", "HEAD", "POST", "PUT", "OPTIONS"}
MEANINGS = {
    "text": Meaning(_reached, {"to": TO, "text": {"body": "Hello & welcome", "preview_url": False}}),
    "text_wrong_header": Meaning(_refused, (400, "INVALID_JSON", ["reason"])),
    "number": Meaning(_reached, {"to": TO, "text": {"body": "12345", "preview_url": False}}),
    "template": Meaning(
        _reached,
        {
            "to": TO,
            "template": {
                "name": "order_update",
                "language": {"code": "en_GB"},
                "components": [{"type": "body", "parameters": VALUES}],
            },
        },
    ),
    "media": Meaning(_reached, {"to": TO, "document": {"caption": "Your invoice", "filename": "note.txt"}}),
    "cta": Meaning(
        _reached,
        {
            "to": TO,
            "interactive": {
                "type": "cta_url",
                "body": {"text": "See our sale"},
                "action": {
                    "name": "cta_url",
                    "parameters": {"display_text": "Open", "url": "https://example.com/sale"},
                },
            },
        },
    ),
    "buttons": Meaning(
        _reached,
        {
            "to": TO,
            "interactive": {"type": "button", "body": {"text": "Sure?"}, "action": {"buttons": REPLIES}},
        },
    ),
    "otp": Meaning(_made_code, (True, False)),
    "otp_given": Meaning(
        _reached,
        {
            "to": TO,
            "template": {
                "name": "login",
                "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": "482913"}]}],
            },
        },
    ),
    "contact": Meaning(_contact, ZOE, _forget_contact),
    "contact_wrong": Meaning(
        _refused,
        (
            422,
            "VALIDATION_ERROR",
            ["email", "firstname", "groups", "lastname", "phone", "source_id", "status_id", "type"],
        ),
    ),
    "contact_patch": Meaning(_renamed, ("Anna Maria", "Berg", "anna@example.com"), _name_back),
    "contact_put": Meaning(_refused, (405, "METHOD_NOT_ALLOWED", ["allowed_methods"])),
    "contact_known": Meaning(_refused, (422, "VALIDATION_ERROR", ["contact_id", "phone"])),
    "source_delete": Meaning(_refused, (409, "RESOURCE_CONFLICT", ["contacts_count"])),
    "list_all": Meaning(_listed, ["Özil", "bob", "Anna"]),
    "list_search": Meaning(_listed, ["Anna"]),
    "list_phone": Meaning(_listed, ["Anna"]),
    "list_email": Meaning(_listed, ["Anna"]),
    "list_operator": Meaning(_listed, ["Anna"]),
    "list_in": Meaning(_listed, ["bob", "Anna"]),
    "list_sort": Meaning(
        _page,
        (
            ["Anna", "bob"],
            {
                "total": 3,
                "count": 2,
                "per_page": 2,
                "current_page": 1,
                "total_pages": 2,
                "has_more": True,
                "last_page": 2,
                "from": 1,
                "to": 2,
            },
        ),
    ),
    "list_unknown": Meaning(_ignored, {"field": "limit", "did_you_mean": "per_page"}),
    "contacts_head": Meaning(_head, (200, "application/json", True)),
    "contacts_options": Meaning(_methods, (204, METHODS)),
    "sync": Meaning(_synced, (2, ["login", "order_update"])),
}
# Names of recordings that begin like another kind of request than theirs.
LIKE_OTHERS = {
    "list_empty": "list_all",
    "list_params": "list_all",
    "list_build_query": "list_all",
    "contact_method": "contact_patch",
}
# What is refused when every name must mean something.
LOOSE = ("_unknown", "curl:template_surplus", "axios_text_undefined", "curl:template_blank")


def kind_of(recording: str) -> str:
    """Return what a recording means, which its name begins with."""
    name = recording.partition(":")[2].removeprefix("guzzle_").removeprefix("axios_")
    if name.endswith("_number"):
        return "number"
    starts = [start for start in (*MEANINGS, *LIKE_OTHERS) if name.startswith(start)]
    longest = max(starts, key=len)
    return LIKE_OTHERS.get(longest, longest)


KINDS = {kind: [name for name in recordings() if kind_of(name) == kind] for kind in MEANINGS}


@pytest.fixture
async def things(api: Api, database: Database) -> None:
    """Give acme the things that the recorded requests name by their ids."""
    async with database.transaction() as db:
        for table, last in (
            ("contacts", 900_000),
            ("contact_groups", 900_002),
            ("sources", 900_003),
            ("contact_statuses", 900_005),
        ):
            await db.execute("select setval(pg_get_serial_sequence($1, 'id'), $2)", table, last)
    await have(api, ORDER, otp_template("login"))
    for name in ("Neighbours", "Friends"):
        assert (await api.acme.post("/api/v2/groups", {"name": name})).data["id"] in {900_003, 900_004}
    for name in ("Shop", "Fair"):
        assert (await api.acme.post("/api/v2/sources", {"name": name})).data["id"] in {900_004, 900_005}
    assert (await api.acme.post("/api/v2/statuses", {"name": "Hot"})).data["id"] == 900_006
    people: tuple[dict[str, Any], ...] = (
        {"firstname": "Anna", "lastname": "Berg", "phone": "+442079460001", "email": "anna@example.com",
         "source_id": 900_005, "type": "lead"},
        {"firstname": "bob", "phone": "+442079460002", "type": "customer"},
        {"firstname": "Özil", "phone": "+442079460003", "type": "guest"},
    )  # fmt: skip
    labels: dict[str, Any] = {"lastname": "Lee", "status_id": 900_006, "source_id": 900_004}
    for place, person in enumerate(people, 900_001):
        assert (await api.acme.post("/api/v2/contacts", labels | person)).data["id"] == place


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize("kind", MEANINGS)
async def test_a_request_means_the_same_whoever_makes_it(api: Api, kind: str) -> None:
    meaning = MEANINGS[kind]
    for recording in KINDS[kind]:
        answer = await exchange(api.base_url, spoken(recording, api.world.acme.token))
        await _check(api, recording, meaning, answer)


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize("kind", MEANINGS)
async def test_strict_reading_means_the_same_or_names_what_means_nothing(api: Api, kind: str) -> None:
    meaning = MEANINGS[kind]
    for recording in KINDS[kind]:
        answer = await exchange(api.base_url, spoken(recording, api.world.acme.token, STRICT))
        if recording.endswith(LOOSE):
            assert (recording, answer.status, answer.code) == (recording, 422, "VALIDATION_ERROR")
            continue
        await _check(api, recording, meaning, answer)


async def _check(api: Api, recording: str, meaning: Meaning, answer: Answer) -> None:
    try:
        assert await meaning.outcome(api, answer) == meaning.expected
    except AssertionError as error:
        error.add_note(recording)
        raise
    if meaning.undo:
        await meaning.undo(api, answer)


# What the recordings of each row of section 18 end in; who only reads or deletes is no row of its own.
ROWS = {
    1: "template_query|template_params|media_query|media_params|contact_data|contact_brackets|text_body_wins",
    2: "text_unknown|contact_unknown|list_unknown",
    3: "text_number|otp_given|axios_buttons",
    4: "text_form_pasted|contact_data|template_blank|contact_patch_data",
    5: "list_empty|list_params|list_build_query",
    6: "list_operator|list_in",
    7: "text_key|text_key_json|axios_text_key|text_stream_key",
    8: "cta_data|cta_form|cta_json|cta_array|axios_cta",
    9: "otp_empty|otp_query|otp_null|axios_otp",
    10: "list_sort",
    11: "source_delete",
    12: "source_delete",
    13: "sync|sync_data|sync_empty",
    14: "contact_data|contact_json|contact_build_query|axios_contact",
    15: "contact_wrong|axios_contact_wrong",
    16: "list_search",
    17: "list_sort|axios_list_sort",
    18: "list_phone|list_email|contact_known",
    19: "contacts_head|contacts_options|contact_put|contact_patch_form|source_delete_form",
    20: "text_bom|text_gzip|text_gzip_twice",
    21: "template_surplus|template_array",
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_contract_is_tried_with_at_least_three_real_requests(row: int) -> None:
    names = ROWS[row].split("|")
    assert sum(recording.partition(":")[2] in names for recording in recordings()) >= 3


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize("scope", ["sources:write", "sources:delete"])
async def test_either_scope_deletes_whoever_asks(api: Api, database: Database, scope: str) -> None:
    token = ids.mint_token()
    async with database.transaction() as db:
        tenant_id = api.world.acme.tenant_id
        await tenants.create_token(db, tenant_id, "t", hash_token(token), token[-4:], (scope,), 1000, None)
    for recording in KINDS["source_delete"]:
        answer = await exchange(api.base_url, spoken(recording, token))
        assert (recording, answer.status) == (recording, 409), answer.body
