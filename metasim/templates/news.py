"""The webhooks about a template: what each says, and how it gets to the account's callback."""

import time
from typing import Any, NamedTuple

from metasim.courier import Outcome
from metasim.payloads import encode, envelope
from metasim.state import State
from metasim.store import Waba
from metasim.templates.book import Json, Template

STATUS = "message_template_status_update"
QUALITY = "message_template_quality_update"
CATEGORY = "template_category_update"
COMPONENTS = "message_template_components_update"


class News(NamedTuple):
    """One webhook about a template."""

    waba: Waba
    field: str
    value: Json


def tell(state: State, news: News) -> None:
    """Post it soon, and again until it is taken."""
    callback = state.registry.callback_for(news.waba, None, news.field)
    if callback is not None:
        state.courier.post(callback, _body(news))


async def deliver(state: State, news: News) -> dict[str, Any]:
    """Post it now and say how that went."""
    callback = state.registry.callback_for(news.waba, None, news.field)
    outcome = Outcome(None, "no callback is set")
    if callback is not None:
        outcome = await state.courier.deliver(callback, _body(news))
    return {
        "field": news.field,
        "value": news.value,
        "ok": outcome.is_ok,
        "http": outcome.http,
        "error": outcome.error,
    }


def _body(news: News) -> bytes:
    return encode(envelope([(news.waba.id, news.field, news.value)], int(time.time())))


def status_news(state: State, waba: Waba, template: Template, event: str, **more: Any) -> News:
    """A change of status."""
    value = {
        "event": event,
        **_names(state, template),
        "reason": "NONE",
        "message_template_category": template.category,
        **more,
    }
    return News(waba, STATUS, value)


def quality_news(state: State, waba: Waba, template: Template, previous: str) -> News:
    """A change of quality."""
    value = {
        "previous_quality_score": previous,
        "new_quality_score": template.quality,
        **_names(state, template),
    }
    return News(waba, QUALITY, value)


def category_news(state: State, waba: Waba, template: Template, **more: Any) -> News:
    """A category that changed (`previous_category`) or will (`correct_category`)."""
    return News(waba, CATEGORY, {**_names(state, template), "new_category": template.category, **more})


def components_news(state: State, waba: Waba, template: Template) -> News:
    """New content."""
    value: Json = _names(state, template)
    for kind, key in (("BODY", "element"), ("HEADER", "title"), ("FOOTER", "footer")):
        part = template.component(kind)
        if part is not None and part.get("text"):
            value[f"message_template_{key}"] = part["text"]
    buttons = (template.component("BUTTONS") or {}).get("buttons")
    if buttons:
        value["message_template_buttons"] = [_button(button) for button in buttons]
    return News(waba, COMPONENTS, value)


def _button(button: Json) -> Json:
    named = {"type": "type", "text": "text", "url": "url", "phone_number": "phone_number"}
    return {f"message_template_button_{name}": button[key] for key, name in named.items() if key in button}


def _names(state: State, template: Template) -> Json:
    language = template.language
    if state.config.template_language_dash:
        language = language.replace("_", "-")
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": language,
    }
