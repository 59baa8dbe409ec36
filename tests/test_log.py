import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from rasl import log

TOKEN = "rasl_" + "0aB" * 18
ADMIN_TOKEN = "rasladm_" + "0aB" * 18
META_TOKEN = "EAAG" + "0aB" * 20
FORMATS = pytest.mark.parametrize("log_format", ["json", "console"])
# (text, what must not be seen)
TEXTS = [
    (f"authorization: Bearer {TOKEN}", TOKEN),
    ("authorization: bearer abc.def-ghi", "abc.def-ghi"),
    (f"token {TOKEN} was refused", TOKEN),
    (f"token {ADMIN_TOKEN} was refused", ADMIN_TOKEN[8:]),
    (f"GET /v24.0/me?access_token={META_TOKEN}", META_TOKEN),
    (f"Meta said {META_TOKEN}.", META_TOKEN),
    ("cannot reach postgresql://rasl:hunter2@db.example.test/rasl", "hunter2"),
    ("cannot reach postgresql://:hunter2@db.example.test/rasl", "hunter2"),
    ("cannot reach postgresql://rasl:hun@ter2@db.example.test/rasl", "ter2"),
    ("cannot reach postgresql:///rasl?user=rasl&password=hunter2", "hunter2"),
    ("GET /webhooks/whatsapp/x?hub.verify_token=hunter2&hub.mode=subscribe", "hunter2"),
]
KEYS = [
    "token",
    "access_token",
    "verify_token",
    "app_secret",
    "secret_key",
    "password",
    "Authorization",
    "x-api-key",
    "database_url",
    "otp",
    "code_plain",
]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    log.configure("console", "warning")
    log.REQUEST_ID.set(None)


@pytest.mark.parametrize(("text", "secret"), TEXTS)
def test_a_secret_in_a_text_is_blanked(text: str, secret: str) -> None:
    blanked = log.redact(text)
    assert secret not in blanked
    assert "[redacted]" in blanked


@pytest.mark.parametrize(
    "text",
    [
        "message 9031 sent to 442079460011",
        "https://graph.facebook.com:443/v24.0/1/messages",
        "mail ana@example.test at 12:30",
        "rasl_http_requests_total",
        "wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
        "the bearer",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert log.redact(text) == text


def _lines(captured: pytest.CaptureFixture[str]) -> str:
    return captured.readouterr().err


@FORMATS
@pytest.mark.parametrize(("text", "secret"), TEXTS)
def test_no_line_shows_a_secret_wherever_it_is(
    log_format: str, text: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(log_format, "info")
    logger = log.get_logger()
    log.REQUEST_ID.set(text)
    logger.info(text)
    logger.info("value", value=text)
    logger.info("nested", value={"inner": [text]})
    logger.info("error", error=ValueError(text))
    logger.info("formatted %s", text)
    logging.getLogger("somebody.else").warning("%s and %s", text, {"inner": text})
    out = _lines(capsys)
    assert secret not in out
    assert out.count("\n") == 6


@FORMATS
@pytest.mark.parametrize("key", KEYS)
def test_a_value_with_a_secrets_name_is_blanked_whatever_it_is(
    log_format: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(log_format, "info")
    values: list[Any] = ["hunter2", b"hunter2", ["hunter2"], {"a": "hunter2"}]
    for value in values:
        log.get_logger().info("seen", **{key: value})
    log.get_logger().info("nested", headers={key: "hunter2"})
    out = _lines(capsys)
    assert "hunter2" not in out
    assert out.count("[redacted]") == 5


@FORMATS
@pytest.mark.parametrize(("text", "secret"), TEXTS)
def test_a_trace_shows_no_secret(
    log_format: str, text: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(log_format, "info")
    try:
        int(text)
    except ValueError as error:
        log.get_logger().exception("ours")
        log.get_logger().error("passed", exc_info=error)
        logging.getLogger("somebody.else").exception("theirs")
    out = _lines(capsys)
    assert secret not in out
    assert out.count("Traceback") == 3
    assert out.count("ValueError") == 3


@FORMATS
def test_the_id_of_a_token_is_no_secret(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(log_format, "info")
    log.get_logger().info("seen", token_id=4711, flag=True, nothing=None)
    assert "4711" in _lines(capsys)


def test_json_lines_are_json_with_level_time_and_context(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.REQUEST_ID.set("b7a3")
    log.get_logger().warning("message_waits", message_id=9031, parts=("a", {"b": 1.5}))
    logging.getLogger("somebody.else").error("theirs\nin two lines")
    ours, theirs = (json.loads(line) for line in _lines(capsys).splitlines())
    assert ours["event"] == "message_waits"
    assert (ours["level"], ours["message_id"], ours["request_id"]) == ("warning", 9031, "b7a3")
    assert ours["parts"] == ["a", {"b": 1.5}]
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["level"]) == ("theirs\nin two lines", "error")


@FORMATS
def test_below_the_level_nothing_is_written(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(log_format, "warning")
    log.get_logger().info("unseen")
    logging.getLogger("somebody.else").info("unseen")
    assert not _lines(capsys)
