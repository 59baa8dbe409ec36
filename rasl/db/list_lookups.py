"""Filters on what stands in other tables: it is looked up first, so that the list is planned for what was found."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from rasl.db.pool import Db
from rasl.domain.listing import Filter, ListQuery

# Returns the ids that values of a filter lead to.
Lookup = Callable[[Db, int, Sequence[Any]], Awaitable[list[int]]]


async def looked_up(
    db: Db, tenant_id: int, query: ListQuery, name: str, target: str, lookup: Lookup
) -> ListQuery:
    """Return the query with filters of one name as filters on ids; whether there is a value at all is left as it is."""
    filters = [
        _on_ids(item, target, await lookup(db, tenant_id, item.values))
        if item.name == name and item.operator != "null"
        else item
        for item in query.filters
    ]
    return msgspec.structs.replace(query, filters=tuple(filters))


def _on_ids(item: Filter, target: str, ids: list[int]) -> Filter:
    if item.operator in {"ne", "not_in"}:
        return Filter(target, "not_in", tuple(ids))
    return Filter(target, "eq" if len(ids) == 1 else "in", tuple(ids))
