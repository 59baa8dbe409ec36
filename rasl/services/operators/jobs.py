"""What an operator sees of jobs that keep failing, and has tried again."""

from rasl.db import jobs as rows
from rasl.db.pool import Database, Row
from rasl.services.operators.tenants import NotThereError, OperatorError, get_tenant

MOST_SHOWN = 1000


async def list_failing(database: Database, kind: str | None, tenant: str | None) -> list[Row]:
    """Return jobs that failed and have not got on since, those set aside first; raises NotThereError."""
    async with database.connection() as db:
        tenant_id = (await get_tenant(db, tenant))["id"] if tenant else None
        return await rows.list_failing(db, kind, tenant_id, MOST_SHOWN)


async def retry(database: Database, kind: str | None, tenant: str | None, subject_id: int | None) -> int:
    """Have jobs tried again at once, as if they had never failed; returns how many. Raises OperatorError.

    What one of them did before it failed is not done twice: it goes on from what is stored.
    """
    if subject_id is not None and not (kind and tenant):
        raise OperatorError("An id is one of a kind and of a tenant: name both.")
    async with database.transaction() as db:
        tenant_id = (await get_tenant(db, tenant))["id"] if tenant else None
        count = await rows.retry(db, kind, tenant_id, subject_id)
    if not count and subject_id is not None:
        raise NotThereError("No such job has failed, or a worker has it at this moment.")
    return count
