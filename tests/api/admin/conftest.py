"""An operator, who has a token of the installation."""

import pytest

from rasl.db.pool import Database
from rasl.services.ground.audit import Actor
from rasl.services.operators import admin_tokens
from tests.serving import Api, Client

PREFIX = "/api/admin/v1"


@pytest.fixture
async def admin(api: Api, database: Database) -> Client:
    """A client of the operator API."""
    minted = await admin_tokens.create(database, Actor.system("test"), "billing")
    return Client(api.acme.session, api.base_url, {"authorization": f"Bearer {minted.text}"})
