"""Numbers looked after by tenants themselves: Meta is asked before anything is stored."""

from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import numbers as rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Db, Row
from rasl.domain.listing import ListQuery, Page
from rasl.errors import NotFound, ResourceConflict, ValidationFailed, WhatsAppFailed
from rasl.services.ground import audit, number_changes
from rasl.services.ground.audit import Actor
from rasl.services.ground.resources import Resources
from rasl.services.tenancy import credentials, numbers
from rasl.services.tenancy.credentials import Findings
from rasl.services.tenancy.numbers import Connection, change

NUMBER_LIST = rows.LIST_SOURCE.spec


async def list_numbers(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's numbers, those that are disconnected too."""
    async with database.listing() as db:
        return await fetch_page(db, rows.LIST_SOURCE, query, tenant_id)


async def get_number(database: Database, tenant_id: int, phone_number_id: str) -> Row:
    """Return one number; raises NotFound."""
    async with database.connection() as db:
        return await _get(db, tenant_id, phone_number_id)


class Wish(msgspec.Struct, frozen=True):
    """A number to be connected: the app's id if it was given, and for which fields Meta is to post, if it is."""

    given: Connection
    app_id: str | None
    fields: Sequence[str]
    is_subscribed: bool


class Joined(msgspec.Struct, frozen=True):
    """A connected number, the address that Meta calls, and how far Meta knows of it; `to_do` is left to people."""

    row: Row
    callback_url: str
    is_subscribed: bool
    is_app_subscribed: bool
    to_do: list[str]


async def connect(resources: Resources, tenant_id: int, wish: Wish, actor: Actor) -> Joined:
    """Ask Meta about the credentials, store them and let Meta post to us.

    Raises ValidationFailed or WhatsAppFailed with Meta's words, and nothing is stored. What Meta refuses after that is
    told in `to_do`.
    """
    given = wish.given
    found = await _examined(resources, given, wish.app_id)
    complete = msgspec.structs.replace(
        given,
        display_phone_number=found.display_phone_number,
        messages_per_second=found.messages_per_second,
    )
    async with resources.database.transaction() as db:
        connected = await numbers.connect(
            db, resources.sealer, tenant_id, complete, actor, credentials.seen(found)
        )
        if connected is None:
            told = "The phone_number_id is connected to another account of this server"
            raise ValidationFailed({"phone_number_id": [told]})
        row = await _get(db, tenant_id, given.phone_number_id)
    url = numbers.callback_url(resources.settings.base_url, connected.callback_key)
    return await _subscribed(resources, wish, row, url, found)


async def _subscribed(resources: Resources, wish: Wish, row: Row, url: str, found: Findings) -> Joined:
    """Let the account tell the app, and the app tell us, as far as that is wanted and Meta lets us."""
    graph, given, to_do = resources.graph, wish.given, list[str]()
    is_subscribed, is_app_subscribed = found.is_subscribed, False
    if wish.is_subscribed:
        problem = await credentials.subscribe_account(graph, given)
        is_subscribed = is_subscribed or problem is None
        to_do += [problem] if problem else []
        if wish.app_id is not None:
            problem = await credentials.subscribe_app(graph, given, wish.app_id, url, wish.fields)
            is_app_subscribed = problem is None
            to_do += [problem] if problem else []
    elif not is_subscribed:
        to_do.append(f"no app is subscribed to the account {given.waba_id}: `subscribe` does it")
    if not is_app_subscribed:
        to_do.append(
            "at Meta, under WhatsApp > Configuration, enter callback_url and your verify token, and subscribe to "
            "the fields, unless they are there already; with app_id it is done for you"
        )
    return Joined(row, url, is_subscribed, is_app_subscribed, [f"{it[:1].upper()}{it[1:]}" for it in to_do])


async def change_number(
    resources: Resources,
    tenant_id: int,
    phone_number_id: str,
    access_token: str | None,
    actor: Actor,
    *,
    make_default: bool,
) -> Row:
    """Give a number another access token, which Meta is asked about, or make it the default; in force in a second.

    Raises NotFound, ResourceConflict of a number that is disconnected, and what `connect` does.
    """
    async with resources.database.connection() as db:
        row = await _get(db, tenant_id, phone_number_id)
        secrets = await rows.find_connection(db, tenant_id, phone_number_id)
    if row["state"] != "connected" or secrets is None:
        raise _away()
    seen = None
    if access_token is not None:
        given = Connection(
            waba_id=secrets["waba_id"],
            phone_number_id=phone_number_id,
            access_token=access_token,
            app_secret=resources.sealer.unseal(secrets["app_secret_sealed"], "app_secret"),
            verify_token="",  # stays, and Meta is not told of it
        )
        seen = credentials.seen(await _examined(resources, given, None))
    async with resources.database.transaction() as db:
        if access_token is not None and seen is not None:
            sealed = resources.sealer.seal(access_token, "access_token")
            number_id = await rows.change_access_token(db, tenant_id, phone_number_id, sealed)
            if number_id is None:
                raise _away()
            async with number_changes.told(db, [tenant_id]):
                await rows.keep_seen(db, tenant_id, number_id, seen)
            hidden = {"access_token": audit.HIDDEN}
            await audit.record(
                db, change(tenant_id, actor, "number.changed", phone_number_id, hidden, hidden)
            )
        if make_default and not await numbers.choose_default(db, tenant_id, phone_number_id, actor):
            raise _away()
        return await _get(db, tenant_id, phone_number_id)


async def disconnect(resources: Resources, tenant_id: int, phone_number_id: str, actor: Actor) -> None:
    """Forget the credentials of a number, whose messages stay; raises NotFound."""
    async with resources.database.transaction() as db:
        await _get(db, tenant_id, phone_number_id)
        await numbers.disconnect(db, resources.sealer, tenant_id, phone_number_id, actor)


async def _examined(resources: Resources, given: Connection, app_id: str | None) -> Findings:
    found = await credentials.examine(resources.graph, given, app_id)
    if found.is_unanswered:
        raise WhatsAppFailed("WhatsApp did not answer", {"problems": found.problems})
    if found.problems:
        told = [f"{problem[:1].upper()}{problem[1:]}" for problem in found.problems]
        raise ValidationFailed({"access_token": told})
    return found


async def _get(db: Db, tenant_id: int, phone_number_id: str) -> Row:
    row = await rows.find_shown(db, tenant_id, phone_number_id)
    if row is None:
        raise NotFound("Number not found")
    return row


def _away() -> ResourceConflict:
    details: dict[str, Any] = {"state": "disconnected"}
    return ResourceConflict("The number is disconnected: connect it again first", details)
