"""Acme (ours), acme's read-only token, globex (the stranger): in reach of every test."""

from dataclasses import dataclass

from rasl import ids
from rasl.db import labels, tenants
from rasl.db.pool import Database, Db
from rasl.domain.scopes import ALL_SCOPES, READ_SCOPES
from rasl.sealing import Sealer
from rasl.services.ground.callers import hash_token

SECRET_KEY = "a test's secret key, long enough to be taken seriously"


@dataclass(frozen=True)
class Person:
    """A tenant with what its people know."""

    tenant_id: int
    subdomain: str
    token: str
    token_id: int
    read_only_token: str
    number_id: int
    phone_number_id: str
    waba_id: str
    access_token: str
    app_secret: str
    verify_token: str
    app_id: int
    callback_key: str
    status_id: int
    source_id: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers of acme's own calls."""
        return {"authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class World:
    """Two tenants that must never see each other."""

    acme: Person
    globex: Person


async def build_world(database: Database, sealer: Sealer) -> World:
    """Create both tenants with tokens and connected numbers, each with a Meta app of its own."""
    return World(
        acme=await create_person(database, sealer, "acme", "106540352242922", "102290129340398"),
        globex=await create_person(database, sealer, "globex", "206540352242922", "202290129340398"),
    )


async def create_person(
    database: Database,
    sealer: Sealer,
    subdomain: str,
    phone_number_id: str,
    waba_id: str,
    plan: str = "unlimited",
) -> Person:
    """Create a tenant whose secrets all carry its name."""
    access_token, app_secret, verify_token = (
        f"EAA{subdomain}access0123456789",
        f"{subdomain}-secret",
        f"{subdomain}-verify",
    )
    token, read_only = ids.mint_token(), ids.mint_token()
    async with database.transaction() as db:
        tenant_id = await tenants.create_tenant(db, subdomain.title(), subdomain, plan)
        assert tenant_id is not None
        source = await labels.create_label(db, labels.SOURCES, tenant_id, "API")
        status = await labels.create_label(db, labels.STATUSES, tenant_id, "New", "#3B82F6")
        assert source is not None
        assert status is not None
        defaults = {"default_source_id": source["id"], "default_status_id": status["id"]}
        await tenants.change_tenant(db, tenant_id, defaults)
        token_id = await _keep_token(db, tenant_id, token, ALL_SCOPES)
        await _keep_token(db, tenant_id, read_only, READ_SCOPES)
        sealed = sealer.seal(app_secret, "app_secret")
        app = await tenants.keep_meta_app(
            db, ids.mint_random(32), sealed, sealer.digest(app_secret, "app_secret")
        )
        number_id = await tenants.keep_number(
            db,
            tenant_id,
            app["id"],
            waba_id,
            phone_number_id,
            sealer.seal(access_token, "access_token"),
            sealer.digest(verify_token, "verify_token"),
            "+1 555 078 3881",
            1000,
        )
        assert number_id is not None
    return Person(
        tenant_id=tenant_id,
        subdomain=subdomain,
        token=token,
        token_id=token_id,
        read_only_token=read_only,
        number_id=number_id,
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        access_token=access_token,
        app_secret=app_secret,
        verify_token=verify_token,
        app_id=app["id"],
        callback_key=app["callback_key"],
        status_id=status["id"],
        source_id=source["id"],
    )


async def _keep_token(db: Db, tenant_id: int, token: str, scopes: tuple[str, ...]) -> int:
    return await tenants.create_token(
        db, tenant_id, "test", hash_token(token), token[-4:], scopes, 1_000_000, None
    )
