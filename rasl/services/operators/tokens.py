"""Tokens of tenants as commands name and change them; what is done stands in `services/tenancy/tokens.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from rasl.db import tokens as rows
from rasl.db.pool import Database, Db, Row
from rasl.domain import networks
from rasl.services.ground.audit import Actor
from rasl.services.operators.tenants import NotThereError, OperatorError, checked_name
from rasl.services.tenancy import tokens
from rasl.services.tenancy.tokens import Owner

_LARGEST_ID = 2**63 - 1
_HIGHEST_RATE = 1_000_000


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

    In force everywhere within a second. Raises OperatorError, ResourceConflict or ValidationFailed, and nothing is
    changed.
    """
    if not given:
        raise OperatorError("nothing to change was given")
    if not 0 < given.get("rate_limit_per_minute", 1) <= _HIGHEST_RATE:
        raise OperatorError(f"the rate limit must be 1 to {_HIGHEST_RATE} requests a minute")
    if "name" in given:
        given = {**given, "name": checked_name(given["name"])}
    async with database.connection() as db:
        await get_token(db, tenant_id, token_id)
    return await tokens.change_token(database, Owner(tenant_id, None, actor), token_id, given)


def read_networks(texts: Sequence[str]) -> list[str]:
    """Return networks in one spelling, such as `203.0.113.0/24`; raises OperatorError naming a wrong one."""
    read = []
    for text in texts:
        try:
            read.append(str(networks.read_network(text.strip())))
        except ValueError as error:
            raise OperatorError(f"{text} {error}") from None
    return list(dict.fromkeys(read))
