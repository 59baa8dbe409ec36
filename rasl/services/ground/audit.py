"""The audit: who changed what, before and after, from where. Written by the transaction that makes the change.

await audit.record(
    db,
    audit.Change(tenant_id, actor, "token.renamed", "token", token_id, {"name": "old"}, {"name": "new"}),
)
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, Self

import msgspec

from rasl import ids
from rasl.db import audit as rows
from rasl.db.pool import Db

INSTALLATION = 0  # stands for the tenant of what is no tenant's, such as a plan
HIDDEN = "(hidden)"
_SECRETS = frozenset(
    {
        "access_token",
        "app_secret",
        "authorization",
        "hash",
        "password",
        "secret",
        "secret_key",
        "token",
        "verify_token",
    }
)


class Actor(msgspec.Struct, frozen=True):
    """Who makes a change and from where; of a tenant's token the audit finds the name itself."""

    type: Literal["token", "admin_token", "operator", "system"]
    id: int | None = None
    name: str | None = None
    ip_address: str | None = None
    request_id: str | None = None

    @classmethod
    def system(cls, name: str) -> Self:
        """Name what RASL does by itself."""
        return cls("system", name=name)


class Change(msgspec.Struct, frozen=True):
    """A change that was made: `before` and `after` hold what differs; what did not exist has no before."""

    tenant_id: int
    actor: Actor
    action: str
    subject: str
    subject_id: int | str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


async def record(db: Db, change: Change) -> None:
    """Keep a change in the transaction that makes it."""
    actor = change.actor
    await rows.insert(
        db,
        rows.Entry(
            tenant_id=change.tenant_id,
            action=change.action,
            subject=change.subject,
            subject_id=None if change.subject_id is None else str(change.subject_id),
            actor_type=actor.type,
            actor_id=actor.id,
            actor=actor.name,
            ip_address=actor.ip_address,
            request_id=actor.request_id,
            before=_shown(change.before),
            after=_shown(change.after),
        ),
    )


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return those of the named values that differ, as they were and as they are."""
    changed = [name for name in names if before[name] != after[name]]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


def _shown(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else _without_secrets(msgspec.to_builtins(dict(values)))


def _without_secrets(value: Any) -> Any:
    """Hide what is called like a secret or looks like a token of ours: nobody has to remember to leave it out."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if name in _SECRETS and item is not None else _without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return HIDDEN if isinstance(value, str) and ids.is_token(value) else value
