"""WhatsApp numbers of tenants: connected, made the default, given another access token, disconnected."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasl import ids
from rasl.db import jobs
from rasl.db import numbers as rows
from rasl.db import tenants as tenant_rows
from rasl.db.numbers import Seen
from rasl.db.pool import Db
from rasl.sealing import Sealer
from rasl.services.ground import audit, number_changes
from rasl.services.ground.audit import Actor

_SAID = ("waba_id", "display_phone_number", "messages_per_second")


class Connection(msgspec.Struct, frozen=True):
    """A WhatsApp number with the secrets it needs, as they come from Meta's pages."""

    waba_id: str
    phone_number_id: str
    access_token: str
    app_secret: str
    verify_token: str
    display_phone_number: str | None = None
    messages_per_second: int = 80

    def __repr__(self) -> str:
        """Never show the secrets."""
        return f"Connection(phone_number_id={self.phone_number_id!r})"


class Connected(msgspec.Struct, frozen=True):
    """A connected number and the secret end of its callback URL."""

    number_id: int
    callback_key: str


async def connect(
    db: Db, sealer: Sealer, tenant_id: int, given: Connection, actor: Actor, seen: Seen | None = None
) -> Connected | None:
    """Connect a number, or renew its credentials; what waits for one that was disconnected goes on.

    `seen` is how Meta sees it, where it was asked. Returns None when another tenant has the number.
    """
    async with number_changes.told(db, [tenant_id]):
        return await _connect(db, sealer, tenant_id, given, actor, seen)


async def _connect(
    db: Db, sealer: Sealer, tenant_id: int, given: Connection, actor: Actor, seen: Seen | None
) -> Connected | None:
    await rows.let_go(db, tenant_id, given.phone_number_id)
    was_away = await rows.is_away(db, tenant_id, given.phone_number_id)
    app = await tenant_rows.keep_meta_app(
        db,
        ids.mint_random(32),
        sealer.seal(given.app_secret, "app_secret"),
        sealer.digest(given.app_secret, "app_secret"),
    )
    number_id = await tenant_rows.keep_number(
        db,
        tenant_id,
        app["id"],
        given.waba_id,
        given.phone_number_id,
        sealer.seal(given.access_token, "access_token"),
        sealer.digest(given.verify_token, "verify_token"),
        given.display_phone_number,
        given.messages_per_second,
    )
    if number_id is None:
        return None
    if seen is not None:
        await rows.keep_seen(db, tenant_id, number_id, seen)
    if was_away:
        await jobs.retry_queue(db, tenant_id, number_id)
    told = {name: getattr(given, name) for name in _SAID}
    await audit.record(db, change(tenant_id, actor, "number.connected", given.phone_number_id, None, told))
    return Connected(number_id, app["callback_key"])


async def disconnect(db: Db, sealer: Sealer, tenant_id: int, phone_number_id: str, actor: Actor) -> bool:
    """Forget the credentials of a number; its messages stay, and what waits for it waits until it is connected again.

    Returns whether it was connected. A program of before, which runs beside this one during an update, opens the empty
    access token that is left, and lets the number's messages wait because Meta refuses it.
    """
    async with number_changes.told(db, [tenant_id]):
        number_id = await rows.disconnect(db, tenant_id, phone_number_id, sealer.seal("", "access_token"))
    if number_id is not None:
        states = {"state": "connected"}, {"state": "disconnected"}
        await audit.record(db, change(tenant_id, actor, "number.disconnected", phone_number_id, *states))
    return number_id is not None


async def choose_default(db: Db, tenant_id: int, phone_number_id: str, actor: Actor) -> bool:
    """Let a tenant send from this number unless a send says otherwise; in force everywhere within a second.

    Returns whether the tenant has such a number, and it is connected.
    """
    if not await rows.choose_default(db, tenant_id, phone_number_id):
        return False
    chosen = {"is_default": True}
    await audit.record(db, change(tenant_id, actor, "number.made_default", phone_number_id, None, chosen))
    return True


def change(
    tenant_id: int,
    actor: Actor,
    action: str,
    phone_number_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> audit.Change:
    """Return what the audit keeps of a change of a number."""
    return audit.Change(tenant_id, actor, action, "number", phone_number_id, before, after)


def callback_url(base_url: str, callback_key: str) -> str:
    """Return the address that goes into Meta's webhook settings."""
    return f"{base_url}/webhooks/whatsapp/{callback_key}"
