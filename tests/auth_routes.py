"""Sample data of the routes of one-time passwords, for the sweep over all routes."""

from typing import Any

from tests.api.v2.codes import template
from tests.routes import Route
from tests.serving import Client

LOGIN_CODE = template("login_code", language="en_GB")
CODE, VERIFIED_PHONE = "734912", "+442079460031"
_CODE: dict[str, Any] = {"template_name": LOGIN_CODE["name"], "language": LOGIN_CODE["language"]}
AUTH = {
    "POST /auth/send-otp": Route("messages:send", {"phone": "", "code": CODE, **_CODE}),
    "POST /auth/resend": Route("messages:send", {"phone": "", **_CODE}),
    "POST /auth/verify": Route("messages:send", {"phone": VERIFIED_PHONE, "code": CODE}),
    "POST /auth/status": Route("messages:send", {"phone": VERIFIED_PHONE}),
    "GET /auth/templates": Route("templates:read"),
    "POST /auth/challenge": Route("messages:send", {"phone": ""}, status=201, empty_status=201),
    "GET /auth/challenge/{challenge_id}": Route(
        "messages:send",
        path={"challenge_id": "challenge"},
    ),
}


async def codes_of(client: Client) -> dict[str, Any]:
    """Have a code that can be verified, and a challenge."""
    sent = await client.post("/api/v2/auth/send-otp", {"phone": VERIFIED_PHONE, "code": CODE, **_CODE})
    assert sent.status == 200, sent.body
    return {"challenge": (await client.post("/api/v2/auth/challenge", {})).data["id"]}
