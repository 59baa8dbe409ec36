"""Forms and queries as objects: names with brackets (`a[0][b]`) become lists and objects, as PHP reads them."""

import re
from collections.abc import Iterable
from typing import Any

from rasl.errors import ValidationFailed

_BRACKETED = re.compile(r"([^\[\].]+)((?:\[[^\[\]]*\])+)")
_DOTTED = re.compile(r"\w+(?:\.\w+)+", re.ASCII)
_DEEPEST = 8
_ONCE = "must be given only once"


class Several(list[Any]):
    """What one name was given more than once: a list, where one is asked for."""

    def the_one(self) -> Any:
        """Return what was said once, besides empty fields of the same name; else all of it."""
        said = [value for value in self if not isinstance(value, str) or value.strip()]
        return self if len(said) > 1 else (said or [None])[0]


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Build the object that pairs of names and values describe; raises ValidationFailed where two exclude each other.

    `a[b]` and `a.b` are the member b of the object a, `a[]` is one more item of the list a, `a[0]` its first; a name
    given twice is `Several`. What has other brackets, or is deeper than any request of ours, is taken as one name.
    """
    tree: dict[str, Any] = {}
    for name, value in pairs:
        steps = _steps(name)
        if not _put(tree, steps, value):
            raise ValidationFailed({steps[0]: [f"The {steps[0]} field {_ONCE}"]})
    return {name: _listed(value) for name, value in tree.items()}


def _steps(name: str) -> list[str]:
    if match := _BRACKETED.fullmatch(name):
        steps = [match[1], *match[2][1:-1].split("][")]
    elif _DOTTED.fullmatch(name):
        steps = name.split(".")
    else:
        return [name]
    return steps if len(steps) <= _DEEPEST else [name]


def _put(tree: dict[str, Any], steps: list[str], value: Any) -> bool:
    """Put a value at its place; False when something of another shape is there."""
    node = tree
    for step in steps[:-1]:
        below = node.setdefault(step or _next_index(node), {})
        if not isinstance(below, dict):
            return False
        node = below
    last = steps[-1] or (_next_index(node) if len(steps) > 1 else "")
    there = node.get(last)
    if last not in node:
        node[last] = value
    elif isinstance(there, dict):
        return False
    elif isinstance(there, Several):
        there.append(value)
    else:
        node[last] = Several([there, value])
    return True


def _next_index(node: dict[str, Any]) -> str:
    index = len(node)
    while str(index) in node:
        index += 1
    return str(index)


def _listed(node: Any) -> Any:
    """Turn an object whose names are 0, 1, 2 and so on into the list it stands for."""
    if not isinstance(node, dict):
        return node
    below = {name: _listed(value) for name, value in node.items()}
    in_order = [below[name] for index in range(len(below)) if (name := str(index)) in below]
    return in_order if len(in_order) == len(below) else below
