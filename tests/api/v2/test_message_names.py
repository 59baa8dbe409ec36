"""WhatsApp's ids in paths: base64 with slashes, pluses and equals signs; each names one message and no other."""

from urllib.parse import quote

import pytest

from rasl.db.pool import Database
from tests.api.v2.received import receive
from tests.serving import Api, graph_requests

LIST = "/api/v2/messages"
WAMIDS = (
    "wamid.A/B",
    "wamid.A//B",
    "wamid.A///B",
    "wamid./A/B",
    "wamid.//A/B",
    "wamid.A/B/",
    "wamid.A/B//",
    "wamid.A/B=",
    "wamid.A/B==",
    "wamid.A/b",
    "wamid.A+B",
    "wamid.A B",
    "wamid.AB",
    "wamid.A/",
    "wamid.A",
    "wamid.A/read",
    "wamid.A/read/",
    "wamid.A/./B",
    "wamid.A/../B",
    "wamid.A%2FB",
    "wamid.messages/A",
)


@pytest.fixture
async def known(api: Api, database: Database) -> dict[str, int]:
    """Received messages by their wamids."""
    chat_id = (await api.acme.send("+442079460011")).data["chat_id"]
    return {wamid: await receive(database, chat_id, wamid) for wamid in WAMIDS}


def _plain(wamid: str) -> str:
    """Write an id as clients do that leave slashes alone, which they cannot do with dots for folders."""
    return quote(wamid, safe="/+=") if "/." not in wamid else quote(wamid, safe="")


async def test_each_id_finds_its_message_and_no_other(api: Api, known: dict[str, int]) -> None:
    for wamid, message_id in known.items():
        for name in (_plain(wamid), quote(wamid, safe=""), quote(wamid, safe="").replace("%2F", "%2f")):
            answer = await api.acme.get(f"{LIST}/{name}")
            assert (answer.status, answer.body["data"]["id"]) == (200, message_id), name


async def test_each_id_is_marked_as_read_by_itself(api: Api, known: dict[str, int]) -> None:
    for wamid, message_id in known.items():
        for name in (_plain(wamid), quote(wamid, safe="")):
            answer = await api.acme.post(f"{LIST}/{name}/read")
            assert (answer.status, answer.data["chat_message_id"]) == (200, message_id), name
            assert (await graph_requests(api))[-1]["body"]["message_id"] == wamid


@pytest.mark.parametrize(
    "name",
    ["wamid.A/C", "wamid.A/B/C", "wamid", "wamid.", "wamid./", "/wamid.A", "/wamid.A/B", "%2Fwamid.A", "wamid.a/b",
     "wamid.A%252F%252FB", "wamid.A/readread", "wamid.AB/", " wamid.A", "wamid.A%20", "wamid.A%00"],
)  # fmt: skip
async def test_what_is_nobodys_id_is_not_found(api: Api, known: dict[str, int], name: str) -> None:
    assert known
    answer = await api.acme.get(f"{LIST}/{name}")
    assert (answer.status, answer.code) == (404, "NOT_FOUND"), answer.body


async def test_a_strangers_ids_are_not_found(api: Api, known: dict[str, int]) -> None:
    for wamid, message_id in known.items():
        for name in (_plain(wamid), quote(wamid, safe=""), message_id):
            assert (await api.globex.get(f"{LIST}/{name}")).status == 404
            assert (await api.globex.post(f"{LIST}/{name}/read")).status == 404


@pytest.mark.parametrize("name", ["01", "+1", "1_0", "1.0", "1e0", " 1", "\u0661"])
async def test_a_number_in_another_spelling_is_no_id(api: Api, database: Database, name: str) -> None:
    chat_id = (await api.acme.send("+442079460011")).data["chat_id"]
    message_id = await receive(database, chat_id)
    answer = await api.acme.get(f"{LIST}/{quote(name.replace('1', str(message_id)))}")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_a_slash_after_a_number_does_no_harm(api: Api, known: dict[str, int]) -> None:
    message_id = known["wamid.A"]
    assert (await api.acme.get(f"{LIST}/{message_id}/")).data["id"] == message_id
    assert (await api.acme.post(f"{LIST}/{message_id}/read/")).status == 200


@pytest.mark.parametrize("name", ["wamid.A%2Fread", "wamid.A/unread", "wamid.A/read/x", "wamid.A"])
async def test_a_post_that_does_not_end_in_read_is_no_route(
    api: Api, known: dict[str, int], name: str
) -> None:
    assert known
    assert (await api.acme.post(f"{LIST}/{name}", {})).status == 405
