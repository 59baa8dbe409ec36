"""The phones in a real browser: what is tapped and typed there reaches the callback."""

from collections.abc import AsyncIterator

import pytest

from tests.clients import browser

from .conftest import NUMBER, Meta, Receiver

pytestmark = pytest.mark.skipif(browser.chromium() is None, reason="Chromium is not installed")

USER = "16505551234"
BUTTONS = {
    "type": "button",
    "body": {"text": "Shall we *come* tomorrow?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
}
HOSTILE = "<img src=x onerror=document.title='run'>"


@pytest.fixture
async def page() -> AsyncIterator[browser.Page]:
    """A browser of its own."""
    async with browser.opened() as page:
        yield page


async def test_buttons_are_tapped_and_answers_typed(meta: Meta, hook: Receiver, page: browser.Page) -> None:
    asked = await meta.post(
        {"messaging_product": "whatsapp", "to": USER, "type": "interactive", "interactive": BUTTONS}
    )
    wamid = asked.body["messages"][0]["id"]
    await meta.send(USER, text={"body": HOSTILE})
    await page.go(f"{meta.url}/#{USER}")
    await page.until("document.querySelectorAll('#messages > li').length === 2")
    assert await page.run("document.querySelector('#messages strong').textContent") == "come"
    assert await page.run("document.querySelectorAll('#messages .text')[1].textContent") == HOSTILE

    await page.run("document.querySelector('.buttons button').click()")
    await hook.until(lambda: len(hook.messages()) == 1)
    [tapped] = hook.messages()
    assert tapped["interactive"] == {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}
    assert tapped["context"]["id"] == wamid

    await page.run("document.getElementById('text').value = 'See you'")
    await page.run("document.querySelector('#compose button').click()")
    await hook.until(lambda: len(hook.messages()) == 2)
    assert hook.messages()[1]["text"] == {"body": "See you"}
    await page.until("document.querySelectorAll('#messages > li.user').length === 2")

    await page.run("document.querySelector('.react').click()")
    await page.until("document.querySelector('.marks')")
    assert hook.messages()[2]["reaction"]["message_id"] == wamid
    assert await page.run("document.title") == "Phones of the simulated Meta"
    assert page.complaints == []
    assert {url.split("/")[2] for url in page.asked if url.startswith("http")} == {meta.url.split("/")[2]}


async def test_anybody_can_write_first(meta: Meta, hook: Receiver, page: browser.Page) -> None:
    await page.go(meta.url)
    await page.run("document.getElementById('new-phone').value = '+44 20 7946 0092'")
    await page.run("document.querySelector('#new button').click()")
    await page.until("!document.getElementById('compose').hidden")
    await page.until("document.getElementById('who').textContent.includes('442079460092')")
    await page.run("document.getElementById('text').value = 'Hello?'")
    await page.run("document.querySelector('#compose button').click()")
    await hook.until(lambda: len(hook.messages()) == 1)
    assert hook.values()[0]["metadata"]["phone_number_id"] == NUMBER
    assert hook.messages()[0]["from"] == "442079460092"
