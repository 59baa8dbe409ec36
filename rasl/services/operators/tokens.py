"""Tokens of tenants as operators change them: within no other token's rights, which tenants are held to."""

from collections.abc import Mapping, Sequence
from typing import Any

from rasl import clock
from rasl.db import tokens as rows
from rasl.db.pool import Database, Db, Row
from rasl.domain import grants, networks
from rasl.domain.grants import Grant
from rasl.domain.scopes import ALL_SCOPES
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor
from rasl.services.operators.tenants import NotThereError, OperatorError, TakenError, checked_name

_LARGEST_ID = 2**63 - 1
_HIGHEST_RATE = 1_000_000
_SAID = ("name", "scopes", "rate_limit_per_minute", "expires_at", "allowed_cidrs")


async def get_token(db: Db, tenant_id: int, token_id: int) -> Row:
    """Return one token of a tenant; raises NotThereError."""
    row = await rows.find_token(db, tenant_id, token_id) if 0 < token_id <= _LARGEST_ID else None
    if row is None:
        raise NotThereError(f"the tenant has no token {token_id}: `rasl token list` shows them all")
    return row


async def change_token(
    database: Database, tenant_id: int, token_id: int, given: Mapping[str, Any], actor: Actor
) -> Row:
    """Change what is given of `name`, `scopes`, `rate_limit_per_minute`, `expires_at` and `allowed_cidrs`.

    In force everywhere within a second. Raises OperatorError, and nothing is changed.
    """
    if not given:
        raise OperatorError("nothing to change was given")
    if not 0 < given.get("rate_limit_per_minute", 1) <= _HIGHEST_RATE:
        raise OperatorError(f"the rate limit must be 1 to {_HIGHEST_RATE} requests a minute")
    async with database.transaction() as db:
        await get_token(db, tenant_id, token_id)
        before = (await rows.hold_tokens(db, tenant_id, [token_id]))[token_id]
        if before["state"] == "revoked":
            raise TakenError(f"the token {token_id} is revoked for good: create another one")
        allowed = networks.read_networks(tuple(before["allowed_cidrs"]))
        was = Grant(
            frozenset(before["scopes"]), before["rate_limit_per_minute"], before["expires_at"], allowed
        )
        wanted, problems = grants.changed(given, was, clock.now())
        if problems:
            raise OperatorError("; ".join(text for texts in problems.values() for text in texts))
        await rows.change_token(
            db,
            tenant_id,
            token_id,
            checked_name(given.get("name", before["name"])),
            [name for name in ALL_SCOPES if name in wanted.scopes],
            wanted.rate_limit_per_minute,
            wanted.expires_at,
            list(map(str, wanted.networks)),
        )
        row = await get_token(db, tenant_id, token_id)
        differs = audit.difference(dict(before), dict(row), _SAID)
        if differs[1]:
            await audit.record(
                db, audit.Change(tenant_id, actor, "token.changed", "token", token_id, *differs)
            )
    return row


def read_networks(texts: Sequence[str]) -> list[str]:
    """Return networks in one spelling, such as `203.0.113.0/24`; raises OperatorError naming a wrong one."""
    read = []
    for text in texts:
        try:
            read.append(str(networks.read_network(text.strip())))
        except ValueError as error:
            raise OperatorError(f"{text} {error}") from None
    return list(dict.fromkeys(read))
