"""What an operator does: tenants, their settings, their tokens and their WhatsApp numbers."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl import clock, ids
from rasl.db import labels
from rasl.db import tenants as tenant_rows
from rasl.db.labels import LabelTable
from rasl.db.numbers import Seen
from rasl.db.pool import Database, Db, Row
from rasl.domain import validation
from rasl.domain.otp_budgets import BUDGET_NAMES
from rasl.domain.tenant_settings import ChangeSettings
from rasl.domain.tenants import DELETING, STATUSES
from rasl.errors import ValidationFailed
from rasl.sealing import Sealer
from rasl.services.ground import audit, tenant_settings
from rasl.services.ground.audit import Actor, Change
from rasl.services.ground.callers import hash_token
from rasl.services.tenancy import numbers
from rasl.services.tenancy.numbers import Connected, Connection
from rasl.settings import Settings

# The first labels of a new tenant, with their colors.
SOURCES = dict.fromkeys(("WhatsApp", "API", "Website"))
CONTACT_STATUSES = {"New": "#3B82F6", "In progress": "#F59E0B", "Won": "#10B981", "Lost": "#EF4444"}
CHOICES = {"status": STATUSES}
# What an operator decides, and the tenant does not.
OPERATORS_OWN = ("name", "plan", "status", "otp_budgets", "otp_max_attempts")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])")
_META_ID = re.compile(r"[0-9]{1,32}")
_LARGEST_ID = 2**63 - 1
_LONGEST_NAME = 200
_LONGEST_SECRET = 2048
_MOST_DAYS = 36_500
_HIGHEST_RATE = 1_000_000
_HIGHEST_BUDGET = 1_000_000_000
_MOST_ATTEMPTS = 20


# Who acts where nobody gives a command, as when the sandbox makes its demo.
BY_ITSELF = Actor.system("rasl")


class OperatorError(Exception):
    """Something an operator asked for that cannot be; `code` is for scripts."""

    code = "INVALID_VALUE"


class NotThereError(OperatorError):
    """What was named does not exist."""

    code = "NOT_FOUND"


class TakenError(OperatorError):
    """What was wanted belongs to somebody already."""

    code = "ALREADY_TAKEN"


class GoingError(OperatorError):
    """The tenant is being deleted, and there is no way back."""

    code = "BEING_DELETED"


class MintedToken(msgspec.Struct, frozen=True):
    """A new token; `text` is nowhere kept."""

    id: int
    text: str
    last_four: str
    expires_at: dt.datetime | None
    old_expires_at: dt.datetime | None = None  # of the token that it takes the place of
    name: str = ""


async def create_tenant(database: Database, name: str, subdomain: str, plan: str, actor: Actor) -> Row:
    """Create a tenant with its first sources, contact statuses and defaults."""
    name = checked_name(name)
    if not _SUBDOMAIN.fullmatch(subdomain):
        raise OperatorError(
            f"{subdomain!r} is no subdomain: use 3 to 63 of a-z, 0-9 and -, not beginning or ending with -"
        )
    async with database.transaction() as db:
        await _check_plan(db, plan)
        tenant_id = await tenant_rows.create_tenant(db, name, subdomain, plan)
        if tenant_id is None:
            raise TakenError(f"the subdomain {subdomain!r} is taken: choose another one")
        sources = await _create_labels(db, labels.SOURCES, tenant_id, SOURCES)
        statuses = await _create_labels(db, labels.STATUSES, tenant_id, CONTACT_STATUSES)
        await tenant_rows.change_tenant(
            db, tenant_id, {"default_source_id": sources["API"], "default_status_id": statuses["New"]}
        )
        created = {"name": name, "subdomain": subdomain, "plan": plan}
        await audit.record(db, Change(tenant_id, actor, "tenant.created", "tenant", tenant_id, after=created))
        return await get_tenant(db, subdomain)


async def _create_labels(
    db: Db, table: LabelTable, tenant_id: int, colors: Mapping[str, str | None]
) -> dict[str, int]:
    created = [await labels.create_label(db, table, tenant_id, *label) for label in colors.items()]
    return {row["name"]: row["id"] for row in created if row}


async def get_tenant(db: Db, reference: str) -> Row:
    """Return a tenant by its subdomain or its id."""
    row = await tenant_rows.find_tenant(db, reference)
    if row is None and reference.isascii() and reference.isdecimal() and int(reference) <= _LARGEST_ID:
        row = await tenant_rows.find_tenant_by_id(db, int(reference))
    if row is None:
        raise NotThereError(f"there is no tenant {reference!r}: `rasl tenant list` shows them all")
    return row


def check_stays(tenant: Row) -> None:
    """Refuse to change a tenant that is being deleted; raises GoingError."""
    if tenant["status"] == DELETING:
        raise GoingError(
            f"the tenant {tenant['subdomain']} is being deleted: `rasl tenant delete {tenant['subdomain']}` goes on "
            "with it, as the worker does"
        )


async def change_tenant(
    database: Database, settings: Settings, reference: str, changes: Mapping[str, Any], actor: Actor
) -> Row:
    """Change settings of a tenant; all of them or, when one is wrong, none.

    What the tenant may choose for itself is read and checked as the API does (`services/ground/tenant_settings.py`).
    """
    if not changes:
        raise OperatorError("nothing to change was given")
    for name, choices in CHOICES.items():
        if name in changes and changes[name] not in choices:
            raise OperatorError(f"{name} must be {' or '.join(choices)}")
    _check_otp_limits(changes)
    wanted = {name: changes[name] for name in OPERATORS_OWN if name in changes}
    if "name" in wanted:
        wanted["name"] = checked_name(wanted["name"])
    chosen = {name: value for name, value in changes.items() if name not in OPERATORS_OWN}
    try:
        given = msgspec.to_builtins(validation.read_values(ChangeSettings, chosen, is_strict=True))
        async with database.transaction() as db:
            found = await get_tenant(db, reference)
            held = await tenant_rows.hold_settings(db, found["id"])
            check_stays(held)
            if given:
                await tenant_settings.apply(db, settings, held, given, actor)
            if wanted:
                await _change_own(db, held, wanted, actor)
            return await get_tenant(db, held["subdomain"])
    except ValidationFailed as error:
        told = [(field, text) for field, texts in error.details.items() for text in texts]
        raise OperatorError(
            "; ".join(text if field in text else f"{field}: {text}" for field, text in told)
        ) from None


async def _change_own(db: Db, held: Row, wanted: dict[str, Any], actor: Actor) -> None:
    """Change what operators decide of a tenant whose row is held."""
    if "plan" in wanted:
        await _check_plan(db, wanted["plan"])
    if "otp_budgets" in wanted:
        merged = held["otp_budgets"] | wanted["otp_budgets"]
        wanted["otp_budgets"] = {key: value for key, value in merged.items() if value is not None}
    await tenant_rows.change_tenant(db, held["id"], wanted)
    before, after = audit.difference(dict(held), wanted, wanted)
    if after:
        await audit.record(
            db, Change(held["id"], actor, "tenant.changed", "tenant", held["id"], before, after)
        )


async def create_token(
    database: Database,
    tenant_id: int,
    name: str,
    scopes: Sequence[str],
    rate_limit_per_minute: int = 60,
    expires_in_days: float | None = None,
    actor: Actor = BY_ITSELF,
    allowed_cidrs: Sequence[str] = (),
) -> MintedToken:
    """Mint a token; this answer is the only place that ever shows it."""
    name = checked_name(name)
    if not 0 < rate_limit_per_minute <= _HIGHEST_RATE:
        raise OperatorError(f"the rate limit must be 1 to {_HIGHEST_RATE} requests a minute")
    expires_at = None
    if expires_in_days is not None:
        if not 0 < expires_in_days <= _MOST_DAYS:
            raise OperatorError(f"a token can expire in more than 0 and at most {_MOST_DAYS} days")
        expires_at = clock.now() + dt.timedelta(days=expires_in_days)
    token = ids.mint_token()
    async with database.transaction() as db:
        token_id = await tenant_rows.create_token(
            db,
            tenant_id,
            name,
            hash_token(token),
            token[-4:],
            scopes,
            rate_limit_per_minute,
            expires_at,
            allowed_cidrs,
        )
        told = {
            "name": name,
            "scopes": list(scopes),
            "rate_limit_per_minute": rate_limit_per_minute,
            "expires_at": expires_at,
            "allowed_cidrs": list(allowed_cidrs),
        }
        await audit.record(db, _change(tenant_id, actor, "token.created", token_id, told))
    return MintedToken(token_id, token, token[-4:], expires_at)


async def rotate_token(
    database: Database, tenant_id: int, token_id: int, overlap: dt.timedelta, actor: Actor
) -> MintedToken:
    """Mint a token like this one, which ends after the overlap unless it ends sooner by itself."""
    if not dt.timedelta(0) <= overlap <= dt.timedelta(days=_MOST_DAYS):
        raise OperatorError(f"the overlap must be 0 to {_MOST_DAYS} days")
    token = ids.mint_token()
    async with database.transaction() as db:
        row = None
        if 0 < token_id <= _LARGEST_ID:
            row = await tenant_rows.rotate_token(
                db, tenant_id, token_id, hash_token(token), token[-4:], overlap
            )
        if row is not None:
            ends = {"replaces": {"id": token_id, "expires_at": row["old_expires_at"]}}
            told = {"id": row["id"], "name": row["name"], "expires_at": row["expires_at"], **ends}
            await audit.record(db, _change(tenant_id, actor, "token.rotated", token_id, told))
    if row is None:
        raise NotThereError(
            f"the tenant has no token {token_id} that works: `rasl token list` shows them all"
        )
    return MintedToken(row["id"], token, token[-4:], row["expires_at"], row["old_expires_at"], row["name"])


async def revoke_token(db: Db, tenant_id: int, token_id: int, actor: Actor) -> None:
    """Revoke a token; it stops working everywhere within a second."""
    if not 0 < token_id <= _LARGEST_ID or not await tenant_rows.revoke_token(db, tenant_id, token_id):
        raise NotThereError(f"the tenant has no token {token_id}: `rasl token list` shows them all")
    await audit.record(db, _change(tenant_id, actor, "token.revoked", token_id, {"state": "revoked"}))


async def connect_whatsapp(
    database: Database,
    sealer: Sealer,
    tenant_id: int,
    given: Connection,
    actor: Actor = BY_ITSELF,
    seen: Seen | None = None,
) -> Connected:
    """Connect a number to a tenant, or renew its credentials; what waits for one that was disconnected goes on."""
    check_connection(given)
    async with database.transaction() as db:
        connected = await numbers.connect(db, sealer, tenant_id, given, actor, seen)
        if connected is None:
            raise TakenError(
                f"the phone_number_id {given.phone_number_id} is connected to another tenant of this server"
            )
    return connected


async def choose_default_number(db: Db, tenant_id: int, phone_number_id: str, actor: Actor) -> None:
    """Let a tenant send from this number unless a send says otherwise; in force everywhere within a second."""
    if not await numbers.choose_default(db, tenant_id, phone_number_id, actor):
        raise NotThereError(
            f"the tenant has no number {phone_number_id}: `rasl whatsapp list` shows them all"
        )


def check_connection(given: Connection) -> None:
    """Refuse what cannot be credentials of Meta's; raises OperatorError."""
    for name in ("waba_id", "phone_number_id"):
        if not _META_ID.fullmatch(getattr(given, name)):
            raise OperatorError(f"{name} must be the digits that Meta shows, nothing else")
    for name in ("access_token", "app_secret", "verify_token"):
        text = getattr(given, name)
        if (
            not text
            or len(text) > _LONGEST_SECRET
            or not text.isascii()
            or not text.isprintable()
            or " " in text
        ):
            raise OperatorError(f"{name} must be 1 to {_LONGEST_SECRET} visible characters without blanks")
    if not 0 < given.messages_per_second <= 10_000:
        raise OperatorError("messages_per_second must be 1 to 10000; Meta allows a new number 80")
    if given.display_phone_number is not None and not given.display_phone_number.isprintable():
        raise OperatorError("display_phone_number must be visible characters")


def _check_otp_limits(changes: Mapping[str, Any]) -> None:
    attempts = changes.get("otp_max_attempts")
    if attempts is not None and not 1 <= attempts <= _MOST_ATTEMPTS:
        raise OperatorError(f"otp_max_attempts must be 1 to {_MOST_ATTEMPTS}, or none")
    for name, budget in changes.get("otp_budgets", {}).items():
        if name not in BUDGET_NAMES:
            raise OperatorError(f"there is no budget {name!r}: choose of {', '.join(BUDGET_NAMES)}")
        if budget is not None and budget > _HIGHEST_BUDGET:
            raise OperatorError(f"a budget must be 0 (no limit) to {_HIGHEST_BUDGET}")


def _change(
    tenant_id: int, actor: Actor, action: str, token_id: int, after: Mapping[str, Any]
) -> audit.Change:
    return audit.Change(tenant_id, actor, action, "token", token_id, None, after)


def checked_name(name: str) -> str:
    """Return what something of operators is called, without blanks around it; raises OperatorError."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise OperatorError(f"a name must be 1 to {_LONGEST_NAME} visible characters")
    return name


async def _check_plan(db: Db, plan: str) -> None:
    plans = await tenant_rows.list_plans(db)
    if plan not in plans:
        raise OperatorError(f"there is no plan {plan!r}: choose {' or '.join(plans)}")
