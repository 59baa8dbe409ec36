"""Composition root: builds the API and the worker from Settings."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

from litestar import Litestar, Router
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ExceptionHandlersMap

from rasl.api import docs, files, front, health
from rasl.api.caller import refusing, secured, with_caller
from rasl.api.idempotency import with_idempotency
from rasl.api.v2 import (
    account,
    audit,
    auth,
    challenges,
    comments,
    contact_files,
    contacts,
    costs,
    groups,
    media,
    messages,
    numbers,
    sources,
    statuses,
    templates,
    tokens,
    webhooks,
)
from rasl.api.v2 import settings as tenant_settings
from rasl.db.channels import TEMPLATES, TENANTS
from rasl.db.listening import Listener
from rasl.db.pool import Database
from rasl.dispatch.guard import Act, keep_up
from rasl.dispatch.worker import work
from rasl.domain.networks import read_networks
from rasl.domain.webhook_endpoints import may_be_reached
from rasl.errors import ApiError, ServiceUnavailable
from rasl.fetching.fetcher import Fetcher
from rasl.fetching.guard import Allows
from rasl.fetching.poster import Poster
from rasl.graph.client import GraphClient
from rasl.ingest.door import door
from rasl.media_store.opening import open_store
from rasl.sealing import Sealer
from rasl.services.ground.callers import Callers
from rasl.services.ground.resources import Resources
from rasl.services.operators import vitals
from rasl.services.operators.readiness import Readiness
from rasl.services.sending.outbox import Outbox
from rasl.setting_rules import listed
from rasl.settings import Settings
from rasl.web.addresses import proxies_of
from rasl.web.context import with_context
from rasl.web.envelope import enveloped, render, render_gone, render_unexpected
from rasl.web.input import ClientGoneError, with_input
from rasl.web.methods import with_endings, with_methods
from rasl.web.origins import with_origins
from rasl.web.request import ApiRequest
from rasl.web.unrouted import render_framework_error

_GRAPH_CONNECTIONS = 1000
_RENDERED: ExceptionHandlersMap = {
    ApiError: render,
    ClientGoneError: render_gone,
    HTTPException: render_framework_error,
    Exception: render_unexpected,
}


def build_resources(settings: Settings, dsn: str) -> Resources:
    """Put together what a process works with, not yet connected; call it inside the event loop."""
    graph = GraphClient(
        settings.graph_base_url, settings.graph_version, settings.graph_timeout_seconds, _GRAPH_CONNECTIONS
    )
    sealer = Sealer(settings.secret_key)
    return Resources(
        settings,
        Database(dsn, settings.pool_size, sealer.stop_key),
        graph,
        sealer,
        open_store(settings),
        Fetcher(allow_private=settings.allow_private_urls),
        Poster(_allowed_to_webhooks(settings)),
    )


@contextlib.asynccontextmanager
async def running(resources: Resources) -> AsyncIterator[Outbox]:
    """Open what a process works with, and its outbox; close them in the right order."""
    outbox = Outbox(resources)
    pulse = asyncio.create_task(vitals.watch(resources.database))
    try:
        await resources.database.open()
        yield outbox
    finally:
        pulse.cancel()
        await outbox.finish()
        await resources.graph.close()
        await resources.fetcher.close()
        await resources.poster.close()
        await resources.database.close()


def _allowed_to_webhooks(settings: Settings) -> Allows | None:
    """Return what tells of an address whether webhooks may go there; None lets them go anywhere."""
    if settings.allow_private_urls:
        return None
    allowed = read_networks(tuple(listed(settings.webhook_allow_cidrs)))
    return lambda number: may_be_reached(number, allowed)


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
            *account.HANDLERS,
            *costs.HANDLERS,
            *tokens.HANDLERS,
            *numbers.HANDLERS,
            *tenant_settings.HANDLERS,
            *audit.HANDLERS,
            *webhooks.HANDLERS,
        ),
    )


def create_app(settings: Settings, dsn: str) -> ASGIApp:
    """Build the API as an ASGI application, inside the event loop; its lifespan opens and closes the rest."""
    resources = build_resources(settings, dsn)
    callers = Callers(resources.database, resources.sealer)
    proxies = proxies_of(settings.trusted_proxies)

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.resources = resources
        app.state.callers = callers
        app.state.readiness = Readiness(resources.database)
        # What is loaded by now lives as long as the process: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        async with running(resources) as outbox:
            app.state.outbox = outbox
            listener = Listener(
                resources.database,
                {TEMPLATES: resources.templates.told, TENANTS: callers.told},
                lambda is_hearing: _hear(resources, callers, is_hearing=is_hearing),
            )
            beside = [
                asyncio.create_task(keep_up(_acts(outbox, callers))),
                asyncio.create_task(listener.run()),
            ]
            try:
                yield
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                with contextlib.suppress(ServiceUnavailable):
                    await callers.write_last_used()

    app = Litestar(
        route_handlers=[
            api_v2(),
            *front.HANDLERS,
            *health.HANDLERS,
            *files.HANDLERS,
            *docs.handlers(api_v2),
            *door(resources.database, resources.sealer),
        ],
        middleware=[
            with_endings,
            with_caller(callers, resources.limits, proxies),
            with_input,
            with_idempotency,
        ],
        request_class=ApiRequest,
        request_max_body_size=None,  # the input and the door have limits of their own
        exception_handlers=_RENDERED,
        openapi_config=None,
        lifespan=[lifespan],
        logging_config=None,
    )
    understood = enveloped(with_methods(app, refusing(callers, proxies)))
    return with_context(with_origins(app, understood, listed(settings.cors_origins)))


async def run_worker(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    """Run the worker until `stop` is set, then finish what is in flight."""
    async with running(build_resources(settings, dsn)) as outbox:
        await work(outbox, stop)


def _hear(resources: Resources, callers: Callers, *, is_hearing: bool) -> None:
    resources.templates.hearing(is_hearing)
    callers.forget()


def _acts(outbox: Outbox, callers: Callers) -> tuple[Act, ...]:
    """Return what the API does now and then, as long as it runs."""
    pause = outbox.resources.settings.lease_seconds / 3
    return (
        Act("keep leases of messages", pause, outbox.renew),
        Act("write last-used times", pause, callers.write_last_used),
    )
