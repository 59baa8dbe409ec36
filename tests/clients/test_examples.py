"""Every example of the document, as printed, in a sandbox."""

import pytest

from tests.clients.trying import NAMES, attempt, examples_of
from tests.serving import Client


@pytest.mark.parametrize("name", NAMES)
async def test_every_example_works_as_it_is(client: Client, name: str) -> None:
    for kind, body in examples_of(name):
        answer = await attempt(client, name, kind, body)
        assert 200 <= answer.status < 300, (body, answer.body)
        if kind:
            assert "ignored" not in answer.body["meta"], answer.body
