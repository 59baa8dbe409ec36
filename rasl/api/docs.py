"""The OpenAPI document and an offline page to read and try it; the page may not ask any other host for anything."""

import functools
import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.params import FromPath
from litestar.response import File

from rasl import __version__
from rasl.api.nouns import TAG
from rasl.errors import NotFound
from rasl.web.request import ENDING, ApiRequest

_OPENAPI = OpenAPIConfig(
    title="RASL API",
    version="2.0.0",
    summary="WhatsApp Business messaging over REST.",
    description=(
        "Every answer is an envelope: `success`, `message`, `data` and `meta` when good, `success`, `error` and "
        "`meta` when not. `meta.request_id` is also the `X-Request-Id` header: quote it when you ask for help.\n\n"
        "Send your token as `Authorization: Bearer rasl_...`. `X-RateLimit-Limit`, `-Remaining` and `-Reset` (Unix "
        "seconds) come with every answer, `Retry-After` with 429.\n\n"
        f"Server version {__version__}."
    ),
    components=Components(
        security_schemes={
            "bearer": SecurityScheme(type="http", scheme="bearer", description="An API token of one tenant.")
        }
    ),
    security=[{"bearer": []}],
    use_handler_docstrings=False,
)

# The framework names a schema `Success_rasl.api.v2.sources.SourceItem_`.
_MODULE = re.compile(rb"\b(Success_(?:list_)?)rasl\.[\w.]+\.(?=\w)")
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


def document(api: Router) -> dict[str, Any]:
    """Return the OpenAPI document of these routes as data."""
    # An application of its own: the framework would add pages that load from other hosts, and HTML errors.
    app = Litestar(route_handlers=[api], openapi_config=_OPENAPI, request_class=ApiRequest)
    made = app.openapi_schema.to_schema()
    _describe_tags(api, made)
    _write_out_endings(app, made)
    _finish_examples(made)
    _drop_framework_errors(made)
    _call_integers_numbers(made)
    _require_only_what_lists_always_have(made)
    return _named_without_modules(made)


def _describe_tags(api: Router, made: dict[str, Any]) -> None:
    """Describe the tag of every noun, in the order in which the nouns are registered."""
    options = [handler.opt for route in api.routes for handler in getattr(route, "route_handlers", ())]
    found: dict[str, Tag] = {tag.name: tag for opt in options if (tag := opt.get(TAG))}
    made["tags"] = [tag.to_schema() for tag in found.values()]


def _write_out_endings(app: Litestar, made: dict[str, Any]) -> None:
    """Give routes whose path goes on after an id of any shape the path that clients see."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if ending := handler.opt.get(ENDING):
                moved = made["paths"].setdefault(route.path_format + ending, {})
                for method in map(str.lower, handler.http_methods):
                    moved[method] = made["paths"][route.path_format].pop(method)


def _require_only_what_lists_always_have(made: dict[str, Any]) -> None:
    """Describe the items of lists that take `fields` as schemas of their own: a client may ask for the id alone."""
    schemas = made["components"]["schemas"]
    for methods in made["paths"].values():
        operation = methods.get("get", {})
        if not any(parameter.get("name") == "fields" for parameter in operation.get("parameters", ())):
            continue
        page = _named(schemas, operation["responses"]["200"]["content"]["application/json"]["schema"])
        items = page["properties"]["data"]["items"]
        name = f"Listed{items['$ref'].rpartition('/')[2]}"
        item = _named(schemas, items)
        described = f"{item['description']} " if "description" in item else ""
        schemas[name] = item | {
            "title": name,
            "description": f"{described}With `fields`, only `id` and what was asked for.",
            "required": ["id"],
        }
        items["$ref"] = f"#/components/schemas/{name}"


def _named_without_modules(made: dict[str, Any]) -> dict[str, Any]:
    """Call the schemas of answers by what they hold: clients are no business of where it is declared."""
    names = {_MODULE.sub(rb"\1", name.encode()) for name in made["components"]["schemas"]}
    if len(names) < len(made["components"]["schemas"]):
        raise ValueError("two answers of the API hold something of the same name")
    renamed: dict[str, Any] = msgspec.json.decode(_MODULE.sub(rb"\1", msgspec.json.encode(made)))
    return renamed


def _named(schemas: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas[reference["$ref"].rpartition("/")[2]]
    return found


def _call_integers_numbers(made: dict[str, Any]) -> None:
    """Leave `number` where either is allowed: an integer is both, and `oneOf` would refuse it."""
    for node in _objects(made):
        choices = node.get("oneOf")
        if isinstance(choices, list) and any(choice.get("type") == "number" for choice in choices):
            node["oneOf"] = [choice for choice in choices if choice.get("type") != "integer"]


def _drop_framework_errors(made: dict[str, Any]) -> None:
    """Remove the 400 that the framework adds to routes with parameters: ours answer 422, in the envelope."""
    for methods in made["paths"].values():
        for operation in methods.values():
            described = operation["responses"].get("400", {}).get("content", {})
            if any("examples" not in content for content in described.values()):
                del operation["responses"]["400"]


def _finish_examples(made: dict[str, Any]) -> None:
    """Decode examples, and remove the framework's own `id`, which OpenAPI 3.1 does not know."""
    for node in _objects(made):
        examples = node.get("examples")
        for example in examples.values() if isinstance(examples, dict) else ():
            example.pop("id", None)
            if isinstance(example.get("value"), msgspec.Raw):
                example["value"] = msgspec.json.decode(example["value"])


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the document, each before those in it."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _objects(item)


def handlers(api: Callable[[], Router]) -> list[HTTPRouteHandler]:
    """Return the routes of the page, and of the document that describes the given routes."""
    written = functools.cache(lambda: msgspec.json.encode(document(api())))

    @get("/api/v2/openapi.json", include_in_schema=False)
    async def openapi() -> Response[bytes]:
        return Response(written(), media_type=MediaType.JSON)

    return [openapi, page, start, asset]
