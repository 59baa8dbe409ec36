"""Calls of /contacts that several tests make."""

from typing import Any

from rasl.db import tenants
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from rasl.ids import mint_token
from rasl.services.ground.callers import hash_token
from tests.serving import Answer, Api, Client
from tests.world import Person

URL = "/api/v2/contacts"
MAX_ID = 2**63 - 1


def body(person: Person, phone: str = "+442079460011", **fields: Any) -> dict[str, Any]:
    return {
        "firstname": "Priya",
        "lastname": "Nair",
        "phone": phone,
        "type": "lead",
        "source_id": person.source_id,
        "status_id": person.status_id,
        **fields,
    }


async def create(api: Api, phone: str = "+442079460011", **fields: Any) -> dict[str, Any]:
    answer = await api.acme.post(URL, body(api.world.acme, phone, **fields))
    assert answer.status == 201, answer.body
    data: dict[str, Any] = answer.data
    return data


async def group(client: Client, name: str) -> int:
    return int((await client.post("/api/v2/groups", {"name": name})).data["id"])


async def patch(client: Client, contact_id: Any, **fields: Any) -> Answer:
    return await client.call("PATCH", f"{URL}/{contact_id}", json=fields)


async def delete(client: Client, contact_id: Any) -> Answer:
    return await client.call("DELETE", f"{URL}/{contact_id}")


async def ids(client: Client, query: str = "") -> list[int]:
    return [item["id"] for item in (await client.get(f"{URL}?{query}")).data]


async def counted(database: Database, tenant_id: int) -> tuple[int, int]:
    """Contacts as the plan counts them, and as there are."""
    async with database.connection() as db:
        counter = await db.fetchval("select contacts from tenant_counters where tenant_id = $1", tenant_id)
        rows = await db.fetchval("select count(*) from contacts where tenant_id = $1", tenant_id)
    return counter or 0, rows


async def limit_plan(database: Database, maximum: int) -> None:
    async with database.connection() as db:
        await db.execute("update plans set max_contacts = $1 where name = 'unlimited'", maximum)


async def fresh_client(api: Api, database: Database) -> Client:
    token = mint_token()
    async with database.connection() as db:
        await tenants.create_token(
            db, api.world.acme.tenant_id, "fresh", hash_token(token), token[-4:], ALL_SCOPES, 100_000, None
        )
    return Client(api.acme.session, api.base_url, {"authorization": f"Bearer {token}"})
