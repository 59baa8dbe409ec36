"""Browsers: closed by default, open to the origins that the operator named."""

from collections.abc import AsyncIterator

import pytest

from rasl.app import create_app
from tests.serving import Api, Client, served, settings_for

APP, OTHER = "https://app.example.test", "https://other.example.test"
LIST = "/api/v2/messages"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}


@pytest.fixture(scope="module")
async def open_url(shared_dsn: str, simulator_url: str) -> AsyncIterator[str]:
    """An API that two origins may call."""
    settings = settings_for(simulator_url, cors_origins=f"{APP}, http://localhost:3000")
    async with served(create_app(settings, shared_dsn)) as url:
        yield url


@pytest.fixture
def page(api: Api, open_url: str) -> Client:
    """Acme's client, as a page would be."""
    return Client(api.acme.session, open_url, api.world.acme.headers)


def told(headers: dict[str, str]) -> dict[str, str]:
    """Return what an answer says to browsers."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower().startswith("access-control-") or name.lower() == "vary"
    }


async def test_without_origins_nobody_is_told_anything(api: Api) -> None:
    for origin in (APP, "null", "*"):
        for method, path, more in (("GET", LIST, {}), ("OPTIONS", LIST, PREFLIGHT), ("GET", "/nowhere", {})):
            answer = await api.acme.call(method, path, headers={"origin": origin, **more})
            assert told(dict(answer.headers)) == {}


@pytest.mark.parametrize(
    "path", ["/api/v2/contacts", "/api/v2/messages/text", "/api/v2/messages/5/read", "/api/v2/contacts/5"]
)
async def test_a_preflight_names_methods_and_headers(page: Client, path: str) -> None:
    asked = {"origin": APP, **PREFLIGHT}
    answer = await Client(page.session, page.base_url, {}).call("OPTIONS", path, headers=asked)
    assert (answer.status, answer.body) == (204, "")
    headers = told(dict(answer.headers))
    assert headers.pop("access-control-allow-methods") == answer.headers["allow"]
    assert headers == {
        "vary": "Origin",
        "access-control-allow-origin": APP,
        "access-control-allow-headers": (
            "Authorization, X-API-Key, Idempotency-Key, Prefer, Content-Type, X-Request-Id"
        ),
        "access-control-max-age": "600",
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LIST, 200),
        ("GET", "/api/v2/messages/999999999", 404),
        ("PUT", LIST, 405),
        ("GET", "/nowhere", 404),
    ],
)
async def test_a_page_of_a_named_origin_reads_every_answer(
    page: Client, method: str, path: str, status: int
) -> None:
    answer = await page.call(method, path, headers={"origin": APP})
    assert answer.status == status
    headers = told(dict(answer.headers))
    shown = headers.pop("access-control-expose-headers")
    assert headers == {"vary": "Origin", "access-control-allow-origin": APP}
    for name in ("X-Request-Id", "X-RateLimit-Remaining", "Retry-After", "Idempotent-Replayed"):
        assert name in shown.split(", ")


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "*", "", f"{APP}.evil.test", APP.upper(), APP.replace("https", "http")]
)
async def test_others_read_nothing(page: Client, origin: str) -> None:
    for method, more in (("GET", {}), ("OPTIONS", PREFLIGHT)):
        answer = await page.call(method, LIST, headers={"origin": origin, **more})
        assert told(dict(answer.headers)) == {"vary": "Origin"}
    answer = await page.get(LIST)
    assert told(dict(answer.headers)) == {"vary": "Origin"}


async def test_no_answer_ever_allows_credentials(page: Client) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await page.call(method, LIST, headers={"origin": APP, **PREFLIGHT})
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["access-control-allow-origin"] != "*"
