"""The last step before Graph: Meta's ids of files and the opened code, put into bound components."""

from collections.abc import Iterable, Mapping
from typing import Any

MASK = "******"
_Json = dict[str, Any]


def fit(components: Iterable[_Json], uploaded: Mapping[int, str], code: str | None) -> list[_Json]:
    """Put Meta's ids of files and the opened code into bound components."""
    return [_fit(component, uploaded, code) for component in components]


def media_ids(components: Iterable[_Json]) -> tuple[int, ...]:
    """Return our ids of the files in bound components."""
    found: dict[int, None] = {}
    for component in components:
        for card in component.get("cards", ()):
            found |= dict.fromkeys(media_ids(card["components"]))
        for parameter in component.get("parameters", ()):
            file = parameter.get(parameter["type"])
            if isinstance(file, dict) and "media_id" in file:
                found[file["media_id"]] = None
    return tuple(found)


def _fit(component: _Json, uploaded: Mapping[int, str], code: str | None) -> _Json:
    fitted = dict(component)
    if "parameters" in component:
        fitted["parameters"] = [_fit_parameter(item, uploaded, code) for item in component["parameters"]]
    if "cards" in component:
        fitted["cards"] = [
            {**card, "components": fit(card["components"], uploaded, code)} for card in component["cards"]
        ]
    return fitted


def _fit_parameter(parameter: _Json, uploaded: Mapping[int, str], code: str | None) -> _Json:
    if parameter.get("secret"):
        return {key: value for key, value in parameter.items() if key != "secret"} | {"text": code or MASK}
    kind = parameter["type"]
    file = parameter.get(kind)
    if isinstance(file, dict) and "media_id" in file:
        rest = {key: value for key, value in file.items() if key != "media_id"}
        return {**parameter, kind: {"id": uploaded[file["media_id"]], **rest}}
    return parameter
