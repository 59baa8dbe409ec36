"""Tokens for the operator API: made and ended by commands on the server, each change in the installation's audit."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl import clock, ids
from rasl.db import admin_tokens as rows
from rasl.db.pool import Database, Db, Row
from rasl.domain import credentials, networks
from rasl.errors import Unauthorized
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.ground.callers import hash_token
from rasl.services.operators.tenants import (
    NotThereError,
    OperatorError,
    checked_name,
    checked_overlap,
    end_in,
)

_USED_EVERY = dt.timedelta(seconds=30)


class Operator(msgspec.Struct, frozen=True):
    """Who calls the operator API: a token of the installation."""

    token_id: int
    name: str
    allowed_cidrs: tuple[str, ...] = ()


class Minted(msgspec.Struct, frozen=True):
    """A new token: what is kept of it, and its text, which nothing keeps."""

    row: Row
    text: str
    old_expires_at: dt.datetime | None = None  # of the token that it takes the place of


async def create(
    database: Database,
    actor: Actor,
    name: str,
    expires_in_days: float | None = None,
    allowed_cidrs: Sequence[str] = (),
) -> Minted:
    """Mint a token; this answer is the only place that ever shows it."""
    name, expires_at, allowed = checked_name(name), end_in(expires_in_days), _networks(allowed_cidrs)
    async with database.transaction() as db:
        minted = await _mint(db, name, allowed, expires_at)
        told = {"name": name, "expires_at": expires_at, "allowed_cidrs": allowed}
        await _record(db, actor, "admin_token.created", minted.row["id"], told)
    return minted


async def rotate(database: Database, actor: Actor, token_id: int, overlap: dt.timedelta) -> Minted:
    """Mint a token like this one, with the lifetime it was given; this one ends after the overlap at the latest."""
    checked_overlap(overlap)
    async with database.transaction() as db:
        old = await _hold(db, token_id)
        if old["state"] != "active":
            raise OperatorError(f"the admin token {token_id} is {old['state']}: create another one")
        now = clock.now()
        lifetime = old["expires_at"] and old["expires_at"] - old["created_at"]
        ends = min(now + overlap, old["expires_at"] or now + overlap)
        minted = await _mint(db, old["name"], old["allowed_cidrs"], lifetime and now + lifetime)
        await rows.end(db, token_id, ends)
        told = {"id": minted.row["id"], "name": old["name"], "replaces": {"id": token_id, "expires_at": ends}}
        await _record(db, actor, "admin_token.rotated", token_id, told)
    return msgspec.structs.replace(minted, old_expires_at=ends)


async def revoke(database: Database, actor: Actor, token_id: int) -> None:
    """End a token now, everywhere; one that is revoked already stays so."""
    async with database.transaction() as db:
        if (await _hold(db, token_id))["state"] != "revoked":
            await rows.revoke(db, token_id)
            await _record(db, actor, "admin_token.revoked", token_id, {"state": "revoked"})


async def authenticate(database: Database, token: str) -> Operator:
    """Return who calls with a token; raises Unauthorized.

    It is looked up with every request, as operators are few: what was revoked ends with that.
    """
    if not ids.is_token(token, ids.ADMIN_PREFIX):
        raise credentials.no_admin_token(token)
    async with database.connection() as db:
        row = await rows.find_working(db, hash_token(token))
        if row is None:
            raise Unauthorized(credentials.UNKNOWN_ADMIN)
        now = clock.now()
        if row["last_used_at"] is None or now - row["last_used_at"] >= _USED_EVERY:
            await rows.mark_used(db, row["id"], now)
    return Operator(row["id"], row["name"], tuple(row["allowed_cidrs"]))


async def _mint(db: Db, name: str, allowed_cidrs: Sequence[str], expires_at: dt.datetime | None) -> Minted:
    text = ids.mint_token(ids.ADMIN_PREFIX)
    token_id = await rows.insert(db, name, hash_token(text), text[-4:], allowed_cidrs, expires_at)
    return Minted(await _hold(db, token_id), text)


async def _hold(db: Db, token_id: int) -> Row:
    row = await rows.hold(db, token_id) if 0 < token_id < 2**63 else None
    if row is None:
        raise NotThereError(f"there is no admin token {token_id}: `rasl admin-token list` shows them all")
    return row


def _networks(texts: Sequence[str]) -> list[str]:
    problems, found = [], []
    for text in texts:
        try:
            found.append(str(networks.read_network(text)))
        except ValueError as error:
            problems.append(f"{text!r} {error}")
    if problems:
        raise OperatorError("; ".join(problems))
    return found


async def _record(db: Db, actor: Actor, action: str, token_id: int, after: dict[str, Any]) -> None:
    change = audit.Change(audit.INSTALLATION, actor, action, "admin_token", token_id, None, after)
    await audit.record(db, change)
