"""Over the real route table: HEAD, OPTIONS and 405 on every path, and that no path is taken for another route."""

import json
from collections import defaultdict
from typing import Any

import pytest

from rasl.db.pool import Database
from tests import samples
from tests.api.v2.media_calls import form
from tests.server.raw import connected
from tests.serving import Api
from tests.test_every_route import ROUTES
from tests.things import PREFIX, things_of_all

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# What is outside of the API's own table.
OTHERS = {
    "/": {"GET"},
    "/livez": {"GET"},
    "/readyz": {"GET"},
    "/docs": {"GET"},
    "/docs/start.js": {"GET"},
    "/docs/swagger-ui.css": {"GET"},
    "/api/v2/openapi.json": {"GET"},
    "/media/{file}": {"GET"},
    "/webhooks/whatsapp/{door}": {"GET", "POST"},
}
# The framework itself, or a word that is one more id of a message, takes these beside what the table says.
BESIDE = {"/messages/{message_id}/read": {"GET"}}


def table() -> dict[str, set[str]]:
    """Every path of the application with the methods that have a route."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in ROUTES:
        method, path = name.split(" ")
        found[PREFIX + path] |= {method} | BESIDE.get(path, set())
    return {**found, **OTHERS}


PATHS = table()
EVERY = pytest.mark.parametrize("path", PATHS)


def full(taken: set[str]) -> list[str]:
    """Return the methods that OPTIONS and Allow name."""
    return sorted(taken | {"OPTIONS"} | ({"HEAD"} if "GET" in taken else set()))


@pytest.fixture
async def own(api: Api, database: Database) -> dict[str, Any]:
    """What acme has, by the name that it has in paths."""
    things = (await things_of_all(api, database))["acme"]
    names = {key: things[kind] for route in ROUTES.values() for key, kind in route.path.items()}
    stored = await api.acme.post(f"{PREFIX}/media", data=form(samples.PNG, "", media_type="image"))
    file = stored.data["url"].rpartition("/")[2]
    door = f"{api.world.acme.callback_key}?hub.mode=subscribe&hub.challenge=42&hub.verify_token="
    return names | {"file": file, "door": door + api.world.acme.verify_token}


def filled(path: str, own: dict[str, Any]) -> str:
    return path.format(**own)


@EVERY
async def test_every_path_names_its_methods_to_whoever_asks(api: Api, own: dict[str, Any], path: str) -> None:
    answer = await api.nobody.call("OPTIONS", filled(path, own))
    assert (answer.status, answer.body) == (204, "")
    assert answer.headers["allow"].split(", ") == full(PATHS[path])
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


@EVERY
async def test_every_other_method_is_refused_with_those_that_there_are(
    api: Api, own: dict[str, Any], path: str
) -> None:
    taken = full(PATHS[path])
    for method in set(METHODS) - set(taken):
        answer = await api.nobody.call(method, filled(path, own))
        assert (answer.status, answer.headers["allow"].split(", ")) == (405, taken), method
        if method == "HEAD":
            assert not answer.body
            continue
        assert (answer.code, answer.details) == ("METHOD_NOT_ALLOWED", {"allowed_methods": taken})
        text = answer.body["error"]["message"]
        assert text.startswith(f"{method} is not allowed here: use ")
        assert (": use PATCH, which" in text) == (method == "PUT" and "PATCH" in taken)


@pytest.mark.parametrize("path", [path for path, taken in PATHS.items() if "GET" in taken])
async def test_head_answers_as_get_without_a_body(api: Api, own: dict[str, Any], path: str) -> None:
    url = filled(path, own)
    for client in (api.acme, api.nobody):
        for coding in ("identity", "gzip"):
            heads = []
            for method in ("GET", "HEAD"):
                headers = {**client._headers, "accept-encoding": coding}
                async with client.session.request(method, client.base_url + url, headers=headers) as answer:
                    assert method == "GET" or not await answer.read()
                    heads.append((answer.status, without_what_differs(dict(answer.headers))))
            assert heads[0] == heads[1]


def without_what_differs(headers: dict[str, str]) -> dict[str, str]:
    """Leave out what differs between any two answers, and how a body of unknown length travels."""
    ever_new = {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "transfer-encoding"}
    if "Content-Encoding" in headers:
        ever_new.add("content-length")  # how well ids and moments are compressed
    return {name.lower(): value for name, value in headers.items() if name.lower() not in ever_new}


async def test_head_leaves_the_connection_as_it_was(api: Api, own: dict[str, Any]) -> None:
    token = api.world.acme.token
    async with connected(api.base_url) as raw:
        for path in (
            f"{PREFIX}/contacts/export",
            f"{PREFIX}/contacts",
            "/docs/swagger-ui-bundle.js",
            "/livez",
        ):
            head = f"HEAD {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
            await raw.send(head.encode())
            answered = await raw.reader.readuntil(b"\r\n\r\n")
            assert answered.startswith(b"HTTP/1.1 200 OK\r\n"), answered
        await raw.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await raw.answer())[2] == {"status": "ok"}
    assert own


# Beside each path, one that is none: under a noun, under one of its things, behind a route that is whole.
NEIGHBOURS = sorted(
    {
        f"{path.replace('{', '<').replace('}', '>')}{more}"
        for path in PATHS
        if path.startswith(PREFIX)
        for more in ("/nothing", "/nothing/here", "/1/nothing")
    }
    | {f"{PREFIX}/messages/{word}" for word in ("foo", "read", "1", "send", "1/read/on")}
)


async def test_what_is_no_route_is_never_taken_for_another(api: Api, own: dict[str, Any]) -> None:
    wrong = {}
    for path in NEIGHBOURS:
        url = filled(path.replace("<", "{").replace(">", "}"), own)
        for method in ("POST", "PATCH", "DELETE", "PUT"):
            answer = await api.acme.call(method, url, json={"phone": "+442079460011", "message": "hi"})
            is_refused = answer.status == 404 or (answer.status == 405 and "allow" in answer.headers)
            if not is_refused and not is_a_route(method, path):
                wrong[f"{method} {path}"] = (answer.status, answer.body)
            if answer.status == 405:
                assert method not in answer.headers["allow"].split(", ")
    assert wrong == {}


def is_a_route(method: str, path: str) -> bool:
    """Tell whether a neighbour has an id where another route has one, too."""
    parts = path.removeprefix(PREFIX).split("/")
    for name in ROUTES:
        other, route = name.split(" ")
        pattern = route.split("/")
        if other == method and len(pattern) == len(parts):
            pairs = zip(pattern, parts, strict=True)
            if all(left == right or left.startswith("{") for left, right in pairs):
                return True
    return False


@pytest.mark.parametrize(
    ("method", "path", "same"),
    [
        ("GET", "/api/v1/contacts", "/api/v2/contacts"),
        ("POST", "/api/v1/acme/messages/media", "/api/v2/messages/media"),
        ("PUT", "/api/v1/acme/contacts/5", "/api/v2/contacts/5"),
        ("POST", "/api/v1/acme/messages/send", None),
        ("GET", "/api/v1/acme/messagebots", None),
        ("GET", "/api/v1", None),
        ("GET", "/api/v1/" + "x" * 500, None),
    ],
)
async def test_version_1_is_sent_on_to_version_2(api: Api, method: str, path: str, same: str | None) -> None:
    answer = await api.nobody.call(method, path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.details == {"documentation": "/docs", **({"path": same} if same else {})}
    assert "version 2" in answer.body["error"]["message"]
    assert (await api.nobody.call("GET", "/api/v1x")).details == {}
    assert json.dumps(answer.body)
