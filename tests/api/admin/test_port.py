"""Where the operator API is: on a port of its own and there alone, beside the API, or nowhere; and from where."""

import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rasl.app import create_app
from rasl.db.pool import Database
from rasl.server import Limits
from rasl.services.ground.audit import Actor
from rasl.services.operators import admin_tokens
from rasl.settings import Settings, SettingsError
from tests.api.admin.conftest import PREFIX
from tests.api.v2.codes import rows
from tests.serving import Api, Client, served, serving_sockets, settings_for


@contextlib.asynccontextmanager
async def on_two_ports(api: Api, dsn: str) -> AsyncIterator[tuple[str, str]]:
    """Serve the API, and operators on a port of their own; give both addresses."""
    with socket.create_server(("127.0.0.1", 0)) as public, socket.create_server(("127.0.0.1", 0)) as own:
        numbers = [it.getsockname()[1] for it in (public, own)]
        settings = settings_for(api.simulator.base_url, port=numbers[0], admin_port=numbers[1])
        async with serving_sockets(create_app(settings, dsn), Limits(), [public, own]):
            yield f"http://127.0.0.1:{numbers[0]}", f"http://127.0.0.1:{numbers[1]}"


async def test_its_own_port_answers_it_alone_and_no_other_port_does(
    api: Api, admin: Client, dsn: str
) -> None:
    headers = {"authorization": admin._headers["authorization"]}
    async with on_two_ports(api, dsn) as (public, own), aiohttp.ClientSession() as session:
        operator, outside = Client(session, own, headers), Client(session, public, headers)
        assert (await operator.get(f"{PREFIX}/tenants")).status == 200
        for path in (f"{PREFIX}/tenants", f"{PREFIX}/openapi.json", "/api/admin", f"{PREFIX}/nothing"):
            for method in ("GET", "POST", "OPTIONS", "DELETE"):
                answer = await outside.call(method, path, headers={"host": own.removeprefix("http://")})
                assert answer.status == 404, (method, path)
        tenant = Client(session, own, api.world.acme.headers)
        for path in ("/api/v2/account", "/", "/docs", "/readyz"):
            assert (await tenant.get(path)).status == 404
            assert (await Client(session, public, api.world.acme.headers).get(path)).status == 200


async def test_without_a_port_there_is_none(api: Api, admin: Client, dsn: str) -> None:
    async with served(create_app(settings_for(api.simulator.base_url, admin_port=0), dsn)) as url:
        for path in (f"{PREFIX}/tenants", f"{PREFIX}/openapi.json"):
            answer = await Client(api.acme.session, url, admin._headers).get(path)
            assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_metrics_and_operators_do_not_share_a_port() -> None:
    with pytest.raises(SettingsError, match="RASL_ADMIN_PORT: must be another port than RASL_METRICS_PORT"):
        Settings.from_environment({"RASL_ADMIN_PORT": "9100", "RASL_METRICS_PORT": "9100"})


async def test_a_token_ends_and_is_used_from_where_it_may_be(api: Api, database: Database) -> None:
    actor = Actor.system("test")
    far = await admin_tokens.create(database, actor, "far", None, ["203.0.113.0/24"])
    near = await admin_tokens.create(database, actor, "near", 1, ["127.0.0.0/8", "::1"])
    refused = await speaking(api, far.text).get(f"{PREFIX}/plans")
    assert (refused.code, refused.details) == ("ADDRESS_NOT_ALLOWED", {"address": "127.0.0.1"})
    assert (await speaking(api, near.text).get(f"{PREFIX}/plans")).status == 200
    await admin_tokens.revoke(database, actor, near.row["id"])
    answer = await speaking(api, near.text).get(f"{PREFIX}/plans")
    assert answer.body["error"]["message"] == "This token is unknown, revoked or expired"
    brief = await admin_tokens.create(database, actor, "brief", 1)
    await rows(database, "update admin_tokens set expires_at = now() where name = 'brief' returning id")
    assert (await speaking(api, brief.text).get(f"{PREFIX}/plans")).status == 401


def speaking(api: Api, token: str) -> Client:
    return Client(api.acme.session, api.base_url, {"authorization": f"Bearer {token}"})
