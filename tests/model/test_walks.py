"""A model of contacts, groups, sources and statuses, and the server, doing the same at random: the same answers.

RASL_MODEL_STEPS=20000 walks further, RASL_MODEL_SEED=7 walks where walk 7 went.
"""

import os
import random

import pytest

from rasl.db.pool import Database
from tests.model.answers import Label, Moment
from tests.model.state import Tenant
from tests.model.walker import Walker
from tests.serving import Api
from tests.world import Person

STEPS = int(os.environ.get("RASL_MODEL_STEPS", "1500"))
SEED = os.environ.get("RASL_MODEL_SEED")
WALKS = 3
MAX_CONTACTS = 40  # of the plan: walks run into it


def tenant_of(person: Person) -> Tenant:
    begin = Moment(0)
    source = Label(person.source_id, "API", None, begin, begin)
    return Tenant(source, Label(person.status_id, "New", "#3B82F6", begin, begin), MAX_CONTACTS)


# The same walks every time, so that a red run is about the change; other walks by RASL_MODEL_SEED.
@pytest.mark.parametrize("seed", [SEED] if SEED else [str(number) for number in range(1, WALKS + 1)])
async def test_the_server_answers_as_the_model(api: Api, database: Database, seed: str) -> None:
    async with database.connection() as db:
        await db.execute("update plans set max_contacts = $1 where name = 'unlimited'", MAX_CONTACTS)
    chance = random.Random(seed)
    acme, globex = tenant_of(api.world.acme), tenant_of(api.world.globex)
    walkers = [
        Walker("acme", chance, api.acme, acme, globex),
        Walker("globex", chance, api.globex, globex, acme),
    ]
    for number in range(STEPS // WALKS):
        try:
            await chance.choice(walkers).step()
            if number % 50 == 0:
                for walker in walkers:
                    await walker.compare_everything()
        except AssertionError as error:
            raise AssertionError(f"RASL_MODEL_SEED={seed}, step {number}: {error}") from error
    for walker in walkers:
        await walker.compare_everything()
