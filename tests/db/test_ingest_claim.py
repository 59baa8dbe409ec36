"""The claim of deliveries stays cheap whatever the table held when its plan was made."""

from typing import Any

from rasl.db import ingests
from rasl.db.pool import Database
from tests.world import World

MOST_ROWS = 5_000
MOST_BLOCKS = 10_000


async def test_a_claim_prepared_on_an_empty_table_does_not_walk_a_full_one(dsn: str, world: World) -> None:
    database = Database(dsn, 1)
    await database.open()
    try:
        async with database.connection() as db:
            # As the autovacuum of a quiet installation leaves it.
            await db.execute("vacuum (analyze) ingests")
        for _ in range(8):
            async with database.transaction() as db:
                assert await ingests.claim_due(db, 500) == []
        async with database.connection() as db:
            await db.execute(
                """
                insert into ingests (app_id, body, applied_at)
                select case when n % 2 = 0 then $1::bigint else $2::bigint end, 'x', case when n <= 99500 then now() end
                from generate_series(1, 100000) as n
                """,
                world.acme.app_id,
                world.globex.app_id,
            )
        async with database.transaction() as db:
            [(name, generic)] = await db.fetch(
                "select name, generic_plans from pg_prepared_statements where statement = $1",
                ingests._CLAIM_DUE,
            )
            assert generic > 0
            values = f"500, {ingests._MOST_BYTES}, {ingests._LARGE}"
            plan = await db.fetchval(f"explain (analyze, buffers, format json) execute {name} ({values})")
        steps = list(walk(plan[0]["Plan"]))
        assert steps[0]["Actual Rows"] == 500
        assert max(rows_of(step) for step in steps) < MOST_ROWS
        assert max(step["Shared Hit Blocks"] + step["Shared Read Blocks"] for step in steps) < MOST_BLOCKS
        assert {step["Node Type"] for step in steps}.isdisjoint({"Seq Scan", "Hash Join", "Merge Join"})
    finally:
        await database.close()


def walk(step: dict[str, Any]) -> Any:
    yield step
    for below in step.get("Plans", []):
        yield from walk(below)


def rows_of(step: dict[str, Any]) -> float:
    """Return the rows that a step looked at, those it dropped again included."""
    dropped = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
    return float((step["Actual Rows"] + dropped) * step["Actual Loops"])
