"""Every setting, read once from the environment (`RASL_*`, or `RASL_*_FILE` for a file holding the value)."""

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and says what it needs."""


def _setting(default: Any, help_text: str, *, is_secret: bool = False) -> Any:
    return dataclasses.field(
        default=default, repr=not is_secret, metadata={"help": help_text, "is_secret": is_secret}
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """One frozen value handed down from the roof; nothing below reads the environment."""

    database_url: str = _setting(
        "",
        "PostgreSQL 15 or newer, as `postgresql://user:password@host/name`. Empty: the embedded server is used.",
        is_secret=True,
    )
    data_dir: Path = _setting(
        Path("data"), "Folder of the embedded database, the generated secret key and `sandbox.json`."
    )
    host: str = _setting("127.0.0.1", "Address the API listens on.")
    port: int = _setting(8080, "Port the API listens on.")
    request_seconds: float = _setting(
        30.0,
        "How long a client may take to send a request, head and body. Whoever showed a token that works has a second "
        "more for every 16 KiB sent, so that large files need not hurry.",
    )
    stranger_bytes: int = _setting(
        33_554_432,
        "Memory per process for requests of callers not known yet: those without a token that works, and deliveries "
        "of Meta whose signature is not checked. Beyond it the slowest is refused. At least 8 MiB.",
    )
    max_connections: int = _setting(
        4096, "Connections per process; beyond it one that is idle is closed for each new one."
    )
    drain_seconds: float = _setting(
        5.0,
        "How long after SIGTERM a server still takes requests while `/readyz` says 503, before it stops listening. "
        "Longer than your load balancer takes to notice.",
    )
    public_url: str = _setting(
        "", "Address under which Meta and your clients reach this server; default `http://{host}:{port}`."
    )
    graph_base_url: str = _setting("https://graph.facebook.com", "Meta's Graph API, without the version.")
    graph_version: str = _setting("v24.0", "Version of the Graph API that every call names.")
    secret_key: str = _setting(
        "",
        "Root of encryption at rest and of every pepper, at least 32 characters. Generated into the data folder "
        "for the embedded database; required with `RASL_DATABASE_URL`.",
        is_secret=True,
    )
    log_format: str = _setting("console", "`console` for people or `json` for machines.")
    log_level: str = _setting("info", "`debug`, `info`, `warning` or `error`. `debug` logs every request.")
    pool_size: int = _setting(8, "Database connections for reading and writing, per process.")
    graph_timeout_seconds: float = _setting(
        30.0,
        "Longest wait for one answer of Meta; after it the outcome is `unknown`, never sent again by itself.",
    )
    lease_seconds: float = _setting(
        10.0, "How long a message stays with a process that stopped answering before it is rescued."
    )
    unknown_window_seconds: float = _setting(
        120.0, "How long an `unknown` message waits for Meta's echo before the tenant's policy applies."
    )
    otp_max_attempts: int = _setting(
        5, "Wrong codes that one one-time password takes, 1 to 20, unless the tenant has a number of its own."
    )
    otp_phone_per_hour: int = _setting(
        10, "One-time passwords per tenant to one phone number in an hour. 0: no limit, here and below."
    )
    otp_phone_per_day: int = _setting(20, "The same in a day.")
    otp_prefix_digits: int = _setting(
        4, "Digits of the national number that count, after the country code, as the prefix of a destination."
    )
    otp_prefix_per_hour: int = _setting(
        100, "One-time passwords per tenant to numbers of one prefix in an hour: what pumping meets first."
    )
    otp_prefix_per_day: int = _setting(500, "The same in a day.")
    otp_country_per_hour: int = _setting(2000, "One-time passwords per tenant to one country in an hour.")
    otp_country_per_day: int = _setting(10_000, "The same in a day.")
    otp_tenant_per_hour: int = _setting(3000, "One-time passwords of one tenant in an hour.")
    otp_tenant_per_day: int = _setting(20_000, "The same in a day.")
    otp_alarm_sends: int = _setting(
        50,
        "Settled one-time passwords to one prefix in an hour from which the share of entered codes is judged.",
    )
    otp_alarm_ratio: float = _setting(
        0.2, "Share of entered codes below which `otp.alarm` is raised. 0: never."
    )
    template_sync_hours: float = _setting(
        6.0, "How often the worker reads each account's templates from Meta, besides Meta's own notices."
    )
    retention_days: int = _setting(
        7, "Days for which raw webhooks from Meta are kept after they were applied, for reprocessing."
    )
    media_store: str = _setting(
        "folder", "Where files lie: `folder` (`media` in the data folder), or a bucket as `s3://name/prefix`."
    )
    s3_endpoint: str = _setting("", "Address of the bucket's service. Empty: Amazon S3.")
    s3_region: str = _setting("us-east-1", "Region of the bucket.")
    s3_access_key: str = _setting(
        "", "Access key of the bucket. Empty: the machine's own role.", is_secret=True
    )
    s3_secret_key: str = _setting("", "Secret key of the bucket.", is_secret=True)
    media_url_seconds: int = _setting(3600, "How long a signed address of a file works.")
    allow_private_urls: bool = _setting(
        False, "`true`: addresses that callers give may lead into private networks. For development only."
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read every setting; raises SettingsError naming all the wrong ones at once."""
        env = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in dataclasses.fields(cls):
            name = environment_name(field.name)
            try:
                text = _read(env, name)
                if text is not None:
                    values[field.name] = _convert(field.type, text)
            except (ValueError, OSError, RuntimeError) as error:  # RuntimeError: a ~user who has no home
                problems.append(f"{name}: {error}")
        values.update({name: value for name, value in overrides.items() if value is not None})
        settings = cls(**values)
        problems.extend(_contradictions(settings))
        if problems:
            raise SettingsError("; ".join(problems))
        return settings

    @property
    def base_url(self) -> str:
        """Where this server is reached from outside, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded PostgreSQL is used."""
        return not self.database_url


def environment_name(field_name: str) -> str:
    """Return the environment variable of a setting."""
    return f"RASL_{field_name.upper()}"


def _read(env: Mapping[str, str], name: str) -> str | None:
    file_name = env.get(f"{name}_FILE", "").strip()
    if file_name:
        return Path(file_name).read_text(encoding="utf-8").strip()
    return env.get(name, "").strip() or None


def _convert(kind: Any, text: str) -> Any:
    if kind is int:
        return int(text)
    if kind is float:
        return float(text)
    if kind is Path:
        return Path(text).expanduser()
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise ValueError("must be true or false")
        return text.lower() in {"true", "1"}
    return text


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.secret_key and len(settings.secret_key) < 32:
        problems.append(
            "RASL_SECRET_KEY: needs at least 32 characters, for example from `openssl rand -hex 32`"
        )
    if not settings.is_embedded and not settings.secret_key:
        problems.append(
            "RASL_SECRET_KEY: required with RASL_DATABASE_URL, because every server of the database must share it"
        )
    if not 0 < settings.port < 65536:
        problems.append("RASL_PORT: must be between 1 and 65535")
    if settings.log_format not in {"console", "json"}:
        problems.append("RASL_LOG_FORMAT: must be console or json")
    if settings.log_level not in {"debug", "info", "warning", "error"}:
        problems.append("RASL_LOG_LEVEL: must be debug, info, warning or error")
    if settings.pool_size < 2:
        problems.append("RASL_POOL_SIZE: must be at least 2")
    if settings.retention_days < 0:
        problems.append("RASL_RETENTION_DAYS: must not be below 0")
    if settings.media_store != "folder" and not re.fullmatch(r"s3://[^/]+(/.*)?", settings.media_store):
        problems.append("RASL_MEDIA_STORE: must be folder or s3://name/prefix")
    if settings.media_url_seconds < 1:
        problems.append("RASL_MEDIA_URL_SECONDS: must be at least 1")
    problems += _server_contradictions(settings)
    problems += _otp_contradictions(settings)
    durations = (
        "request_seconds",
        "graph_timeout_seconds",
        "lease_seconds",
        "unknown_window_seconds",
        "template_sync_hours",
    )
    return problems + [
        f"{environment_name(name)}: must be a number above 0"
        for name in durations
        if not 0 < getattr(settings, name) < math.inf
    ]


def _server_contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.stranger_bytes < 8 * 1024 * 1024:
        problems.append("RASL_STRANGER_BYTES: must be at least 8388608")
    if settings.max_connections < 16:
        problems.append("RASL_MAX_CONNECTIONS: must be at least 16")
    if not 0 <= settings.drain_seconds < math.inf:
        problems.append("RASL_DRAIN_SECONDS: must be a number not below 0")
    return problems


def _otp_contradictions(settings: Settings) -> list[str]:
    ranges = {
        "otp_max_attempts": (1, 20),
        "otp_prefix_digits": (1, 10),
        "otp_alarm_sends": (1, 1_000_000),
        "otp_alarm_ratio": (0, 1),
    }
    budgets = {
        f"otp_{scope}_per_{period}": (0, 1_000_000_000)
        for scope in ("phone", "prefix", "country", "tenant")
        for period in ("hour", "day")
    }
    return [
        f"{environment_name(name)}: must be between {least} and {most}"
        for name, (least, most) in (ranges | budgets).items()
        if not least <= getattr(settings, name) <= most
    ]
