"""The tenant, the recipients and the sent messages that a benchmark works on."""

import asyncpg
import msgspec

from pgbox.cluster import SUPERUSER
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from rasl.sealing import Sealer
from rasl.services.ground.audit import Actor
from rasl.services.operators import tenants
from rasl.services.tenancy.numbers import Connection

SECRET_KEY = "a benchmark's secret key, of no use anywhere else"  # noqa: S105
RECIPIENTS = 20_000
FIRST_RECIPIENT = 4_915_112_000_000  # German mobiles: Meta spells them as we do
_UNLIMITED = 1_000_000


class World(msgspec.Struct, frozen=True):
    """What both servers and the load generator must agree on."""

    tenant_id: int
    number_id: int
    token: str
    waba_id: str
    phone_number_id: str
    access_token: str
    app_secret: str
    callback_key: str


async def build_world(dsn: str) -> World:
    """Create one tenant without limits, whose recipients are contacts with an open conversation."""
    database, sealer = Database(dsn, 2), Sealer(SECRET_KEY)
    await database.open()
    try:
        tenant = await tenants.create_tenant(database, "Bench", "bench", "unlimited", Actor.system("bench"))
        number = Connection(
            waba_id="102290129340398",
            phone_number_id="106540352242922",
            access_token="EAAbenchaccess0123456789",  # noqa: S106
            app_secret="bench-secret",  # noqa: S106
            verify_token="bench-verify",  # noqa: S106
        )
        connected = await tenants.connect_whatsapp(database, sealer, tenant["id"], number)
        token = await tenants.create_token(database, tenant["id"], "bench", ALL_SCOPES, _UNLIMITED)
        async with database.transaction() as db:
            await db.execute("update whatsapp_numbers set messages_per_second = $1", _UNLIMITED)
            await db.execute(_RECIPIENTS, tenant["id"], connected.number_id, FIRST_RECIPIENT, RECIPIENTS)
    finally:
        await database.close()
    await _tidy(dsn)
    return World(
        tenant["id"],
        connected.number_id,
        token.text,
        number.waba_id,
        number.phone_number_id,
        number.access_token,
        number.app_secret,
        connected.callback_key,
    )


# Already counted for the month's plan, as in a running conversation: the yardstick counts nothing.
_RECIPIENTS = """
with item as materialized (
    select nextval(pg_get_serial_sequence('contacts', 'id')) as contact_id, ($3::bigint + n)::text as digits
    from generate_series(0, $4::bigint - 1) as n
), contact as (
    insert into contacts (tenant_id, id, firstname, phone, type, status_id, source_id)
    overriding system value
    select t.id, contact_id, digits, '+' || digits, 'lead', t.default_status_id, t.default_source_id
    from item, tenants t where t.id = $1
    returning id
), alias as (
    insert into contact_aliases (tenant_id, kind, value, contact_id) select $1, 'phone', digits, contact_id from item
)
insert into conversations (tenant_id, number_id, contact_id, counted_until)
select $1, $2, id, now() + interval '24 hours' from contact
"""

_SENT = """
with item as materialized (
    select nextval(pg_get_serial_sequence('messages', 'id')) as id, v.id as conversation_id, n,
           $3 || lpad(n::text, 9, '0') as wamid
    from generate_series(0, $2::bigint - 1) as n
    join (select id, row_number() over (order by id) - 1 as place from conversations where tenant_id = $1) v
        on v.place = n % (select count(*) from conversations where tenant_id = $1)
), message as (
    insert into messages (tenant_id, id, conversation_id, direction, type, status, peer, text, wamid, sent_at)
    overriding system value
    select $1, id, conversation_id, 'outbound', 'text', 'sent', ($4::bigint + n % $5::bigint)::text,
           'Your parcel is on its way.', wamid, now()
    from item
)
insert into message_wamids (tenant_id, wamid, message_id) select $1, wamid, id from item
"""


def wamid_head(name: str) -> str:
    """Return what all wamids of one set of messages begin with."""
    return f"wamid.{name.upper()}"


async def add_sent_messages(dsn: str, world: World, name: str, count: int) -> None:
    """Store messages as if they had been sent, for statuses to come."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            _SENT, world.tenant_id, count, wamid_head(name), FIRST_RECIPIENT, RECIPIENTS, timeout=60
        )
    finally:
        await connection.close()
    await _tidy(dsn)


async def _tidy(dsn: str) -> None:
    """Vacuum and write the checkpoint now, so that neither is paid for inside a measurement."""
    await execute(dsn, "vacuum analyze")
    await execute(dsn, "checkpoint")


async def fetch_row(dsn: str, query: str, *values: object) -> asyncpg.Record:
    """Return the one row of a query."""
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(query, *values, timeout=60)
        assert row is not None
        return row
    finally:
        await connection.close()


async def fetch_rows(dsn: str, query: str) -> list[asyncpg.Record]:
    """Return the rows of an operator's query."""
    connection = await asyncpg.connect(dsn, user=SUPERUSER)
    try:
        return await connection.fetch(query, timeout=60)
    finally:
        await connection.close()


async def execute(dsn: str, statement: str) -> None:
    """Run an operator's statement."""
    connection = await asyncpg.connect(dsn, user=SUPERUSER)
    try:
        await connection.execute(statement, timeout=120)
    finally:
        await connection.close()
