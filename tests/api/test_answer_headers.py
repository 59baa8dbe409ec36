"""What every answer says to caches and browsers, and that large ones go compressed to whoever takes that."""

import gzip
import json

import pytest

from rasl.web.compression import LEAST_BYTES
from tests.api.v2.media_calls import form
from tests.server.raw import connected, get
from tests.serving import Api

LIST = "/api/v2/contacts"


async def raw_get(api: Api, path: str, accepted: str | None) -> tuple[dict[str, str], bytes]:
    """Ask on a connection of one's own; returns the headers and the body as they came."""
    lines = [f"Authorization: Bearer {api.world.acme.token}"]
    if accepted is not None:
        lines.append(f"Accept-Encoding: {accepted}")
    async with connected(api.base_url) as raw:
        await raw.send(get(path, "".join(f"{line}\r\n" for line in lines).encode()))
        head = (await raw.reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])
        }
        return headers, await raw.reader.readexactly(int(headers["content-length"]))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", LIST),
        ("GET", f"{LIST}/999999999"),
        ("POST", LIST),
        ("PUT", LIST),
        ("OPTIONS", LIST),
        ("HEAD", LIST),
        ("GET", f"{LIST}/export"),
        ("GET", "/api/v2/openapi.json"),
        ("GET", "/api/v1/contacts"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/media/nothing"),
        ("GET", "/webhooks/whatsapp/nothing"),
        ("GET", "/"),
    ],
)
async def test_no_answer_is_kept_or_guessed_at(api: Api, method: str, path: str) -> None:
    for client in (api.acme, api.nobody):
        answer = await client.call(method, path)
        assert answer.headers.getall("cache-control") == ["no-store"]
        assert answer.headers.getall("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize("accepted", ["gzip", "GZIP", "br, gzip;q=0.5, *;q=0", "deflate,gzip"])
async def test_large_answers_are_compressed_for_whoever_takes_it(api: Api, accepted: str) -> None:
    await people(api, 10)
    for path in (LIST, "/api/v2/openapi.json"):
        plain = await raw_get(api, path, None)
        headers, body = await raw_get(api, path, accepted)
        assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
        assert len(body) < len(plain[1]) / 3
        there, here = json.loads(plain[1]), json.loads(gzip.decompress(body))
        for envelope in (there, here):
            envelope.pop("meta", None)
        assert there == here
        assert headers["content-type"] == plain[0]["content-type"]


@pytest.mark.parametrize("accepted", [None, "", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "x-gzipped"])
async def test_nobody_else_gets_compressed_answers(api: Api, accepted: str | None) -> None:
    await people(api, 10)
    headers, body = await raw_get(api, LIST, accepted)
    assert "content-encoding" not in headers
    assert len(json.loads(body)["data"]) == 10


async def test_small_answers_files_and_streams_stay_as_they_are(api: Api) -> None:
    headers, _ = await raw_get(api, LIST, "gzip")
    assert int(headers["content-length"]) < LEAST_BYTES
    assert "content-encoding" not in headers
    data = form(b"text of a customer\n" * 1000, "a.txt", media_type="document")
    stored = await api.acme.post("/api/v2/media", data=data)
    file = f"/media/{stored.data['url'].rpartition('/')[2]}"
    headers, body = await raw_get(api, file, "gzip")
    assert (len(body), "content-encoding" in headers) == (19_000, False)
    assert headers["cache-control"].startswith("private, max-age=")
    assert headers["x-content-type-options"] == "nosniff"
    await people(api, 50)
    exported = await api.acme.get(f"{LIST}/export", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in exported.headers
    assert exported.body.count("Person ") == 50


async def test_an_answer_that_is_given_again_is_compressed_as_well(api: Api) -> None:
    rows = [{"firstname": "Nobody"}] * 40  # each an error of its own
    key = {"idempotency-key": "one", "accept-encoding": "gzip"}
    answers = [await api.acme.post(f"{LIST}/batch", {"contacts": rows}, headers=key) for _ in range(2)]
    assert [answer.headers.get("content-encoding") for answer in answers] == ["gzip", "gzip"]
    assert answers[0].body["data"] == answers[1].body["data"]


async def test_files_of_the_documentation_may_be_kept(api: Api) -> None:
    answer = await api.nobody.get("/docs/swagger-ui.css")
    assert ("cache-control" in answer.headers, "etag" in answer.headers) == (False, True)


async def people(api: Api, count: int) -> None:
    """Have some contacts."""
    label = {"source_id": api.world.acme.source_id, "status_id": api.world.acme.status_id}
    fixed = {"lastname": "Of many", "type": "lead", **label}
    rows = [{"firstname": f"Person {n}", "phone": f"+4420794700{n:02}", **fixed} for n in range(count)]
    made = await api.acme.post(f"{LIST}/batch", {"contacts": rows})
    assert made.data["summary"]["created"] == count
