"""What the process of an API or a worker has one of: database, Graph, keys, files, limits, and what it remembers."""

import asyncio
from typing import Any

from rasl.db.pool import Database
from rasl.fetching.fetcher import Fetcher
from rasl.fetching.poster import Poster
from rasl.graph.client import GraphClient
from rasl.media_store.base import MediaStore
from rasl.sealing import Sealer
from rasl.services.ground.limits import Limits
from rasl.services.ground.numbers import Numbers
from rasl.services.ground.template_catalog import Catalog
from rasl.settings import Settings

_UPLOADS_AT_ONCE = 16
_CONVERSIONS_AT_ONCE = 2


class Resources:
    """Put together once, at the roof, and handed down to whoever needs any of it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        graph: GraphClient,
        sealer: Sealer,
        media_store: MediaStore,
        fetcher: Fetcher,
        poster: Poster,
    ) -> None:
        self.settings = settings
        self.database = database
        self.graph = graph
        self.sealer = sealer
        self.media_store = media_store
        self.fetcher = fetcher
        self.poster = poster
        self.limits = Limits(database)
        self.numbers = Numbers(database, sealer)
        self.templates = Catalog(database)
        # Files on their way to Meta: (tenant_id, media_id, number_id) -> the upload everybody waits for.
        self.uploading: dict[tuple[int, int, int], asyncio.Task[Any]] = {}
        self.upload_places = asyncio.Semaphore(_UPLOADS_AT_ONCE)
        self.converting = asyncio.Semaphore(_CONVERSIONS_AT_ONCE)
