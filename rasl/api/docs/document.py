"""The OpenAPI document, written from the routes: their types, docstrings, scopes and examples."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from litestar import Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Tag

from rasl import __version__
from rasl.api.caller import requirement
from rasl.api.docs.answers import Answers, header_components
from rasl.api.docs.bodies import body_of, kind_of
from rasl.api.docs.schemas import Schemas, objects
from rasl.api.nouns import TAG
from rasl.api.operations import PATH_PARAMETERS
from rasl.web.envelope import Failure
from rasl.web.request import ENDING

_DESCRIPTION = (
    "Every answer is an envelope: `success`, `message`, `data` and `meta` when good, `success`, `error` and "
    "`meta` when not. `meta.request_id` is also the `X-Request-Id` header: quote it when you ask for help.\n\n"
    "Send your token as `Authorization: Bearer rasl_...` or as `X-API-Key`. `X-RateLimit-Limit`, `-Remaining` and "
    "`-Reset` (Unix seconds) come with every answer, `Retry-After` with 429.\n\n"
    "What a write takes may come as JSON, as a form, or in the query. Names that mean nothing are ignored and named in "
    "`meta.ignored`; with `Prefer: handling=strict` they are refused.\n\n"
    "`x-required-scope` is the scope that a token needs, null when any will do; `x-example-ids` says where the ids of "
    "examples come from.\n\n"
    "What webhooks are told stands in `/api/v2/events.json`.\n\n"
    "Of a filter, `op` is one of gte, lte, gt, lt, ne, like, in, not_in, between, null.\n\n"
    f"Server version {__version__}."
)
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API token of one tenant."},
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same token, for clients that send it so.",
    },
}
_METHODS = ("get", "post", "put", "patch", "delete")
_PARAMETER = re.compile(r"{(\w+)}")


class _Route(NamedTuple):
    """A route of the API, by one of its methods."""

    path: str
    method: str
    handler: HTTPRouteHandler

    @property
    def name(self) -> str:
        """Return its function's name as clients write it: `send_text` is `sendText`."""
        first, *rest = self.handler.fn.__name__.split("_")
        return first + "".join(map(str.capitalize, rest))


def document(api: Router) -> dict[str, Any]:
    """Return the OpenAPI document of these routes as data."""
    routes = sorted(_routes(api), key=lambda it: (it.path, _METHODS.index(it.method)))
    specs = [spec for it in routes for spec in (it.handler.responses or {}).values()]
    bodies = [kind for it in routes if (kind := kind_of(it.handler)) is not None]
    schemas = Schemas([*bodies, *(spec.data_container for spec in specs), Failure])
    answers = Answers(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas, answers)
    _mark_aliases(routes, paths)
    schemas.share_fields()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RASL API",
            "version": "2.0.0",
            "summary": "WhatsApp Business messaging over REST.",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/", "description": "This server."}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [tag.to_schema() for tag in _tags(api).values()],
        "x-example-ids": _example_ids(),
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY,
            "parameters": _path_parameters() | _share_parameters(paths),
            "headers": header_components(),
            "examples": dict(sorted(answers.examples.items())),
            "responses": dict(sorted(answers.responses.items())),
            "schemas": dict(sorted(_used(paths, answers, schemas).items())),
        },
    }


def _routes(api: Router) -> Iterator[_Route]:
    handlers = [it for route in api.routes for it in getattr(route, "route_handlers", ())]
    described = {it.fn: it for it in handlers if it.responses}  # an alias says nothing of itself
    for route in api.routes:
        for handler in getattr(route, "route_handlers", ()):
            path = route.path_format + handler.opt.get(ENDING, "")
            for method in {*map(str.lower, handler.http_methods)} & {*_METHODS}:
                yield _Route(path, method, described[handler.fn])


def _tags(api: Router) -> dict[str, Tag]:
    """Return the tag of every noun, in the order in which the nouns are registered."""
    options = [handler.opt for route in api.routes for handler in getattr(route, "route_handlers", ())]
    return {tag.name: tag for opt in options if (tag := opt.get(TAG))}


def _operation(route: _Route, schemas: Schemas, answers: Answers) -> dict[str, Any]:
    handler = route.handler
    told = getattr(handler.operation_class, "told", ())
    in_path = [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETER.findall(route.path)]
    described = {
        "operationId": route.name,
        "summary": handler.summary,
        "description": handler.description,
        "tags": list(handler.tags or ()),
        "x-required-scope": requirement(handler).scope,
        "x-any-of-scopes": list(requirement(handler).scopes[1:] and requirement(handler).scopes),
        "x-example-after": dict(getattr(handler.operation_class, "after", {})),
        "parameters": [*in_path, *(_written(parameter.to_schema()) for parameter in told)],
        "requestBody": body_of(handler, schemas),
        "responses": answers.of(
            handler.responses or {},
            is_replayable=any(parameter.name == "Idempotency-Key" for parameter in told),
        ),
    }
    if any(parameter.name == "fields" for parameter in told):
        _require_only_ids(described, schemas)
    return {key: value for key, value in described.items() if value or key == "x-required-scope"}


def _written(parameter: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameter.items() if value is not False}


def _require_only_ids(described: dict[str, Any], schemas: Schemas) -> None:
    """Describe the items of lists that take `fields` as schemas of their own: a client may ask for the id alone."""
    page = schemas.named(described["responses"]["200"]["content"]["application/json"]["schema"])
    items = page["properties"]["data"]["items"]
    whole = schemas.named(items)
    if whole["title"].endswith("InList"):
        return
    about = f"{whole['description']} With `fields`, only `id` and what was asked for."
    inner = {key: value for key, value in whole.items() if key != "title"}
    page["properties"]["data"]["items"] = schemas.add(
        f"{whole['title']}InList", inner | {"description": about, "required": ["id"]}
    )


def _mark_aliases(routes: Iterable[_Route], paths: dict[str, dict[str, Any]]) -> None:
    """Say of a path that runs the function of another one which it stands for; the shorter path is the real one."""
    first: dict[str, _Route] = {}
    for route in sorted(routes, key=lambda it: len(it.path)):
        real, operation = first.setdefault(route.name, route), paths[route.path][route.method]
        if real.handler is not route.handler:
            raise ValueError(
                f"{real.path} and {route.path} are both {route.name}: rename one of the functions"
            )
        if real.path != route.path:
            operation |= {"operationId": f"{route.name}Alias", "deprecated": True, "x-alias-of": route.name}
            operation["description"] = f"An alias of `{real.path}`, for clients that know this path."


def _path_parameters() -> dict[str, Any]:
    return {
        name: {
            "name": name,
            "in": "path",
            "required": True,
            "description": told.description,
            "schema": told.schema,
            "example": told.example,
        }
        for name, told in PATH_PARAMETERS.items()
    }


def _example_ids() -> dict[str, Any]:
    """Say where ids that exist come from, for whoever tries examples."""
    return {
        name: {
            key: value
            for key, value in (
                ("list", told.list),
                ("query", told.query),
                ("create", told.create),
                ("pointer", told.pointer),
            )
            if value
        }
        for name, told in PATH_PARAMETERS.items()
    }


def _share_parameters(paths: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Move the parameters that many routes have in common to where they stand once."""
    operations = [operation for methods in paths.values() for operation in methods.values()]
    counted = Counter(
        json.dumps(parameter)
        for it in operations
        for parameter in it.get("parameters", ())
        if "name" in parameter
    )
    names: dict[str, str] = {}
    for text, count in counted.most_common():
        plain = json.loads(text)["name"]
        if count > 1:
            number = sum(name.partition(".")[0] == plain for name in names.values())
            names[text] = f"{plain}.{number + 1}" if number else plain
    for operation in operations:
        operation["parameters"] = [
            {"$ref": f"#/components/parameters/{name}"} if (name := names.get(json.dumps(it))) else it
            for it in operation.get("parameters", ())
        ]
    return {name: json.loads(text) for text, name in names.items()}


def _used(paths: dict[str, Any], answers: Answers, schemas: Schemas) -> dict[str, Any]:
    """Return the schemas that something refers to, at first hand or through another."""
    used: dict[str, Any] = {}
    asked = [_references(paths), _references(answers.responses)]
    while asked:
        for name in asked.pop():
            if name not in used:
                # A title would only say the name again.
                used[name] = {key: it for key, it in schemas.components[name].items() if key != "title"}
                asked.append(_references(used[name]))
    return used


def _references(node: Any) -> set[str]:
    places = [place for it in objects(node) if isinstance(place := it.get("$ref"), str)]
    mapped = [place for it in objects(node) for place in _mapping(it)]
    return {place.rpartition("/")[2] for place in (*places, *mapped) if "/schemas/" in place}


def _mapping(node: dict[str, Any]) -> list[str]:
    discriminator = node.get("discriminator")
    return list(discriminator.get("mapping", {}).values()) if isinstance(discriminator, dict) else []
