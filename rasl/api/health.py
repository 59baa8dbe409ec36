"""Whether this process lives, whether it can work, and what it counts."""

import os
from typing import Any

from litestar import MediaType, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from rasl.api.request import ApiRequest
from rasl.arrival import arrival_of
from rasl.db import jobs
from rasl.errors import ServiceUnavailable


@get("/livez", include_in_schema=False)
async def live() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "ok"}


@get("/readyz", include_in_schema=False)
async def ready(request: ApiRequest) -> Response[dict[str, str]]:
    """Answer 200 when the database answers and this process is not about to end, 503 otherwise."""
    if arrival_of(request.scope).is_draining:
        return Response({"status": "draining", "reason": "this server was told to stop"}, status_code=503)
    try:
        async with request.engine.database.connection() as db:
            await db.fetchval("select 1", timeout=2)
    except ServiceUnavailable:
        return Response({"status": "unavailable", "reason": "the database does not answer"}, status_code=503)
    return Response({"status": "ok"}, status_code=200)


@get("/metrics", include_in_schema=False, media_type=MediaType.TEXT)
async def metrics(request: ApiRequest) -> Response[bytes]:
    """Return all metrics in Prometheus' text format, those of sibling processes included."""
    text = generate_latest(_registry()) + generate_latest(await _backlog(request))
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


def _registry() -> Any:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


async def _backlog(request: ApiRequest) -> CollectorRegistry:
    """Count jobs at scrape time: the database knows better than any process."""
    registry = CollectorRegistry()
    waiting = Gauge("rasl_jobs_waiting", "Jobs that wait.", ["kind"], registry=registry)
    leased = Gauge("rasl_jobs_in_work", "Jobs leased to a process.", ["kind"], registry=registry)
    lag = Gauge("rasl_jobs_lag_seconds", "Age of the oldest due job.", ["kind"], registry=registry)
    async with request.engine.database.connection() as db:
        for row in await jobs.backlog(db):
            waiting.labels(row["kind"]).set(row["waiting"])
            leased.labels(row["kind"]).set(row["leased"])
            lag.labels(row["kind"]).set(row["lag"])
    return registry


HANDLERS = (live, ready, metrics)
