"""`_method` in forms: which requests it changes, and that nothing else of them changes."""

import asyncio
import io
from typing import Any

import aiohttp
import pytest

from rasl import ids
from rasl.web.context import with_context
from rasl.web.overrides import names_method, overriding
from tests import samples
from tests.server.raw import connected, post, post_chunked
from tests.serving import Answer, Api, Client

SOURCES = "/api/v2/sources"
FORM = "application/x-www-form-urlencoded"


async def source(client: Client, name: str = "Fair") -> str:
    made = await client.post(SOURCES, {"name": name})
    return f"{SOURCES}/{made.data['id']}"


def parts(**fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    return data


async def posted(client: Client, way: str, path: str, method: str) -> Answer:
    """POST with the name of a method, in one of the ways in which there is one."""
    many = {f"field_{n}": "x" for n in range(20)}
    thousands = {f"field_{n}": "x" for n in range(2_000)}
    named = {"_method": method}
    query, data = {
        "urlencoded": ("", named),
        "multipart": ("", parts(**named)),
        "last of many": ("", parts(**many, **named)),
        "last of thousands": ("", thousands | named),
        "query": (f"?_method={method}", None),
        "query of a form": (f"?_method={method}", {"a": "b"}),
        "body before query": ("?_method=PATCH", named),
    }[way]
    return await client.post(path + query, data=data)


WAYS = (
    "urlencoded",
    "multipart",
    "last of many",
    "last of thousands",
    "query",
    "query of a form",
    "body before query",
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["DELETE", "delete", " Delete "])
async def test_a_form_deletes(api: Api, way: str, method: str) -> None:
    path = await source(api.acme)
    answer = await posted(api.acme, way, path, method)
    assert (answer.status, answer.body.get("message")) == (200, "Source deleted successfully"), answer.body
    assert (await api.acme.get(path)).status == 404


@pytest.mark.parametrize("way", WAYS)
async def test_a_form_that_means_put_is_told_to_use_patch(api: Api, way: str) -> None:
    answer = await posted(api.acme, way, await source(api.acme), "PUT")
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert "PUT is not allowed here: use PATCH" in answer.body["error"]["message"]


@pytest.mark.parametrize("way", WAYS[:-1])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "TRACE", "", "DELETEX"])
async def test_no_other_method_is_taken(api: Api, way: str, method: str) -> None:
    path = await source(api.acme)
    answer = await posted(api.acme, way, path, method)
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert answer.body["error"]["message"].startswith("POST is not allowed")
    assert (await api.acme.get(path)).status == 200


async def test_a_get_never_writes_and_json_says_nothing(api: Api) -> None:
    path = await source(api.acme)
    assert (await api.acme.get(f"{path}?_method=DELETE")).status == 200
    assert (await api.acme.call("PATCH", f"{path}?_method=DELETE", json={"name": "Shop"})).status == 200
    answer = await api.acme.post(path, {"_method": "DELETE"})
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert (await api.acme.get(path)).data["name"] == "Shop"


async def test_a_patch_by_query_reads_its_json(api: Api) -> None:
    path = await source(api.acme)
    answer = await api.acme.post(f"{path}?_method=PATCH", {"name": "Shop"})
    assert (answer.status, answer.data["name"]) == (200, "Shop")
    assert "ignored" not in answer.body["meta"]


@pytest.mark.parametrize("way", ["urlencoded", "multipart", "query of a form", "query"])
async def test_a_form_changes_and_its_method_is_no_field(api: Api, way: str) -> None:
    path = await source(api.acme)
    fields = {"name": "Shop", "nonsense": "x"}
    query = (
        "?_method=PATCH&name=Shop&nonsense=x"
        if way == "query"
        else "?_method=PATCH" * way.startswith("query")
    )
    body = {"_method": "PATCH", **fields} if not query else fields
    data = {"multipart": parts(**body), "query": None}.get(way, body)
    answer = await api.acme.post(path + query, data=data)
    assert (answer.status, answer.data["name"]) == (200, "Shop")
    assert [item["field"] for item in answer.body["meta"]["ignored"]] == ["nonsense"]
    data = {"multipart": parts(**body), "query": None}.get(way, body)
    strict = await api.acme.post(path + query, data=data, headers={"prefer": "handling=strict"})
    assert (strict.status, list(strict.details)) == (422, ["nonsense"])


async def test_an_upload_that_waits_is_refused_before_it_is_sent(api: Api) -> None:
    kind = "multipart/form-data; boundary=x"
    lines = [f"Authorization: Bearer {api.world.acme.token}", f"Content-Type: {kind}", "Expect: 100-continue"]
    async with connected(api.base_url) as raw:
        await raw.send(post("/api/v2/media", 900_000_000, "".join(f"{line}\r\n" for line in lines).encode()))
        assert (await raw.answer())[0] == 413


async def test_a_token_must_be_good_before_a_form_is_read(api: Api) -> None:
    path = await source(api.acme)
    for headers in ({}, {"authorization": f"Bearer {ids.mint_token()}"}, {"x-api-key": "nonsense"}):
        for way in ("urlencoded", "multipart"):
            answer = await posted(Client(api.acme.session, api.base_url, headers), way, path, "DELETE")
            assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
            assert answer.headers["www-authenticate"] == "Bearer"
    async with connected(api.base_url) as raw:
        await raw.send(post(path, 1000, f"Content-Type: {FORM}\r\n".encode()))
        # Nothing of the body has been sent, and nobody waits for it.
        assert (await raw.answer())[0] == 401
    answer = await posted(api.reader, "urlencoded", path, "DELETE")
    assert (answer.status, answer.code) == (403, "INSUFFICIENT_SCOPE")
    assert (await posted(api.globex, "urlencoded", path, "DELETE")).status == 404


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_a_form_is_understood_in_whatever_pieces_it_comes(api: Api, size: int) -> None:
    token = api.world.acme.token.encode()
    for kind, body in (
        (FORM, b"a=b&_method=DELETE&c=%20"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--x--\r\n',
        ),
    ):
        path = await source(api.acme)
        head = b"Authorization: Bearer " + token + f"\r\nContent-Type: {kind}\r\n".encode()
        async with connected(api.base_url) as raw:
            await raw.send(post_chunked(path, head))
            for start in range(0, len(body), size):
                piece = body[start : start + size]
                await raw.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                await asyncio.sleep(0)
            await raw.send(b"0\r\n\r\n")
            assert (await raw.answer())[0] == 200
        assert (await api.acme.get(path)).status == 404


async def test_what_was_looked_at_reaches_the_route_as_it_was(api: Api) -> None:
    for size in (10, 70_000, 300_000):
        data = aiohttp.FormData(default_to_multipart=True)
        data.add_field("media_type", "document")
        data.add_field("media_file", samples.PDF + b"x" * size, filename="a.pdf")
        answer = await api.acme.post("/api/v2/media", data=data)
        assert (answer.status, answer.data["size"]) == (201, len(samples.PDF) + size)


async def test_a_form_that_is_too_large_or_no_form_is_refused_by_the_route(api: Api) -> None:
    large = await api.acme.post(
        "/api/v2/contacts", data=io.BytesIO(b"a=" + b"x" * 2_000_000), headers={"content-type": FORM}
    )
    assert (large.status, large.code) == (413, "PAYLOAD_TOO_LARGE")
    headers = {"content-type": "multipart/form-data; boundary=x"}
    broken = await api.acme.post("/api/v2/media", data=b"--x\r\nnonsense\r\n\r\n", headers=headers)
    assert (broken.status, broken.code) == (400, "BAD_REQUEST")
    path = await source(api.acme)
    for body in (b"", b"\xff\xfe=_method", b"--x\r\nnonsense\r\n\r\n", b"--x\r\n\r\n_method"):
        for kind in (FORM, "multipart/form-data", "multipart/form-data; boundary=x"):
            assert (await api.acme.post(path, data=body, headers={"content-type": kind})).status == 405


async def test_a_key_means_for_a_form_what_it_means_for_the_method(api: Api) -> None:
    path, key = await source(api.acme), {"idempotency-key": "one"}
    first = await api.acme.post(path, data={"_method": "DELETE"}, headers=key)
    again = await api.acme.post(path, data={"_method": "DELETE"}, headers=key)
    assert (first.status, again.status) == (200, 404)
    real = await api.acme.call("DELETE", path, headers=key)
    assert (real.status, real.body["error"]) == (again.status, again.body["error"])
    # The key is still free for a POST, which keeps it.
    answers = [await api.acme.post(SOURCES, {"name": "Keyed"}, headers=key) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_no_more_of_a_file_is_read_ahead_than_64_kilobytes() -> None:
    received = 0
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
    }

    async def receive() -> Any:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": head if received == 1 else b"y" * 10_000, "more_body": True}

    async def trusting(_scope: Any) -> None:
        return None

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        assert names_method(scope)
        again, _ = await overriding(app, scope, receive, trusting, ())
        assert received == 8
        seen = [(await again())["body"] for _ in range(9)]  # type: ignore[typeddict-item]
        assert seen == [head, *[b"y" * 10_000] * 8]
        assert (received, scope["method"]) == (9, "POST")

    await with_context(app)(scope, receive, app)  # type: ignore[arg-type]
    assert received == 9
