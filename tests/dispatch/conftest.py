"""A receiver of webhooks, and a worker whose loops are run by hand."""

from collections.abc import AsyncIterator

import pytest

from rasl.app import build_resources, running
from rasl.domain import webhooks as rules
from tests.dispatch.webhook_calls import Worker
from tests.receiving import Receiver, receiving
from tests.serving import Api


@pytest.fixture(scope="module")
async def receiver_server() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.fixture
def receiver(receiver_server: Receiver) -> Receiver:
    receiver_server.got.clear()
    receiver_server.answers.clear()
    receiver_server.always.clear()
    receiver_server.headers.clear()
    receiver_server.go_on.clear()
    receiver_server.news.clear()
    receiver_server.text = "ok"
    return receiver_server


@pytest.fixture
async def worker(api: Api, shared_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    """A worker run by hand; what failed comes due when a test says so, however slow the machine."""
    monkeypatch.setattr(rules, "PAUSES", (300.0, *rules.PAUSES[1:]))
    async with running(build_resources(api.settings, shared_dsn)) as outbox:
        yield Worker(outbox)
