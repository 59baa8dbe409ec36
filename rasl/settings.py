"""Every setting, read once from the environment (`RASL_*`, or `RASL_*_FILE` for a file holding the value)."""

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

_LONGEST_DAYS = 36_500
_REPEATED_DAYS = 8


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
    metrics_host: str = _setting(
        "127.0.0.1", "Address on which `rasl serve` and `rasl worker` show their metrics; for operators only."
    )
    metrics_port: int = _setting(
        0,
        "Port of the metrics of one server or worker. 0: the first free one from 9464 on, which is told at start.",
    )
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
        120.0,
        "How long an `unknown` message waits for Meta's echo before the tenant's policy applies; at least the Graph "
        "timeout and the lease together.",
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
        7,
        "Days for which raw webhooks from Meta are kept after they were applied, for reprocessing. "
        "0: forever, here and below (`docs/retention.md`).",
    )
    quarantine_days: int = _setting(
        90, "Days for which changes from Meta that could not be applied are kept."
    )
    message_days: int = _setting(
        0, "Days for which messages are kept, with all that hangs on them; 8 or more. 0: forever."
    )
    attempt_days: int = _setting(90, "Days for which the attempts to send a message are kept.")
    status_days: int = _setting(
        90, "Days for which each report of Meta on a message is kept; 8 or more. The message keeps its state."
    )
    parked_status_days: int = _setting(
        7, "Days for which reports wait for a message that is not ours, or not yet."
    )
    media_days: int = _setting(
        0,
        "Days for which files are kept after a message named them last. 0: as long as a message names them.",
    )
    unused_media_days: int = _setting(
        90, "Days for which files are kept that no message names, not above `RASL_MEDIA_DAYS`."
    )
    import_days: int = _setting(30, "Days for which finished imports and their rejected rows are kept.")
    event_days: int = _setting(30, "Days for which events are kept.")
    otp_days: int = _setting(30, "Days for which one-time passwords that are over are kept.")
    challenge_days: int = _setting(30, "Days for which challenges that are over are kept.")
    idempotency_days: int = _setting(
        1, "Days for which Idempotency-Keys are kept; they answer for 24 hours, however long they are kept."
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
            raise SettingsError("; ".join([*problems, *stray_variables(env)]))
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


_NO_SETTINGS = (
    "RASL_POSTGRES_USER",
    "RASL_CONNECT_ACCESS_TOKEN",
    "RASL_CONNECT_APP_SECRET",
    "RASL_CONNECT_VERIFY_TOKEN",
    "RASL_SUPERVISED",
)
# What Kubernetes sets in every pod beside a service named rasl or rasl-something.
_OF_KUBERNETES = re.compile(r"RASL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)")
_ADDRESS_OF_KUBERNETES = re.compile(r"(tcp|udp|sctp)://")


def stray_variables(environment: Mapping[str, str]) -> list[str]:
    """Name each RASL_ variable that nothing reads, with the variable that was probably meant."""
    settings = [environment_name(field.name) for field in dataclasses.fields(Settings)]
    known = [*settings, *(f"{name}_FILE" for name in settings), *_NO_SETTINGS]
    lines = []
    for name, value in sorted(environment.items()):
        if (
            not name.upper().startswith("RASL_")
            or name in known
            or _OF_KUBERNETES.fullmatch(name)
            or _ADDRESS_OF_KUBERNETES.match(value)
        ):
            continue
        near = difflib.get_close_matches(name[5:].upper(), [item[5:] for item in known], n=1)
        hint = f"did you mean RASL_{near[0]}?" if near else "docs/settings.md lists all that RASL reads"
        lines.append(f"{name} is no setting and has no effect: {hint}")
    return lines


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
    problems += _port_contradictions(settings)
    if settings.log_format not in {"console", "json"}:
        problems.append("RASL_LOG_FORMAT: must be console or json")
    if settings.log_level not in {"debug", "info", "warning", "error"}:
        problems.append("RASL_LOG_LEVEL: must be debug, info, warning or error")
    if settings.pool_size < 2:
        problems.append("RASL_POOL_SIZE: must be at least 2")
    if settings.media_store != "folder" and not re.fullmatch(r"s3://[^/]+(/.*)?", settings.media_store):
        problems.append("RASL_MEDIA_STORE: must be folder or s3://name/prefix")
    if settings.media_url_seconds < 1:
        problems.append("RASL_MEDIA_URL_SECONDS: must be at least 1")
    problems += _retention_contradictions(settings)
    problems += _server_contradictions(settings)
    problems += _otp_contradictions(settings)
    problems += _window_contradictions(settings)
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


def _window_contradictions(settings: Settings) -> list[str]:
    """Refuse to send again what may still be on its way: a process that lost its lease waits for Meta all the same."""
    least = settings.graph_timeout_seconds + settings.lease_seconds
    if (
        not 0 < settings.unknown_window_seconds < least < math.inf
    ):  # what is no duration at all is named by itself
        return []
    problem = (
        f"RASL_UNKNOWN_WINDOW_SECONDS: must be at least {least:g}, RASL_GRAPH_TIMEOUT_SECONDS and RASL_LEASE_SECONDS "
        "together, or a message could be sent again while its first attempt is still on its way to Meta"
    )
    return [problem]


def _retention_contradictions(settings: Settings) -> list[str]:
    names = [field.name for field in dataclasses.fields(settings) if field.name.endswith("_days")]
    problems = [
        f"{environment_name(name)}: must be between 0 and {_LONGEST_DAYS}"
        for name in names
        if not 0 <= getattr(settings, name) <= _LONGEST_DAYS
    ]
    problems += [
        f"{environment_name(name)}: must be 0 or at least {_REPEATED_DAYS}: Meta repeats its webhooks for a week"
        for name in ("message_days", "status_days")
        if 0 < getattr(settings, name) < _REPEATED_DAYS
    ]
    if settings.media_days > 0 and not 0 < settings.unused_media_days <= settings.media_days:
        problems.append(
            "RASL_UNUSED_MEDIA_DAYS: must be between 1 and RASL_MEDIA_DAYS, or files that nobody uses would be kept "
            "longer than those in use"
        )
    return problems


def _port_contradictions(settings: Settings) -> list[str]:
    problems = []
    if not 0 < settings.port < 65536:
        problems.append("RASL_PORT: must be between 1 and 65535")
    if not 0 <= settings.metrics_port < 65536:
        problems.append("RASL_METRICS_PORT: must be between 0 and 65535")
    elif settings.metrics_port and settings.metrics_port == settings.port:
        problems.append("RASL_METRICS_PORT: must be another port than RASL_PORT, which everybody may call")
    return problems


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
