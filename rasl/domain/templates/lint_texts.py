"""What Meta demands of texts with variables (cloud-api sections 4.3 and 4.4)."""

import re

from rasl.domain.templates.definition import part, read_text
from rasl.domain.templates.lint_report import Json, Report

_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ADJACENT = re.compile(r"\}\}\s*\{\{")
_WORDS_PER_VARIABLE = 2


def check_variables(report: Report, field: str, text: str, *, is_named: bool) -> tuple[str, ...]:
    """Check how variables are written and where they stand; returns their names."""
    rest = _VARIABLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        report.problem(field, "holds braces that do not belong together")
    names = read_text(text).variables
    if len(names) < len({match.strip() for match in _VARIABLE.findall(text)}):
        report.problem(field, "holds a variable without a name")
    if is_named:
        wrong = [name for name in names if not _NAME.fullmatch(name)]
        if wrong:
            report.problem(
                field, f"variables must be named with a-z, 0-9 and _, beginning with a letter: {wrong[0]}"
            )
    elif names != tuple(str(number) for number in range(1, len(names) + 1)):
        report.problem(field, "variables must be numbered {{1}}, {{2}} and so on, without gaps")
    return names


def check_body_places(report: Report, field: str, text: str, names: tuple[str, ...]) -> None:
    """Check where the variables of a body stand and how many words there are around them."""
    stripped = text.strip()
    if _VARIABLE.match(stripped) or (names and re.search(r"\}\}\s*$", stripped)):
        report.problem(field, "must not begin or end with a variable")
    if _ADJACENT.search(text):
        report.problem(field, "needs words between two variables")
    words = len(_VARIABLE.sub(" ", text).split())
    if names and words < _WORDS_PER_VARIABLE * len(names) + 1:
        report.warning(field, "has few words for so many variables: Meta may reject it")


def check_examples(
    report: Report, path: str, component: Json, names: tuple[str, ...], *, key: str, is_named: bool
) -> None:
    """Check that every variable has an example; `key` is `body_text` or `header_text`."""
    if not names:
        return
    example = part(component.get("example"))
    if is_named:
        field = f"{path}.example.{key}_named_params"
        given = example.get(f"{key}_named_params")
        rows = [part(row) for row in given] if isinstance(given, list) else []
        known = {
            row.get("param_name") for row in rows if isinstance(row.get("example"), str) and row["example"]
        }
        missing = [name for name in names if name not in known]
        if missing:
            report.problem(field, f"needs an example of each variable: {', '.join(missing)}")
        return
    given = example.get(key)
    row = given[0] if key == "body_text" and isinstance(given, list) and given else given
    values = row if isinstance(row, list) else []
    if len(values) != len(names) or not all(isinstance(value, str) and value for value in values):
        report.problem(f"{path}.example.{key}", f"needs {len(names)} examples, one of each variable")
