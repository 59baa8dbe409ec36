"""Each server and worker shows operators its own metrics; all processes of a server are one."""

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet
from tests.acceptance.processes import Process
from tests.waiting import until

pytestmark = pytest.mark.acceptance


async def scraped(fleet: Fleet, process: Process) -> dict[str, dict[str, float]]:
    async with fleet.session.get(process.metrics_url()) as answer:
        assert answer.status == 200
        text = await answer.text()
    return {
        family.name: {
            " ".join(filter(None, sample.labels.values())): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(text)
    }


async def test_server_and_worker_are_seen_by_operators_only(fleet: Fleet, people: People) -> None:
    server, worker = await fleet.serve(workers=2), await fleet.work()
    await fleet.connect(people.fast, server)
    headers = {"authorization": f"Bearer {people.fast.token}"}
    for number in range(20):
        body = {"phone": f"+4420794600{number:02}", "message": "hi"}
        # A connection each, so that both processes answer.
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{server.url}/api/v2/messages/text", json=body, headers=headers) as answer,
        ):
            assert answer.status == 200

    async def is_reported() -> bool:
        return (await scraped(fleet, worker)).get("rasl_reported_statuses", {}).get("delivered", 0) == 20

    await until(is_reported)
    async with fleet.session.get(f"{server.url}/metrics") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "NOT_FOUND"
    found = await scraped(fleet, server)
    assert found["rasl_messages"]["service sent"] == 20
    assert found["rasl_pool_size"] == {"main": 16, "lists": 8}
    assert found["process_open_fds"].keys() == {"0", "1", "2"}
    assert found["rasl_numbers"] == {"connected": 2, "locked": 0}
    theirs = await scraped(fleet, worker)
    assert theirs["rasl_ingest_apply_seconds"]
    assert theirs["rasl_database_up"] == {"": 1}
    for secret in (people.fast.token, people.fast.access_token, people.fast.subdomain):
        assert secret not in str(found) + str(theirs)
