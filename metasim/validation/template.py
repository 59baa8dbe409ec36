"""Template messages: existence first, then the shape of what is given, then whether it fits the template."""

from typing import Any

from metasim.errors import refusal
from metasim.store import Number
from metasim.templates.book import Template
from metasim.validation.fit import check_fit
from metasim.validation.parameters import checked_components
from metasim.validation.rules import Json, required_object, required_text
from metasim.validation.scene import Scene


def check_template(content: Any, scene: Scene) -> None:
    """Name, language and components; against the account's templates as soon as it has any."""
    template = required_object(content, "template")
    name = required_text(template.get("name"), "template['name']")
    language = required_object(template.get("language"), "template['language']")
    code = required_text(language.get("code"), "template['language']['code']")
    known = _existing(scene.number, name, code)
    components = template.get("components")
    given = [] if components is None else checked_components(components, scene)
    if known is not None:
        check_fit(known, given)


def category_of(content: Json, number: Number) -> str:
    """The pricing category of a template message."""
    known = number.waba.templates.find(
        str(content.get("name")), str((content.get("language") or {}).get("code"))
    )
    return known.category.lower() if known else "utility"


def check_recipient(content: Json, number: Number, *, is_scoped: bool) -> None:
    """Authentication templates go to phone numbers only."""
    if is_scoped and category_of(content, number) == "authentication":
        raise refusal(131062)


def _existing(number: Number, name: str, code: str) -> Template | None:
    """The template, or nothing as long as the account has none at all."""
    if not number.waba.templates:
        return None
    known = number.waba.templates.find(name, code)
    if known is None:
        raise refusal(132001, f"template name ({name}) does not exist in {code}")
    if known.status == "PAUSED":
        raise refusal(132015)
    if known.status == "DISABLED":
        raise refusal(132016)
    if known.status != "APPROVED":
        raise refusal(132001, f"template name ({name}) does not exist in {code}")
    return known
