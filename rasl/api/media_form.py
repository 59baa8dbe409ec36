"""Documents bodies with files: as a form, and without the files as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, RequestBody

from rasl.domain.validation import uploads_of

_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}


def form_body(body: type[msgspec.Struct]) -> RequestBody:
    """Describe a body that is a form; and as JSON the same without its files, unless it requires one."""
    schema = msgspec.json.schema(body, schema_hook=lambda _: dict(_BINARY))
    whole = _resolved({"$ref": schema["$ref"]}, schema["$defs"])
    required, uploads = whole.get("required", []), uploads_of(body)
    plain = {name: value for name, value in whole["properties"].items() if name not in uploads}
    as_form = {"type": "object", "properties": _flattened(whole["properties"]), "required": required}
    content = {"multipart/form-data": OpenAPIMediaType(schema=as_form)}  # type: ignore[arg-type]
    if not uploads.keys() & set(required):
        as_json = {**whole, "properties": plain}
        content = {"application/json": OpenAPIMediaType(schema=as_json), **content}  # type: ignore[arg-type]
    return RequestBody(content=content, required=True)


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
