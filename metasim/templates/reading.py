"""GET /{waba_id}/message_templates and GET /{template_id}."""

from typing import Any

from metasim.addresses import graph_base, media_base
from metasim.exchange import Answer, Request, json_answer
from metasim.journal import Entry
from metasim.media_host import CDN
from metasim.paging import chosen_fields, page
from metasim.state import State
from metasim.store import Waba
from metasim.templates.book import Json, Template

_DEFAULTS = ("name", "parameter_format", "components", "language", "status", "category", "sub_category", "id")
_EXACT = ("name", "language")
_FOLDED = ("status", "category")
_SUMMARY = ("total_count", "message_template_count", "message_template_limit", "are_translations_complete")


async def list_templates(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """GET /{waba_id}/message_templates with its filters."""
    found = [template for template in waba.templates if _is_asked_for(template, request.query)]
    version = request.path.split("/")[1] if request.path.startswith("/v") else "v24.0"
    ids = [{"id": template.id} for template in found]
    body = page(request, ids, graph_base(state, request), version)
    # Only the page is written out: an account may have thousands.
    body["data"] = [_shown(state, request, waba.templates.by_id[item["id"]]) for item in body["data"]]
    if "summary" in request.query:
        body["summary"] = _summary(state, request.query["summary"], len(found), waba)
    return json_answer(body)


async def get_template(state: State, request: Request, found: tuple[Waba, Template], _entry: Entry) -> Answer:
    """GET /{template_id}."""
    return json_answer(_shown(state, request, found[1]))


def _is_asked_for(template: Template, query: dict[str, str]) -> bool:
    return (
        all(getattr(template, key) == query[key] for key in _EXACT if key in query)
        and all(getattr(template, key) in _listed(query[key].upper()) for key in _FOLDED if key in query)
        and ("quality_score" not in query or template.quality in _listed(query["quality_score"].upper()))
        and query.get("content", "").lower() in _content(template, query, "content")
        and query.get("name_or_content", "").lower()
        in f"{template.name} {_content(template, query, 'name_or_content')}"
    )


def _listed(given: str) -> list[str]:
    return [part.strip(' "[]') for part in given.split(",")]


def _content(template: Template, query: dict[str, str], key: str) -> str:
    return str(template.components).lower() if query.get(key) else ""


def _summary(state: State, asked: str, total: int, waba: Waba) -> Json:
    values = dict(zip(_SUMMARY, (total, len(waba.templates), state.config.template_limit, True), strict=True))
    names = [name.strip() for name in asked.split(",")]
    return {name: values[name] for name in names if name in values} or values


def _shown(state: State, request: Request, template: Template) -> Json:
    shown = chosen_fields(template.node(), request, _DEFAULTS)
    if "components" in shown:
        base = f"{media_base(state, request)}{CDN}"
        shown["components"] = [_with_addresses(state, part, base) for part in shown["components"]]
    return shown


def _with_addresses(state: State, part: Json, base: str) -> Json:
    """Handles as the addresses of their files."""
    if "cards" in part:
        cards = [
            {**card, "components": [_with_addresses(state, inner, base) for inner in card["components"]]}
            for card in part["cards"]
        ]
        return {**part, "cards": cards}
    example: Any = part.get("example")
    if not isinstance(example, dict) or "header_handle" not in example:
        return part
    addresses = [_address(state, handle, base) for handle in example["header_handle"]]
    return {**part, "example": {**example, "header_handle": addresses}}


def _address(state: State, handle: str, base: str) -> str:
    upload = state.registry.handles.get(handle)
    if upload is None:
        return handle if handle.startswith("http") else f"{base}unknown"
    return f"{base}{upload.token}/{upload.filename or 'file'}"
