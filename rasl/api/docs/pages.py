"""The pages under /docs: the reference to read and try, and the guides; they ask no other host for anything."""

import asyncio
import functools
import gzip
import html
import importlib.util
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import MediaType, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import File

from rasl import __version__
from rasl.api.docs import events
from rasl.api.docs.document import document
from rasl.api.docs.guides import guides, menu
from rasl.errors import NotFound
from rasl.web.request import ApiRequest


class _Sandbox(msgspec.Struct):
    """What the file of a sandbox tells that the page needs."""

    token: str


_OURS = Path(__file__).parent / "assets"
_OWN_ASSETS = ("docs.css", "docs.js", "try.js", "picture.png", "sticker.webp", "contacts.csv")
_SWAGGER_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
# The browser itself keeps the pages from asking other hosts; Swagger UI draws with inline styles and data: images.
_STRICT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_WITH_STYLES = f"{_STRICT}; style-src 'self' 'unsafe-inline'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/docs/favicon-32x32.png">
{styles}<link rel="stylesheet" href="/docs/docs.css">
<script src="/docs/docs.js"></script>
</head>
<body class="{kind}">
<a class="skip" href="#page">Skip to the content</a>
<header>
<a class="brand" href="/docs">RASL <small>{version}</small></a>
<button type="button" id="menu-button" aria-controls="menu" aria-expanded="false">Menu</button>
<div class="search" role="search">
<input type="search" id="search" placeholder="Search  ( / )" aria-label="Search guides and reference"
 autocomplete="off" spellcheck="false">
<ol id="found" hidden></ol>
</div>
<button type="button" id="theme" aria-label="Light or dark">Light / dark</button>
</header>
<nav id="menu" aria-label="Documentation">
<ul>
<li><a href="/docs"{at_reference}>API reference</a></li>
<li><a href="/api/v2/openapi.json">openapi.json</a></li>
<li><a href="/api/v2/events.json">events.json</a></li>
</ul>
{menu}
</nav>
<main id="page">
{body}
</main>
{scripts}</body>
</html>
"""
_DEMO = """<div id="demo"><button type="button" id="use-demo">Use the demo token</button>
<span id="demo-told" role="status">Fills in the sandbox's token and ids that exist there.</span></div>
"""
_REFERENCE = '<div id="reference"></div>'
_SCRIPTS = '<script src="/docs/swagger-ui-bundle.js"></script>\n<script src="/docs/try.js"></script>\n'


@get("/docs", include_in_schema=False)
async def page(request: ApiRequest) -> Response[str]:
    """Return the reference, in a sandbox with what fills in its token."""
    is_sandbox = bool(request.resources.settings.sandbox_file) and _is_from_here(request)
    return _page("RASL API v2", (_DEMO if is_sandbox else "") + _REFERENCE, "reference", "", _WITH_STYLES)


@get("/docs/guides/{name:path}", include_in_schema=False)
async def guide(name: FromPath[str]) -> Response[str]:
    """Return a guide."""
    found = guides().get(name.strip("/"))
    if found is None:
        raise NotFound
    body = f"<article>\n{found.body}</article>"
    return _page(f"{found.title} - RASL", body, "guide", found.name, _STRICT)


@get("/docs/demo.json", include_in_schema=False)
async def demo(request: ApiRequest) -> Response[bytes]:
    """Return the sandbox's token to a browser on this machine; a server that is no sandbox has none."""
    path = request.resources.settings.sandbox_file
    if not path or not _is_from_here(request):
        raise NotFound
    answer = msgspec.json.encode({"token": await asyncio.to_thread(_demo_token, Path(path))})
    return Response(answer, media_type=MediaType.JSON, headers={"cache-control": "no-store"})


@get("/docs/{name:str}", include_in_schema=False)
async def asset(name: FromPath[str]) -> File:
    """Return one of the pages' files out of the installed packages."""
    if name in _OWN_ASSETS:
        folder = _OURS
    elif name in _SWAGGER_ASSETS:
        folder = _swagger_folder()
    else:
        raise NotFound
    return File(folder / name, content_disposition_type="inline", filename=name)


def _page(title: str, body: str, kind: str, current: str, policy: str) -> Response[str]:
    is_reference = kind == "reference"
    filled = _PAGE.format(
        title=html.escape(title),
        styles='<link rel="stylesheet" href="/docs/swagger-ui.css">\n' if is_reference else "",
        kind=kind,
        version=__version__,
        at_reference=' aria-current="page"' if is_reference else "",
        menu=menu(current),
        body=body,
        scripts=_SCRIPTS if is_reference else "",
    )
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "same-origin",
    }
    return Response(filled, media_type=MediaType.HTML, headers=headers)


def _demo_token(path: Path) -> str:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Sandbox).token
    except (OSError, msgspec.DecodeError):  # it is being started, or stopped
        raise NotFound from None


def _is_from_here(request: ApiRequest) -> bool:
    """Tell whether a browser on this machine asks us by this machine's name: not through a proxy, nor another site."""
    asked = request.context.asked
    host = urlsplit(f"//{asked.get(b'host', b'').decode('latin-1')}").hostname or ""
    is_passed_on = any(name in asked for name in (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"))
    site = asked.get(b"sec-fetch-site", b"none")  # none: the address was typed in
    client = request.client.host if request.client else ""
    return (
        not is_passed_on and site in {b"none", b"same-origin"} and _is_loopback(host) and _is_loopback(client)
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _swagger_folder() -> Path:
    # Found, not imported: the package would bring its web framework adapters along.
    spec = importlib.util.find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise NotFound
    return Path(spec.origin).parent / "static"


def _index(told: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the search box looks through: sections of guides, and operations."""
    sections = [
        {
            "title": it.title if it.title == found.title else f"{found.title}: {it.title}",
            "address": f"{found.address}#{it.anchor}",
            "text": it.text,
        }
        for found in guides().values()
        for it in found.sections
    ]
    operations = [
        {
            "title": f"{method.upper()} {path}",
            "address": f"/docs#/{it['tags'][0]}/{it['operationId']}",
            "text": f"{it['summary']}. {it['description']}",
        }
        for path, methods in told["paths"].items()
        for method, it in methods.items()
    ]
    return operations + sections


def handlers(api: Callable[[], Router]) -> list[HTTPRouteHandler]:
    """Return the routes of the pages, and of the document that describes the given routes."""
    told = functools.cache(lambda: document(api()))
    plain = functools.cache(lambda: msgspec.json.encode(told()))
    packed = functools.cache(lambda: gzip.compress(plain(), mtime=0))
    told_to_webhooks = functools.cache(lambda: msgspec.json.encode(events.document()))
    index = functools.cache(lambda: msgspec.json.encode(_index(told())))

    @get("/api/v2/openapi.json", include_in_schema=False)
    async def openapi(request: ApiRequest) -> Response[bytes]:
        headers = {"vary": "Accept-Encoding"}
        if not takes_gzip(request.context.asked.get(b"accept-encoding", b"").decode("latin-1")):
            return Response(plain(), media_type=MediaType.JSON, headers=headers)
        return Response(packed(), media_type=MediaType.JSON, headers={**headers, "content-encoding": "gzip"})

    @get(events.PATH, include_in_schema=False)
    async def told_events() -> Response[bytes]:
        return Response(told_to_webhooks(), media_type=MediaType.JSON)

    @get("/docs/search.json", include_in_schema=False)
    async def search() -> Response[bytes]:
        return Response(index(), media_type=MediaType.JSON)

    return [openapi, told_events, search, page, guide, demo, asset]


def takes_gzip(accepted: str) -> bool:
    """Tell whether a client takes gzip (RFC 9110, section 12.5.3): named, or meant by `*`, and not by a weight of 0."""
    weights = {}
    for part in accepted.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights[name] = next((it[2:] for it in parameters if it.startswith("q=")), "1")
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", "0")))
    return weight.strip("0.") != ""
