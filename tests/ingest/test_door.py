import json
from typing import Any
from urllib.parse import urlencode

import pytest
from litestar import Litestar
from litestar.exceptions import HTTPException

from rasl.db.pool import Database
from rasl.errors import ApiError
from rasl.graph.signature import sign
from rasl.ingest import door as doors
from rasl.sealing import Sealer
from rasl.web.context import with_context
from rasl.web.envelope import render
from rasl.web.unrouted import render_framework_error
from tests.ingest import posts
from tests.ingest.posts import Post, status
from tests.world import Person, World

VECTOR = b'{"object":"whatsapp_business_account","entry":[],"note":"\\u00e4\\u00f6\\u00e5 \\ud83d\\udc4d"}'


class Meta:
    """Calls our door in this process, byte for byte."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | list[bytes] = b"",
        headers: dict[str, str] | None = None,
        query: str = "",
    ) -> tuple[int, dict[str, str], bytes]:
        parts = [body] if isinstance(body, bytes) else list(body)
        sent: list[Any] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(name.encode(), text.encode()) for name, text in (headers or {}).items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }

        async def receive() -> dict[str, Any]:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        names = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
        return sent[0]["status"], names, answer

    async def shake(self, person: Person, **changes: str) -> tuple[int, dict[str, str], bytes]:
        fields = {
            "hub.mode": "subscribe",
            "hub.challenge": "1158201444",
            "hub.verify_token": person.verify_token,
        }
        query = urlencode(fields | {name.replace("_", ".", 1): text for name, text in changes.items()})
        return await self.call("GET", f"/webhooks/whatsapp/{person.callback_key}", query=query)

    async def post(
        self, person: Person, raw: bytes | list[bytes], signature: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {} if signature is None else {"x-hub-signature-256": signature}
        return await self.call("POST", f"/webhooks/whatsapp/{person.callback_key}", raw, headers)


@pytest.fixture
def meta(database: Database, sealer: Sealer) -> Meta:
    app = Litestar(
        doors.door(database, sealer),
        exception_handlers={ApiError: render, HTTPException: render_framework_error},
        openapi_config=None,
        logging_config=None,
    )
    return Meta(with_context(app))


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


async def test_the_handshake_returns_the_challenge_and_nothing_else(meta: Meta, world: World) -> None:
    code, headers, answer = await meta.shake(world.acme)
    assert (code, answer) == (200, b"1158201444")
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "changes",
    [
        {"hub_verify_token": "globex-verify"},
        {"hub_verify_token": ""},
        {"hub_mode": "unsubscribe"},
        {"hub_challenge": ""},
        {"hub_challenge": "1" * 2000},
    ],
)
async def test_a_wrong_handshake_is_refused(meta: Meta, world: World, changes: dict[str, str]) -> None:
    code, _, answer = await meta.shake(world.acme, **changes)
    assert code == 403
    assert json.loads(answer)["success"] is False
    assert b"1158201444" not in answer


async def test_an_empty_query_is_refused(meta: Meta, world: World) -> None:
    code, _, _ = await meta.call("GET", f"/webhooks/whatsapp/{world.acme.callback_key}")
    assert code == 403


@pytest.mark.parametrize("key", ["nobody", "%00", "a\x00b"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_callback_is_not_found(meta: Meta, world: World, method: str, key: str) -> None:
    signature = sign(b"{}", world.acme.app_secret)
    code, _, _ = await meta.call(
        method, f"/webhooks/whatsapp/{key}", b"{}", {"x-hub-signature-256": signature}
    )
    assert code == 404


@pytest.mark.parametrize("path", ["", "/", "s/{key}", "/x/{key}", "/{key}/x"])
async def test_only_the_whole_path_leads_to_the_door(meta: Meta, world: World, path: str) -> None:
    whole = "/webhooks/whatsapp" + path.replace("{key}", world.acme.callback_key)
    signature = sign(b"{}", world.acme.app_secret)
    code, _, _ = await meta.call("POST", whole, b"{}", {"x-hub-signature-256": signature})
    assert code == 404


async def test_other_methods_are_not_allowed(meta: Meta, world: World) -> None:
    code, _, _ = await meta.call("DELETE", f"/webhooks/whatsapp/{world.acme.callback_key}")
    assert code == 405


async def test_a_signed_delivery_is_stored_byte_for_byte(meta: Meta, post: Post, world: World) -> None:
    code, _, answer = await meta.post(world.acme, VECTOR, sign(VECTOR, world.acme.app_secret))
    assert (code, json.loads(answer)) == (200, {"success": True})
    row = await post.row("select * from ingests")
    assert (row["app_id"], row["body"], row["applied_at"]) == (world.acme.app_id, VECTOR, None)


async def test_a_body_in_pieces_is_put_together(meta: Meta, post: Post, world: World) -> None:
    pieces = [VECTOR[start : start + 10] for start in range(0, len(VECTOR), 10)]
    code, _, _ = await meta.post(world.acme, pieces, sign(VECTOR, world.acme.app_secret))
    assert code == 200
    assert await post.value("select body from ingests") == VECTOR


async def test_without_the_right_signature_nothing_is_stored(meta: Meta, post: Post, world: World) -> None:
    good = sign(VECTOR, world.acme.app_secret)
    signatures = [
        None,
        "",
        "sha256=",
        "sha256=ü",
        good.removeprefix("sha256="),
        good.replace("sha256", "sha1"),
        good[:-1],
        sign(VECTOR + b" ", world.acme.app_secret),
        sign(VECTOR, world.globex.app_secret),
        # What a server sees that parses first and signs what it would have written itself.
        sign(json.dumps(json.loads(VECTOR)).encode(), world.acme.app_secret),
    ]
    for signature in signatures:
        code, headers, answer = await meta.post(world.acme, VECTOR, signature)
        assert code == 401
        assert "www-authenticate" not in headers
        assert world.acme.app_secret.encode() not in answer
    assert await post.value("select count(*) from ingests") == 0


async def test_a_signed_body_that_is_no_json_is_stored_and_later_quarantined(
    meta: Meta, post: Post, world: World
) -> None:
    code, _, _ = await meta.post(world.acme, b"\x00 no json", sign(b"\x00 no json", world.acme.app_secret))
    assert code == 200
    assert await post.apply() == 1
    assert len(await post.reasons()) == 1


async def test_a_delivery_of_three_megabytes_is_taken_and_a_larger_one_is_not(
    meta: Meta, post: Post, world: World
) -> None:
    largest = b"x" * 3 * 1024 * 1024
    code, _, _ = await meta.post(world.acme, largest, sign(largest, world.acme.app_secret))
    assert code == 200
    pieces = [largest, b"x" * 1024 * 1024]
    code, headers, _ = await meta.post(world.acme, pieces, sign(b"".join(pieces), world.acme.app_secret))
    assert (code, headers["connection"]) == (413, "close")
    path = f"/webhooks/whatsapp/{world.acme.callback_key}"
    declared = {"x-hub-signature-256": "sha256=0", "content-length": "99999999999999999999999"}
    code, _, _ = await meta.call("POST", path, b"{}", declared)
    assert code == 413
    assert await post.value("select count(*) from ingests") == 1


async def test_a_new_verify_token_counts_in_under_a_second(
    meta: Meta, post: Post, world: World, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doors.CACHE_SECONDS < 1
    monkeypatch.setattr(doors, "CACHE_SECONDS", 0)
    assert (await meta.shake(world.acme))[0] == 200
    async with post.database.connection() as db:
        await db.execute(
            "update whatsapp_numbers set verify_token_digest = $2 where id = $1",
            world.acme.number_id,
            sealer.digest("renewed", "verify_token"),
        )
    assert (await meta.shake(world.acme))[0] == 403
    assert (await meta.shake(world.acme, hub_verify_token="renewed"))[0] == 200


async def test_without_the_database_meta_is_asked_to_come_again(meta: Meta, post: Post, world: World) -> None:
    raw = posts.statuses(world.acme, status("wamid.1", "sent"))
    signature = sign(raw, world.acme.app_secret)
    assert (await meta.post(world.acme, raw, signature))[0] == 200
    await post.database.close()
    assert (await meta.post(world.acme, raw, signature))[0] == 503
    await post.database.open()
    assert (await meta.post(world.acme, raw, signature))[0] == 200


async def test_a_secret_that_does_not_open_says_nothing(database: Database, world: World) -> None:
    app = Litestar(
        doors.door(database, Sealer("another secret key, which is the wrong one")),
        exception_handlers={ApiError: render},
        openapi_config=None,
        logging_config=None,
    )
    code, _, answer = await Meta(with_context(app)).post(world.acme, b"{}", "sha256=0")
    assert code == 503
    assert b"RASL_SECRET_KEY" not in answer
