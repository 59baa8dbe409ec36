"""Who calls: bearer token to tenant, remembered so briefly that revocation works in under a second everywhere.

Changes of a tenant are in force at once: every process is told of them (db/listening) and forgets what it knew.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

import msgspec

from rasl import clock, ids
from rasl.db import tenants as tenant_rows
from rasl.db.batch import Batch
from rasl.db.pool import Database, Row
from rasl.domain import credentials
from rasl.domain.subscription import Subscription
from rasl.domain.tenant_settings import FallbackTemplate
from rasl.domain.tenants import Caller, Number, Plan, Tenant
from rasl.errors import AccountSuspended, Unauthorized
from rasl.sealing import Sealer

CACHE_SECONDS = 0.7
_MAX_CACHED = 20_000
_USED_EVERY = dt.timedelta(seconds=30)


class Callers:
    """Turns bearer tokens into callers; one per process."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._cache: dict[str, tuple[float, Caller]] = {}
        self._loading: Batch[str, Caller] = Batch("callers", self._load)
        self._changes = 0  # so far: what was read before the last one is not worth remembering
        self._used: dict[tuple[int, int], dt.datetime] = {}
        self._written: dict[tuple[int, int], dt.datetime] = {}

    async def authenticate(self, token: str) -> Caller:
        """Return the caller of a token; raises Unauthorized, of a token that could be ours without saying why.

        Raises AccountSuspended for one that works where its tenant may not.
        """
        cached = self._cache.get(token)
        if cached is not None and cached[0] >= clock.monotonic():
            caller = cached[1]
        elif ids.is_token(token, ids.TOKEN_PREFIX):
            caller = await self._loading.put(token)
        else:
            raise credentials.no_token_of_ours(token)
        self._used[caller.tenant.id, caller.token_id] = clock.now()
        return caller

    def told(self, payload: str) -> None:
        """Hear that somebody changed a tenant."""
        self._changes += 1
        for token in [token for token, (_, known) in self._cache.items() if str(known.tenant.id) == payload]:
            del self._cache[token]

    def forget(self) -> None:
        """Look everybody up again: news may have been missed."""
        self._changes += 1
        self._cache.clear()

    async def write_last_used(self) -> None:
        """Write the last-used times that moved since they were last written."""
        uses = [
            (*key, used_at)
            for key, used_at in self._used.items()
            if key not in self._written or used_at - self._written[key] >= _USED_EVERY
        ]
        self._used.clear()
        if not uses:
            return
        async with self._database.connection() as db:
            await tenant_rows.mark_tokens_used(db, uses)
        self._written = {(tenant_id, token_id): used_at for tenant_id, token_id, used_at in uses}

    async def _load(self, tokens: Sequence[str]) -> list[Caller | Exception]:
        # The lease on the answer starts before the question: a token revoked meanwhile must not live longer for it.
        expires, changes = clock.monotonic() + CACHE_SECONDS, self._changes
        hashes = {token: hash_token(token) for token in tokens}
        async with self._database.connection() as db:
            rows = await tenant_rows.load_callers(db, list(hashes.values()))
        if len(self._cache) > _MAX_CACHED:
            self._cache.clear()
        answers: list[Caller | Exception] = []
        for token in tokens:
            row = rows.get(hashes[token])
            self._cache.pop(token, None)
            if row is None:
                answers.append(Unauthorized(credentials.UNKNOWN))
                continue
            if row["tenant_status"] != "active":
                answers.append(AccountSuspended())
                continue
            caller = Caller(
                tenant=read_tenant(row, self._sealer),
                token_id=row["token_id"],
                scopes=frozenset(row["scopes"]),
                rate_limit_per_minute=row["rate_limit_per_minute"],
                token_name=row["token_name"],
                expires_at=row["expires_at"],
                allowed_cidrs=tuple(row["allowed_cidrs"]),
            )
            if changes == self._changes:
                self._cache[token] = (expires, caller)
            answers.append(caller)
        return answers


def hash_token(token: str) -> bytes:
    """Return the form in which a token is stored."""
    return hashlib.sha256(token.encode()).digest()


def read_tenant(row: Row, sealer: Sealer) -> Tenant:
    """Build a tenant from its joined row."""
    return Tenant(
        id=row["tenant_id"],
        plan=Plan(row["plan"], *(row[name] for name in Plan.__struct_fields__[1:])),
        default_country=row["default_country"],
        default_type=row["default_type"],
        default_status_id=row["default_status_id"],
        default_source_id=row["default_source_id"],
        default_assigned_id=row["default_assigned_id"],
        window_policy=row["window_policy"],
        unknown_policy=row["unknown_policy"],
        number=read_number(row, sealer) if row["number_id"] is not None else None,
        otp_budgets=row["otp_budgets"],
        otp_max_attempts=row["otp_max_attempts"],
        otp_return_generated_code=row["otp_return_generated_code"],
        time_zone=row["time_zone"],
        subscription=read_subscription(row),
        fallback_template=msgspec.convert(row["fallback_template"], FallbackTemplate | None),
    )


def read_subscription(row: Row) -> Subscription:
    """Read a subscription from the row of its tenant."""
    return Subscription(row["subscription_status"], row["subscription_ends_at"])


def read_number(row: Row, sealer: Sealer) -> Number:
    """Build a number from its row, its access token opened."""
    return Number(
        id=row["number_id"],
        waba_id=row["waba_id"],
        phone_number_id=row["phone_number_id"],
        display_phone_number=row["display_phone_number"],
        access_token=sealer.unseal(row["access_token_sealed"], "access_token"),
        messages_per_second=row["messages_per_second"],
    )
