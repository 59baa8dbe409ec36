"""Documents bodies that come as a form with files or as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, RequestBody

_BINARY = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The file."}


def form_body(body: type[msgspec.Struct], *files: str) -> RequestBody:
    """Describe a body that is `body` as JSON, or a form with these file fields besides."""
    schema = msgspec.json.schema(body)
    as_json = _resolved({"$ref": schema["$ref"]}, schema["$defs"])
    properties = {**_flattened(as_json["properties"]), **dict.fromkeys(files, _BINARY)}
    as_form = {"type": "object", "properties": properties, "required": as_json.get("required", [])}
    return RequestBody(
        content={
            "application/json": OpenAPIMediaType(schema=as_json),
            "multipart/form-data": OpenAPIMediaType(schema=as_form),  # type: ignore[arg-type]
        },
        required=True,
    )


def _resolved(value: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a JSON Schema whole in itself, with what it refers to put in."""
    if isinstance(value, list):
        return [_resolved(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = _resolved(definitions[value["$ref"].rsplit("/", 1)[1]], definitions)
        return {**target, **{key: item for key, item in value.items() if key != "$ref"}}
    return {key: _resolved(item, definitions) for key, item in value.items()}


def _flattened(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Write the fields of objects as forms do: `contact[email]`."""
    flat: dict[str, Any] = {}
    for name, schema in properties.items():
        inner = next((part["properties"] for part in schema.get("anyOf", ()) if "properties" in part), None)
        if inner is None:
            flat[name] = schema
        else:
            flat |= {f"{name}[{key}]": part for key, part in inner.items()}
    return flat
