"""One account's templates, and the names that are blocked after a deletion."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

BLOCKED_SECONDS = 30 * 86_400.0


@dataclass(slots=True)
class Template:
    """A template as the account keeps it; `extras` are node fields nothing here depends on."""

    id: str
    name: str
    language: str
    category: str
    status: str
    components: list[Json]
    parameter_format: str = "POSITIONAL"
    quality: str = "UNKNOWN"
    quality_at: int = 0
    rejected_reason: str = "NONE"
    pauses: int = 0
    revision: int = 0
    was_approved: bool = False
    edits: list[float] = field(default_factory=list)
    extras: Json = field(default_factory=dict)

    def node(self) -> Json:
        """Every field the Graph API shows."""
        return {
            **self.extras,
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "category": self.category,
            "status": self.status,
            "components": self.components,
            "parameter_format": self.parameter_format,
            "quality_score": {"score": self.quality, "date": self.quality_at},
            "rejected_reason": self.rejected_reason,
            "health_status": _health(self),
        }

    def component(self, kind: str) -> Json | None:
        """The component of that type, if there is one."""
        return next((part for part in self.components if part.get("type") == kind), None)


class TemplateBook:
    """Templates by id and by name and language, in the order they were made."""

    def __init__(self) -> None:
        self.by_id: dict[str, Template] = {}
        self.creations: list[float] = []
        self._by_name: dict[str, dict[str, Template]] = {}
        self._blocked: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def __iter__(self) -> Iterator[Template]:
        return iter(self.by_id.values())

    def find(self, name: str, language: str) -> Template | None:
        """The template of that name and language, if there is one."""
        return self._by_name.get(name, {}).get(language)

    def named(self, name: str) -> list[Template]:
        """Every language of a name."""
        return [*self._by_name.get(name, {}).values()]

    def add(self, template: Template) -> None:
        """Take in a template; one of the same name and language makes room."""
        known = self.find(template.name, template.language)
        if known is not None and known.id != template.id:
            self.remove(known)
        self.by_id[template.id] = template
        self._by_name.setdefault(template.name, {})[template.language] = template

    def remove(self, template: Template, *, blocked_until: float | None = None) -> None:
        """Forget a template, and block its name where asked."""
        self.by_id.pop(template.id, None)
        languages = self._by_name.get(template.name, {})
        languages.pop(template.language, None)
        if not languages:
            self._by_name.pop(template.name, None)
        if blocked_until is not None:
            self._blocked[template.name, template.language] = blocked_until

    def is_blocked(self, name: str, language: str, now: float) -> bool:
        """Whether a deletion still holds a name in a language."""
        return self._blocked.get((name, language), 0.0) > now


def _health(template: Template) -> Json:
    state = "AVAILABLE" if template.status == "APPROVED" else "BLOCKED"
    entity = {"entity_type": "MESSAGE_TEMPLATE", "id": template.id, "can_send_message": state}
    return {"can_send_message": state, "entities": [entity]}
