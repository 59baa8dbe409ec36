"""Further numbers of a tenant, connected here and known to the simulator."""

from rasl.db import tenants
from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.serving import Api, graph_requests
from tests.world import Person

SECOND, ABROAD = "306540352242922", "406540352242922"
OTHER_WABA = "502290129340398"


async def connect(
    api: Api,
    database: Database,
    sealer: Sealer,
    phone_number_id: str = SECOND,
    waba_id: str = "",
    person: Person | None = None,
) -> int:
    """Connect one more number to a tenant, acme unless told otherwise, and return our id of it."""
    owner = person or api.world.acme
    waba_id = waba_id or owner.waba_id
    async with database.transaction() as db:
        number_id = await tenants.keep_number(
            db,
            owner.tenant_id,
            owner.app_id,
            waba_id,
            phone_number_id,
            sealer.seal(owner.access_token, "access_token"),
            sealer.digest(owner.verify_token, "verify_token"),
            "+1 555 010 0002",
            1000,
        )
    assert number_id is not None
    answer = await api.simulator.post(
        "/_control/numbers",
        {
            "phone_number_id": phone_number_id,
            "waba_id": waba_id,
            "tokens": [owner.access_token],
            "app_secret": owner.app_secret,
            "throughput": 1000,
            "window": "off",
        },
    )
    assert answer.status == 200, answer.body
    return number_id


async def senders(api: Api) -> list[str]:
    """Return which number each request for a message came from, in order."""
    paths = [entry["path"].strip("/").split("/") for entry in await graph_requests(api)]
    return [path[-2] for path in paths if path[-1] == "messages"]
