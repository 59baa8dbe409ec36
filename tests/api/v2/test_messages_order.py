"""Messages of one second, as every list shows them: in the order in which they came."""

import pytest

from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.ingest import posts
from tests.ingest.posts import Post, text
from tests.serving import Api

LIST = "/api/v2/messages"
BURST = [f"number {number}" for number in range(1, 21)]


async def receive(api: Api, database: Database, sealer: Sealer) -> int:
    """Let one person send twenty messages within a second: an album, and the others one by one."""
    acme, post = api.world.acme, Post(database, sealer)
    items = [text(f"wamid.q{99 - place}", words) for place, words in enumerate(BURST)]
    await post.put(acme, posts.messages(acme, *items[:5]))
    for item in items[5:]:
        await post.put(acme, posts.messages(acme, item))
    while await post.apply():
        pass
    return int(await post.value("select id from conversations"))


async def walked(api: Api, query: str) -> list[str]:
    """Return what a walk by cursor shows."""
    seen: list[str] = []
    cursor = None
    while True:
        page = f"{LIST}?{query}&per_page=3" + (f"&cursor={cursor}" if cursor else "")
        answer = await api.acme.get(page)
        seen += [item["message"] for item in answer.data]
        cursor = answer.body["meta"]["pagination"]["next_cursor"]
        if not cursor:
            return seen


@pytest.mark.parametrize("sort", ["created_at", "updated_at", "-created_at", "-updated_at", None])
async def test_every_order_and_every_walk_counts_through(
    api: Api, database: Database, sealer: Sealer, sort: str | None
) -> None:
    conversation_id = await receive(api, database, sealer)
    expected = BURST if sort and not sort.startswith("-") else BURST[::-1]
    order = f"sort={sort}" if sort else "filter[direction]=inbound"
    for query in (order, f"{order}&filter[interaction_id]={conversation_id}", f"{order}&search=number"):
        pages = await api.acme.get(f"{LIST}?{query}&per_page=100")
        assert [item["message"] for item in pages.data] == expected
        assert await walked(api, query) == expected
