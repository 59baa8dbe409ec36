"""Meta's door: nothing is parsed here, so that nothing but the database can keep a signed delivery from being kept."""

import hmac
from collections.abc import Sequence
from typing import ClassVar, cast
from urllib.parse import parse_qs

import msgspec
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from rasl import clock, log, metrics
from rasl.arrival import arrival_of
from rasl.db import ingests, tenants
from rasl.db.batch import Batch
from rasl.db.pool import Database, Row
from rasl.errors import (
    ApiError,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    Unauthorized,
)
from rasl.graph import signature
from rasl.sealing import Sealer, SealError
from rasl.web.methods import METHODS, with_implied

PATH = "/webhooks/whatsapp"
_METHODS = ("GET", "POST")
_TEMPLATE = f"{PATH}/{{callback_key}}"
CACHE_SECONDS = 0.7
# Meta's own limit is 3 MB, whichever way it counts a megabyte.
MAX_BODY_BYTES = 3 * 1024 * 1024 + 64 * 1024
_MOST_CHALLENGE = 1024
_MAX_CACHED = 10_000
_DONE = b'{"success": true}'
_JSON = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_DONE))]
_logger = log.get_logger()


class HandshakeRefusedError(ApiError):
    """The handshake names no verify token of this callback."""

    code, status, text = "FORBIDDEN", 403, "The handshake was refused"


class _NotSignedError(Unauthorized):
    """The signature is missing or wrong; a bearer token would not help."""

    text = "The delivery is not signed as it should be"
    headers: ClassVar[dict[str, str]] = {}


class _App(msgspec.Struct, frozen=True):
    """A Meta app as the door needs it, its secret open in memory only."""

    id: int
    secret: str
    verify_token_digests: tuple[bytes, ...]

    def __repr__(self) -> str:
        """Never show the secret."""
        return f"_App(id={self.id})"


def door(database: Database, sealer: Sealer) -> list[ASGIRouteHandler]:
    """Return the handlers of Meta's door."""
    return [_Door(database, sealer).handler()]


class _Door:
    """The door of one process."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._apps: dict[str, tuple[float, _App]] = {}
        self._loading: Batch[str, _App] = Batch("meta_apps", self._load)
        self._storing: Batch[tuple[int, bytes], None] = Batch("ingest", self._store)
        self._stored = metrics.INGESTED.labels("stored")

    def handler(self) -> ASGIRouteHandler:
        """Return the route; a bare ASGI one, because this path carries more requests than all others together.

        It is mounted, because Litestar knows no path parameters of bare handlers.
        """

        @asgi(PATH, is_mount=True, copy_scope=False, opt={METHODS: _METHODS})
        async def whatsapp_webhook(scope: Scope, receive: Receive, send: Send) -> None:
            scope["path_template"] = _TEMPLATE
            try:
                await self._answer(cast("HTTPScope", scope), receive, send)
            except ApiError as error:
                metrics.INGESTED.labels(error.code.lower()).inc()
                raise

        return whatsapp_webhook

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        callback_key, method = scope["path"].strip("/"), scope["method"]
        if method not in _METHODS:
            raise MethodNotAllowed(method, with_implied(_METHODS))
        app = await self._app(callback_key)
        if method == "GET":
            challenge = self._verified_challenge(app, scope["query_string"])
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await _send(send, [*headers, (b"content-length", b"%d" % len(challenge))], challenge)
            return
        header = _header(scope, b"x-hub-signature-256")
        if header is None:
            raise _NotSignedError
        arrival = arrival_of(scope)
        arrival.count_for(callback_key)
        body = await _read(scope, receive)
        if body is None or not signature.is_signed(body, header, app.secret):
            raise _NotSignedError
        arrival.known()
        await self._storing.put((app.id, body))
        self._stored.inc()
        await _send(send, _JSON, _DONE)

    def _verified_challenge(self, app: _App, query: bytes) -> bytes:
        """Return the challenge that Meta wants back; raises HandshakeRefusedError."""
        fields = parse_qs(query.decode("latin-1"), max_num_fields=20)
        mode, token, challenge = (
            fields.get(f"hub.{name}", [""])[0] for name in ("mode", "verify_token", "challenge")
        )
        digest = self._sealer.digest(token, "verify_token")
        # All of them, so that the time says nothing about which one it was.
        matches = [hmac.compare_digest(digest, known) for known in app.verify_token_digests]
        if mode != "subscribe" or not any(matches) or not 0 < len(challenge) <= _MOST_CHALLENGE:
            raise HandshakeRefusedError
        metrics.INGESTED.labels("handshake").inc()
        return challenge.encode()

    async def _app(self, callback_key: str) -> _App:
        cached = self._apps.get(callback_key)
        if cached is not None and cached[0] > clock.monotonic():
            return cached[1]
        return await self._loading.put(callback_key)

    async def _load(self, callback_keys: Sequence[str]) -> list[_App | Exception]:
        # The lease on the answer starts before the question: what is revoked meanwhile must not live longer for it.
        expires = clock.monotonic() + CACHE_SECONDS
        answers: dict[str, _App | Exception] = {}
        async with self._database.connection() as db:
            for key in dict.fromkeys(callback_keys):
                row = await tenants.find_meta_app(db, key) if "\x00" not in key else None
                answers[key] = NotFound() if row is None else self._open(row)
        if len(self._apps) > _MAX_CACHED:
            self._apps.clear()
        for key, answer in answers.items():
            self._apps.pop(key, None)
            if isinstance(answer, _App):
                self._apps[key] = (expires, answer)
        return [answers[key] for key in callback_keys]

    def _open(self, row: Row) -> _App | Exception:
        try:
            secret = self._sealer.unseal(row["app_secret_sealed"], "app_secret")
        except SealError as error:
            # Meta repeats for days: time enough to put the right RASL_SECRET_KEY back.
            _logger.error("app_secret_is_sealed", app_id=row["id"], reason=str(error))  # noqa: TRY400
            return ServiceUnavailable()
        return _App(row["id"], secret, tuple(row["verify_token_digests"]))

    async def _store(self, deliveries: Sequence[tuple[int, bytes]]) -> list[Exception | None]:
        async with self._database.connection() as db:
            await ingests.store(db, deliveries)
        return [None] * len(deliveries)


def _header(scope: HTTPScope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return value.decode("latin-1")
    return None


async def _read(scope: HTTPScope, receive: Receive) -> bytes | None:
    """Return the raw body, None if it broke off; raises PayloadTooLarge before more than the limit is in memory."""
    declared = _header(scope, b"content-length")
    if declared is not None and declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    message = await receive()
    body: bytes = message.get("body", b"")  # type: ignore[assignment]
    if message["type"] == "http.request" and not message["more_body"]:
        return body
    parts, size = [body], len(body)
    while message["type"] == "http.request" and message["more_body"]:
        message = await receive()
        part: bytes = message.get("body", b"")  # type: ignore[assignment]
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise _too_large()
    return b"".join(parts) if message["type"] == "http.request" else None


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(details={"maximum_bytes": MAX_BODY_BYTES})


async def _send(send: Send, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
