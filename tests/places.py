"""Every place of an OpenAPI document where a request may name a thing, and what of ours it names.

A place is found by its name and by what it holds. A new one whose name means nothing here fails
`test_isolation.py`: it needs a line in KINDS, or in NOTHING_OF_OURS with the reason.
"""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.documented import DOCUMENT, OPERATIONS
from tests.routes import Route

_ID = re.compile(r"(?:.*_)?(?:ids?|wamid)|groups|context|mobile|reply_to\w*|recipients?")
_OF_PEOPLE = frozenset({"phone", "email"})  # names nobody in a body; as a filter it asks who is there
_FILTERED = re.compile(r"`([\w.]+)`")

# What a place names, by the end of its path; the longest that fits counts. Kinds are those of `things.py`.
KINDS = {
    "actor_id": "actor",
    "contact.groups": "written_groups",
    "contact_id": "contact",
    "contact_ids": "contacts",
    "context": "reply",
    "context.message_id": "message",
    "default_source_id": "contact_source",
    "default_status_id": "contact_status",
    "filter.email": "email",
    "filter.event_id": "event",
    "filter.group_id": "contact_group",
    "filter.interaction_id": "conversation",
    "filter.message_id": "wamid",
    "filter.phone": "mobile",
    "filter.phone_number_id": "number",
    "filter.waba_id": "waba",
    "from_phone_number_id": "number",
    "groups": "contact_groups",
    "header_media_id": "media",
    "header_sample_media_id": "media",
    "ids": "spares",
    "media_id": "media",
    "message_id": "message",
    "request_id": "request",
    "source_id": "contact_source",
    "status_id": "contact_status",
    "subject_id": "subject",
}
NOTHING_OF_OURS = {
    "app_id": "an app of Meta's",
    "assigned_id": "a member of the staff, whom nobody keeps yet",
    "buttons.*.id": "the client's own word, which comes back when the button is pressed",
    "catalog_id": "a catalogue of Meta's",
    "country_id": "a country of the client's own list",
    "default_assigned_id": "a member of the staff, whom nobody keeps yet",
    "flow_id": "a flow of Meta's",
    "phone_number_id": "a number of Meta's, which its access token opens",
    "product_retailer_id": "a product of a catalogue",
    "product_retailer_ids": "products of a catalogue",
    "rows.*.id": "the client's own word, which comes back when the row is chosen",
    "thumbnail_product_retailer_id": "a product of a catalogue",
    "wa_id": "what WhatsApp calls somebody on a card",
    "waba_id": "an account of Meta's, which its access token opens",
}


class Place(NamedTuple):
    """A place in requests: `path`, `query`, or `body`, and how to get there; `*` is an item of a list."""

    where: str
    path: tuple[str, ...]

    @property
    def ends(self) -> list[str]:
        """The ends of its path, the longest first; that of a filter begins with `filter`."""
        path = ("filter", *self.path) if self.where == "query" else self.path
        return [".".join(path[start:]) for start in range(len(path))]

    @property
    def name(self) -> str:
        """How a query or form names it."""
        return f"filter[{self.path[0]}]" if self.where == "query" else ".".join(self.path)

    def put(self, body: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """Return a body with this value here, and whatever has to be around it."""
        changed: Any = copy.deepcopy(dict(body))
        node = changed
        for step, following in itertools.pairwise(self.path):
            below: Any = [{}] if following == "*" else {}
            node = node[0] if step == "*" else node.setdefault(step, below)
        node[self.path[-1]] = value
        return changed  # type: ignore[no-any-return]


def places_of(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[Place]:
    """Return every place of an operation that names a thing."""
    found: dict[Place, None] = {}
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "path":
            found[Place("path", (name,))] = None
        elif name == "filter":
            listed = _FILTERED.findall(parameter["description"].partition(" on ")[2])
            found |= dict.fromkeys(
                Place("query", (it,)) for it in listed if _ID.fullmatch(it) or it in _OF_PEOPLE
            )
        elif parameter["in"] == "query" and _ID.fullmatch(name):
            raise LookupError(f"{name} names a thing in a query: teach `places.py` to try it")
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found |= dict.fromkeys(Place("body", path) for path in _named(document, content["schema"], (), ()))
    return [*found]


def _named(
    document: Mapping[str, Any], schema: Mapping[str, Any], path: tuple[str, ...], seen: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field of a schema that names a thing."""
    if (place := schema.get("$ref")) is not None:
        if place in seen:
            return
        schema, seen = document["components"]["schemas"][place.rpartition("/")[2]], (*seen, place)
    for key in ("anyOf", "allOf", "oneOf"):
        for part in schema.get(key, ()):
            yield from _named(document, part, path, seen)
    if schema.get("format") == "int64" or (path and _ID.fullmatch(path[-1])):
        yield path[:-1] if path[-1] == "*" else path  # of a list of ids, the list
    for name, told in schema.get("properties", {}).items():
        yield from _named(document, told, (*path, name), seen)
    if "items" in schema:
        yield from _named(document, schema["items"], (*path, "*"), seen)


def kinds_of(name: str, route: Route, place: Place) -> tuple[str, ...]:
    """Return what kinds of things a place of a route names, none when it is nothing of ours; raises LookupError."""
    told = tuple(kind for where, key, kind in route.places if (where, key) == (place.where, place.name))
    if told:
        return told
    if place.where == "path":
        return (route.path[place.path[0]],)
    if place.path[0] in route.free:
        return ()
    for end in place.ends:
        if end in KINDS:
            return (KINDS[end],)
        if end in NOTHING_OF_OURS:
            return ()
    raise LookupError(f"{name}: nobody says what {place.name} names; see tests/places.py")


def around(place: Place, route: Route, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sample body in which a place is looked at."""
    body = route.body_of(own)
    dotted = ".".join(place.path)
    fitting = [start for start in (*route.probes, *_PROBES) if dotted.startswith(start)]
    if not fitting:
        return body
    start = max(fitting, key=len)
    return body | (route.probes.get(start) or _PROBES[start])(own)


def _card(own: Mapping[str, Any]) -> dict[str, Any]:
    return {"header_media_id": own["media"], "field_1": "this", "button_0": "a"}


def _fallback(own: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"fallback_template": {"language": "en_GB", "template_name": own["pictured"], **fields}}


_PROBES = {
    "fallback_template.header_media_id": _fallback,
    "fallback_template.cards": lambda own: _fallback(
        own, template_name=own["shop"], field_1="x", cards=[_card(own), _card(own)]
    ),
}

PLACES = {name: places_of(DOCUMENT, operation) for name, operation in OPERATIONS.items()}
