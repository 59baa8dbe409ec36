"""Names in the query of a list that mean nothing, and the ones that were perhaps meant."""

from collections.abc import Collection

from rasl.domain.listing import ListSpec
from rasl.domain.validation.names import nearest, plainly

PARAMETERS = ("page", "per_page", "cursor", "sort", "search", "q", "fields", "include")
# What other APIs call it.
_SYNONYMS = {
    "limit": "per_page",
    "page_size": "per_page",
    "size": "per_page",
    "count": "per_page",
    "offset": "page",
    "page[number]": "page",
    "page[size]": "per_page",
    "after": "cursor",
    "starting_after": "cursor",
    "next_cursor": "cursor",
    "order": "sort",
    "order_by": "sort",
    "orderby": "sort",
    "sort_by": "sort",
    "query": "search",
    "term": "search",
    "keyword": "search",
    "select": "fields",
    "with": "include",
    "includes": "include",
    "expand": "include",
}


def parameter_meant(parameter: str, spec: ListSpec) -> str | None:
    """Return the parameter that was perhaps meant by one that is not known."""
    plain = plainly(parameter)
    if plain in PARAMETERS:
        return plain if plain != parameter else None
    if plain in _SYNONYMS:
        return _SYNONYMS[plain]
    if plain in spec.filters:
        return f"filter[{plain}]"
    return likeliest(parameter, PARAMETERS)


def filter_meant(parameter: str, name: str, spec: ListSpec) -> str | None:
    """Return the filter that was perhaps meant by a parameter that has a name which is no field's."""
    meant = likeliest(name, spec.filters) if name else None
    return parameter.replace(name, meant, 1) if meant else None


def likeliest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that one which is not known most likely stands for."""
    # `status` for `status_id`, `groups` for `group_id`
    stem = plainly(name).removesuffix("s")
    return nearest(name, tuple(known), 0.7) or next(
        (word for word in known if word.removesuffix("_id") == stem), None
    )
