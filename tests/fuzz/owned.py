"""The document with examples that name what is there, so that right requests go well."""

from collections.abc import Mapping
from typing import Any

from tests.auth_routes import CODE, LOGIN_CODE, VERIFIED_PHONE
from tests.places import KINDS
from tests.routes import ORDER
from tests.world import Person

_IN_PATHS = {
    "challenge_id": "challenge",
    "contact_id": "contact",
    "group_id": "group_id",
    "import_id": "import",
    "media_id": "media",
    "message_id": "received",
    "mobile": "mobile",
    "phone_number_id": "number",
    "source_id": "source_id",
    "status_id": "status_id",
    "template_id": "template",
    "token_id": "token",
    "webhook_id": "webhook",
    "delivery_id": "delivery",
}
# What a whole operation names otherwise than the rest.
_WORDS: dict[str, dict[str, Any]] = {
    "sendOtp": {"template_name": LOGIN_CODE["name"]},
    "resendOtp": {"template_name": LOGIN_CODE["name"]},
    "verifyOtp": {"phone": VERIFIED_PHONE, "code": CODE},
    "importContacts": {"file": "phone\n+442079460099\n"},
}


def owned(document: Mapping[str, Any], own: Mapping[str, Any], person: Person) -> dict[str, Any]:
    """Return the document with the ids of these things in its examples."""
    words = {name: own[kind] for name, kind in KINDS.items() if "." not in name and kind in own}
    words |= {"language": "en_GB", "template_name": ORDER["name"], "field_1": "Priya"}
    words |= {"phone_number_id": person.phone_number_id, "waba_id": person.waba_id}
    words |= {"access_token": person.access_token, "app_secret": person.app_secret}
    parameters = {
        name: told | ({"example": own[_IN_PATHS[name]]} if told["in"] == "path" else {})
        for name, told in document["components"]["parameters"].items()
    }
    # A text that happens to be the id of a message is not found by trying.
    parameters["message_id"] |= {"schema": {"type": "string", "enum": [str(own["received"])]}}
    paths = {
        path: {method: _with_words(operation, words, own) for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    return {**document, "paths": paths, "components": {**document["components"], "parameters": parameters}}


def _with_words(
    operation: Mapping[str, Any], words: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    if "requestBody" not in operation:
        return {**operation}
    name = operation["operationId"]
    also = {"media_id": own["sticker"]} if name == "sendSticker" else _WORDS.get(name, {})
    body = operation["requestBody"]
    content = {
        kind: told
        | {
            "examples": {
                key: {"value": _named(it["value"], {**words, **also})} for key, it in told["examples"].items()
            }
        }
        if "examples" in told
        else told
        for kind, told in body["content"].items()
    }
    return {**operation, "requestBody": {**body, "content": content}}


def _named(value: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_named(item, words) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: words[key] if key in words else _named(item, words) for key, item in value.items()}
