"""Idempotency-Key on every POST: the first answer is stored and given again (IETF draft, section 2).

The key is taken before the route runs and tied to the message in the transaction that stores it. So a crash in between
leaves either a free key or a key that leads to the message: never a second send.
"""

import datetime as dt
import hashlib
import typing

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage

from rasl.api.caller import current_caller
from rasl.api.context import context_of
from rasl.api.envelope import failure
from rasl.api.request import ApiRequest, read_body
from rasl.db import idempotency
from rasl.db.pool import Database, Row
from rasl.errors import ApiError, IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed
from rasl.services.engine import Engine
from rasl.services.messages import Hold

HEADER = b"idempotency-key"
OWN_KEY = (
    "rasl.own_key"  # the option of a route that keeps keys itself: its body is too large to be held here
)
MAX_LENGTH = 255


def with_idempotency(database: Database, lease: dt.timedelta) -> typing.Callable[[ASGIApp], ASGIApp]:
    """Make the middleware; a holder that says nothing for `lease` is taken for dead."""

    def middleware(app: ASGIApp) -> ASGIApp:
        async def idempotent(scope: Scope, receive: Receive, send: Send) -> None:
            key = None
            if scope["type"] == ScopeType.HTTP and scope["method"] == "POST":
                key = read_key(scope)
            if key is not None and scope["route_handler"].opt.get(OWN_KEY):
                key = None
            if key is None:
                await app(scope, receive, send)
                return
            tenant_id: int = current_caller(scope).tenant.id
            body = await read_body(receive)
            async with database.connection() as db:
                row = await idempotency.claim_key(db, tenant_id, key, _fingerprint(scope, body), lease)
            if row["is_mine"]:
                context_of(scope).hold = Hold(key, row["fence"], row["message_id"])
                await _run(app, scope, body, send, database, tenant_id)
            else:
                await _replay(row, _fingerprint(scope, body), scope, send)

        return idempotent

    return middleware


def read_key(scope: Scope) -> str | None:
    """Return the key of a request; raises ValidationFailed."""
    value = context_of(scope).asked.get(HEADER)
    if value is None:
        return None
    key = value.decode("latin-1").strip()
    if not 1 <= len(key) <= MAX_LENGTH or not key.isprintable():
        raise ValidationFailed({"Idempotency-Key": [f"must have 1 to {MAX_LENGTH} printable characters"]})
    return key


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    """Return what tells this request from another; keyed, as the six digits of a code are quickly guessed."""
    digest = hashlib.sha256(f"POST {scope['path']}\n".encode() + body).hexdigest()
    engine: Engine = scope["litestar_app"].state.engine
    return engine.sealer.digest(digest, "idempotency")


async def _run(
    app: ASGIApp, scope: Scope, body: bytes, send: Send, database: Database, tenant_id: int
) -> None:
    """Run the route, keep its answer if it stored something, and only then send it."""
    answer: list[Message] = []

    async def receive_again() -> ReceiveMessage:
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message: Message) -> None:
        answer.append(message)

    context = context_of(scope)
    hold = context.hold
    if hold is None:
        raise RuntimeError("no key is held")
    try:
        await app(scope, receive_again, keep)
    finally:
        status, content = _content(answer)
        async with database.connection() as db:
            if context.is_stored and answer:
                await idempotency.keep_answer(db, tenant_id, hold.key, hold.fence, status, content)
            else:
                await idempotency.drop_key(db, tenant_id, hold.key, hold.fence)
    for message in answer:
        await send(message)


def _content(answer: typing.Iterable[Message]) -> tuple[int, bytes]:
    status, content = 500, b""
    for message in answer:
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            content += message["body"]
    return status, content


async def _replay(row: Row, fingerprint: bytes, scope: Scope, send: Send) -> None:
    await _replayed(row, fingerprint)(scope, _receive_nothing, send)


def _replayed(row: Row, fingerprint: bytes) -> ASGIApp:
    """Return the first answer again; raises what a key that cannot be repeated is refused with."""
    if row["fingerprint"] != fingerprint:
        raise IdempotencyKeyReused
    if row["status"] is None:
        raise IdempotencyInProgress
    content: bytes = row["body"]
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": row["status"],
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            (b"idempotent-replayed", b"true"),
        ],
    }

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": content, "more_body": False})

    return answer


async def _receive_nothing() -> ReceiveMessage:
    return {"type": "http.request", "body": b"", "more_body": False}


async def run_once(
    request: ApiRequest,
    digest: bytes,
    lease: dt.timedelta,
    act: typing.Callable[[], typing.Awaitable[ASGIApp]],
) -> ASGIApp:
    """Do for a route with OWN_KEY what the middleware does for others, once its body is in and has a digest."""
    key = read_key(request.scope)
    if key is None:
        return await act()
    database, tenant_id = request.engine.database, current_caller(request.scope).tenant.id
    fingerprint = _fingerprint(request.scope, digest)
    async with database.connection() as db:
        row = await idempotency.claim_key(db, tenant_id, key, fingerprint, lease)
    if not row["is_mine"]:
        return _replayed(row, fingerprint)
    hold = request.context.hold = Hold(key, row["fence"], row["message_id"])
    answer: list[Message] = []

    async def keep(message: Message) -> None:
        answer.append(message)

    try:
        try:
            made = await act()
        except ApiError as error:
            request.context.headers += [
                (name.encode(), value.encode()) for name, value in error.headers.items()
            ]
            made = failure(request, error)
        await made(request.scope, _receive_nothing, keep)
    finally:
        status, content = _content(answer)
        async with database.connection() as db:
            if request.context.is_stored and answer:
                await idempotency.keep_answer(db, tenant_id, key, hold.fence, status, content)
            else:
                await idempotency.drop_key(db, tenant_id, key, hold.fence)
    return made
