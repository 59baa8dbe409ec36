"""Messages from the terminal: sent through the API, explained where it refuses, never sent twice."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Terminal
from tests.serving import Api, graph_requests

PHONE = "+15550100001"
TEMPLATE = {
    "name": "order_shipped",
    "language": "en",
    "components": [
        {"type": "HEADER", "format": "DOCUMENT", "example": {"header_handle": ["4::a"]}},
        {
            "type": "BODY",
            "text": "Hello {{1}}, your order {{2}} has left our house and is on its way to you now.",
        },
        {
            "type": "BUTTONS",
            "buttons": [{"type": "URL", "text": "Track", "url": "https://x.test/{{1}}", "example": ["a"]}],
        },
    ],
}


async def sent(api: Api) -> list[dict[str, Any]]:
    return [item["body"] for item in await graph_requests(api) if item["path"].endswith("/messages")]


async def test_a_text_goes_out_and_is_named(api: Api, terminal: Terminal) -> None:
    told = await terminal.good("send", PHONE, "Hello  there")
    assert (told["status"], told["phone"]) == ("sent", "15550100001")
    assert told["idempotency_key"].startswith("rasl-send-")
    spoken = await terminal("send", PHONE, "-h and all", "--reply-to", str(told["chat_message_id"]))
    assert spoken.code == 2, "what looks like an option is none of the text"
    spoken = await terminal("send", PHONE, "--reply-to", str(told["chat_message_id"]), "--", "-h and all")
    assert (spoken.code, spoken.err) == (0, "")
    assert "Message sent successfully." in spoken.out
    first, second = await sent(api)
    assert first["text"]["body"] == "Hello  there"
    assert (second["text"]["body"], second["context"]) == ("-h and all", {"message_id": told["message_id"]})


async def test_a_template_is_filled_and_its_file_uploaded(
    api: Api, terminal: Terminal, tmp_path: Path
) -> None:
    templates = {"waba_id": api.world.acme.waba_id, "templates": [TEMPLATE]}
    assert (await api.simulator.post("/_control/templates", templates)).status == 200
    assert (await api.acme.post("/api/v2/templates/sync")).status == 200
    paper = tmp_path / "invoice 1.csv"
    paper.write_text("a,b\n1,2\n", encoding="utf-8")
    await terminal.good(
        "send", PHONE, "--template", "order_shipped", "--field", "Priya", "--field", "A=1", "--button", "1044",
        "--file", str(paper),
    )  # fmt: skip
    [message] = await sent(api)
    header, body, button = message["template"]["components"]
    assert header["parameters"][0]["document"]["filename"] == "invoice 1.csv"
    assert [item["text"] for item in body["parameters"]] == ["Priya", "A=1"]
    assert button["parameters"] == [{"type": "text", "text": "1044"}]
    error = await terminal.bad("send", PHONE, "--template", "order_shipped", "--field", "Priya")
    assert error["code"] == "VALIDATION_ERROR"
    assert {"field_2", "button_0"} <= error["details"].keys()


async def test_a_file_goes_out_as_what_its_name_says(api: Api, terminal: Terminal, tmp_path: Path) -> None:
    paper = tmp_path / 'a "quoted" name.txt'
    paper.write_bytes(b"text\r\n--boundary\r\n")
    await terminal.good("send", PHONE, "See --file", "--file", str(paper))
    [message] = await sent(api)
    assert message["document"]["caption"] == "See --file"
    assert (await terminal.bad("send", PHONE, "--file", str(tmp_path / "none.txt")))["code"] == "USAGE"
    refused = await terminal("send", PHONE, "--file", str(paper), "--type", "image")
    assert refused.code == 1
    assert "media_file: " in refused.err


async def test_a_dry_run_sends_nothing_and_tells_what_would_be(api: Api, terminal: Terminal) -> None:
    told = await terminal.good("send", PHONE, "Hello", "--dry-run")
    assert (told["would_send"], told["payload"]["text"]["body"]) == (True, "Hello")
    assert "nothing was sent" in (await terminal("send", PHONE, "Hello", "--dry-run")).out
    assert await sent(api) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["123", "Hello"], "must have 10 to 20 characters"),
        (["contact:4711", "Hello"], "Contact not found"),
        (["+15550100001", "--template", "nope"], "Template not found"),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_the_api(
    terminal: Terminal, arguments: list[str], said: str
) -> None:
    outcome = await terminal("send", *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert said in outcome.err
    assert "request " in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["+15550100001"],
        ["+15550100001", "Hello", "--template", "t"],
        ["+15550100001", "Hello", "--field", "x"],
        ["+15550100001", "--template", "t", "--param", "no sign"],
        ["+15550100001", "Hello", "--url", "wa.example.com"],
        ["+15550100001", "Hello", "--url", "https://me:secret@wa.example.com"],
        ["+15550100001", "-", "--token", "-"],
    ],
)
async def test_a_wrong_call_reaches_nobody(api: Api, terminal: Terminal, arguments: list[str]) -> None:
    assert (await terminal.bad("send", *arguments))["code"] == "USAGE"
    assert await sent(api) == []


async def test_the_token_comes_from_a_file_and_goes_nowhere_else(
    api: Api, terminal: Terminal, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"{api.world.acme.token}\n", encoding="utf-8")
    bare = {"RASL_TOKEN": ""}
    assert await terminal.good("send", PHONE, "One", "--token", f"@{secret}", **bare)
    assert await terminal.good("send", PHONE, "Two", RASL_TOKEN_FILE=str(secret), **bare)
    missing = await terminal("send", PHONE, "Three", **bare)
    assert (missing.code, "RASL_TOKEN" in missing.err) == (1, True)
    wrong = await terminal("send", PHONE, "Four", RASL_TOKEN="rasl_not_a_token_of_anybody_0123456789")
    assert "401" in wrong.err
    assert "not_a_token" not in wrong.everything
    assert "has no effect" not in wrong.err
    assert len(await sent(api)) == 2


async def test_nobody_at_the_address_is_one_sentence(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = await terminal.bad("send", PHONE, "Hello", RASL_URL=f"http://127.0.0.1:{port}")
    assert (error["code"], str(port) in error["message"]) == ("NO_ANSWER", True)


async def test_a_broken_connection_names_the_key_that_makes_a_second_try_safe(
    api: Api, terminal: Terminal
) -> None:
    with cutting(api.base_url) as url:
        error = await terminal.bad("send", PHONE, "Once", RASL_URL=url)
    assert error["code"] == "CONNECTION_BROKE"
    key = error["idempotency_key"]
    assert (await terminal.good("send", PHONE, "Once", "--idempotency-key", key))["status"] == "sent"
    assert [item["text"]["body"] for item in await sent(api)] == ["Once"]


@contextlib.contextmanager
def cutting(base_url: str) -> Iterator[str]:
    """Pass one request on, wait for its answer, and cut the connection instead of giving it back."""
    host, port = base_url.removeprefix("http://").split(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def pass_on() -> None:
        caller, _ = listener.accept()
        with caller, socket.create_connection((host, int(port))) as server:
            asked = b""
            while b"Once" not in asked:
                asked += caller.recv(65536)
            server.sendall(asked)
            assert server.recv(65536)

    thread = threading.Thread(target=pass_on)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(30)
        listener.close()
