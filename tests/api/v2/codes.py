"""Templates that carry codes, at WhatsApp and here, and calls on one-time passwords."""

from typing import Any

from rasl.db.pool import Database, Row
from tests.hearing import heard, types
from tests.serving import Answer, Api, Client, graph_requests
from tests.world import Person

PHONE, DIGITS = "+44 20 7946 0011", "442079460011"
CODE, WRONG = "734912", "000111"
AUTH = "/api/v2/auth"


def otp_button(otp_type: str = "copy_code") -> dict[str, Any]:
    """An OTP button as WhatsApp reads it back."""
    url = f"https://www.whatsapp.com/otp/code/?otp_type={otp_type.upper()}&code=otp{{{{1}}}}"
    return {"type": "URL", "text": "Copy code", "url": url}


def template(name: str, *parts: dict[str, Any], **others: Any) -> dict[str, Any]:
    """An authentication template with these components besides the usual body."""
    body = {"type": "BODY", "text": "*{{1}}* is your verification code."}
    components = parts if any(part["type"] == "BODY" for part in parts) else (body, *parts)
    base = {"name": name, "language": "en", "status": "APPROVED", "category": "AUTHENTICATION"}
    return {**base, "components": list(components), **others}


TEMPLATES = (
    template("copy_code", {"type": "BUTTONS", "buttons": [otp_button()]}),
    template("one_tap", {"type": "BUTTONS", "buttons": [otp_button("one_tap")]}),
    template("zero_tap", {"type": "BUTTONS", "buttons": [otp_button("zero_tap")]}),
    template("bare"),
    template("with_expiry", {"type": "BODY", "text": "{{1}} is your code. It ends in {{2}} minutes."}),
    template("with_more", {"type": "BODY", "text": "{{1}} is your code for {{2}} minutes, {{3}} of {{4}}."}),
    template("german", language="de"),
    template("paused", status="PAUSED"),
    template("order", {"type": "BODY", "text": "Order {{1}} is ready."}, category="UTILITY"),
)


async def connect_templates(api: Api, *persons: Person) -> None:
    """Give the accounts the templates at WhatsApp, and read them from there."""
    for person in persons or (api.world.acme, api.world.globex):
        answer = await api.simulator.post(
            "/_control/templates", {"waba_id": person.waba_id, "templates": list(TEMPLATES)}
        )
        assert answer.status == 200, answer.body
    for client in (api.acme, api.globex):
        assert (await client.post("/api/v2/templates/sync")).status == 200


async def send_otp(client: Client, code: str | None = CODE, **fields: Any) -> Answer:
    """Send a code by the plain template."""
    options = {"headers": fields.pop("headers")} if "headers" in fields else {}
    body = {"phone": PHONE, "template_name": "copy_code", **({"code": code} if code else {}), **fields}
    return await client.post(f"{AUTH}/send-otp", body, **options)


async def verify(client: Client, code: str = CODE, **fields: Any) -> Answer:
    """Enter a code."""
    return await client.post(f"{AUTH}/verify", {"phone": PHONE, "code": code, **fields})


async def resend(client: Client, **fields: Any) -> Answer:
    """Ask for another code."""
    return await client.post(f"{AUTH}/resend", {"phone": PHONE, "template_name": "copy_code", **fields})


async def standing(client: Client, **fields: Any) -> Any:
    """Ask what is active."""
    return (await client.post(f"{AUTH}/status", {"phone": PHONE, **fields})).data


async def sent_codes(api: Api) -> list[str]:
    """Return the codes WhatsApp got, in order."""
    return [body_texts(item)[0] for item in await payloads(api)]


async def payloads(api: Api) -> list[dict[str, Any]]:
    """Return the template objects WhatsApp got, in order."""
    return [
        item["body"]["template"]
        for item in await graph_requests(api)
        if "template" in (item.get("body") or {})
    ]


def body_texts(content: dict[str, Any]) -> list[str]:
    """Return the values of the body's variables."""
    return [
        parameter["text"]
        for component in content["components"]
        if component["type"] == "body"
        for parameter in component["parameters"]
    ]


async def rows(database: Database, sql: str, *values: Any) -> list[Row]:
    """Ask the database."""
    async with database.connection() as db:
        return await db.fetch(sql, *values)


async def events(database: Database, pattern: str = "%") -> list[str]:
    """Return the types of the events so far, in order; each tells what the catalogue says."""
    return types(await heard(database, pattern))
