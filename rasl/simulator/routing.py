"""The Graph side: from a path to the object it names and the edge that answers."""

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, NamedTuple

from rasl.simulator import accounts, media, nodes, templates
from rasl.simulator.access import check_access, check_token
from rasl.simulator.errors import GraphError, missing_object
from rasl.simulator.exchange import Answer, Headers, Request, json_answer
from rasl.simulator.journal import Entry
from rasl.simulator.misbehaviour import broken_answer, refused
from rasl.simulator.sending import post_message
from rasl.simulator.state import State

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
    ("waba", "message_templates"): {"GET": templates.list_templates},
    ("media", ""): {"GET": media.get_descriptor, "DELETE": media.delete},
    ("template", ""): {"GET": templates.get_template},
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
        kind, node = _find(state, route.node_id)
        token = check_token(state, request)
        if kind is None:
            raise missing_object(route.node_id, request.method)
        if kind == "number":
            entry.phone_number_id = route.node_id
            owner = node.waba.id
        if kind in {"number", "waba"}:
            check_access(state, request, node, token)
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
    if state.faults.rules and route.edge != "messages":
        strike = state.faults.strike(route.edge or kind, entry.phone_number_id, "", "", "")
        if strike.effect is not None:
            if strike.effect.kind == "error":
                raise refused(strike.effect)
            return broken_answer(strike.effect)
    return await edge(state, request, node, entry)


def _find(state: State, node_id: str) -> tuple[str | None, Any]:
    registry = state.registry
    if number := registry.numbers.get(node_id):
        return "number", number
    if waba := registry.wabas.get(node_id):
        return "waba", waba
    if item := registry.media.get(node_id):
        return "media", item
    if template := registry.find_template(node_id):
        return "template", template
    return None, None


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
