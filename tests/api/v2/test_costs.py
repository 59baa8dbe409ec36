"""What messages cost, as the API tells it: counted from statuses, priced by the rate card of each day."""

from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.ground.audit import Actor
from rasl.services.operators import rates
from tests.api.test_callers import client_with
from tests.ingest import posts
from tests.ingest.posts import Post, status
from tests.services.sending.test_costs import FREE, MARKETING, UTILITY, template
from tests.serving import Api
from tests.world import Person

COSTS = "/api/v2/account/costs"
MAY = "from=2026-05-01&to=2026-05-31"
CARD = """valid_from,country,category,price,currency
2026-05-01,US,marketing,0.0250,USD
2026-05-01,*,marketing,0.08,USD
2026-05-01,US,utility,0.004,USD
"""


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


async def bring(database: Database, text: str = CARD, tenant: str | None = None) -> None:
    await rates.import_cards(database, Actor.system("test"), tenant, text.encode(), "A card")


async def send(post: Post, person: Person) -> None:
    """Let Meta deliver six messages of the 28th of May, five of which it charges for."""
    told = [
        ("16505551234", "spring", MARKETING),
        ("16505551234", "spring", MARKETING),
        ("442079460011", "spring", MARKETING),
        ("16505551234", "order", UTILITY),
        ("442079460011", "order", UTILITY),
        ("16505551234", "order", FREE),
    ]
    for number, (peer, name, pricing) in enumerate(told):
        await template(post, person, f"wamid.{number}", name, peer)
        item = status(f"wamid.{number}", "delivered", 1, pricing=pricing)
        await post.deliver(person, posts.statuses(person, item))


def sums(messages: int, billable: int, cost: str | None, unpriced: int, **by: str | None) -> dict[str, Any]:
    return {
        "messages": messages,
        "billable": billable,
        "cost": cost,
        "currency": "USD",
        "is_estimate": bool(cost and cost != "0"),
        "unpriced": unpriced,
        **by,
    }


async def test_costs_are_priced_by_country_and_what_has_no_price_is_told(api: Api, post: Post) -> None:
    await bring(post.database)
    await send(post, api.world.acme)
    answer = await api.acme.get(f"{COSTS}?{MAY}")
    assert answer.data == {
        "from": "2026-05-01",
        "to": "2026-05-31",
        "time_zone": "UTC",
        "rate_cards": [{"name": "A card", "valid_from": "2026-05-01", "currency": "USD", "owner": "server"}],
        "costs": [sums(6, 5, "0.1340", 1)],
    }
    # A corrected card prices the past anew.
    await bring(post.database, CARD.replace("0.0250", "1").replace("US,utility", "* ,utility"))
    assert (await api.acme.get(f"{COSTS}?{MAY}")).data["costs"] == [sums(6, 5, "2.088", 0)]
    assert (await api.globex.get(f"{COSTS}?{MAY}")).data["costs"] == []


async def test_sums_are_by_whatever_is_asked_for(api: Api, post: Post) -> None:
    await bring(post.database)
    await send(post, api.world.acme)
    found = (await api.acme.get(f"{COSTS}?{MAY}&group_by=country,category")).data["costs"]
    assert found == [
        sums(1, 1, "0.08", 0, country="GB", category="marketing"),
        sums(1, 1, None, 1, country="GB", category="utility"),
        sums(2, 2, "0.0500", 0, country="US", category="marketing"),
        sums(2, 1, "0.004", 0, country="US", category="utility"),
    ]
    every = (
        await api.acme.get(f"{COSTS}?{MAY}&group_by=day,month,number,country,category,type,template")
    ).data["costs"]
    assert every[-1] == sums(
        1, 1, "0.004", 0, day="2026-05-28", month="2026-05", number=api.world.acme.phone_number_id,
        country="US", category="utility", type="regular", template="order",
    )  # fmt: skip
    free = next(item for item in every if item["type"] == "free_customer_service")
    assert (free["billable"], free["cost"], free["is_estimate"]) == (0, "0", False)


async def test_groups_come_in_pages(api: Api, post: Post) -> None:
    await bring(post.database)
    await send(post, api.world.acme)
    path = f"{COSTS}?{MAY}&group_by=country,category&per_page=3"
    seen = []
    for page, count in ((1, 3), (2, 1), (3, 0)):
        answer = await api.acme.get(f"{path}&page={page}")
        block = answer.body["meta"]["pagination"]
        assert (block["count"], block["total"], block["has_more"]) == (count, 4, page == 1)
        seen += [(item["country"], item["category"]) for item in answer.data["costs"]]
    assert len(set(seen)) == 4


async def test_an_own_card_takes_over_and_currencies_are_never_added_up(api: Api, post: Post) -> None:
    acme = api.world.acme
    await send(post, acme)
    await bring(post.database)
    own = CARD.replace("USD", "EUR").replace("2026-05-01", "2026-05-20")
    await bring(post.database, f"{own}2026-05-20,*,utility,0.5,EUR\n", "acme")
    await template(post, acme, "wamid.early")
    early = status("wamid.early", "delivered", -20 * 86_400, pricing=MARKETING)
    await post.deliver(acme, posts.statuses(acme, early))
    data = (await api.acme.get(f"{COSTS}?{MAY}")).data
    assert [(item["currency"], item["messages"], item["cost"]) for item in data["costs"]] == [
        ("EUR", 6, "0.6340"),
        ("USD", 1, "0.0250"),
    ]
    assert [card["owner"] for card in data["rate_cards"]] == ["server", "account"]


async def test_without_a_card_everything_is_unpriced(api: Api, post: Post) -> None:
    await send(post, api.world.acme)
    (found,) = (await api.acme.get(f"{COSTS}?{MAY}")).data["costs"]
    assert found == sums(6, 5, None, 5) | {"currency": None}


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("from=yesterday", {"from"}),
        ("from=2026-02-30&to=20260301&group_by=wekday&page=0", {"from", "to", "group_by", "page"}),
        ("from=2026-05-02&to=2026-05-01", {"to"}),
        ("from=2025-01-01&to=2026-05-01", {"to"}),
        ("group_by=day;drop table", {"group_by"}),
        ("from=%00", {"from"}),
    ],
)  # fmt: skip
async def test_every_wrong_parameter_is_named(api: Api, query: str, wrong: set[str]) -> None:
    answer = await api.acme.get(f"{COSTS}?{query}")
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert answer.details.keys() == wrong


async def test_this_month_is_meant_where_no_days_are_given(api: Api, database: Database) -> None:
    data = (await api.acme.get(f"{COSTS}?from=&group_by=")).data
    assert data["from"] == f"{data['to'][:8]}01"
    assert (await api.acme.get(f"{COSTS}?form=2026-01-01")).body["meta"]["ignored"][0]["field"] == "form"
    strict = await api.acme.get(f"{COSTS}?form=2026-01-01", headers={"prefer": "handling=strict"})
    assert strict.status == 422
    client = await client_with(api, database, 60, ("messages:send",))
    assert (await client.get(COSTS)).status == 403
