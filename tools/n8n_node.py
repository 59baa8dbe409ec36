"""Writes what operations the n8n node has, read from the OpenAPI document: `nodes/Rasl/operations.ts`."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rasl.api.docs import document
from rasl.app import api_v2
from tools.n8n_words import BOOLEANS, FIRST, LOADED, NAMES, NOUNS, VERBS, WORDS

Row = dict[str, Any]
Schema = Mapping[str, Any]

FILE = Path(__file__).parent.parent / "integrations" / "n8n" / "nodes" / "Rasl" / "operations.ts"
# Another path of an operation that is there already.
ALIASES = {"listMessagesAlias"}
# What n8n asks in its own way: all rows or so many.
PAGING = {"page", "cursor", "per_page"}
# What the chosen template asks for is shown as its own fields.
VARIABLES = re.compile(r"(header_field|field|button)_\d+|parameters")
SCALARS = {"string", "number", "integer", "boolean"}


def main() -> int:
    """Write the file, or with `--check` say whether it is current."""
    text = operations_file(document(api_v2()))
    if "--check" in sys.argv:
        return int(not FILE.is_file() or FILE.read_text(encoding="utf-8") != text)
    FILE.write_text(text, encoding="utf-8")
    return 0


def operations_file(api: Schema) -> str:
    """Return the TypeScript file, a line per field."""
    rows = "".join(f"\t{_row(row)},\n" for row in operations(api))
    return (
        "// Made of the OpenAPI document by tools/n8n_node.py: change that, not this.\n"
        "import type { Operation } from './operation';\n\n"
        f"export const OPERATIONS: Operation[] = [\n{rows}];\n"
    )


def _row(row: Row) -> str:
    fields = "".join(f"\n\t\t{json.dumps(field, ensure_ascii=False)}," for field in row["fields"])
    rest = json.dumps({key: value for key, value in row.items() if key != "fields"}, ensure_ascii=False)
    return f'{rest[:-1]}, "fields": [{fields}{chr(10) + chr(9) if fields else ""}]}}'


def operations(api: Schema) -> list[Row]:
    """Return every operation as n8n shows it, sorted by resource and name."""
    reading = Reading(api)
    found = [
        row
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and operation["operationId"] not in ALIASES
        for row in reading.rows(path, method, operation)
    ]
    return sorted(found, key=lambda row: (row["resource"], row["name"]))


class Reading:
    """The document, its references followed."""

    def __init__(self, api: Schema) -> None:
        self.api = api

    def rows(self, path: str, method: str, operation: Schema) -> Iterator[Row]:
        """Give the operation, or one for each kind of its body."""
        body = self._body(operation)
        row = {
            "id": operation["operationId"],
            "resource": resource_name(operation["tags"][0]),
            "method": method.upper(),
            "path": path.removeprefix("/api/v2"),
            "summary": plain(operation["summary"]),
            "description": first_sentence(operation.get("description", operation["summary"])),
            **self._manner(operation),
        }
        for kind, schema in self._kinds(body):
            name = operation_name(row["id"], operation["tags"][0])
            told: Row = {"name": name}
            if kind is not None:
                name = schema["x-name"]
                told = {
                    "id": f"send{name.replace(' ', '')}",
                    "name": f"Send {name}",
                    "summary": f"Send {name.lower()}",
                    "description": first_sentence(schema["description"]),
                    "constants": {"type": kind},
                }
            yield row | told | {"fields": [*self._parameters(operation), *self._fields(schema, kind)]}

    def _body(self, operation: Schema) -> Schema:
        content = operation.get("requestBody", {}).get("content", {})
        json_body = content.get("application/json", {}).get("schema", {})
        form = content.get("multipart/form-data", {}).get("schema", {})
        body, sent = self.resolved(json_body), self.resolved(form)
        files = {
            name: field for name, field in sent.get("properties", {}).items() if is_file(self.resolved(field))
        }
        if not json_body:
            return sent
        return {**body, "properties": body.get("properties", {}) | files} if files else body

    def _kinds(self, body: Schema) -> Iterator[tuple[str | None, Schema]]:
        if "discriminator" not in body:
            yield None, body
            return
        for kind, reference in body["discriminator"]["mapping"].items():
            name = reference.rpartition("/")[2].removeprefix("Send")
            yield kind, {**self.resolved({"$ref": reference}), "x-name": spaced(name)}

    def _manner(self, operation: Schema) -> Row:
        names = {parameter["name"] for parameter in self._given(operation)}
        answer = next(told for code, told in operation["responses"].items() if code.startswith("2"))
        is_json = "application/json" in answer.get("content", {"application/json": {}})
        return {
            "answer": "list" if "per_page" in names else "item" if is_json else "file",
            "isRepeatable": "Idempotency-Key" in names,
            "isSend": "Prefer" in names,
        }

    def _given(self, operation: Schema) -> list[Schema]:
        return [self.resolved(parameter) for parameter in operation.get("parameters", [])]

    def _parameters(self, operation: Schema) -> Iterator[Row]:
        for parameter in self._given(operation):
            name, place = parameter["name"], parameter["in"]
            if place == "header" or name in PAGING:
                continue
            schema = self.resolved(parameter["schema"]) | {"description": parameter.get("description", "")}
            row = self.field(name, schema) | {"in": place}
            if name == "filter":
                row |= {
                    "title": "Filters",
                    "kind": "filter",
                    "options": re.findall(r"`([a-z_.]+)`", schema["description"]),
                }
                row["description"] = "Which rows to return; all filters hold"
            if place == "path":
                row |= {"isRequired": True, "kind": "string"} | (
                    {"load": LOADED[name]} if name in LOADED else {}
                )
            yield row

    def _fields(self, schema: Schema, kind: str | None) -> Iterator[Row]:
        properties, required = schema.get("properties", {}), set(schema.get("required", ()))
        has_template = {"template_name", "language", "field_1"} <= properties.keys()
        for name in sorted(
            properties, key=lambda name: (FIRST.get(name, len(FIRST)), name not in required, name)
        ):
            if (kind and name == "type") or (has_template and VARIABLES.fullmatch(name)):
                continue
            row = self.field(name, properties[name]) | {"in": "body"}
            if name in required:
                row["isRequired"] = True
            elif is_first(row, properties):
                row["isFirst"] = True
            if name == "phone_number_id" or (name == "language" and "template_name" not in properties):
                row.pop("load", None)
            yield row
        if has_template:
            row = {"name": "variables", "title": "Template Variables", "in": "body", "kind": "variables"}
            yield row | {"isFirst": True, "description": "What fills the template"}

    def field(self, name: str, schema: Schema) -> Row:
        """Return a field as n8n asks for it."""
        schema = self.resolved(schema)
        row = {
            "name": name,
            "title": title(name),
            "kind": "json",
            "description": plain(schema.get("description", "")),
        }
        row |= self._shape(schema)
        if row["kind"] in {"string", "number", "list"} and name in LOADED:
            row |= {"load": LOADED[name]}
        if row["kind"] == "boolean":
            row["description"] = BOOLEANS.get(name) or whether(row["title"], row["description"])
        return {key: value for key, value in row.items() if value != ""}

    def _shape(self, schema: Schema) -> Row:
        types = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
        types -= {"null"}
        options = [value for value in schema.get("enum", ()) if value is not None]
        shape: Row = {}
        if is_file(schema):
            shape = {"kind": "file"}
        elif options:
            shape = {"kind": "options", "options": options}
        elif types == {"array"}:
            shape = self._list(self.resolved(schema["items"]))
        elif types == {"object"}:
            shape = self._object(schema)
        elif types == {"boolean"}:
            shape = {"kind": "boolean", "default": bool(schema.get("default", schema.get("const", True)))}
        elif types and types <= SCALARS:
            shape = {"kind": "number" if types <= {"integer", "number"} else "string"}
        return shape

    def _list(self, items: Schema) -> Row:
        shape = self._shape(items)
        if shape.get("kind") == "options":
            return {"kind": "choices", "options": shape["options"]}
        if shape.get("kind") in {"string", "number"}:
            return {"kind": "list", "of": shape["kind"]}
        if shape.get("kind") == "group":
            return shape | {"kind": "groups"}
        return {}

    def _object(self, schema: Schema) -> Row:
        extra = (
            self.resolved(schema["additionalProperties"])
            if isinstance(schema.get("additionalProperties"), dict)
            else {}
        )
        if "properties" not in schema:
            return {"kind": "map"} if extra and "properties" not in extra else {}
        fields = [self.field(name, field) for name, field in schema["properties"].items()]
        if len(fields) > 12 or any(field["kind"] in {"json", "group", "groups", "map"} for field in fields):
            return {}
        return {"kind": "group", "fields": fields}

    def resolved(self, schema: Schema) -> dict[str, Any]:
        """Return a schema with its reference followed, its parts put together and null left out."""
        schema = dict(schema)
        while reference := schema.pop("$ref", None):
            found: Any = self.api
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
            schema = {**found, **schema}
        for part in schema.pop("allOf", ()):
            known = self.resolved(part)
            properties = {**known.get("properties", {}), **schema.get("properties", {})}
            required = [*known.get("required", ()), *schema.get("required", ())]
            schema = {**known, **schema, "properties": properties, "required": required}
        choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
        if "anyOf" in schema and "discriminator" not in schema:
            schema = self._chosen(schema, [self.resolved(choice) for choice in choices])
        return schema

    @staticmethod
    def _chosen(schema: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        if len(choices) == 1:
            return {**choices[0], **rest}
        known = next((choice for choice in choices if "enum" in choice), None)
        if known is not None and all(choice.get("type") == "string" for choice in choices):
            return {**known, **rest}
        scalar = [choice.get("type") for choice in choices]
        return {**rest, "type": scalar} if all(isinstance(one, str) for one in scalar) else rest


def is_first(row: Row, properties: Schema) -> bool:
    """Whether a field is asked for at once though it may be left out: something else may stand for it."""
    choices = row["name"] == "phone" and properties.keys() & {"contact_id", "match"}
    return bool(choices) or row["name"] == "media_url" or row.get("description", "").startswith("Required")


def is_file(schema: Schema) -> bool:
    """Whether a field is a file."""
    return schema.get("format") == "binary" or "contentMediaType" in schema


def operation_name(operation_id: str, resource: str) -> str:
    """Return what the menu says: `listContacts` of Contacts is Get Many."""
    if operation_id in NAMES:
        return NAMES[operation_id]
    verb, rest = re.fullmatch(r"([a-z]+)(.*)", operation_id).groups()  # type: ignore[union-attr]
    one, said = resource_name(resource), VERBS.get(verb, verb.capitalize())
    noun = spaced(rest).removeprefix(f"{one} ")
    if noun == resource != one and verb in {"create", "delete"}:
        return f"{said} Many"
    return said if noun in {one, resource} else f"{said} {noun}"


def resource_name(tag: str) -> str:
    """Return the resource in the singular, as n8n has it."""
    return NOUNS.get(tag) or tag.removesuffix("s")


def spaced(name: str) -> str:
    """Return `OtpTemplates` as `OTP Templates`."""
    return " ".join(WORDS.get(word.lower(), word) for word in re.findall(r"[A-Z][a-z0-9]*", name))


def title(name: str) -> str:
    """Return what a field is called: `button_url` is Button URL."""
    if name in NAMES:
        return NAMES[name]
    words = " ".join(WORDS.get(word, word.capitalize()) for word in name.split("_"))
    return words[0].upper() + words[1:]


def plain(text: str) -> str:
    """Return a description as n8n shows it: in one line, code marked, one sentence without a full stop."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", " ".join(text.split()))
    return text.removesuffix(".") if ". " not in text else text


def first_sentence(text: str) -> str:
    """Return the first sentence, which is what a menu has room for."""
    return plain(" ".join(text.split()).split(". ")[0])


def whether(name: str, description: str) -> str:
    """Return how n8n describes a switch."""
    if description.startswith("Whether"):
        return description
    return f"Whether to turn on {name.lower()}" + (f". {description}" if description else "")


if __name__ == "__main__":
    sys.exit(main())
