"""Files behind addresses, through the door."""

from collections.abc import AsyncIterator

import pytest

from rasl.app import create_app
from rasl.db.pool import Database
from tests.api.v2.media_calls import send_file, sent_bodies, uploads
from tests.misbehaving import Files, misbehaving
from tests.serving import Api, api_clients, served, settings_for

PATH = "/api/v2/messages/media"


@pytest.fixture(scope="module")
async def files() -> AsyncIterator[Files]:
    async with misbehaving() as server:
        yield server


async def test_an_address_is_loaded_checked_stored_and_sent(api: Api, files: Files) -> None:
    answer = await send_file(api.acme, None, media_url=f"{files.url}/photo.png?a=1")
    assert (answer.status, answer.data["status"]) == (200, "sent"), answer.body
    assert len(await uploads(api)) == 1
    named = await send_file(api.acme, None, media_type="document", media_url=f"{files.url}/pdf")
    assert named.data["filename"] == "Price list.pdf"


async def test_an_address_is_loaded_once_in_ten_minutes(api: Api, files: Files, database: Database) -> None:
    url = f"{files.url}/photo.png?b=1"
    before = files.asked["/photo.png"]
    for _ in range(3):
        assert (await send_file(api.acme, None, media_url=url)).status == 200
    assert files.asked["/photo.png"] == before + 1
    await send_file(api.globex, None, media_url=url)
    assert files.asked["/photo.png"] == before + 2
    async with database.connection() as db:
        await db.execute("update media_urls set fetched_at = now() - interval '11 minutes'")
    await send_file(api.acme, None, media_url=url)
    assert files.asked["/photo.png"] == before + 3
    assert len(await uploads(api)) == 2  # one for each tenant


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/page", "leads to a web page, not to a file"),
        ("/page.txt", "must be a file of type: jpg, jpeg, png, webp"),
        ("/pdf", "must be a file of type: jpg, jpeg, png, webp"),
        ("/missing", "answered with HTTP 404 instead of a file"),
        ("/large", "leads to a file that is larger than 5,120 KB"),
    ],
)
async def test_what_is_no_such_file_is_refused_on_the_field(
    api: Api, files: Files, database: Database, path: str, sentence: str
) -> None:
    answer = await send_file(api.acme, None, media_url=files.url + path)
    assert (answer.status, answer.details) == (422, {"media_url": [f"The media_url field {sentence}"]})
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from messages") == 0


async def test_a_web_page_that_says_it_is_a_text_is_no_document(api: Api, files: Files) -> None:
    answer = await send_file(api.acme, None, media_type="document", media_url=f"{files.url}/page.txt")
    assert answer.details == {"media_url": ["The media_url field leads to a web page, not to a file"]}


async def test_private_addresses_are_refused_unless_a_setting_allows_them(
    api: Api, files: Files, shared_dsn: str
) -> None:
    settings = settings_for(api.settings.graph_base_url, allow_private_urls=False)
    async with (
        served(create_app(settings, shared_dsn)) as url,
        api_clients(api.world, url, settings) as strict,
    ):
        before = files.asked.total()
        answer = await send_file(strict.acme, None, media_url=f"{files.url}/photo.png")
        assert (answer.status, answer.details) == (
            422,
            {"media_url": ["The media_url field leads into a private network, which is not allowed"]},
        )
        assert files.asked.total() == before
        assert await sent_bodies(strict) == []
