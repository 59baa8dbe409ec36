"""The pages under /docs: to whom the demo token is told, where links of guides lead, what the search finds."""

import dataclasses
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rasl.api.docs.guides import guides
from rasl.app import create_app
from tests.documented import DOCUMENT
from tests.serving import Api, Client, served

_HREF = re.compile(r'href="([^"]+)"')
NOT_FROM_HERE = {
    "another host's name": {"host": "rasl.example.com"},
    "a name that leads here": {"host": "127.0.0.1.nip.io"},
    "a proxy": {"x-forwarded-for": "127.0.0.1"},
    "a proxy as RFC 7239 tells it": {"forwarded": "for=127.0.0.1"},
    "nginx": {"x-real-ip": "127.0.0.1"},
    "a proxy that names itself": {"via": "1.1 edge"},
    "another site": {"sec-fetch-site": "cross-site"},
    "a neighbour of this site": {"sec-fetch-site": "same-site"},
}


@pytest.fixture
async def demo(api: Api, dsn: str, tmp_path: Path) -> AsyncIterator[Client]:
    """A server that is a sandbox's."""
    file = tmp_path / "sandbox.json"
    file.write_text(json.dumps({"token": "rasl_demo", "app_secret": "hidden"}), encoding="utf-8")
    settings = dataclasses.replace(api.settings, sandbox_file=str(file))
    async with served(create_app(settings, dsn)) as url:
        yield Client(api.nobody.session, url, {})


async def test_a_sandbox_tells_its_token_to_a_browser_on_this_machine(demo: Client) -> None:
    for headers in ({}, {"sec-fetch-site": "same-origin"}, {"host": "localhost"}, {"host": "[::1]:8080"}):
        answer = await demo.get("/docs/demo.json", headers=headers)
        assert (answer.status, answer.body) == (200, {"token": "rasl_demo"})
        assert answer.headers["cache-control"] == "no-store"
    assert 'id="use-demo"' in (await demo.get("/docs")).body


@pytest.mark.parametrize("headers", NOT_FROM_HERE.values(), ids=NOT_FROM_HERE)
async def test_it_tells_nobody_else(demo: Client, headers: dict[str, str]) -> None:
    answer = await demo.get("/docs/demo.json", headers=headers)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert 'id="use-demo"' not in (await demo.get("/docs", headers=headers)).body


async def test_a_server_that_is_no_sandbox_has_no_token_and_no_button(api: Api) -> None:
    assert (await api.nobody.get("/docs/demo.json")).code == "NOT_FOUND"
    page = await api.nobody.get("/docs")
    assert page.status == 200
    assert 'id="use-demo"' not in page.body


async def test_links_of_guides_lead_to_pages_and_sections_that_are_there(api: Api) -> None:
    checked = 0
    for guide in guides().values():
        for address in _HREF.findall(guide.body):
            path, _, anchor = address.partition("#")
            if "://" in address or not (path or anchor):
                continue
            target = guides()[path.removeprefix("/docs/guides/")] if path else guide
            assert not anchor or anchor in {it.anchor for it in target.sections}, (guide.name, address)
            checked += 1
    assert checked > 50
    page = await api.nobody.get("/docs/guides/errors")
    assert page.status == 200
    assert "<h1" in page.body
    assert (await api.nobody.get("/docs/guides/nothing")).code == "NOT_FOUND"
    assert (await api.nobody.get("/docs/guides/..%2f..%2fpyproject")).status == 404


async def test_the_search_knows_every_operation_and_every_section(api: Api) -> None:
    found = (await api.nobody.get("/docs/search.json")).body
    addresses = {item["address"] for item in found}
    operations = [it for methods in DOCUMENT["paths"].values() for it in methods.values()]
    assert {f"/docs#/{it['tags'][0]}/{it['operationId']}" for it in operations} <= addresses
    assert {f"{it.address}#{part.anchor}" for it in guides().values() for part in it.sections} <= addresses
    assert len(found) == len(operations) + sum(len(it.sections) for it in guides().values())


async def test_pages_let_the_browser_ask_no_other_host(api: Api) -> None:
    for path in ("/docs", "/docs/guides/errors"):
        page = await api.nobody.get(path)
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert re.findall(r'(?:src|href)="(https?:[^"]+)"', page.body.split("<main")[0]) == []
