"""The two tenants of the sandbox: what they are called, and how they get into the database."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from rasl import ids
from rasl.db import installation as installation_rows
from rasl.db import numbers as number_rows
from rasl.db import tenants as tenant_rows
from rasl.db.labels import LabelTable
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES, READ_SCOPES
from rasl.errors import ValidationFailed
from rasl.sandbox.samples import people
from rasl.sandbox.samples.numbering import FIRST_IDS
from rasl.sealing import Sealer
from rasl.services.contacts import labels
from rasl.services.ground.audit import Actor
from rasl.services.ground.callers import hash_token
from rasl.services.operators import rates, tenants
from rasl.services.tenancy.numbers import Connection, callback_url
from rasl.start.database import Prepared
from rasl.start.errors import StartError

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
    samples: Mapping[str, Any] | None = None

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
        samples = value.get("demo")
        return cls(tokens, secrets, samples if isinstance(samples, dict) else None)


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

    def tokens_by_member(self) -> tuple[str, str]:
        """Return the token with all scopes of each."""
        return self.tokens["token"], self.tokens["stranger_token"]

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
    database = Database(found.dsn, 2, sealer.stop_key)
    await database.open()
    try:
        await _check_ours(database)
        async with database.connection() as db:
            await installation_rows.begin_numbering(db, FIRST_IDS)
        acme = await _furnish_tenant(database, sealer, ACME, kept)
        if kept.samples is None:
            # Before the other tenant's: ids are counted over all tenants, and the documentation's are acme's.
            await _add_labels(database, acme.tenant_id)
            await _add_rate_card(database)
        globex = await _furnish_tenant(database, sealer, GLOBEX, kept)
        tokens = {
            name: await _working_token(database, member.tenant_id, name, kept.tokens.get(name))
            for name, member in (("token", acme), ("read_only_token", acme), ("stranger_token", globex))
        }
    finally:
        await database.close()
    return Demo((acme, globex), tokens)


async def _check_ours(database: Database) -> None:
    """Refuse a database with tenants that is no sandbox's: demo data are not for those who work in earnest."""
    ours = {(person.subdomain, person.name) for person in PEOPLE}
    async with database.connection() as db:
        everybody = await tenant_rows.list_tenants(db)
        acme = next((row["id"] for row in everybody if row["subdomain"] == ACME.subdomain), 0)
        numbers = {row["phone_number_id"] for row in await number_rows.list_all(db, acme)}
    others = [row["subdomain"] for row in everybody if (row["subdomain"], row["name"]) not in ours]
    if others and ACME.phone_number_id not in numbers:
        raise StartError(
            "NOT_A_SANDBOX",
            f"The tenant {others[0]!r} of this database is not the sandbox's, and demo data do not belong beside it: "
            "set RASL_DATA_DIR to another folder for the sandbox, and leave RASL_DATABASE_URL unset.",
        )


async def _add_labels(database: Database, tenant_id: int) -> None:
    wanted: list[tuple[LabelTable, str, str | None]] = [
        *((labels.SOURCE, name, None) for name in people.SOURCES),
        *((labels.STATUS, name, color) for name, color in people.STATUSES.items()),
        *((labels.GROUP, name, None) for name in people.GROUPS),
    ]
    for table, name, color in wanted:
        with contextlib.suppress(ValidationFailed):  # it is there
            await labels.create_label(database, table, tenant_id, name, color)


async def _add_rate_card(database: Database) -> None:
    """Price what the demo sends, unless somebody brought a card of his own."""
    async with database.connection() as db:
        cards = await rates.list_cards(db, None)
    if not cards:
        content = rates.SAMPLE.read_bytes()
        await rates.import_cards(database, Actor.system("sandbox"), None, content, rates.SAMPLE_NAME)


async def _furnish_tenant(database: Database, sealer: Sealer, person: Person, kept: Kept) -> Member:
    async with database.connection() as db:
        row = await tenant_rows.find_tenant(db, person.subdomain)
    if row is None:
        row = await tenants.create_tenant(
            database, person.name, person.subdomain, "unlimited", Actor.system("sandbox")
        )
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
    path = callback_url("", connected.callback_key)
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
