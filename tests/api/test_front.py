"""GET /: what people and programs see first."""

import base64
import hashlib
import re

import pytest

from rasl import __version__
from tests.serving import Api

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_people_see_a_page_that_loads_and_runs_nothing(api: Api) -> None:
    answer = await api.nobody.get("/", headers={"accept": BROWSER})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    page: str = answer.body
    assert f"version {__version__}" in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"<script|<img|<link|url\(|@import|https?:| on\w+=| style=", page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = answer.headers["content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 3
    for link in links:
        assert (await api.nobody.get(f"/{link}")).status == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_programs_get_the_same_in_the_envelope(api: Api, accept: str) -> None:
    answer = await api.nobody.get("/", headers={"accept": accept})
    base = api.settings.base_url
    assert answer.data == {
        "name": "RASL",
        "version": __version__,
        "docs": f"{base}/docs",
        "openapi": f"{base}/api/v2/openapi.json",
        "health": f"{base}/readyz",
    }
    assert answer.headers["vary"] == "Accept"
