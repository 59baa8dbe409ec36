"""Idempotency-Key on every POST: the first answer is stored and given again (IETF draft, section 2).

The key is taken before the route runs and tied to the message in the transaction that stores it. So a crash in between
leaves either a free key or a key that leads to the message: never a second send.
"""

import hashlib
import typing

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rasl.api.caller import current_caller, has_caller
from rasl.db.idempotency import Claim, Ending, Wish
from rasl.errors import IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed
from rasl.services.composing.draft import HeldKey
from rasl.services.sending.outbox import Outbox
from rasl.web.context import context_of
from rasl.web.envelope import Answer
from rasl.web.input import input_of

HEADER = b"idempotency-key"
# The option of a route that keeps keys itself, in the transaction that stores what it makes.
OWN_KEY = "rasl.own_key"
MAX_LENGTH = 255


def with_idempotency(app: ASGIApp) -> ASGIApp:
    """Wrap the routes: what carries a key runs once."""

    async def idempotent(scope: Scope, receive: Receive, send: Send) -> None:
        key = None
        if scope["type"] == ScopeType.HTTP and scope["method"] == "POST" and has_caller(scope):
            key = read_key(scope)
        if key is None or scope["route_handler"].opt.get(OWN_KEY):
            await app(scope, receive, send)
            return
        claim = await _claim(scope, key, await input_of(scope).identity(receive))
        answer = await _run(app, scope, receive) if claim.is_mine else _replayed(claim)
        await answer(scope, receive, send)

    return idempotent


def read_key(scope: Scope) -> str | None:
    """Return the key of a request; raises ValidationFailed."""
    value = context_of(scope).asked.get(HEADER)
    if value is None:
        return None
    key = value.decode("latin-1").strip()
    if not 1 <= len(key) <= MAX_LENGTH or not key.isprintable():
        raise ValidationFailed({"Idempotency-Key": [f"must have 1 to {MAX_LENGTH} printable characters"]})
    return key


def _outbox(scope: Scope) -> Outbox:
    outbox: Outbox = scope["litestar_app"].state.outbox
    return outbox


async def _claim(scope: Scope, key: str, body: bytes) -> Claim:
    """Take the key for this request; raises what a key of another request is refused with."""
    wish = Wish(current_caller(scope).tenant.id, key, _fingerprint(scope, body))
    claim = await _outbox(scope).keys.claim(wish)
    if claim.is_mine:
        context_of(scope).held_key = HeldKey(key, claim.fence, claim.message_id)
    elif claim.fingerprint != wish.fingerprint:
        raise IdempotencyKeyReused
    elif claim.status is None:
        raise IdempotencyInProgress.until(claim.seconds)
    return claim


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    """Return what tells this request from another; keyed, as the six digits of a code are quickly guessed."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    digest = hashlib.sha256(f"POST {scope['path']}".encode() + query + b"\n" + body).hexdigest()
    return _outbox(scope).resources.sealer.digest(digest, "idempotency")


async def _run(app: ASGIApp, scope: Scope, receive: Receive) -> ASGIApp:
    """Run the route and keep its answer if it stored something; only then may what is returned send it."""
    answer: list[Message] = []

    async def keep(message: Message) -> None:
        answer.append(message)

    async def kept(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in answer:
            await send(message)

    try:
        await app(scope, receive, keep)
    finally:
        await _end(scope, answer)
    return kept


async def _end(scope: Scope, answer: typing.Sequence[Message]) -> None:
    """Keep the answer under the key, or give the key back when nothing was stored."""
    context, tenant_id = context_of(scope), current_caller(scope).tenant.id
    held = context.held_key
    if held is None:
        raise RuntimeError("no key is held")
    status, content = _content(answer) if context.is_stored and answer else (None, None)
    if status is not None and context.kept is not None:
        content = context.kept
    await _outbox(scope).keys.end(Ending(tenant_id, held.key, held.fence, status, content))


def _content(answer: typing.Iterable[Message]) -> tuple[int, bytes]:
    status, content = 500, b""
    for message in answer:
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            content += message["body"]
    return status, content


def _replayed(claim: Claim) -> ASGIApp:
    """Return the first answer again."""
    return Answer(claim.body or b"", claim.status or 500, [(b"idempotent-replayed", b"true")])
