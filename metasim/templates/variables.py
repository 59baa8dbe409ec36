"""Variables in the texts of templates: which there are, where they may not stand, and how many a text bears."""

import re

from metasim.config import SimulatorConfig
from metasim.errors import template_refusal

VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ADJACENT = re.compile(r"\}\}\s*\{\{")
_WORD = re.compile(r"\w")


def variables_of(text: str) -> list[str]:
    """The names of a text's variables, each once, in order."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def is_named(names: list[str]) -> bool:
    """Whether any of the variables has a name instead of a number."""
    return any(not name.isdigit() for name in names)


def check_variables(text: str, place: str, parameter_format: str) -> list[str]:
    """Variables that fit the format and, when numbered, count up from one; gives their names."""
    names = variables_of(text)
    title, subcode = _titles(place)
    if parameter_format == "NAMED":
        bad = [name for name in names if not _NAME.fullmatch(name)]
        if bad:
            raise template_refusal(
                title,
                f"The variable {{{{{bad[0]}}}}} must be lowercase letters, digits and underscores.",
                subcode,
            )
        return names
    if is_named(names):
        raise template_refusal(
            title,
            "Variable parameters must be whole numbers with two sets of curly brackets (for example, {{1}}, {{2}}).",
            subcode,
        )
    if sorted(map(int, names)) != list(range(1, len(names) + 1)):
        raise template_refusal(title, "Variables must be numbered in sequence, starting from {{1}}.", subcode)
    return names


def check_body_variables(text: str, config: SimulatorConfig) -> None:
    """No variable at either end, none next to another, and enough words for all of them."""
    names = VARIABLE.findall(text)
    if not names:
        return
    if config.template_edges and _has_edge(text):
        raise template_refusal(
            "Leading or trailing params not allowed",
            "Variables can't be at the start or end of the template.",
            2388299,
        )
    if _ADJACENT.search(text):
        raise template_refusal(
            "Message body format is incorrect", "Variables must not stand next to each other.", 2388072
        )
    words = [word for word in VARIABLE.sub(" ", text).split() if _WORD.search(word)]
    # Not published: this is the line that fits what people report Meta took and refused.
    if len(words) <= len(names) * config.template_words_per_variable:
        raise template_refusal(
            "Parameters words ratio exceeds limit",
            "This template has too many variables for its length."
            " Reduce the number of variables or increase the message length.",
            2388293,
        )


def _has_edge(text: str) -> bool:
    # Punctuation does not count as text here.
    first, last = VARIABLE.search(text), [*VARIABLE.finditer(text)][-1:]
    before = text[: first.start()] if first else "x"
    after = text[last[0].end() :] if last else "x"
    return not _WORD.search(before) or not _WORD.search(after)


def _titles(place: str) -> tuple[str, int]:
    if place == "HEADER":
        return "Message header format is incorrect", 2388047
    return "Message body format is incorrect", 2388072
