"""POST /{template_id} and POST /{template_id}/unpause."""

from metasim.errors import invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.forms import decode_body
from metasim.journal import Entry
from metasim.state import State
from metasim.store import Waba
from metasim.templates.book import Json, Template
from metasim.templates.creation import category_of, check_components, check_ttl, format_of
from metasim.templates.lifecycle import submit
from metasim.templates.lifecycle import unpause as end_pause
from metasim.templates.news import components_news, tell
from metasim.templates.texts import wrong

_DAY = 86_400.0
_EDITABLE = frozenset({"APPROVED", "REJECTED", "PAUSED"})
_FIELDS = frozenset({"category", "components", "message_send_ttl_seconds", "parameter_format"})


async def edit(state: State, request: Request, found: tuple[Waba, Template], _entry: Entry) -> Answer:
    """POST /{template_id}: only what is approved, rejected or paused, and back it goes to the reviewers."""
    waba, template = found
    body = {key: value for key, value in decode_body(request).items() if key in _FIELDS}
    if not body:
        raise invalid("One of the parameters category, components and message_send_ttl_seconds is required.")
    if template.status not in _EDITABLE:
        raise wrong(f"A message template that is {template.status} can't be edited.")
    category = category_of(body) if "category" in body else template.category
    if template.status == "APPROVED":
        _check_approved(state, template, category)
    _apply(state, template, body, category)
    template.edits.append(state.clock.now())
    if "components" in body:
        tell(state, components_news(state, waba, template))
    submit(state, waba, template)
    answer: Json = {"success": True}
    if state.config.template_edit_details:
        answer |= {"id": template.id, "name": template.name, "category": template.category}
    return json_answer(answer)


def _check_approved(state: State, template: Template, category: str) -> None:
    if category != template.category:
        raise wrong("The category of an approved message template can't be changed.")
    if not state.config.template_edit_limits:
        return
    now = state.clock.now()
    ages = [now - at for at in template.edits]
    if any(age < _DAY for age in ages):
        raise wrong("An approved message template can be edited once in 24 hours.")
    if sum(age < 30 * _DAY for age in ages) >= 10:
        raise wrong("An approved message template can be edited 10 times in 30 days.")


def _apply(state: State, template: Template, body: Json, category: str) -> None:
    parameter_format = format_of(body) if "parameter_format" in body else template.parameter_format
    check_ttl(body, category)
    if "components" in body:
        template.components = check_components(state, category, parameter_format, body["components"])
    template.category, template.parameter_format = category, parameter_format
    if "message_send_ttl_seconds" in body:
        template.extras["message_send_ttl_seconds"] = body["message_send_ttl_seconds"]


async def unpause(state: State, _request: Request, found: tuple[Waba, Template], _entry: Entry) -> Answer:
    """POST /{template_id}/unpause."""
    waba, template = found
    if template.status != "PAUSED":
        return json_answer({"success": False, "reason": "The template is not paused."})
    tell(state, end_pause(state, waba, template))
    return json_answer({"success": True})
