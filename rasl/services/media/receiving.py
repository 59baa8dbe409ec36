"""Loading what people sent: at once, because Meta's addresses die in minutes and its files after seven days."""

import asyncio
import base64
import binascii
import contextlib
import datetime as dt
import hashlib
import random
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec

from rasl import log
from rasl.db import media as rows
from rasl.db.jobs import Holding
from rasl.domain import backoff
from rasl.domain.media_formats import LARGEST, in_words
from rasl.domain.tenants import Number
from rasl.fetching.fetcher import FetchError
from rasl.graph.client import DownloadFailed, Fetched, Refused
from rasl.graph.errors import FailureKind
from rasl.services.ground.resources import Resources
from rasl.services.ground.scratch import digest_of, scratch_file
from rasl.services.media import files

KEPT_FOR = dt.timedelta(days=7)  # by Meta (cloud-api section 3)
LEASE = dt.timedelta(minutes=5)
_LONGEST_SECONDS = 270.0  # within the lease
_HOPELESS = frozenset({FailureKind.FIX, FailureKind.SUPPRESS})
_URL_SAFE = str.maketrans("-_", "+/")
_logger = log.get_logger()


class _LaterError(Exception):
    """Not this time; the text says why."""


class _NeverError(Exception):
    """Trying again cannot help; the text says why."""


class _Descriptor(msgspec.Struct, frozen=True):
    """Where a file is for the next minutes, and what it must be."""

    url: str
    mime_type: str
    digest: bytes | None


async def load(resources: Resources, number: Number, job: Holding, attempt: int) -> None:
    """Load the file of a message and store it, or say on the message why there is none and perhaps try again later."""
    tenant_id, message_id, _ = job
    async with resources.database.connection() as db:
        message = await rows.find_message(db, tenant_id, message_id)
    content = message["content"] if message else None
    media_id, problem, is_final = None, "", True
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            kind = message["type"] if message else ""
            media_id = await _load(resources, number, tenant_id, kind, content)
    except _NeverError as error:
        problem = f"The file could not be loaded from WhatsApp: {error}"
    except (_LaterError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        is_final = message is not None and message["age"] > KEPT_FOR
        problem = f"The file could not be loaded from WhatsApp{'' if is_final else ' yet'}: {reason}"
    if problem:
        _logger.warning("file_not_loaded", message_id=message_id, reason=problem, is_final=is_final)
    async with resources.database.transaction() as db:
        if is_final:
            await rows.finish_download(db, *job, media_id, problem or None)
        else:
            jitter = random.random()  # noqa: S311 - spreads retries
            await rows.postpone_download(db, *job, backoff.download_pause(attempt, jitter), problem)


async def _load(resources: Resources, number: Number, tenant_id: int, kind: str, content: Any) -> int:
    if not isinstance(content, Mapping):
        raise _NeverError("the message names no file")
    with scratch_file(resources.settings.data_dir) as file:
        for is_last_try in (False, True):
            descriptor = await _describe(resources, number, content)
            digest = await _download(resources, number, descriptor.url, file)
            if digest is not None:
                break
            if is_last_try:
                raise _LaterError("its address died before it was used")
        expected = _digest(content.get("sha256")) or descriptor.digest
        if expected is not None and digest != expected:
            raise _LaterError("it arrived damaged")
        name = content.get("filename")
        stored = await files.keep_received(
            resources, tenant_id, file, name if isinstance(name, str) else None, kind, descriptor.mime_type
        )
    return stored.id


async def _describe(resources: Resources, number: Number, content: Mapping[str, Any]) -> _Descriptor:
    """Ask Meta where the file is: what a webhook says about that may be old, or not of Meta's making."""
    graph_id = content.get("id")
    if not isinstance(graph_id, str) or not graph_id.isascii() or not graph_id.isdigit():
        raise _NeverError("the message names no file")
    answer = await resources.graph.get_json(
        graph_id, number.access_token, {"phone_number_id": number.phone_number_id}
    )
    if isinstance(answer, Refused):
        failure = answer.failure
        reason = f"{failure.title} ({failure.code})"
        raise _NeverError(reason) if failure.kind in _HOPELESS else _LaterError(reason)
    if not isinstance(answer, Fetched):
        raise _LaterError(answer.reason)
    value = answer.value
    if _whole(value.get("file_size")) > LARGEST:
        raise _NeverError(f"it is larger than {in_words(LARGEST)}")
    url, mime_type = value.get("url"), value.get("mime_type") or content.get("mime_type")
    if not isinstance(url, str):
        raise _LaterError("WhatsApp did not say where it is")
    plain = mime_type.partition(";")[0].strip().lower() if isinstance(mime_type, str) else ""
    return _Descriptor(url, plain or "application/octet-stream", _digest(value.get("sha256")))


async def _download(resources: Resources, number: Number, url: str, file: BinaryIO) -> bytes | None:
    """Write a file down and return its SHA-256; None when the address is dead already."""
    file.seek(0)
    file.truncate()
    digest, size = hashlib.sha256(), 0
    try:
        async with resources.graph.download(url, number.access_token) as answer:
            if answer.status == 200:
                async for chunk in answer.chunks:
                    size += len(chunk)
                    if size > LARGEST:
                        raise _NeverError(f"it is larger than {in_words(LARGEST)}")
                    digest.update(chunk)
                    file.write(chunk)
                return digest.digest()
            if answer.status == 404:
                return None
            location = answer.location
            if location is None:
                raise _LaterError(f"HTTP {answer.status}")
    except DownloadFailed as error:
        raise _LaterError(str(error)) from error
    return await _follow(resources, location, file)


async def _follow(resources: Resources, location: str, file: BinaryIO) -> bytes:
    """Load from where Meta redirects to: without the token, and only on the public internet."""
    try:
        await resources.fetcher.fetch(location, file, LARGEST)
    except FetchError as error:
        raise _LaterError(f"the address it redirects to {error}") from error
    return digest_of(file)


def _digest(value: Any) -> bytes | None:
    """Read a SHA-256 in either spelling: base64 in webhooks, hexadecimal in descriptors."""
    if not isinstance(value, str):
        return None
    with contextlib.suppress(ValueError):
        if len(value) == 64:
            return bytes.fromhex(value)
    with contextlib.suppress(binascii.Error, ValueError):
        raw = base64.b64decode(value.translate(_URL_SAFE) + "=" * (-len(value) % 4))
        return raw if len(raw) == 32 else None
    return None


def _whole(value: Any) -> int:
    """Read a size, which Meta writes as a number or as text."""
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0
