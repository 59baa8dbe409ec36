"""What happens to a template: review, pauses, disablement, quality, categories; each with its webhook."""

from collections.abc import Callable
from typing import NamedTuple

from metasim.state import State
from metasim.store import Waba
from metasim.templates.book import BLOCKED_SECONDS, Json, Template
from metasim.templates.news import (
    News,
    category_news,
    components_news,
    quality_news,
    status_news,
    tell,
)

PAUSES = (("FIRST_PAUSE", 3 * 3600.0), ("SECOND_PAUSE", 6 * 3600.0))
NOTICE_SECONDS = 86_400.0
_REJECTION = {
    "reason": "The template has an invalid format.",
    "recommendation": "Correct the format and submit the template again.",
}


class Case(NamedTuple):
    """A template whose turn comes later, and the revision the appointment was made for."""

    state: State
    waba: Waba
    template: Template
    revision: int


SUFFIXES = {
    "_approved": "answered APPROVED at once",
    "_pending": "stays PENDING",
    "_rejected": "REJECTED with INVALID_FORMAT",
    "_miscategorised": "REJECTED with INCORRECT_CATEGORY",
    "_marketing": "taken as MARKETING whatever was asked",
    "_recategorised": "APPROVED, then announced and changed to MARKETING",
    "_yellow": "APPROVED, then quality YELLOW",
    "_red": "APPROVED, then quality RED",
    "_paused": "APPROVED, then PAUSED",
    "_disabled": "APPROVED, then DISABLED",
}


def suffix_of(state: State, name: str) -> str:
    """The rule a template's name asks for, or none."""
    if not state.config.template_suffixes:
        return ""
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def submit(state: State, waba: Waba, template: Template) -> None:
    """Put a template before the reviewers."""
    template.revision += 1
    suffix = suffix_of(state, template.name)
    if suffix == "_approved":
        _settle(template, "APPROVED")
        return
    _settle(template, "PENDING")
    if suffix != "_pending":
        _later(state, waba, template, _review)


def _later(state: State, waba: Waba, template: Template, act: Callable[[Case], None]) -> None:
    delay = state.config.template_review_delay
    if delay is not None:
        state.timers.after(delay, act, Case(state, waba, template, template.revision))


def _review(case: Case) -> None:
    state, waba, template, revision = case
    if (
        template.status != "PENDING"
        or template.revision != revision
        or template.id not in waba.templates.by_id
    ):
        return
    suffix = suffix_of(state, template.name)
    if suffix in {"_rejected", "_miscategorised"}:
        reason = "INVALID_FORMAT" if suffix == "_rejected" else "INCORRECT_CATEGORY"
        tell(state, reject(state, waba, template, reason))
        return
    tell(state, approve(state, waba, template))
    if suffix in _SECOND_ACTS:
        _later(state, waba, template, _second_act)


def _second_act(case: Case) -> None:
    state, waba, template, revision = case
    if (
        template.status != "APPROVED"
        or template.revision != revision
        or template.id not in waba.templates.by_id
    ):
        return
    for news in _SECOND_ACTS[suffix_of(state, template.name)](state, waba, template):
        tell(state, news)


def approve(state: State, waba: Waba, template: Template) -> News:
    """Let a template be sent."""
    _settle(template, "APPROVED")
    return status_news(state, waba, template, "APPROVED")


def reject(
    state: State, waba: Waba, template: Template, reason: str = "INVALID_FORMAT", info: Json | None = None
) -> News:
    """Refuse a template."""
    _settle(template, "REJECTED")
    template.rejected_reason = reason
    more: Json = {"reason": reason}
    if reason == "INVALID_FORMAT" or info is not None:
        more["rejection_info"] = info or _REJECTION
    return status_news(state, waba, template, "REJECTED", **more)


def pause(state: State, waba: Waba, template: Template) -> News:
    """Pause for three hours, the next time for six; the third time is the end."""
    if template.pauses >= len(PAUSES):
        return disable(state, waba, template)
    title, seconds = PAUSES[template.pauses]
    template.pauses += 1
    template.revision += 1
    _settle(template, "PAUSED")
    state.calendar.after(seconds, _resume, Case(state, waba, template, template.revision))
    description = f"Your WhatsApp message template has been paused for {int(seconds // 3600)} hours."
    return status_news(
        state, waba, template, "PAUSED", other_info={"title": title, "description": description}
    )


def _resume(case: Case) -> None:
    state, waba, template, revision = case
    if template.status == "PAUSED" and template.revision == revision and template.id in waba.templates.by_id:
        tell(state, unpause(state, waba, template))


def unpause(state: State, waba: Waba, template: Template) -> News:
    """End a pause."""
    template.revision += 1
    _settle(template, "APPROVED")
    info = {"title": "UNPAUSE", "description": "Your WhatsApp message template is active again."}
    return status_news(state, waba, template, "APPROVED", other_info=info)


def disable(state: State, waba: Waba, template: Template) -> News:
    """Take a template away for good."""
    template.revision += 1
    _settle(template, "DISABLED")
    info = {"title": "DISABLED", "description": "Your WhatsApp message template has been disabled."}
    at = int(state.clock.now())
    return status_news(state, waba, template, "DISABLED", disable_info={"disable_date": at}, other_info=info)


def mark(state: State, waba: Waba, template: Template, status: str) -> News:
    """Any other status, as it is."""
    template.revision += 1
    _settle(template, "APPROVED" if status in {"REINSTATED", "UNARCHIVED"} else status)
    return status_news(state, waba, template, status)


def score(state: State, waba: Waba, template: Template, quality: str) -> News:
    """Change a template's quality."""
    previous, template.quality = template.quality, quality
    template.quality_at = int(state.clock.now())
    return quality_news(state, waba, template, previous)


def announce_category(state: State, waba: Waba, template: Template, category: str) -> News:
    """Give notice of another category; it comes after a day."""
    template.extras["correct_category"] = category
    state.calendar.after(NOTICE_SECONDS, _fall_due, Case(state, waba, template, template.revision))
    at = int(state.clock.now() + NOTICE_SECONDS)
    return category_news(state, waba, template, correct_category=category, category_update_timestamp=at)


def _fall_due(case: Case) -> None:
    state, waba, template, _ = case
    category = template.extras.get("correct_category")
    if category and template.id in waba.templates.by_id:
        tell(state, recategorise(state, waba, template, category))


def recategorise(state: State, waba: Waba, template: Template, category: str) -> News:
    """Change the category now."""
    previous, template.category = template.category, category
    template.extras["previous_category"] = previous
    template.extras.pop("correct_category", None)
    return category_news(state, waba, template, previous_category=previous)


def rewrite(state: State, waba: Waba, template: Template, components: list[Json]) -> News:
    """Give a template other content."""
    template.components = components
    return components_news(state, waba, template)


def remove(state: State, waba: Waba, template: Template) -> News | None:
    """Delete a template; the name of one that was approved stays blocked for 30 days."""
    until = state.clock.now() + BLOCKED_SECONDS if template.was_approved else None
    waba.templates.remove(template, blocked_until=until)
    event = state.config.template_delete_event
    return status_news(state, waba, template, event, reason=None) if event is not None else None


def _settle(template: Template, status: str) -> None:
    template.status = status
    if status == "APPROVED":
        template.was_approved = True
    if status != "REJECTED":
        template.rejected_reason = "NONE"


def _change_category(state: State, waba: Waba, template: Template) -> list[News]:
    notice = announce_category(state, waba, template, "MARKETING")
    return [notice, recategorise(state, waba, template, "MARKETING")]


_SECOND_ACTS: dict[str, Callable[[State, Waba, Template], list[News]]] = {
    "_paused": lambda state, waba, template: [pause(state, waba, template)],
    "_disabled": lambda state, waba, template: [disable(state, waba, template)],
    "_yellow": lambda state, waba, template: [score(state, waba, template, "YELLOW")],
    "_red": lambda state, waba, template: [score(state, waba, template, "RED")],
    "_recategorised": _change_category,
}
