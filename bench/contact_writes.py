"""Creating contacts over HTTP, one by one and a thousand at a time, beside a million that are there."""

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bench.contact_results import Timed, timed
from bench.contact_stage import Stage

FIRST_PHONE = 4_915_200_000_000  # German mobiles; the million has others
_WARM = 20
_BATCH = 1_000


def measure(stage: Stage, is_quick: bool, say: Callable[[str], None]) -> list[Timed]:
    """Create new contacts, one request at a time."""
    chance = random.Random(4)
    people = (_person(stage, chance, number) for number in range(10_000_000))
    singles = [msgspec.json.encode(next(people)) for _ in range(_WARM + (100 if is_quick else 500))]
    batches = [
        msgspec.json.encode({"contacts": [next(people) for _ in range(_BATCH)]})
        for _ in range(2 + (5 if is_quick else 30))
    ]
    results = [
        timed("create a contact", 10, _post(stage, "/api/v2/contacts", singles)[_WARM:]),
        timed(f"create a batch of {_BATCH:,}", 300, _post(stage, "/api/v2/contacts/batch", batches)[2:]),
    ]
    for result in results:
        say(result.line)
    return results


def _post(stage: Stage, path: str, bodies: list[bytes]) -> list[tuple[float, str]]:
    measured = []
    for body in bodies:
        began = time.perf_counter()
        stage.client.post(path, body)
        measured.append((1000 * (time.perf_counter() - began), path))
    return measured


def _person(stage: Stage, chance: random.Random, number: int) -> dict[str, Any]:
    firstname = chance.choice(("Maria", "Jonas", "Fatima", "Ivan", "Clara", "Kofi", "Zoe", "Hugo"))
    return {
        "firstname": firstname,
        "lastname": f"Writer {number % 997}",
        "phone": f"+{FIRST_PHONE + number}",
        "email": f"{firstname.lower()}.{number}@writers.test",
        "company": f"Harbour Books {number % 83}",
        "city": chance.choice(("Lisbon", "Leeds", "Accra", "Lima")),
        "type": "lead",
        "source_id": stage.contacts.sources[0],
        "status_id": stage.contacts.statuses[0],
        "groups": chance.sample(stage.contacts.groups, 2),
        "attributes": {"tier": "gold", "visits": number % 12},
    }
