"""Control API: templates as if they had been there all along, and whatever befalls them."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec

from metasim.control_objects import find_waba
from metasim.control_requests import ControlError, Order
from metasim.exchange import Request
from metasim.state import State
from metasim.store import Waba
from metasim.templates import lifecycle
from metasim.templates.book import Json, Template
from metasim.templates.components import as_read, guessed_format
from metasim.templates.news import News, deliver

_FIELDS = frozenset({
    "id", "name", "language", "status", "category", "parameter_format", "components", "quality",
    "quality_score", "rejected_reason",
})  # fmt: skip
_MOST_AT_ONCE = 100_000
_BODY = [{"type": "BODY", "text": "Template {{1}} of many, and nothing else to say about it."}]

_T = TypeVar("_T")

Action = Literal[
    "approve", "reject", "pause", "unpause", "disable", "mark", "quality", "recategorise",
    "announce_category", "components", "delete",
]  # fmt: skip


class TemplatesOrder(Order):
    """Give an account templates; `count` makes that many of each, with numbered names."""

    waba_id: str
    templates: list[dict[str, Any]]
    count: int | None = None


class TemplateOrder(Order):
    """What happens to one template."""

    action: Action
    template_id: str | None = None
    waba_id: str | None = None
    name: str | None = None
    language: str = "en_US"
    reason: str = "INVALID_FORMAT"
    rejection_info: dict[str, Any] | None = None
    category: str | None = None
    quality: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] | None = None
    status: str | None = None
    components: list[dict[str, Any]] | None = None
    webhook: bool = True


async def add_templates(state: State, request: Request) -> Any:
    """POST templates: an existing (name, language) is replaced and keeps its id."""
    order = msgspec.json.decode(request.body, type=TemplatesOrder)
    waba = find_waba(state, order.waba_id)
    if order.count is not None and not 1 <= order.count <= _MOST_AT_ONCE:
        raise ControlError(f"count must be between 1 and {_MOST_AT_ONCE}")
    added = []
    for given in order.templates:
        if not isinstance(given.get("name"), str):
            raise ControlError("a template needs a name")
        for name in _names(given["name"], order.count):
            template = _made(state, waba, {**given, "name": name}, is_one_of_many=order.count is not None)
            waba.templates.add(template)
            added.append({"id": template.id, "name": template.name, "language": template.language})
    return {"data": added}


def _names(name: str, count: int | None) -> list[str]:
    return [name] if count is None else [f"{name}_{number}" for number in range(1, count + 1)]


def _made(state: State, waba: Waba, given: Json, *, is_one_of_many: bool) -> Template:
    language = given.get("language", "en_US")
    known = waba.templates.find(given["name"], language)
    components = as_read(given.get("components", _BODY if is_one_of_many else []))
    quality = given.get("quality") or (given.get("quality_score") or {}).get("score", "UNKNOWN")
    template = Template(
        str(given.get("id") or (known.id if known else state.mint.digits())),
        given["name"],
        language,
        given.get("category", "UTILITY"),
        given.get("status", "APPROVED"),
        components,
        given.get("parameter_format") or guessed_format(components),
        quality,
        rejected_reason=given.get("rejected_reason", "NONE"),
    )
    if not template.id.isdigit():
        raise ControlError("the id of a template must be a string of digits")
    template.was_approved = template.status == "APPROVED"
    template.extras = {key: value for key, value in given.items() if key not in _FIELDS}
    return template


async def list_templates(state: State, request: Request) -> Any:
    """GET templates, with `waba_id` in the query."""
    waba = find_waba(state, request.query.get("waba_id", ""))
    return {"data": [template.node() for template in waba.templates]}


async def change_template(state: State, request: Request) -> Any:
    """POST template: one thing happens to it, and the webhook Meta would send is posted."""
    order = msgspec.json.decode(request.body, type=TemplateOrder)
    waba, template = _find(state, order)
    news = _ACTIONS[order.action](state, waba, template, order)
    told = await deliver(state, news) if news is not None and order.webhook else None
    return {"template": template.node(), "webhook": told}


def _find(state: State, order: TemplateOrder) -> tuple[Waba, Template]:
    if order.template_id is not None:
        found = state.registry.find_template(order.template_id)
        if found is None:
            raise ControlError(f"no such template_id: {order.template_id}", 404)
        return found
    if order.waba_id is None or order.name is None:
        raise ControlError("template_id, or waba_id and name, is required")
    waba = find_waba(state, order.waba_id)
    template = waba.templates.find(order.name, order.language)
    if template is None:
        raise ControlError(f"no such template: {order.name} in {order.language}", 404)
    return waba, template


def _given(value: _T | None, name: str) -> _T:
    if value is None:
        raise ControlError(f"{name} is required")
    return value


_ACTIONS: dict[str, Callable[[State, Waba, Template, TemplateOrder], News | None]] = {
    "approve": lambda state, waba, template, _: lifecycle.approve(state, waba, template),
    "reject": lambda state, waba, template, order: lifecycle.reject(
        state, waba, template, order.reason, order.rejection_info
    ),
    "pause": lambda state, waba, template, _: lifecycle.pause(state, waba, template),
    "unpause": lambda state, waba, template, _: lifecycle.unpause(state, waba, template),
    "disable": lambda state, waba, template, _: lifecycle.disable(state, waba, template),
    "mark": lambda state, waba, template, order: lifecycle.mark(
        state, waba, template, _given(order.status, "status")
    ),
    "quality": lambda state, waba, template, order: lifecycle.score(
        state, waba, template, _given(order.quality, "quality")
    ),
    "recategorise": lambda state, waba, template, order: lifecycle.recategorise(
        state, waba, template, _given(order.category, "category")
    ),
    "announce_category": lambda state, waba, template, order: lifecycle.announce_category(
        state, waba, template, _given(order.category, "category")
    ),
    "components": lambda state, waba, template, order: lifecycle.rewrite(
        state, waba, template, as_read(_given(order.components, "components"))
    ),
    "delete": lambda state, waba, template, _: lifecycle.remove(state, waba, template),
}
