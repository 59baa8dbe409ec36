"""The API from the terminal: any request with the token, and its answer as it is."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import Terminal
from tests.serving import Api, graph_requests


async def test_it_shows_the_answer_and_ends_as_its_status_says(api: Api, terminal: Terminal) -> None:
    await api.acme.send("+15550100001", "One")
    outcome = await terminal(
        "api", "GET", "/messages", "-f", "filter[type]=text", "-f", "filter[created_at][>=]=2020-01-01"
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert [item["message"] for item in json.loads(outcome.out)["data"]] == ["One"]
    assert (await terminal("api", "/api/v2/messages?filter[type]=image")).value["data"] == []
    missing = await terminal("api", "GET", "/messages/4711")
    assert (missing.code, missing.value["error"]["code"]) == (4, "NOT_FOUND")
    refused = await terminal("api", "/messages", RASL_TOKEN="nonsense")
    assert (refused.code, refused.value["error"]["code"]) == (4, "UNAUTHORIZED")


async def test_it_shows_the_head_or_all_of_it_as_one_object(terminal: Terminal) -> None:
    told = await terminal("api", "/contacts", "-i")
    assert told.out.startswith("HTTP 200 OK\n")
    assert "\nx-request-id: " in told.out
    value = (await terminal("api", "/contacts", "--json")).value
    assert (value["status"], value["body"]["data"]) == (200, [])
    assert value["headers"]["content-type"].startswith("application/json")


async def test_it_sends_fields_nested_typed_and_as_they_are(
    api: Api, terminal: Terminal, tmp_path: Path
) -> None:
    buttons = '[{"id": "a", "title": "Yes"}]'
    sent = await terminal(
        "api", "/messages/text", "-f", "phone=+15550100001", "-f", "message=a=b", "-H", "Idempotency-Key: k1"
    )
    assert (sent.code, sent.value["data"]["status"]) == (0, "sent")
    wamid = sent.value["data"]["message_id"]
    nested = await terminal(
        "api", "post", "messages/interactive", "-f", "phone=+15550100001", "-f", "type=button",
        "-f", "body_text=Well?", "-F", f"buttons={buttons}", "-f", f"context[message_id]={wamid}",
    )  # fmt: skip
    assert nested.code == 0, nested.out
    body = tmp_path / "body.json"
    body.write_text('{"phone": "+15550100001", "message": "From a file"}', encoding="utf-8")
    assert (await terminal("api", "POST", "/messages/text", "--input", str(body))).code == 0
    first, second, third = [item["body"] for item in await graph_requests(api)]
    assert first["text"]["body"] == "a=b"
    assert second["context"] == {"message_id": wamid}
    assert second["interactive"]["action"]["buttons"][0]["reply"] == {"id": "a", "title": "Yes"}
    assert third["text"]["body"] == "From a file"


async def test_it_uploads_files_beside_fields(api: Api, terminal: Terminal, tmp_path: Path) -> None:
    paper = tmp_path / "paper.txt"
    paper.write_text("words", encoding="utf-8")
    outcome = await terminal(
        "api", "POST", "/messages/media", "-f", "phone=+15550100001", "-f", "media_type=document",
        "--file", f"media_file={paper}",
    )  # fmt: skip
    assert outcome.code == 0, outcome.out
    [message] = [item["body"] for item in await graph_requests(api) if item["path"].endswith("/messages")]
    assert message["document"]["filename"] == "paper.txt"


@pytest.mark.parametrize(
    "arguments",
    [
        ["GET", "https://elsewhere.example/api/v2/messages"],
        ["GET", "one", "two"],
        ["/messages", "-f", "no sign"],
        ["/messages/text", "-F", "a=not json"],
        ["/messages/text", "-f", "a=1", "-f", "a[b]=2"],
        ["POST", "/messages/text", "-f", "a=1", "--input", "/dev/null"],
        ["/messages", "-H", "no colon"],
        ["POST", "/messages/text", "--input", "/no/such/file"],
        ["/messäges"],
    ],
)
async def test_a_wrong_call_is_told(terminal: Terminal, arguments: list[str]) -> None:
    assert (await terminal.bad("api", *arguments))["code"] == "USAGE"
