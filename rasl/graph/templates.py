"""Templates of a WhatsApp Business Account: listed page by page, created, edited, deleted; header samples uploaded."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from rasl.domain.templates.listed import Listed
from rasl.graph.client import Ambiguous, Failed, Fetched, GraphClient, ReadOutcome, Refused
from rasl.graph.errors import classify
from rasl.graph.loose import list_in, object_in, text_in

PAGE = 100
INVALID_CURSOR = 131059
_NAMES_AT_META = {"template_id": "id", "quality": "quality_score"}
_FIELDS = ",".join(_NAMES_AT_META.get(name, name) for name in Listed.__struct_fields__)


class TemplatePage(msgspec.Struct, frozen=True):
    """A page of templates and the cursor of the next one, None at the end."""

    templates: list[Listed]
    after: str | None


class Created(msgspec.Struct, frozen=True):
    """What Meta says of a template it has just taken for review."""

    template_id: str
    status: str
    category: str | None


async def list_page(
    graph: GraphClient, waba_id: str, access_token: str, after: str | None
) -> TemplatePage | Failed:
    """Read one page; an item that is no template is passed over."""
    params = {"fields": _FIELDS, "limit": str(PAGE), **({"after": after} if after else {})}
    outcome = await graph.get_json(f"{waba_id}/message_templates", access_token, params)
    if not isinstance(outcome, Fetched):
        return outcome
    items = outcome.value.get("data")
    if not isinstance(items, list):
        return Ambiguous("a list of templates without data")
    found = (read(item) for item in items if isinstance(item, dict))
    return TemplatePage([item for item in found if item is not None], _next_cursor(outcome.value))


async def fetch(graph: GraphClient, template_id: str, access_token: str) -> Listed | Failed:
    """Read one template."""
    outcome = await graph.get_json(template_id, access_token, {"fields": _FIELDS})
    if not isinstance(outcome, Fetched):
        return outcome
    return read(outcome.value) or Ambiguous("a template without its name")


async def create(
    graph: GraphClient, waba_id: str, access_token: str, definition: Mapping[str, Any]
) -> Created | Failed:
    """Submit a new template for review."""
    outcome = await graph.call("POST", f"{waba_id}/message_templates", access_token, body=definition)
    if not isinstance(outcome, Fetched):
        return outcome
    template_id = text_in(outcome.value, "id")
    if template_id is None:
        return Ambiguous("a created template without an id")
    status, category = _word(outcome.value.get("status")), _word(outcome.value.get("category"))
    return Created(template_id, status or "PENDING", category)


async def edit(
    graph: GraphClient, template_id: str, access_token: str, changes: Mapping[str, Any]
) -> ReadOutcome:
    """Replace components, category or time to live of a template."""
    return _succeeded(await graph.call("POST", template_id, access_token, body=changes))


async def delete(
    graph: GraphClient, waba_id: str, access_token: str, name: str, template_id: str | None
) -> ReadOutcome:
    """Delete one language of a template, or all languages of the name."""
    params = {"name": name, **({"hsm_id": template_id} if template_id else {})}
    path = f"{waba_id}/message_templates"
    return _succeeded(await graph.call("DELETE", path, access_token, params=params))


async def upload_sample(
    graph: GraphClient, access_token: str, chunks: AsyncIterator[bytes], size: int, mime_type: str, name: str
) -> str | Failed:
    """Upload an example file of a header and return its handle."""
    params = {"file_length": str(size), "file_type": mime_type, "file_name": name}
    # `app` is the one the token belongs to: nobody has to type its id.
    opened = await graph.call("POST", "app/uploads", access_token, params=params)
    if not isinstance(opened, Fetched):
        return opened
    session = text_in(opened.value, "id")
    if session is None or not session.startswith("upload:"):
        return Ambiguous("an upload session without an id")
    sent = await graph.append_upload(session, access_token, chunks, size)
    if not isinstance(sent, Fetched):
        return sent
    return text_in(sent.value, "h") or Ambiguous("an upload without a handle")


def read(item: Mapping[str, Any]) -> Listed | None:
    """Read one template, whatever its spelling; None when it lacks what names it."""
    template_id, name, language = text_in(item, "id"), text_in(item, "name"), _language(item)
    if template_id is None or name is None or language is None:
        return None
    quality = item.get("quality_score")
    reason = _word(item.get("rejected_reason"))
    return Listed(
        template_id=template_id,
        name=name,
        language=language,
        status=_word(item.get("status")) or "UNKNOWN",
        category=_word(item.get("category")) or "UNKNOWN",
        sub_category=_word(item.get("sub_category")),
        previous_category=_word(item.get("previous_category")),
        correct_category=_word(item.get("correct_category")),
        components=[_shouted(part) for part in list_in(item, "components") if isinstance(part, dict)],
        parameter_format=_word(item.get("parameter_format")) or "POSITIONAL",
        quality=_word(quality.get("score") if isinstance(quality, dict) else quality),
        rejected_reason=None if reason == "NONE" else reason,
        message_send_ttl_seconds=_seconds(text_in(item, "message_send_ttl_seconds")),
    )


def _succeeded(outcome: ReadOutcome) -> ReadOutcome:
    if isinstance(outcome, Fetched) and outcome.value.get("success", True) is False:
        return Refused(classify(400, None, message="Meta answered that it did not do it"), None)
    return outcome


def _next_cursor(value: Mapping[str, Any]) -> str | None:
    """Return where the next page begins: only a page with `next` has one."""
    paging = object_in(value, "paging") or {}
    return text_in(object_in(paging, "cursors"), "after") if paging.get("next") else None


def _shouted(component: dict[str, Any]) -> dict[str, Any]:
    """Return a component with its type and format in capitals, as Meta writes them."""
    return component | {
        key: component[key].upper() for key in ("type", "format") if isinstance(component.get(key), str)
    }


def _language(item: Mapping[str, Any]) -> str | None:
    text = text_in(object_in(item, "language"), "code") or text_in(item, "language")
    return text.replace("-", "_") if text else None


def _word(value: object) -> str | None:
    return value.strip().upper().replace("-", "_") or None if isinstance(value, str) else None


def _seconds(text: str | None) -> int | None:
    digits = text.removeprefix("-") if text else ""
    return int(text) if text and digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
