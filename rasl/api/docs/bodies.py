"""Request bodies in the document: one input, as JSON, as a form, or as a form with files."""

import typing
from collections.abc import Mapping
from typing import Any

from litestar.handlers import HTTPRouteHandler

from rasl.api.docs.schemas import Schema, Schemas
from rasl.api.nouns import ASKS
from rasl.domain import validation
from rasl.errors import ValidationFailed

_JSON = "application/json"
_URLENCODED = "application/x-www-form-urlencoded"
_FORM = "multipart/form-data"


def kind_of(handler: HTTPRouteHandler) -> Any:
    """Return the type of a route's body, None when it has none."""
    hint: Any = typing.get_type_hints(handler.fn, include_extras=True).get("data")
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    return hint


def body_of(handler: HTTPRouteHandler, schemas: Schemas) -> dict[str, Any] | None:
    """Describe the body of a route, with the examples that its decorator gives."""
    examples = {name: {"value": value} for name, value in handler.opt.get(ASKS, {}).items()}
    kind = kind_of(handler)
    if kind is None:
        return None
    schema = schemas.of(kind)
    files = _files(schema, schemas)
    if not files:
        shown = {"schema": schema, "examples": examples}
        forms = {key: {"schema": _form(schema, schemas)} for key in (_URLENCODED, _FORM)}
        return _whole(kind, {_JSON: shown} | forms)
    with_file = {name: it for name, it in examples.items() if files & it["value"].keys()}
    without = {name: it for name, it in examples.items() if name not in with_file}
    plain = _split(schema, files, schemas)
    content = {_FORM: {"schema": schema, "examples": with_file}}
    if plain:
        content[_JSON] = {"schema": plain, "examples": without}
    # What is shown with a file is tried with one first.
    return _whole(kind, dict(sorted(content.items(), key=lambda it: not it[1]["examples"])))


def _whole(kind: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: {key: it for key, it in about.items() if it} for name, about in content.items()}
    return {"required": _is_required(kind), "content": told}


def _is_required(kind: Any) -> bool:
    """Tell whether a body must say something."""
    try:
        validation.read(kind, b"{}")
    except ValidationFailed:
        return True
    return False


def _files(schema: Schema, schemas: Schemas) -> frozenset[str]:
    """Return the fields of a body that take files."""
    if "$ref" not in schema:
        return frozenset()
    properties = schemas.named(schema).get("properties", {})
    whole = {name: schemas.named(it) if "$ref" in it else it for name, it in properties.items()}
    return frozenset(name for name, it in whole.items() if "contentMediaType" in it)


def _split(schema: Schema, files: frozenset[str], schemas: Schemas) -> Schema | None:
    """Return the schema of a body as JSON, which brings no files, and build that of the form upon it.

    None when the body requires a file.
    """
    whole = schemas.named(schema)
    if files & {*whole.get("required", ())}:
        return None
    plain = {key: value for key, value in whole.items() if key != "title"}
    plain["properties"] = {name: it for name, it in whole["properties"].items() if name not in files}
    brought = {name: it for name, it in whole["properties"].items() if name in files}
    as_json = schemas.add(f"{whole['title']}Json", plain)
    whole.clear()
    whole |= {"allOf": [as_json, {"type": "object", "properties": brought}]}
    return as_json


def _form(schema: Schema, schemas: Schemas) -> Schema:
    """Return a schema of its own for forms: generated clients tell by the type how something is sent."""
    if "$ref" not in schema:
        return {"type": "object", "description": "The same fields as in JSON."}
    return schemas.add(f"{schemas.named(schema)['title']}Form", {"allOf": [schema, {}]})
