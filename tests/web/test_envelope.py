"""Every answer is JSON in the envelope, whatever went wrong."""

from typing import Any

import pytest

from rasl import log
from rasl.services.sending import message_list
from tests.serving import Api


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "NOT_FOUND"),
        ("GET", "/api/v2/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/v2", 404, "NOT_FOUND"),
        ("POST", "/api/v2/messages/text/", 401, "UNAUTHORIZED"),
        ("PUT", "/api/v2/messages/text", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/api/v2/messages", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v2/messages", 401, "UNAUTHORIZED"),
        ("GET", "/docs/../../etc/passwd", 404, "NOT_FOUND"),
        ("GET", "/docs/unknown.js", 404, "NOT_FOUND"),
    ],
)
async def test_errors_come_in_the_envelope(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = await api.nobody.call(method, path)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == answer.body["meta"]["request_id"]
    assert answer.body["meta"]["timestamp"].endswith("+00:00")


async def test_an_unexpected_error_tells_only_its_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def explode(*_: Any) -> None:
        raise RuntimeError("a detail for the log: Bearer rasl_SECRETSECRETSECRETSECRET")

    monkeypatch.setattr(message_list, "fetch_page", explode)
    log.configure("json", "warning")  # now that standard error is the captured one
    answer = await api.acme.get("/api/v2/messages")
    assert (answer.status, answer.code, answer.details) == (500, "INTERNAL_ERROR", {})
    assert "for the log" not in str(answer.body)
    logged = capsys.readouterr().err
    assert logged.count("RuntimeError: a detail for the log") == 1
    assert answer.body["meta"]["request_id"] in logged
    assert "SECRETSECRET" not in logged


async def test_the_docs_page_asks_no_other_host(api: Api) -> None:
    page = await api.nobody.get("/docs")
    assert page.status == 200
    assert "://" not in page.body
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    for name in (
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "favicon-32x32.png",
        "docs.css",
        "docs.js",
        "try.js",
    ):
        assert (
            await api.nobody.call("HEAD" if name.endswith("png") else "GET", f"/docs/{name}")
        ).status == 200


async def test_health_answers_and_metrics_are_not_for_everybody(api: Api) -> None:
    assert (await api.nobody.get("/livez")).body == {"status": "ok"}
    assert (await api.nobody.get("/readyz")).body == {"status": "ok"}
    metrics = await api.nobody.get("/metrics")
    assert (metrics.status, metrics.code) == (404, "NOT_FOUND")
