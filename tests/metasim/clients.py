"""pywa, an independent WhatsApp client, in front of the simulator."""

import httpx
from pywa_async import WhatsApp

from .conftest import NUMBER, SECRET, WABA

APP = "670843887433847"


def pywa_at(url: str) -> tuple[WhatsApp, httpx.AsyncClient]:
    """A client for the test number; whoever asks for it closes the session."""
    target = httpx.URL(url)

    async def reroute(request: httpx.Request) -> None:
        if request.url.host == "graph.facebook.com":
            request.url = request.url.copy_with(scheme="http", host=target.host, port=target.port)
            request.headers["host"] = f"{target.host}:{target.port}"

    session = httpx.AsyncClient(event_hooks={"request": [reroute]}, timeout=10)
    client = WhatsApp(
        phone_id=NUMBER,
        token="token",
        session=session,
        waba_id=WABA,
        app_id=APP,
        app_secret=SECRET,
        server=None,
        verify_token="verify",
    )
    return client, session
