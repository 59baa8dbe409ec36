"""Message templates, as far as they can be listed and read."""

from typing import Any

from rasl.simulator.exchange import Answer, Request, json_answer
from rasl.simulator.journal import Entry
from rasl.simulator.paging import base_url, chosen_fields, page
from rasl.simulator.state import State
from rasl.simulator.store import Waba

_DEFAULTS = ("name", "parameter_format", "components", "language", "status", "category", "id")
_LIMIT = 6000


async def list_templates(state: State, request: Request, waba: Waba, _entry: Entry) -> Answer:
    """GET /{waba_id}/message_templates with its filters."""
    query = request.query
    found = [
        template
        for template in waba.templates.values()
        if all(
            str(template[name]).lower() == query[name].lower()
            for name in ("name", "status", "category", "language")
            if name in query
        )
        and query.get("name_or_content", "").lower() in f"{template['name']} {template['components']}".lower()
    ]
    items = [chosen_fields(template, request, _DEFAULTS) for template in found]
    version = request.path.split("/")[1] if request.path.startswith("/v") else "v24.0"
    body = page(request, items, base_url(request, state.config.public_url), version)
    if "summary" in query:
        body["summary"] = {
            "total_count": len(found),
            "message_template_count": len(waba.templates),
            "message_template_limit": _LIMIT,
            "are_translations_complete": True,
        }
    return json_answer(body)


async def get_template(
    _state: State, request: Request, found: tuple[Waba, dict[str, Any]], _entry: Entry
) -> Answer:
    """GET /{template_id}."""
    return json_answer(chosen_fields(found[1], request, _DEFAULTS))
