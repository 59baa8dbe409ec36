"""The OpenAPI document and an offline page to read and try it; the page may not ask any other host for anything."""

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import msgspec
from litestar import MediaType, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import File

from rasl.api.docs.document import document
from rasl.errors import NotFound

_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
# The browser itself keeps the page from asking other hosts; Swagger UI draws with inline styles and data: images.
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>RASL API v2</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({url: "/api/v2/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
  persistAuthorization: true, tryItOutEnabled: true});
"""


@get("/docs", include_in_schema=False, media_type=MediaType.HTML)
async def page() -> Response[str]:
    """Return the documentation page."""
    return Response(_PAGE, media_type=MediaType.HTML, headers={"content-security-policy": _POLICY})


@get("/docs/start.js", include_in_schema=False, media_type="text/javascript")
async def start() -> str:
    """Return the script that starts the page."""
    return _START


@get("/docs/{name:str}", include_in_schema=False)
async def asset(name: FromPath[str]) -> File:
    """Return one of the page's files out of the installed package."""
    if name not in _ASSETS:
        raise NotFound
    return File(_asset_folder() / name, content_disposition_type="inline", filename=name)


def _asset_folder() -> Path:
    # Found, not imported: the package would bring its web framework adapters along.
    spec = importlib.util.find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise NotFound
    return Path(spec.origin).parent / "static"


def handlers(api: Callable[[], Router]) -> list[HTTPRouteHandler]:
    """Return the routes of the page, and of the document that describes the given routes."""
    written = functools.cache(lambda: msgspec.json.encode(document(api())))

    @get("/api/v2/openapi.json", include_in_schema=False)
    async def openapi() -> Response[bytes]:
        return Response(written(), media_type=MediaType.JSON)

    return [openapi, page, start, asset]
