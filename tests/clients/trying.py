"""Operations, called as the document shows them: bodies as they are printed, ids as `x-example-ids` finds them."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import aiohttp

from rasl.api.docs import pages
from tests.documented import DOCUMENT, PATHS
from tests.serving import Answer, Client

ASSETS = Path(pages.__file__).parent / "assets"
_FILES = {path.name for path in ASSETS.iterdir() if path.suffix in {".png", ".webp", ".csv"}}
_PARAMETER = re.compile(r"{(\w+)}")
_JSON = "application/json"
_FORM = "multipart/form-data"
_IDS: dict[str, dict[str, str]] = DOCUMENT["x-example-ids"]
BY_NAME: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in PATHS.items()
    for method, operation in methods.items()
}
# What deletes comes last: nothing that another example needs is gone before.
NAMES = sorted(
    BY_NAME, key=lambda name: BY_NAME[name][0] == "DELETE" or name.startswith(("delete", "remove"))
)
_numbers = itertools.count(10001)


def examples_of(name: str) -> list[tuple[str, Any]]:
    """Return the bodies that an operation shows, each with its content type; none once where it takes none."""
    content = BY_NAME[name][2].get("requestBody", {}).get("content", {})
    shown = [
        (kind, example["value"])
        for kind, about in content.items()
        for example in about.get("examples", {}).values()
    ]
    return shown or [("", None)]


async def attempt(client: Client, name: str, kind: str, body: Any) -> Answer:
    """Call an operation with one of its examples, after what the document says must be called before."""
    method, path, operation = BY_NAME[name]
    for earlier, first in operation.get("x-example-after", {}).items():
        made = await _call(client, earlier, _JSON, first)
        assert made.status < 300, made.body
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            found = await _id(client, parameter, is_for_good=method == "DELETE")
            path = path.replace(f"{{{parameter['name']}}}", str(found))
    return await client.call(method, path, **_options(kind, body))


async def _call(client: Client, name: str, kind: str, body: Any, query: str = "") -> Answer:
    method, path, _ = BY_NAME[name]
    return await client.call(method, f"{path}?{query}", **_options(kind, body))


def _options(kind: str, body: Any) -> dict[str, Any]:
    if kind != _FORM:
        return {"json": body} if kind == _JSON else {}
    form = aiohttp.FormData()
    for field, value in body.items():
        if value in _FILES:
            form.add_field(field, (ASSETS / value).read_bytes(), filename=value)
        else:
            form.add_field(field, value if isinstance(value, str) else json.dumps(value))
    return {"data": form}


async def _id(client: Client, parameter: dict[str, Any], *, is_for_good: bool) -> Any:
    """Return an id that is there: the documented one, else the newest; of what will be deleted, one made for that."""
    told = _IDS[parameter["name"]]
    if "list" in told and not (is_for_good and "create" in told):
        page = await _list(client, told["list"], f"per_page=100&{told.get('query', '')}")
        known = [item[told["pointer"]] for item in page.data]
        return next((it for it in known if str(it) == str(parameter["example"])), known[0])
    kind, body = examples_of(told["create"])[0]
    made = await _call(client, told["create"], kind, _unlike(body))
    return made.data[told["pointer"]]


async def _list(client: Client, name: str, query: str) -> Answer:
    """List what belongs to something that is there, such as the deliveries of a webhook."""
    path = BY_NAME[name][1]
    for kind in _PARAMETER.findall(path):
        found = await _id(client, DOCUMENT["components"]["parameters"][kind], is_for_good=False)
        path = path.replace(f"{{{kind}}}", str(found))
    return await client.get(f"{path}?{query}")


def _unlike(body: dict[str, Any]) -> dict[str, Any]:
    number = next(_numbers)
    changed = {
        "name": f"{body.get('name')}_{number}",
        "phone": f"+4420794{number}",
        "email": f"{number}@made.test",
    }
    return body | {key: value for key, value in changed.items() if key in body}
