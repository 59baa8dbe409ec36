"""The Graph side: from a path to the object it names and the edge that answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, NamedTuple

from metasim import accounts, apps, media, nodes, uploads
from metasim.access import check_access, check_token
from metasim.errors import GraphError, missing_object
from metasim.exchange import Answer, Headers, Request, json_answer
from metasim.faults import BEFORE_ACCEPTANCE, Target
from metasim.journal import Entry
from metasim.messages import post_message
from metasim.misbehaviour import broken_answer, marred, refused
from metasim.state import State
from metasim.store import Number, Waba
from metasim.templates import creation, deletion, editing, reading

Edge = Callable[[State, Request, Any, Entry], Awaitable[Answer]]

_VERSION = re.compile(r"v\d{1,3}\.\d{1,3}")
_DEFAULT_VERSION = "v24.0"

EDGES: dict[tuple[str, str], dict[str, Edge]] = {
    ("number", ""): {"GET": nodes.get_number, "POST": nodes.post_number},
    ("number", "messages"): {"POST": post_message, "PUT": post_message},
    ("number", "media"): {"POST": media.upload},
    ("waba", ""): {"GET": nodes.get_waba},
    ("waba", "phone_numbers"): {"GET": nodes.list_numbers},
    ("waba", "subscribed_apps"): {
        "GET": accounts.list_subscriptions,
        "POST": accounts.subscribe,
        "DELETE": accounts.unsubscribe,
    },
    ("waba", "message_templates"): {
        "GET": reading.list_templates,
        "POST": creation.create,
        "DELETE": deletion.delete,
    },
    ("waba", "upsert_message_templates"): {"POST": creation.upsert},
    ("media", ""): {"GET": media.get_descriptor, "DELETE": media.delete},
    ("template", ""): {"GET": reading.get_template, "POST": editing.edit},
    ("template", "unpause"): {"POST": editing.unpause},
    ("app", "uploads"): {"POST": uploads.start},
    ("app", "subscriptions"): {"GET": apps.list_subscriptions, "POST": apps.subscribe},
    (apps.DEBUG_TOKEN, ""): {"GET": apps.debug_token},
    ("upload", ""): {"GET": uploads.get_upload, "POST": uploads.receive},
}


class Route(NamedTuple):
    """A Graph path taken apart."""

    version: str
    node_id: str
    edge: str


@lru_cache(maxsize=8192)
def parse_path(path: str) -> Route:
    """Version, object id and edge of a path; the version may be left out."""
    parts = [part for part in path.split("/") if part]
    version = parts.pop(0) if parts and _VERSION.fullmatch(parts[0]) else _DEFAULT_VERSION
    return Route(version, parts[0] if parts else "", "/".join(parts[1:]))


async def answer_graph(state: State, request: Request) -> Answer:
    """Answer one Graph request and write it down."""
    entry = state.journal.open(request.method, request.path, request.body)
    route = parse_path(request.path)
    owner = route.node_id
    try:
        kind, node = _find(state, request, route)
        token = check_token(state, request)
        if kind is None:
            raise missing_object(route.node_id, request.method)
        if kind == "number":
            entry.phone_number_id = route.node_id
            owner = node.waba.id
        guard = _guard(kind, node)
        if guard is not None:
            check_access(state, request, guard, token, route.node_id)
        answer = await _dispatch(state, request, route, (kind, node), entry)
    except GraphError as error:
        entry.code = error.code
        answer = json_answer(error.envelope(state.mint.trace()), error.http)
    entry.status, entry.wire = answer.status, answer.wire
    state.journal.close(entry)
    answer.headers += _headers(state, route.version, owner)
    return answer


async def _dispatch(
    state: State, request: Request, route: Route, found: tuple[str, Any], entry: Entry
) -> Answer:
    kind, node = found
    methods = EDGES.get((kind, route.edge))
    if methods is None:
        raise GraphError(f"Unknown path components: /{route.edge}", code=2500)
    edge = methods.get(request.method)
    if edge is None:
        raise missing_object(route.node_id, request.method)
    if not state.faults.rules or route.edge == "messages":
        return await edge(state, request, node, entry)
    target = Target(route.edge or kind, entry.phone_number_id, method=request.method)
    strike = state.faults.strike(target)
    effect = request.effect = strike.effect
    if strike.delay_before:
        await asyncio.sleep(strike.delay_before)
    if effect is not None and effect.kind == "error":
        raise refused(effect)
    if effect is not None and effect.kind in BEFORE_ACCEPTANCE:
        return broken_answer(effect)
    answer = await edge(state, request, node, entry)
    answer.delay = strike.delay_after
    return marred(answer, effect)


def is_streamed(method: str, path: str) -> bool:
    """Whether a request's body may be larger than memory should hold."""
    return method == "POST" and (path.endswith("/media") or f"/{uploads.PREFIX}" in path)


def _find(state: State, request: Request, route: Route) -> tuple[str | None, Any]:
    registry, node_id = state.registry, route.node_id
    if number := registry.numbers.get(node_id):
        return "number", number
    if waba := registry.wabas.get(node_id):
        return "waba", waba
    if item := registry.find_media(node_id, state.clock.now()):
        return "media", item
    if template := registry.find_template(node_id):
        return "template", template
    return _find_upload(state, request, route)


def _find_upload(state: State, request: Request, route: Route) -> tuple[str | None, Any]:
    node_id = route.node_id
    if upload := uploads.find_upload(state, node_id, request):
        return "upload", upload
    if node_id == apps.DEBUG_TOKEN:
        return node_id, None
    if route.edge in {"uploads", "subscriptions"} and (node_id.isdigit() or node_id == "app"):
        return "app", node_id
    return None, None


def _guard(kind: str, node: Any) -> Number | Waba | None:
    """The number or account whose tokens open an object."""
    if kind in {"number", "waba"}:
        owner: Number | Waba = node
        return owner
    if kind == "template":
        waba: Waba = node[0]
        return waba
    if kind == "media":
        number: Number | None = node.number
        return number
    return None


@lru_cache(maxsize=1024)
def _fixed_headers(version: str, owner: str) -> tuple[tuple[bytes, bytes], ...]:
    usage = b'{"call_count":0,"total_cputime":0,"total_time":0}'
    per_business = (
        b'{"%b":[{"type":"whatsapp","call_count":1,"total_cputime":1,"total_time":1,'
        b'"estimated_time_to_regain_access":0}]}' % owner.encode("ascii", "replace")
    )
    return (
        (b"facebook-api-version", version.encode()),
        (b"x-app-usage", usage),
        (b"x-business-use-case-usage", per_business),
    )


def _headers(state: State, version: str, owner: str) -> Headers:
    # An unknown id is the caller's text: letters and digits only may enter a header.
    safe = owner if owner.isalnum() else "0"
    return [*_fixed_headers(version, safe), (b"x-fb-request-id", state.mint.request_id())]
