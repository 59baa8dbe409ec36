"""What schemas have in common, told once: long patterns, and the fields that one has of another."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]
_LONG_PATTERN = 100
# So many bytes of fields are hardly alike by chance.
_WORTH_IT = 200
_OBJECT = frozenset({"title", "description", "type", "properties", "required"})


def share_patterns(components: dict[str, Schema], prefix: str) -> None:
    """Give each long pattern that stands in more than one place a component of its own."""
    found = [*_patterns(components)]
    counted = Counter(node["pattern"] for _, node in found)
    names: dict[str, str] = {}
    for field, node in found:
        pattern = node["pattern"]
        if counted[pattern] == 1:
            continue
        plain = {"type": "string"} | {
            key: node.pop(key) for key in ("pattern", "minLength", "maxLength") if key in node
        }
        text = json.dumps(plain)
        if text not in names:
            stem = f"{field.title().replace('_', '')}Text"
            number = sum(name.startswith(stem) for name in names.values()) + 1
            names[text] = f"{stem}{number}" if number > 1 else stem
            components[names[text]] = {"title": names[text]} | plain
        reference = {"$ref": f"{prefix}{names[text]}"}
        may_be_null = "null" in node.pop("type")
        node.update({"anyOf": [reference, {"type": "null"}]} if may_be_null else reference)


def _patterns(components: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    for schema in components.values():
        for name, told in schema.get("properties", {}).items():
            if len(told.get("pattern", "")) >= _LONG_PATTERN:
                yield name, told


def share_fields(components: dict[str, Schema], prefix: str, always: str) -> None:
    """Let a schema that has all fields of another one, or of `always`, refer to it, and tell the rest only."""
    whole = {
        name: schema
        for name, schema in components.items()
        if "properties" in schema and not schema.keys() - _OBJECT
    }
    weights = {name: len(json.dumps(schema["properties"])) for name, schema in whole.items()}
    heavy = sorted(
        (name for name in whole if weights[name] >= _WORTH_IT or name == always), key=lambda it: -weights[it]
    )
    for name, schema in whole.items():
        left, bases = dict(schema["properties"]), list[str]()
        for base in heavy:
            if _is_part(whole[base], schema) and whole[base]["properties"].keys() <= left.keys():
                bases.append(base)
                left = {key: it for key, it in left.items() if key not in whole[base]["properties"]}
        if bases:
            given = {key for base in bases for key in whole[base].get("required", ())}
            required = [key for key in schema.get("required", ()) if key not in given]
            rest: Schema = {"type": "object"} | ({"properties": left} if left else {})
            rest |= {"required": required} if required else {}
            about = {key: it for key, it in schema.items() if key in {"title", "description"}}
            parts = [*({"$ref": f"{prefix}{base}"} for base in bases), rest]
            components[name] = about | {"allOf": parts}


def _is_part(base: Schema, schema: Schema) -> bool:
    """Tell whether whatever fits the schema fits the base, which says less."""
    fields, required = schema["properties"], {*schema.get("required", ())}
    ours, needed = base["properties"], {*base.get("required", ())}
    return (
        needed <= required
        and all(fields.get(name) == told for name, told in ours.items())
        and (len(ours), len(needed)) < (len(fields), len(required))
    )
