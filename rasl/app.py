"""Composition root: builds the API and the worker from Settings."""

import asyncio
import contextlib
import datetime as dt
import gc
from collections.abc import AsyncIterator

from litestar import Litestar, Router
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from rasl import log
from rasl.api import docs, files, health
from rasl.api.caller import secured, with_caller
from rasl.api.context import with_context
from rasl.api.envelope import render, render_framework_error, render_gone, render_unexpected
from rasl.api.idempotency import with_idempotency
from rasl.api.request import ApiRequest, ClientGoneError
from rasl.api.v2 import (
    auth,
    challenges,
    comments,
    contact_files,
    contacts,
    groups,
    media,
    messages,
    sources,
    statuses,
    templates,
)
from rasl.db.pool import Database
from rasl.dispatch.worker import Worker
from rasl.errors import ApiError, ServiceUnavailable
from rasl.fetching.fetcher import Fetcher
from rasl.graph.client import GraphClient
from rasl.ingest.door import door
from rasl.media_store.base import MediaStore
from rasl.media_store.folder import FolderStore
from rasl.sealing import Sealer
from rasl.services import sending, vitals
from rasl.services.callers import Callers
from rasl.services.engine import Engine
from rasl.services.readiness import Readiness
from rasl.settings import Settings

_GRAPH_CONNECTIONS = 1000
_logger = log.get_logger()


def build_engine(settings: Settings, dsn: str) -> Engine:
    """Put the sending side together, not yet connected; call it inside the event loop."""
    graph = GraphClient(
        settings.graph_base_url, settings.graph_version, settings.graph_timeout_seconds, _GRAPH_CONNECTIONS
    )
    return Engine(
        settings,
        Database(dsn, settings.pool_size),
        graph,
        Sealer(settings.secret_key),
        _media_store(settings),
        Fetcher(allow_private=settings.allow_private_urls),
    )


def _media_store(settings: Settings) -> MediaStore:
    """Return the place for files that the settings name."""
    if settings.media_store == "folder":
        return FolderStore(settings.data_dir / "media")
    # A folder is the rule: who uses one need not wait for the library of the other.
    from rasl.media_store.bucket import BucketStore  # noqa: PLC0415

    bucket, _, prefix = settings.media_store.removeprefix("s3://").partition("/")
    return BucketStore(
        bucket,
        prefix.strip("/"),
        settings.s3_region,
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key,
    )


@contextlib.asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    """Open what the engine needs and close it in the right order."""
    await engine.database.open()
    pulse = asyncio.create_task(vitals.watch(engine.database))
    try:
        yield engine
    finally:
        pulse.cancel()
        await sending.finish_recording(engine)
        await engine.graph.close()
        await engine.fetcher.close()
        await engine.database.close()


def api_v2() -> Router:
    """Return every route of the public API."""
    return secured(
        "/api/v2",
        (
            *messages.HANDLERS,
            *media.HANDLERS,
            *contacts.HANDLERS,
            *contact_files.HANDLERS,
            *groups.HANDLERS,
            *sources.HANDLERS,
            *statuses.HANDLERS,
            *templates.HANDLERS,
            *auth.HANDLERS,
            *challenges.HANDLERS,
            *comments.HANDLERS,
        ),
    )


def create_app(settings: Settings, dsn: str) -> ASGIApp:
    """Build the API as an ASGI application, inside the event loop; its lifespan opens and closes the rest."""
    engine = build_engine(settings, dsn)
    callers = Callers(engine.database, engine.sealer)

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.engine = engine
        app.state.readiness = Readiness(engine.database)
        # What is loaded by now lives as long as the process: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        async with running(engine):
            upkeep = asyncio.create_task(_upkeep(engine, callers))
            try:
                yield
            finally:
                upkeep.cancel()
                await asyncio.gather(upkeep, return_exceptions=True)
                with contextlib.suppress(ServiceUnavailable):
                    await callers.write_last_used()

    lease = dt.timedelta(seconds=settings.graph_timeout_seconds + 15)
    app = Litestar(
        route_handlers=[
            api_v2(),
            *health.HANDLERS,
            *files.HANDLERS,
            *docs.handlers(api_v2),
            *door(engine.database, engine.sealer),
        ],
        middleware=[with_caller(callers, engine.limits), with_idempotency(engine.database, lease)],
        request_class=ApiRequest,
        request_max_body_size=None,  # ApiRequest and the door have limits of their own
        exception_handlers={
            ApiError: render,
            ClientGoneError: render_gone,
            HTTPException: render_framework_error,
            Exception: render_unexpected,
        },
        openapi_config=None,
        lifespan=[lifespan],
        logging_config=None,
    )
    return with_context(app)


async def run_worker(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    """Run the worker until `stop` is set, then finish what is in flight."""
    async with running(build_engine(settings, dsn)) as engine:
        await Worker(engine).run(stop)


async def _upkeep(engine: Engine, callers: Callers) -> None:
    """Keep our leases alive and write last-used times, as long as the API runs."""
    pause = engine.settings.lease_seconds / 3
    while True:
        await asyncio.sleep(pause)
        try:
            await sending.extend_leases(engine)
            await callers.write_last_used()
        except ServiceUnavailable:
            _logger.warning("upkeep_waits_for_database")
