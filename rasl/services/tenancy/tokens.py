"""Tokens looked after by tokens: created, changed, rotated and revoked, none with more than the caller's has.

Operators look after them by the same functions, and may give everything.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from rasl import clock, ids
from rasl.db import tenants as tenant_rows
from rasl.db import tokens as rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Db, Row
from rasl.domain import credentials, grants, networks
from rasl.domain.grants import Grant, Problems
from rasl.domain.listing import ListQuery, Page
from rasl.domain.scopes import ALL_SCOPES
from rasl.errors import NotFound, ResourceConflict, Unauthorized, ValidationFailed
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.ground.callers import hash_token

TOKEN_LIST = rows.LIST_SOURCE.spec
USUAL_RATE = 60
_HIGHEST_RATE = 1_000_000
_EVERYTHING = Grant(frozenset(ALL_SCOPES), _HIGHEST_RATE)
_SAID = ("name", "scopes", "rate_limit_per_minute", "expires_at", "allowed_cidrs")


class Owner(msgspec.Struct, frozen=True):
    """Whose tokens are meant, by which of them, and how the audit names it; operators have no token of the tenant."""

    tenant_id: int
    token_id: int | None
    actor: Actor


class Minted(msgspec.Struct, frozen=True):
    """A new token: what is kept of it, and its text, which nothing keeps."""

    row: Row
    text: str
    old_expires_at: dt.datetime | None = None  # of the token that it takes the place of


async def list_tokens(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's tokens."""
    async with database.listing() as db:
        return await fetch_page(db, rows.LIST_SOURCE, query, tenant_id)


async def get_token(database: Database, tenant_id: int, token_id: int) -> Row:
    """Return one token; raises NotFound."""
    async with database.connection() as db:
        return _there(await rows.find_token(db, tenant_id, token_id))


async def find_objections(
    database: Database, owner: Owner, given: Mapping[str, Any], token_id: int | None = None
) -> Problems:
    """Return what speaks against a new token with these fields, or a change of one; raises NotFound.

    It is asked of a body that is refused, with those of its fields that are right.
    """
    async with database.connection() as db:
        own = _EVERYTHING
        if owner.token_id is not None:
            own = _working(await rows.find_token(db, owner.tenant_id, owner.token_id))
        if token_id is None:
            return _wanted(given, own)[1]
        return _changed(given, _there(await rows.find_token(db, owner.tenant_id, token_id)), own)[1]


async def create_token(database: Database, owner: Owner, name: str, given: Mapping[str, Any]) -> Minted:
    """Mint a token; what is left out is as the caller's, the rate 60 a minute. Raises ValidationFailed."""
    async with database.transaction() as db:
        return await _create(db, owner, name, given)


async def create_named(database: Database, owner: Owner, name: str, given: Mapping[str, Any]) -> Row | Minted:
    """Mint a token unless there is one of this name with what is given, which is returned then; for operators.

    So a call whose answer was lost can be made again. Raises ResourceConflict where the one of this name has something
    else, and what `create_token` does.
    """
    async with database.transaction() as db:
        await tenant_rows.hold_settings(db, owner.tenant_id)  # one at a time
        row = await rows.find_named(db, owner.tenant_id, name)
        if row is None:
            return await _create(db, owner, name, given)
        had = _granted(row)
        wanted, problems = grants.changed(given, had, clock.now())
        if problems:
            raise ValidationFailed(problems)
    if wanted != had:
        raise ResourceConflict(
            f"There is a token of this name with something else: change or rotate {row['id']}, or choose another name",
            {"token_id": row["id"]},
        )
    return row


async def _create(db: Db, owner: Owner, name: str, given: Mapping[str, Any]) -> Minted:
    """Mint a token in the transaction of the caller."""
    text = ids.mint_token()
    own, _ = await _held(db, owner)
    wanted, problems = _wanted(given, own)
    if problems:
        raise ValidationFailed(problems)
    token_id = await tenant_rows.create_token(
        db,
        owner.tenant_id,
        name,
        hash_token(text),
        text[-4:],
        _in_order(wanted),
        wanted.rate_limit_per_minute,
        wanted.expires_at,
        list(map(str, wanted.networks)),
    )
    row = _there(await rows.find_token(db, owner.tenant_id, token_id))
    await audit.record(db, _change(owner, "token.created", token_id, None, _told(row)))
    return Minted(row, text)


async def change_token(database: Database, owner: Owner, token_id: int, given: Mapping[str, Any]) -> Row:
    """Change what is given; raises NotFound, ResourceConflict of a revoked one, or ValidationFailed."""
    async with database.transaction() as db:
        own, held = await _held(db, owner, token_id)
        before = _there(held)
        if before["state"] == "revoked":
            raise ResourceConflict("The token is revoked for good: create another one", {"state": "revoked"})
        wanted, problems = _changed(given, before, own)
        if problems:
            raise ValidationFailed(problems)
        await rows.change_token(
            db,
            owner.tenant_id,
            token_id,
            given.get("name", before["name"]),
            _in_order(wanted),
            wanted.rate_limit_per_minute,
            wanted.expires_at,
            list(map(str, wanted.networks)),
        )
        row = _there(await rows.find_token(db, owner.tenant_id, token_id))
        differs = audit.difference(dict(before), dict(row), _SAID)
        if differs[1]:
            await audit.record(db, _change(owner, "token.changed", token_id, *differs))
    return row


async def rotate_token(database: Database, owner: Owner, token_id: int, overlap: dt.timedelta) -> Minted:
    """Mint a token like this one, which ends after the overlap; neither outlives what the caller's may give.

    Raises NotFound, ResourceConflict of a token that does not work, or ValidationFailed of one that may do more than
    the caller's: whoever rotates a token gets to see its successor.
    """
    text = ids.mint_token()
    async with database.transaction() as db:
        own, held = await _held(db, owner, token_id)
        before = _there(held)
        if before["state"] != "active":
            told = f"The token is {before['state']}: create another one"
            raise ResourceConflict(told, {"state": before["state"]})
        if problems := grants.excess(_granted(before), own):
            raise ValidationFailed(problems)
        rotated = await tenant_rows.rotate_token(
            db, owner.tenant_id, token_id, hash_token(text), text[-4:], overlap, own.expires_at
        )
        if rotated is None:
            raise ResourceConflict("The token is expired: create another one", {"state": "expired"})
        row = _there(await rows.find_token(db, owner.tenant_id, rotated["id"]))
        ends = rotated["old_expires_at"]
        old = {"id": token_id, "expires_at": before["expires_at"]}
        told_of = {**_told(row), "id": row["id"], "replaces": {"id": token_id, "expires_at": ends}}
        await audit.record(db, _change(owner, "token.rotated", token_id, old, told_of))
    return Minted(row, text, ends)


async def revoke_token(database: Database, owner: Owner, token_id: int) -> None:
    """Revoke a token, the caller's too; it ends everywhere within a second. Raises NotFound."""
    async with database.transaction() as db:
        held = await rows.hold_tokens(db, owner.tenant_id, [token_id])
        before = _there(held.get(token_id))
        await tenant_rows.revoke_token(db, owner.tenant_id, token_id)
        if before["state"] != "revoked":
            states = {"state": before["state"]}, {"state": "revoked"}
            await audit.record(db, _change(owner, "token.revoked", token_id, *states))


async def _held(db: Db, owner: Owner, token_id: int | None = None) -> tuple[Grant, Row | None]:
    """Return what the caller's token has at this moment, and the token meant; both stay so until the transaction ends.

    What the API remembers of the caller is up to a second old: by now it may have less, or be revoked.
    """
    wanted = [it for it in (owner.token_id, token_id) if it is not None]
    held = await rows.hold_tokens(db, owner.tenant_id, wanted)
    own = _EVERYTHING if owner.token_id is None else _working(held.get(owner.token_id))
    return own, held.get(token_id or 0)


def _working(row: Row | None) -> Grant:
    if row is None or row["state"] != "active":
        raise Unauthorized(credentials.UNKNOWN)
    return _granted(row)


def _there(row: Row | None) -> Row:
    if row is None:
        raise NotFound("Token not found")
    return row


def _granted(row: Row) -> Grant:
    return Grant(
        frozenset(row["scopes"]),
        row["rate_limit_per_minute"],
        row["expires_at"],
        networks.read_networks(tuple(row["allowed_cidrs"])),
    )


def _wanted(given: Mapping[str, Any], own: Grant) -> tuple[Grant, Problems]:
    """Return what a new token is to have, and what is wrong with that."""
    usual = msgspec.structs.replace(
        own, scopes=frozenset(), rate_limit_per_minute=min(USUAL_RATE, own.rate_limit_per_minute)
    )
    wanted, problems = grants.changed(given, usual, clock.now())
    return wanted, grants.excess(wanted, own) | problems


def _changed(given: Mapping[str, Any], before: Row, own: Grant) -> tuple[Grant, Problems]:
    """Return what a token is to have from now on, and what is wrong with that."""
    was = _granted(before)
    wanted, problems = grants.changed(given, was, clock.now())
    return wanted, grants.excess_of_change(wanted, was, own) | problems


def _in_order(grant: Grant) -> list[str]:
    return [name for name in ALL_SCOPES if name in grant.scopes]


def _told(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SAID}


def _change(
    owner: Owner, action: str, token_id: int, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> audit.Change:
    return audit.Change(owner.tenant_id, owner.actor, action, "token", token_id, before, after)
