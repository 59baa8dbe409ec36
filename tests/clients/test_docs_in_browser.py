"""/docs in Chromium: after one button, Execute works for every operation at the first click."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients.browser import chromium, opened
from tests.clients.trying import NAMES

_TRY = (Path(__file__).parent / "try.js").read_text(encoding="utf-8")
_AT_ONCE = 4


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
async def test_every_operation_answers_well_at_the_first_click(sandbox: dict[str, Any]) -> None:
    refused: dict[str, Any] = {}
    async with opened() as page:
        await page.go(sandbox["docs_url"])
        await page.until("document.querySelector('.opblock')")
        await page.run("document.getElementById('use-demo').click()")
        await page.until("document.body.dataset.demo === 'ready' && document.querySelector('.opblock')")
        for first in range(0, len(NAMES), _AT_ONCE):
            names = NAMES[first : first + _AT_ONCE]
            told = await page.run(_TRY.replace("OPERATIONS", json.dumps(names)))
            refused |= {name: it for name, it in zip(names, told, strict=True) if not 200 <= it[0] < 300}
    assert refused == {}
    assert page.complaints == []
    asked = {urlsplit(url).netloc for url in page.asked if url.startswith("http")}
    assert asked == {urlsplit(sandbox["docs_url"]).netloc}
