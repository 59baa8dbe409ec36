"""The two tenants of the sandbox: what they are called, and how they get into the database."""

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from rasl import ids
from rasl.db import tenants as tenant_rows
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES, READ_SCOPES
from rasl.sealing import Sealer
from rasl.services.ground.callers import hash_token
from rasl.services.operators import tenants
from rasl.services.operators.tenants import Connection
from rasl.start.database import Prepared

# A demo that stops at the 61st request of a minute teaches nothing; `rasl token create` has the real default.
_RATE_LIMIT = 6000


@dataclasses.dataclass(frozen=True)
class Person:
    """A demo tenant."""

    name: str
    subdomain: str
    phone_number_id: str
    waba_id: str
    display_phone_number: str


ACME = Person("Acme Demo", "acme", "106540352242922", "102290129340398", "+1 555-078-3881")
GLOBEX = Person("Globex", "globex", "206540352242922", "202290129340398", "+1 555-078-3882")
PEOPLE = (ACME, GLOBEX)


@dataclasses.dataclass(frozen=True)
class Secrets:
    """What a tenant and its simulated Meta app share."""

    access_token: str
    app_secret: str
    verify_token: str

    @classmethod
    def mint(cls) -> Self:
        """Make new ones."""
        return cls(f"EAASANDBOX{ids.mint_random(40)}", ids.mint_random(32), ids.mint_random(16))


@dataclasses.dataclass(frozen=True)
class Kept:
    """What the last sandbox on this data folder left behind; anything may be missing."""

    tokens: Mapping[str, str]
    secrets: Mapping[str, Secrets]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """Read what `Demo.published` wrote."""
        tokens = {
            name: value[name] for name in ("token", "read_only_token", "stranger_token") if name in value
        }
        secrets = {}
        for person, prefix in ((ACME, ""), (GLOBEX, "stranger_")):
            found = [value.get(f"{prefix}{field.name}") for field in dataclasses.fields(Secrets)]
            if all(isinstance(item, str) and item for item in found):
                secrets[person.subdomain] = Secrets(*map(str, found))
        return cls(tokens, secrets)


@dataclasses.dataclass(frozen=True)
class Member:
    """A demo tenant as it is in the database."""

    tenant_id: int
    secrets: Secrets
    callback_path: str


@dataclasses.dataclass(frozen=True)
class Demo:
    """Both tenants, in the order of PEOPLE, and the tokens to use them with."""

    members: tuple[Member, Member]
    tokens: Mapping[str, str]

    def published(self, api_url: str) -> dict[str, Any]:
        """Return what goes into sandbox.json: acme's under plain names, the stranger's with a prefix."""
        value: dict[str, Any] = dict(self.tokens)
        for person, member, prefix in zip(PEOPLE, self.members, ("", "stranger_"), strict=True):
            value |= {
                f"{prefix}tenant_id": member.tenant_id,
                f"{prefix}subdomain": person.subdomain,
                f"{prefix}phone_number_id": person.phone_number_id,
                f"{prefix}waba_id": person.waba_id,
                f"{prefix}callback_url": f"{api_url}{member.callback_path}",
                **{f"{prefix}{name}": item for name, item in dataclasses.asdict(member.secrets).items()},
            }
        return value


def furnish(found: Prepared, kept: Kept) -> Demo:
    """Have both tenants in the database, connected, with tokens that work; what is there stays."""
    return asyncio.run(_furnish(found, kept))


async def _furnish(found: Prepared, kept: Kept) -> Demo:
    sealer = Sealer(found.settings.secret_key)
    database = Database(found.dsn, 2)
    await database.open()
    try:
        acme = await _furnish_tenant(database, sealer, ACME, kept)
        globex = await _furnish_tenant(database, sealer, GLOBEX, kept)
        tokens = {
            name: await _working_token(database, member.tenant_id, name, kept.tokens.get(name))
            for name, member in (("token", acme), ("read_only_token", acme), ("stranger_token", globex))
        }
    finally:
        await database.close()
    return Demo((acme, globex), tokens)


async def _furnish_tenant(database: Database, sealer: Sealer, person: Person, kept: Kept) -> Member:
    async with database.connection() as db:
        row = await tenant_rows.find_tenant(db, person.subdomain)
    if row is None:
        row = await tenants.create_tenant(database, person.name, person.subdomain, "unlimited")
    secrets = kept.secrets.get(person.subdomain) or Secrets.mint()
    connected = await tenants.connect_whatsapp(
        database,
        sealer,
        row["id"],
        Connection(
            waba_id=person.waba_id,
            phone_number_id=person.phone_number_id,
            display_phone_number=person.display_phone_number,
            **dataclasses.asdict(secrets),
        ),
    )
    path = tenants.callback_url("", connected.callback_key)
    return Member(row["id"], secrets, path)


async def _working_token(database: Database, tenant_id: int, name: str, token: str | None) -> str:
    """Return the token of the last time if it still works, a new one otherwise."""
    scopes = READ_SCOPES if name == "read_only_token" else ALL_SCOPES
    if token is not None and ids.is_token(token):
        key = hash_token(token)
        async with database.connection() as db:
            row = (await tenant_rows.load_callers(db, [key])).get(key)
        if row is not None and row["tenant_id"] == tenant_id and set(row["scopes"]) == set(scopes):
            return token
    return (await tenants.create_token(database, tenant_id, f"sandbox {name}", scopes, _RATE_LIMIT)).text
