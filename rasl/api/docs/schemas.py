"""Schemas of bodies and answers: as msgspec tells them, said as JSON Schema 2020-12 and client generators want it."""

import inspect
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from rasl.api.docs.sharing import share_fields, share_patterns
from rasl.domain.validation import MAX_ID
from rasl.errors import ALL_ERRORS
from rasl.web.responses import OPEN

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"
# A file: 3.1 says `contentMediaType`, and generators still ask for the `format` of 3.0.
FILE: Schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
_MODULE = re.compile(r"rasl\.[\w.]*\.(?=\w)")
_ENVELOPE = re.compile(r"Success_(list_)?(\w+?)_+")
_MOMENT = re.compile(r"(at|.*_at|timestamp)")
_SHARED_FROM, _SHARED_LENGTH = 2, 60
_HELD = ("object", "array")  # generators do not read these in a list of types
_TELLS_TEXTS = frozenset({"enum", "const", "pattern", "contentMediaType"})
_PLAIN = frozenset({"type", "format", "description"})


class Schemas:
    """Every schema of the document, under a name of its own; `of` tells where the one of a type stands."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        listed = list(dict.fromkeys(kinds))
        listed += [base for base in _bases(listed) if base not in listed]
        told, named = msgspec.json.schema_components(
            listed, schema_hook=lambda _kind: dict(FILE), ref_template=f"{PREFIX}{{name}}"
        )
        names = _names(named)
        self.components: dict[str, Schema] = {}
        for name, schema in named.items():
            self.components[names[name]] = self._finished(schema, names) | {"title": names[name]}
        self._of = {kind: self._finished(schema, names) for kind, schema in zip(listed, told, strict=True)}
        share_patterns(self.components, PREFIX)
        self._share_properties()
        self._share_envelope()
        codes = sorted({error.code for error in ALL_ERRORS})
        self.components["ErrorCode"] = _enumeration("ErrorCode", "What went wrong; it never changes.", codes)
        self.components["ErrorBody"]["properties"]["code"] = {"$ref": f"{PREFIX}ErrorCode"}

    def of(self, kind: Any) -> Schema:
        """Return the schema of a type: mostly where its own stands."""
        return dict(self._of[kind])

    def named(self, reference: Mapping[str, Any]) -> Schema:
        """Return what a reference leads to."""
        return self.components[reference["$ref"].removeprefix(PREFIX)]

    def add(self, name: str, schema: Schema) -> Schema:
        """Add a schema under this name, unless it is there, and return the reference to it."""
        if self.components.setdefault(name, {"title": name} | schema) != {"title": name} | schema:
            raise ValueError(f"two schemas of the API are called {name}")
        return {"$ref": f"{PREFIX}{name}"}

    def share_fields(self) -> None:
        """Tell fields once that a schema has of another one; nothing is added after this."""
        share_fields(self.components, PREFIX, "Success")

    def _share_envelope(self) -> None:
        """Tell what all good answers have around their data."""
        answers = [
            it
            for name, it in self.components.items()
            if {"success", "data"} <= it.get("properties", {}).keys() and "meta" in it["properties"]
        ]
        around = {key: it for key, it in answers[0]["properties"].items() if key != "data"}
        self.add(
            "Success",
            {"description": "A good answer.", "type": "object", "properties": around, "required": [*around]},
        )
        for answer in answers:
            del answer["description"]

    def _share_properties(self) -> None:
        """Tell fields once that many schemas have, under the name of the field without the number at its end."""
        owners = [it["properties"] for it in self.components.values() if "properties" in it]
        counted = Counter(
            (_field_name(name), json.dumps(told))
            for it in owners
            for name, told in it.items()
            if "$ref" not in told
        )
        for (name, text), count in counted.most_common():
            if count >= _SHARED_FROM and len(text) >= _SHARED_LENGTH and name not in self.components:
                self.add(name, json.loads(text))
        shared = {json.dumps(_untitled(told)): name for name, told in self.components.items()}
        for owner in owners:
            for name, told in owner.items():
                if shared.get(json.dumps(told)) == _field_name(name):
                    owner[name] = {"$ref": f"{PREFIX}{_field_name(name)}"}

    def _finished(self, node: Any, names: Mapping[str, str]) -> Any:
        if isinstance(node, list):
            return [self._finished(item, names) for item in node]
        if not isinstance(node, dict):
            return names_in(node, names) if isinstance(node, str) and node.startswith(PREFIX) else node
        found = {key: self._finished(item, names) for key, item in node.items()}
        if isinstance(found.get("description"), str):
            found["description"] = inspect.cleandoc(found["description"])
        if "properties" in found and "type" in found:
            _tell_moments(found["properties"])
            if found.get("additionalProperties") is False:  # a body
                _tell_what_says_nothing(found)
        if isinstance(title := found.get("title"), str) and "enum" in found and "properties" not in found:
            told = {"description": found["description"]} if "description" in found else {}
            named = self.add(title, {"type": "string", "enum": found["enum"]})
            return ({"anyOf": [named, {"type": "string"}]} if OPEN in found else named) | told
        return _plainly(found)


def _bases(kinds: Iterable[Any]) -> list[Any]:
    """Return the structs whose fields others of these inherit, and those of every good answer."""
    found = [base for kind in kinds if isinstance(kind, type) for base in kind.__mro__[1:]]
    return [
        *dict.fromkeys(
            it
            for it in found
            if issubclass(it, msgspec.Struct) and it is not msgspec.Struct and it.__struct_fields__
        )
    ]


def _field_name(name: str) -> str:
    return "".join(map(str.capitalize, name.rstrip("_0123456789").split("_")))


def _untitled(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "title"}


def names_in(reference: str, names: Mapping[str, str]) -> str:
    """Return a reference by the name that its schema has in the document."""
    return PREFIX + names[reference.removeprefix(PREFIX)]


def _names(raw: Iterable[str]) -> dict[str, str]:
    """Call each schema after what it holds: clients are no business of where it is declared, or of our envelope."""
    names = {name: _name(name) for name in raw}
    for name, taken in Counter(names.values()).items():
        if taken > 1:
            ours = ", ".join(sorted(it for it, theirs in names.items() if theirs == name))
            raise ValueError(f"{ours} are all called {name}: give the classes other names")
    return names


def _name(raw: str) -> str:
    short = _MODULE.sub("", raw)
    envelope = _ENVELOPE.fullmatch(short)
    if envelope is None:
        return short.removesuffix("Item") or short
    held = envelope[2].removesuffix("Item")
    return "EmptyAnswer" if held == "NoneType" else f"{held}{'Page' if envelope[1] else 'Answer'}"


def _enumeration(title: str, description: str, values: list[str]) -> Schema:
    return {"title": title, "description": description, "type": "string", "enum": values}


def _tell_moments(properties: Mapping[str, Schema]) -> None:
    for name, schema in properties.items():
        if _MOMENT.fullmatch(name) and schema.get("type") in ("string", ["string", "null"]):
            schema["format"] = "date-time"


def _tell_what_says_nothing(body: Schema) -> None:
    """Say that blanks are no text where one is asked for, and that null is nothing where a default stands in."""
    for name, told in body["properties"].items():
        if "default" in told:
            body["properties"][name] = _or_null(told)
        for asked in (*([] if "default" in told else [told]), *_items(told)):
            kinds = _types(asked) if "type" in asked else ()
            if "string" in kinds and "null" not in kinds and not asked.keys() & _TELLS_TEXTS:
                asked["pattern"] = r"\S"


def _items(told: Schema) -> list[Schema]:
    return [it["items"] for it in (told, *told.get("anyOf", ())) if "items" in it]


def _or_null(told: Schema) -> Schema:
    kind = told.get("type")
    if isinstance(kind, list) or "anyOf" in told or (kind is None and "$ref" not in told):
        return told
    outer = {key: told[key] for key in ("description", "default") if key in told}
    if kind is None or kind in _HELD:
        return outer | {
            "anyOf": [{key: it for key, it in told.items() if key not in outer}, {"type": "null"}]
        }
    values = {"enum": [*told["enum"], None]} if "enum" in told else {}
    return told | {"type": [kind, "null"]} | values


def _plainly(node: Schema) -> Schema:
    """Say the same in the words of 2020-12; ours name no unknown field, and ignore it."""
    if node.get("default", ...) is None:
        del node["default"]
    if node.get("additionalProperties") is False:
        del node["additionalProperties"]
    if node.get("required") == []:
        del node["required"]
    if node.get("enum") in ([True], [False]):
        return {"type": "boolean", "const": node["enum"][0]}
    if "enum" in node and "type" not in node:
        node["type"] = "string"
    if node.get("type") == "integer":
        _tell_integers(node)
    return _without_any_of(node) if "anyOf" in node else node


def _tell_integers(node: Schema) -> None:
    if node.get("maximum") == MAX_ID:  # more than a JavaScript number can hold
        del node["maximum"]
        node["format"] = "int64"
    for bound in ("minimum", "maximum"):
        if bound in node:
            node[bound] = int(node[bound])


def _without_any_of(node: Schema) -> Schema:
    """Write `anyOf` of plain types as a list of types, above all where one of them is null."""
    outer = {key: value for key, value in node.items() if key != "anyOf"}
    nested = [
        choice.get("anyOf", [choice]) if choice.keys() == {"anyOf"} else [choice] for choice in node["anyOf"]
    ]
    every = [choice for choices in nested for choice in choices]
    choices = [choice for choice in every if choice != {"type": "null"}]
    null = ["null"] if len(choices) < len(every) else []
    if len(choices) == 1 and "type" in choices[0] and choices[0]["type"] not in _HELD:
        (choice,) = choices
        values = {"enum": [*choice["enum"], None]} if null and "enum" in choice else {}
        return {**outer, **choice, **values, "type": [*_types(choice), *null]}
    if all("type" in choice and choice.keys() <= _PLAIN - {"format"} for choice in choices):
        merged = {key: value for choice in choices for key, value in choice.items()}
        types = dict.fromkeys(kind for choice in choices for kind in _types(choice))
        return {**merged, **outer, "type": [*types, *null]}
    return node | {"anyOf": every}


def _types(schema: Schema) -> list[str]:
    return schema["type"] if isinstance(schema["type"], list) else [schema["type"]]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document, each before those in it."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from objects(item)
