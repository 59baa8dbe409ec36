"""Checking the files that a message names by our ids."""

from collections.abc import Mapping, Set

from rasl.db import media as rows
from rasl.errors import ValidationFailed
from rasl.services.ground.resources import Resources


async def check_media(
    resources: Resources, tenant_id: int, ids: Mapping[str, int], kinds: Set[str]
) -> dict[int, str]:
    """Return the kind of each file; raises ValidationFailed naming the fields whose file is absent or of another kind.

    `ids` has the id that each field names, by the field's path.
    """
    if not ids:
        return {}
    async with resources.database.connection() as db:
        found = await rows.find_kinds(db, tenant_id, sorted(set(ids.values())))
    problems = {}
    for path, media_id in ids.items():
        if media_id not in found:
            problems[path] = ["The media does not exist"]
        elif found[media_id] not in kinds:
            problems[path] = [f"The media must be one of {', '.join(sorted(kinds))}, not {found[media_id]}"]
    if problems:
        raise ValidationFailed(problems)
    return found
