"""The OpenAPI document as tests read it: what stands once in it put where it is referred to, schemas aside."""

from collections.abc import Iterator
from typing import Any

from rasl.api.docs import document
from rasl.app import api_v2

DOCUMENT = document(api_v2())


def resolved(node: Any) -> Any:
    """Return a part of the document with answers, parameters, headers and examples in place of references."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    place = node.get("$ref")
    if isinstance(place, str) and not place.startswith("#/components/schemas/"):
        kind, name = place.removeprefix("#/components/").split("/")
        return resolved(DOCUMENT["components"][kind][name])
    return {key: resolved(item) for key, item in node.items()}


PATHS: dict[str, dict[str, Any]] = resolved(DOCUMENT["paths"])


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every operation, called `METHOD /path` below /api/v2."""
    for path, methods in PATHS.items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path.removeprefix('/api/v2')}", operation


OPERATIONS = dict(operations())


def schema_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema itself where a reference to it was given, its parts joined."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [schema_of(part) for part in schema.get("allOf", ())]
    if not parts:
        return schema
    properties = {name: it for part in parts for name, it in part.get("properties", {}).items()}
    required = [name for part in (*parts, schema) for name in part.get("required", ())]
    return {**parts[0], "properties": properties, "required": required}
