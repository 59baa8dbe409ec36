"""Time zones by the names that people write, understood as one of those that the database knows."""

import difflib
from collections.abc import Collection

_LONGEST = 64


def understood(text: str, known: Collection[str]) -> str | None:
    """Return the zone of this name, in any case of letters, None when there is none."""
    if text in known:
        return text
    plain = _plain(text)
    return next((name for name in known if _plain(name) == plain), None)


def suggested(text: str, known: Collection[str]) -> str | None:
    """Return the zone that was probably meant: of this city, else one written alike."""
    plain = _plain(text[:_LONGEST])
    by_city = {_plain(name).rpartition("/")[2]: name for name in sorted(known) if "/" in name}
    by_name = {_plain(name): name for name in sorted(known)}
    city = plain.rpartition("/")[2]
    if city in by_city:
        return by_city[city]
    for wanted, names in ((plain, by_name), (city, by_city)):
        if close := difflib.get_close_matches(wanted, names, n=1, cutoff=0.7):
            return names[close[0]]
    return None


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
