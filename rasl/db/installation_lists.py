"""Lists over all tenants, for operators: where the rows come from, and one of them by what names it.

Lists bind $1 to a tenant; these bind it to none (`INSTALLATION`).
"""

import msgspec

from rasl.db import numbers, tokens
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.db.tenant_plans import SHOWN as PLAN_SHOWN
from rasl.db.tenants import PLAN_COLUMNS
from rasl.domain.listing import Kind, ListSpec

INSTALLATION = 0
_ALL = f"$1::bigint = {INSTALLATION}"
_TENANT = f"""t.*, {PLAN_COLUMNS}, p.title as plan_title,
              (select count(*) from whatsapp_numbers n where n.tenant_id = t.id and n.{numbers.CONNECTED}) as numbers"""
_TENANT_FROM = "tenants t join plans p on p.name = t.plan"
TENANTS = ListSource(
    spec=ListSpec(
        filters={
            "id": Kind.INTEGER,
            "subdomain": Kind.TEXT,
            "name": Kind.TEXT,
            "plan": Kind.TEXT,
            "status": Kind.TEXT,
            "subscription_status": Kind.TEXT,
            "subscription_ends_at": Kind.MOMENT,
            "created_at": Kind.MOMENT,
        },
        sorts=("subdomain", "name", "created_at"),
        default_sort="-created_at",
        texts=frozenset({"subdomain", "name"}),
    ),
    select=_TENANT,
    tables=_TENANT_FROM,
    alias="t",
    where=_ALL,
    search=("t.subdomain", "t.name"),
)
PLANS = ListSource(
    spec=ListSpec(
        filters={"id": Kind.INTEGER, "name": Kind.TEXT, "title": Kind.TEXT},
        sorts=("name", "title"),
        default_sort="name",
        texts=frozenset({"name", "title"}),
    ),
    select=f"{PLAN_SHOWN}, (select count(*) from tenants t where t.plan = p.name) as tenants",
    tables="plans p",
    alias="p",
    where=_ALL,
    search=("p.name", "p.title"),
)


def _with_tenant(spec: ListSpec, column: str) -> ListSpec:
    """Let the list of one tenant's things be asked for tenants, each by its subdomain."""
    return msgspec.structs.replace(
        spec, filters={"tenant": Kind.TEXT, **spec.filters}, columns={**spec.columns, "tenant": column}
    )


TOKENS = msgspec.structs.replace(
    tokens.LIST_SOURCE,
    spec=_with_tenant(tokens.LIST_SOURCE.spec, "tokens.tenant"),
    select=f"{tokens.LIST_SOURCE.select}, tenant_id, tenant",
    tables="(select k.*, t.subdomain as tenant from tokens k join tenants t on t.id = k.tenant_id) as tokens",
    where=_ALL,
    search=("name", "last_four", "tenant"),
)
NUMBERS = msgspec.structs.replace(
    numbers.LIST_SOURCE,
    spec=_with_tenant(numbers.LIST_SOURCE.spec, "t.subdomain"),
    select=f"{numbers.LIST_SOURCE.select}, n.tenant_id, t.subdomain as tenant",
    where=_ALL,
    search=("n.display_phone_number", "n.verified_name", "t.subdomain"),
)


async def find_tenant(db: Db, tenant_id: int) -> Row | None:
    """Return a tenant with the limits that it has, and how many numbers it has connected."""
    return await db.fetchrow(f"select {_TENANT} from {_TENANT_FROM} where t.id = $1", tenant_id)


async def find_token(db: Db, token_id: int) -> Row | None:
    """Return a token of whatever tenant."""
    return await db.fetchrow(f"select {TOKENS.select} from {TOKENS.tables} where id = $1", token_id)


async def find_number(db: Db, phone_number_id: str) -> Row | None:
    """Return a number of whatever tenant by WhatsApp's id of it."""
    return await db.fetchrow(
        f"select {NUMBERS.select} from {NUMBERS.tables} where n.phone_number_id = $1", phone_number_id
    )
