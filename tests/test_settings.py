import dataclasses
from pathlib import Path
from typing import Any

import pytest

from rasl.setting_names import environment_name
from rasl.settings import Settings, SettingsError, stray_variables

KEY = "k" * 32
# One good value for each setting, unlike its default.
GOOD: dict[str, tuple[str, Any]] = {
    "database_url": (
        "postgresql://rasl:pw@db.example.test/rasl",
        "postgresql://rasl:pw@db.example.test/rasl",
    ),
    "data_dir": ("/srv/rasl", Path("/srv/rasl")),
    "sandbox_file": ("/srv/rasl/sandbox.json", "/srv/rasl/sandbox.json"),
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value, nothing listens
    "port": ("9000", 9000),
    "metrics_host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value, nothing listens
    "metrics_port": ("9100", 9100),
    "admin_host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value, nothing listens
    "admin_port": ("9300", 9300),
    "request_seconds": ("12.5", 12.5),
    "stranger_bytes": ("16777216", 16_777_216),
    "max_connections": ("100", 100),
    "drain_seconds": ("0", 0.0),
    "public_url": ("https://wa.example.test/", "https://wa.example.test/"),
    "cors_origins": (
        "https://app.example.test, http://127.0.0.1:3000",
        "https://app.example.test, http://127.0.0.1:3000",
    ),
    "trusted_proxies": ("10.0.0.0/8, 2001:db8::1", "10.0.0.0/8, 2001:db8::1"),
    "graph_base_url": ("http://127.0.0.1:9100", "http://127.0.0.1:9100"),
    "graph_version": ("v25.0", "v25.0"),
    "secret_key": ("s" * 40, "s" * 40),
    "log_format": ("json", "json"),
    "log_level": ("debug", "debug"),
    "pool_size": ("20", 20),
    "graph_timeout_seconds": ("12.5", 12.5),
    "lease_seconds": ("5", 5.0),
    "unknown_window_seconds": ("60", 60.0),
    "retention_days": ("30", 30),
    "quarantine_days": ("30", 30),
    "message_days": ("365", 365),
    "message_body_days": ("90", 90),
    "attempt_days": ("30", 30),
    "status_days": ("30", 30),
    "parked_status_days": ("3", 3),
    "media_days": ("180", 180),
    "unused_media_days": ("30", 30),
    "import_days": ("0", 0),
    "event_days": ("7", 7),
    "otp_days": ("7", 7),
    "webhook_days": ("8", 8),
    "webhook_delivered_days": ("1", 1),
    "webhook_endpoints": ("5", 5),
    "webhook_allow_cidrs": ("10.0.0.0/8, ::1", "10.0.0.0/8, ::1"),
    "challenge_days": ("7", 7),
    "audit_days": ("400", 400),
    "idempotency_days": ("2", 2),
    "media_store": ("s3://files/rasl", "s3://files/rasl"),
    "s3_endpoint": ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    "s3_region": ("eu-central-1", "eu-central-1"),
    "s3_access_key": ("access", "access"),
    "s3_secret_key": ("hidden", "hidden"),
    "media_url_seconds": ("60", 60),
    "allow_private_urls": ("true", True),
    "template_sync_hours": ("1.5", 1.5),
    "otp_max_attempts": ("3", 3),
    "otp_prefix_digits": ("5", 5),
    **{
        f"otp_{scope}_per_{period}": ("7", 7)
        for scope in ("phone", "prefix", "country", "tenant")
        for period in ("hour", "day")
    },
    "otp_alarm_sends": ("10", 10),
    "otp_alarm_ratio": ("0.5", 0.5),
}
NAMES = [field.name for field in dataclasses.fields(Settings)]


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_comes_from_its_variable(name: str) -> None:
    text, value = GOOD[name]
    settings = Settings.from_environment({"RASL_SECRET_KEY": KEY, environment_name(name): text})
    assert getattr(settings, name) == value


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_come_from_a_file(name: str, tmp_path: Path) -> None:
    text, value = GOOD[name]
    file = tmp_path / "value"
    file.write_text(f"{text}\n", encoding="utf-8")
    env = {"RASL_SECRET_KEY": KEY, f"{environment_name(name)}_FILE": str(file)}
    assert getattr(Settings.from_environment(env), name) == value


def test_every_setting_has_a_help_text() -> None:
    assert all(field.metadata["help"].endswith(".") for field in dataclasses.fields(Settings))


def test_nothing_set_means_embedded_and_local() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.is_embedded
    assert settings.base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_is_as_good_as_none(text: str) -> None:
    assert Settings.from_environment({environment_name(name): text for name in NAMES}) == Settings()


def test_the_file_wins_over_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("9001", encoding="utf-8")
    assert Settings.from_environment({"RASL_PORT": "9000", "RASL_PORT_FILE": str(file)}).port == 9001


def test_what_the_command_line_says_wins_over_the_environment() -> None:
    settings = Settings.from_environment({"RASL_PORT": "9000", "RASL_HOST": "10.0.0.1"}, port=9002, host=None)
    assert (settings.port, settings.host) == (9002, "10.0.0.1")


def test_the_public_address_has_no_trailing_slash() -> None:
    assert Settings.from_environment({"RASL_PUBLIC_URL": "https://wa.example.test/"}).base_url == (
        "https://wa.example.test"
    )


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({"RASL_PORT": "http"}, "RASL_PORT: must be a whole number"),
        ({"RASL_PORT": "0"}, "RASL_PORT: must be between 1 and 65535"),
        ({"RASL_PORT": "65536"}, "RASL_PORT: must be between 1 and 65535"),
        ({"RASL_PORT": "9" * 5000}, "RASL_PORT: must be a whole number"),
        ({"RASL_METRICS_PORT": "-1"}, "RASL_METRICS_PORT: must be between 0 and 65535"),
        ({"RASL_METRICS_PORT": "8080"}, "RASL_METRICS_PORT: must be another port than RASL_PORT"),
        ({"RASL_SECRET_KEY": "short"}, "RASL_SECRET_KEY: needs at least 32 characters"),
        ({"RASL_DATABASE_URL": "postgresql://x"}, "RASL_SECRET_KEY: required with RASL_DATABASE_URL"),
        ({"RASL_LOG_FORMAT": "xml"}, "RASL_LOG_FORMAT: must be console or json"),
        ({"RASL_LOG_LEVEL": "loud"}, "RASL_LOG_LEVEL: must be debug, info, warning or error"),
        ({"RASL_POOL_SIZE": "1"}, "RASL_POOL_SIZE: must be at least 2"),
        ({"RASL_GRAPH_TIMEOUT_SECONDS": "0"}, "RASL_GRAPH_TIMEOUT_SECONDS: must be a number above 0"),
        ({"RASL_LEASE_SECONDS": "-1"}, "RASL_LEASE_SECONDS: must be a number above 0"),
        ({"RASL_LEASE_SECONDS": "nan"}, "RASL_LEASE_SECONDS: must be a number above 0"),
        ({"RASL_UNKNOWN_WINDOW_SECONDS": "inf"}, "RASL_UNKNOWN_WINDOW_SECONDS: must be a number above 0"),
        (
            {"RASL_UNKNOWN_WINDOW_SECONDS": "44", "RASL_GRAPH_TIMEOUT_SECONDS": "35"},
            "RASL_UNKNOWN_WINDOW_SECONDS: must be at least 45, RASL_GRAPH_TIMEOUT_SECONDS and RASL_LEASE_SECONDS",
        ),
        ({"RASL_UNKNOWN_WINDOW_SECONDS": "soon"}, "RASL_UNKNOWN_WINDOW_SECONDS: "),
        ({"RASL_RETENTION_DAYS": "-1"}, "RASL_RETENTION_DAYS: must be between 0 and 36500"),
        ({"RASL_EVENT_DAYS": "36501"}, "RASL_EVENT_DAYS: must be between 0 and 36500"),
        ({"RASL_MESSAGE_DAYS": "7"}, "RASL_MESSAGE_DAYS: must be 0 or at least 8"),
        ({"RASL_STATUS_DAYS": "1"}, "RASL_STATUS_DAYS: must be 0 or at least 8"),
        ({"RASL_MEDIA_DAYS": "30"}, "RASL_UNUSED_MEDIA_DAYS: must be between 1 and RASL_MEDIA_DAYS"),
        (
            {"RASL_MEDIA_DAYS": "30", "RASL_UNUSED_MEDIA_DAYS": "0"},
            "RASL_UNUSED_MEDIA_DAYS: must be between 1 and RASL_MEDIA_DAYS",
        ),
        ({"RASL_REQUEST_SECONDS": "0"}, "RASL_REQUEST_SECONDS: must be a number above 0"),
        ({"RASL_STRANGER_BYTES": "1000"}, "RASL_STRANGER_BYTES: must be at least 8388608"),
        ({"RASL_MAX_CONNECTIONS": "1"}, "RASL_MAX_CONNECTIONS: must be at least 16"),
        ({"RASL_DRAIN_SECONDS": "-1"}, "RASL_DRAIN_SECONDS: must be a number not below 0"),
        ({"RASL_DRAIN_SECONDS": "inf"}, "RASL_DRAIN_SECONDS: must be a number not below 0"),
        ({"RASL_DATA_DIR": "~nobody-of-that-name/data"}, "RASL_DATA_DIR: "),
        ({"RASL_SECRET_KEY_FILE": "/nowhere/key"}, "RASL_SECRET_KEY: "),
        ({"RASL_SECRET_KEY_FILE": "/"}, "RASL_SECRET_KEY: "),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_needs(env: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(env)
    assert str(caught.value).startswith(problem)
    assert "; " not in str(caught.value).replace("has 5000 digits; use", "")


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    env = {
        "RASL_PORT": "http",
        "RASL_POOL_SIZE": "1",
        "RASL_LOG_FORMAT": "xml",
        "RASL_LEASE_SECONDS": "0",
        "RASL_SECRET_KEY": "short",
        "RASL_HOST_FILE": str(binary),
        "RASL_DATA_DIR": "~nobody-of-that-name/data",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(env)
    named = {part.partition(":")[0] for part in str(caught.value).split("; ")}
    assert named == {name.removesuffix("_FILE") for name in env}


def test_settings_can_be_shown_without_their_secrets() -> None:
    shown = repr(Settings(secret_key=KEY, database_url="postgresql://rasl:hunter2@db/rasl"))
    assert KEY not in shown
    assert "hunter2" not in shown


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("otp_max_attempts", "0"),
        ("otp_max_attempts", "21"),
        ("otp_prefix_digits", "0"),
        ("otp_prefix_per_hour", "-1"),
        ("otp_alarm_sends", "0"),
        ("otp_alarm_ratio", "1.1"),
        ("otp_alarm_ratio", "nan"),
    ],
)
def test_limits_of_one_time_passwords_have_a_range(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=environment_name(name)):
        Settings.from_environment({"RASL_SECRET_KEY": KEY, environment_name(name): text})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RASL_DATABSE_URL", "RASL_DATABASE_URL"),
        ("RASL_DB_URL", "RASL_DATABASE_URL"),
        ("RASL_SECRET_KEY_FIEL", "RASL_SECRET_KEY_FILE"),
        ("RASL_POSTGRES_USERS", "RASL_POSTGRES_USER"),
        ("rasl_port", "RASL_PORT"),
        ("RASL_XYZZY", None),
    ],
)
def test_a_variable_that_nothing_reads_is_named_with_what_was_meant(name: str, meant: str | None) -> None:
    (line,) = stray_variables({name: "x", "HOME": "/", "RASL_PORT": "1"})
    assert line.startswith(f"{name} is no setting")
    assert ("did you mean" in line) is (meant is not None)
    if meant:
        assert line.endswith(f"{meant}?")


def test_what_is_read_or_comes_from_kubernetes_is_no_stray() -> None:
    known = {environment_name(name): "x" for name in NAMES} | {
        f"{environment_name(name)}_FILE": "x" for name in NAMES
    }
    foreign = {
        "RASL_SERVICE_HOST": "10.0.0.1",
        "RASL_API_SERVICE_PORT_HTTP": "80",
        "RASL_API_PORT": "tcp://10.0.0.1:80",
        "RASL_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert stray_variables(known | foreign | {"RASL_POSTGRES_USER": "rasl", "RASL_SUPERVISED": "1"}) == []


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "null",
        "app.example.test",
        "https://app.example.test/",
        "https://app.example.test/page",
        "https://*.example.test",
        "https://App.example.test",
        "https://app.example.test:443",
        "http://app.example.test:80",
        "https://app.example.test:99999",
        "https://app.example.test:0",
        "https://user@app.example.test",
        "https://a.example.test https://b.example.test",
        "https://a.example.test, ftp://b.example.test",
    ],
)
def test_origins_are_taken_only_as_browsers_send_them(origins: str) -> None:
    with pytest.raises(SettingsError, match="RASL_CORS_ORIGINS: must be origins"):
        Settings.from_environment({}, cors_origins=origins)


@pytest.mark.parametrize(
    "origins", ["", "https://a.example.test", "http://localhost:3000,https://[::1]:8443 , https://a-b.test,"]
)
def test_origins_as_browsers_send_them_are_taken(origins: str) -> None:
    assert Settings.from_environment({}, cors_origins=origins).cors_origins == origins


@pytest.mark.parametrize(
    "networks", ["10.0.0.1/8", "fe80::1%eth0", "proxy.internal", "10.0.0.0/8;10.1.0.0/16"]
)
def test_a_proxy_is_an_address_or_a_network(networks: str) -> None:
    with pytest.raises(SettingsError, match="RASL_TRUSTED_PROXIES"):
        Settings.from_environment({}, trusted_proxies=networks)
