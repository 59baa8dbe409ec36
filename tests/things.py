"""Things of acme's and of globex's, by kind, for calls that name some."""

import io
from typing import Any

import aiohttp

from rasl.db.pool import Database
from tests import samples
from tests.api.v2.media_calls import form
from tests.api.v2.received import receive
from tests.api.v2.templated import template
from tests.auth_routes import LOGIN_CODE, codes_of
from tests.routes import ORDER, PHONE, phones
from tests.serving import Api, Client
from tests.world import Person

PREFIX = "/api/v2"
MISSING_ID = 999_999_999_999


# Templates that take files.
_PICTURE = {"type": "HEADER", "format": "IMAGE"}
_CARD = {
    "components": [
        _PICTURE,
        {"type": "BODY", "text": "Look at {{1}} please"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Shop", "url": "https://x.test/{{1}}"}]},
    ]
}
_HELLO = {"type": "BODY", "text": "Here it is"}
PICTURED = template("pictured", _PICTURE, _HELLO)
SHOP = template("shop", _HELLO, {"type": "CAROUSEL", "cards": [_CARD, _CARD]}, category="MARKETING")

MISSING = {
    "reply": {"message_id": MISSING_ID},
    "number": MISSING_ID,
    "received": MISSING_ID,
    "received_wamid": "wamid.HBgMNDQyMDc5NDYwMDExFQIAEhgS",
    "token": MISSING_ID,
    "webhook": MISSING_ID,
    "delivery": MISSING_ID,
    "event": "evt_none",
    "media": MISSING_ID,
    "sticker": MISSING_ID,
    "import": MISSING_ID,
    "template": MISSING_ID,
    "challenge": "5b0a8a0e-6c43-4f0c-9d4b-0a6d3f9f2b11",
    "contact": MISSING_ID,
    "conversation": MISSING_ID,
    "message": MISSING_ID,
    "wamid": "wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
    "spare": MISSING_ID,
    "spares": [MISSING_ID],
    "contact_group": MISSING_ID,
    "contact_groups": [MISSING_ID],
    "written_groups": str(MISSING_ID),
    "contact_source": MISSING_ID,
    "contact_status": MISSING_ID,
    "contacts": [MISSING_ID],
    "group_id": MISSING_ID,
    "source_id": MISSING_ID,
    "status_id": MISSING_ID,
    "mobile": "442079460099",
    "email": "nobody@x.test",
    "actor": MISSING_ID,
    "subject": str(MISSING_ID),
    "request": "5b0a8a0e-6c43-4f0c-9d4b-0a6d3f9f2b11",
    "waba": "302290129340398",
}


async def things_of(client: Client, database: Database, mobile: str) -> dict[str, Any]:
    sent = (await client.send(PHONE)).data
    await client.send(mobile)
    labels = {
        key: (await client.post(f"{PREFIX}/{path}", {"name": "Ours"})).data["id"]
        for key, path in (("group_id", "groups"), ("source_id", "sources"), ("status_id", "statuses"))
    }
    used = {
        f"contact_{key}": (await client.post(f"{PREFIX}/{path}", {"name": "Used"})).data["id"]
        for key, path in (("group", "groups"), ("source", "sources"), ("status", "statuses"))
    }
    contact = {
        "firstname": "Spare",
        "lastname": "One",
        "type": "guest",
        "source_id": used["contact_source"],
        "status_id": used["contact_status"],
        "groups": [used["contact_group"]],
    }
    spares = [
        (await client.post(f"{PREFIX}/contacts", contact | {"phone": f"+442079{next(phones)}", **more})).data[
            "id"
        ]
        for more in ({"email": f"{mobile}@x.test"}, {})
    ]
    members = {"contact_ids": [sent["contact_id"]]}
    await client.post(f"{PREFIX}/groups/{labels['group_id']}/contacts", members)
    return {
        **labels,
        **used,
        "contact_groups": [used["contact_group"]],
        "written_groups": str(used["contact_group"]),
        "spare": spares[0],
        "spares": spares[1:],
        "mobile": mobile,
        "email": f"{mobile}@x.test",
        "contacts": members["contact_ids"],
        "contact": sent["contact_id"],
        "conversation": sent["chat_id"],
        "message": sent["chat_message_id"],
        "wamid": sent["message_id"],
        "reply": {"message_id": sent["chat_message_id"]},
        "received": await receive(database, sent["chat_id"], f"wamid.received+{mobile}/="),
        "received_wamid": f"wamid.received+{mobile}/=",
        "token": await token_of(client),
        **await webhook_of(client, database),
        "import": await import_of(client),
        "media": await media_of(client, samples.PNG, "image"),
        "sticker": await media_of(client, samples.WEBP, "sticker"),
    }


async def things_of_all(api: Api, database: Database) -> dict[str, dict[str, Any]]:
    """Make things of acme's and of globex's, by kind."""
    return {
        "acme": await _things_with_templates(api, database, api.acme, api.world.acme, "442079460021"),
        "globex": await _things_with_templates(api, database, api.globex, api.world.globex, "442079460022"),
    }


async def _things_with_templates(
    api: Api, database: Database, client: Client, person: Person, mobile: str
) -> dict[str, Any]:
    things = await things_of(client, database, mobile)
    order = {"waba_id": person.waba_id, "templates": [ORDER, LOGIN_CODE, PICTURED, SHOP]}
    registered = await api.simulator.post("/_control/templates", order)
    await client.post(f"{PREFIX}/templates/sync")
    for comment in ("Call back.", "After five."):
        await client.post(f"{PREFIX}/comments/{mobile}", {"comment": comment})
    made = (await client.get(f"{PREFIX}/audit", params={"filter[subject]": "token"})).data[0]
    return {
        **things,
        **await codes_of(client),
        "template": registered.body["data"][0]["id"],
        "pictured": PICTURED["name"],
        "shop": SHOP["name"],
        "number": person.phone_number_id,
        "waba": person.waba_id,
        "access_token": person.access_token,
        "actor": made["actor_id"],
        "subject": made["subject_id"],
        "request": made["request_id"],
    }


async def webhook_of(client: Client, database: Database) -> dict[str, Any]:
    """Return a webhook, a delivery of it, and what event that is of."""
    webhook_id = (await client.post(f"{PREFIX}/webhooks", {"url": "http://127.0.0.1:65535/hook"})).data["id"]
    async with database.connection() as db:
        delivery_id = await db.fetchval(
            """
            insert into webhook_deliveries (tenant_id, endpoint_id, event_id, event_key, event_type, state)
            select tenant_id, id, 1, $2, 'contact.created', 'failed' from webhook_endpoints where id = $1
            returning id
            """,
            webhook_id,
            event := f"evt_{webhook_id}",
        )
    return {"webhook": webhook_id, "delivery": delivery_id, "event": event}


async def import_of(client: Client) -> int:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"phone\n+442079460098\n"), filename="people.csv")
    return int((await client.post(f"{PREFIX}/contacts/import", data=form)).data["id"])


async def media_of(client: Client, content: bytes, kind: str) -> int:
    data = form(content, "", media_type=kind)
    return int((await client.post(f"{PREFIX}/media", data=data)).data["id"])


async def token_of(client: Client) -> int:
    wish = {"name": "Ours", "scopes": ["tokens:write"], "rate_limit_per_minute": 1000}
    return int((await client.post(f"{PREFIX}/tokens", wish)).data["id"])
