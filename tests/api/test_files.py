"""Signed addresses of files: what they answer, and that nothing but them leads anywhere."""

import datetime as dt
import re
from typing import Any

import pytest

from rasl import clock
from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.media.links import mint_token, read_token
from tests import samples
from tests.api.v2.media_calls import form, send_file
from tests.serving import Api


async def load(api: Api, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    async with api.nobody.session.request(method, api.base_url + path, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


async def stored(api: Api, content: bytes, name: str, kind: str) -> str:
    """Store a file and return the path of its address."""
    data = form(content, name, media_type=kind)
    answer = await api.acme.post("/api/v2/media", data=data)
    assert answer.status == 201, answer.body
    return str(answer.data["url"]).removeprefix(api.settings.base_url)


async def test_a_picture_is_shown_and_nothing_in_it_runs(api: Api) -> None:
    status, content, headers = await load(api, await stored(api, samples.PNG, "menu.png", "image"))
    assert (status, content) == (200, samples.PNG)
    assert headers["content-type"] == "image/png"
    assert headers["content-length"] == str(len(samples.PNG))
    assert headers["content-disposition"] == "inline; filename=\"menu.png\"; filename*=UTF-8''menu.png"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert re.fullmatch(r"private, max-age=3(600|5\d\d)", headers["cache-control"])


async def test_a_document_is_offered_for_saving_under_its_name(api: Api) -> None:
    path = await stored(api, samples.PDF, 'Über "uns";\\.pdf', "document")
    _, _, headers = await load(api, path)
    assert headers["content-disposition"] == "attachment; filename=\".pdf\"; filename*=UTF-8''.pdf" or (
        headers["content-disposition"].startswith('attachment; filename="')
        and headers["content-disposition"].count('"') == 2
    )
    text = await stored(api, "Grüße".encode(), "a.txt", "document")
    assert (await load(api, text))[2]["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("asked", "status", "part", "shown"),
    [
        ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/{size}"),
        ("bytes=10-", 206, slice(10, None), "bytes 10-{last}/{size}"),
        ("bytes=-5", 206, slice(-5, None), "bytes {five}-{last}/{size}"),
        ("bytes=0-999999", 206, slice(0, None), "bytes 0-{last}/{size}"),
        ("bytes=999999-", 416, None, "bytes */{size}"),
        ("bytes=9-3", 416, None, "bytes */{size}"),
        ("bytes=0-1,5-6", 200, slice(0, None), None),
        ("lines=1-2", 200, slice(0, None), None),
        ("bytes=-", 200, slice(0, None), None),
    ],
)
async def test_parts_can_be_asked_for(
    api: Api, asked: str, status: int, part: slice | None, shown: str | None
) -> None:
    path = await stored(api, samples.MP3, "a.mp3", "audio")
    size = len(samples.MP3)
    answered, content, headers = await load(api, path, range=asked)
    assert answered == status
    assert content == (samples.MP3[part] if part else b"")
    named = shown and shown.format(size=size, last=size - 1, five=size - 5)
    assert headers.get("content-range") == named


async def test_what_a_client_has_already_is_not_sent_again(api: Api) -> None:
    path = await stored(api, samples.PNG, "a.png", "image")
    _, _, headers = await load(api, path)
    status, content, _ = await load(api, path, **{"if-none-match": headers["etag"]})
    assert (status, content) == (304, b"")
    status, content, _ = await load(api, path, range="bytes=0-3", **{"if-range": '"other"'})
    assert (status, content) == (200, samples.PNG)
    status, content, _ = await load(api, path, range="bytes=0-3", **{"if-range": headers["etag"]})
    assert (status, content) == (206, samples.PNG[:4])


async def test_headers_alone_can_be_asked_for(api: Api) -> None:
    path = await stored(api, samples.PNG, "a.png", "image")
    status, content, headers = await load(api, path, method="HEAD")
    assert (status, content, headers["content-length"]) == (200, b"", str(len(samples.PNG)))


async def test_a_large_file_comes_whole(api: Api) -> None:
    content = samples.PDF + bytes(range(256)) * 4096
    path = await stored(api, content, "a.pdf", "document")
    assert (await load(api, path))[1] == content
    assert (await load(api, path, range="bytes=300000-700000"))[1] == content[300_000:700_001]


async def test_nothing_but_the_whole_address_leads_to_a_file(api: Api, sealer: Sealer) -> None:
    path = await stored(api, samples.PNG, "a.png", "image")
    token = path.removeprefix("/media/")
    wrong = [
        token[:-1],
        token + "A",
        token[:-4],
        "x",
        "%00",
        token.lower(),
        token[1:],
        "A" * len(token),
        token + "==",
    ]
    wrong += [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        for place in range(len(token))
    ]
    later = clock.now() + dt.timedelta(hours=1)
    tenant_id = api.world.acme.tenant_id
    wrong += [
        mint_token(Sealer("another secret key, just as long as the first"), tenant_id, 1, later),
        mint_token(sealer, tenant_id, 999_999, later),
        mint_token(sealer, tenant_id, 1, clock.now() - dt.timedelta(seconds=1)),
    ]
    for other in wrong:
        status, content, _ = await load(api, f"/media/{other}")
        assert status == 404, other
        assert samples.PNG not in content


async def test_an_address_of_another_tenant_leads_nowhere(
    api: Api, database: Database, sealer: Sealer
) -> None:
    await stored(api, samples.PNG, "a.png", "image")
    async with database.connection() as db:
        media_id = await db.fetchval("select id from media")
    later = clock.now() + dt.timedelta(hours=1)
    token = mint_token(sealer, api.world.globex.tenant_id, media_id, later)
    assert (await load(api, f"/media/{token}"))[0] == 404


async def test_a_file_that_is_gone_from_the_store_is_not_found(api: Api, database: Database) -> None:
    path = await stored(api, samples.AMR, "a.amr", "audio")
    async with database.connection() as db:
        key = await db.fetchval("select store_key from media")
    (api.settings.data_dir / "media" / key).unlink()
    status, content, _ = await load(api, path)
    assert status == 404
    assert b"NOT_FOUND" in content
    # The next one with the same content puts it there again.
    assert (await send_file(api.acme, samples.AMR, "a.amr", media_type="audio")).status == 200
    assert (await load(api, path))[:2] == (200, samples.AMR)


def test_an_address_works_until_the_second_it_names(sealer: Sealer) -> None:
    moment = clock.now()
    assert read_token(sealer, mint_token(sealer, 1, 2, moment)) is None
    named = read_token(sealer, mint_token(sealer, 1, 2, moment + dt.timedelta(seconds=100)))
    assert named is not None
    assert named[:2] == (1, 2)
    assert 98 <= named[2] <= 100
