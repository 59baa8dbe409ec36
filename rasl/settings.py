"""Every setting, read once from the environment (`RASL_*`, or `RASL_*_FILE` for a file holding the value)."""

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from rasl.setting_names import environment_name, strays
from rasl.setting_rules import ABOVE_ZERO, Rule, at_least, between, is_network, is_origin, listed


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and says what it needs."""


_BUDGET = between(0, 1_000_000_000)
_DAYS = between(0, 36_500)
_REPEATED = Rule(
    "must be 0 or at least 8: Meta repeats its webhooks for a week", lambda days: days <= 0 or days >= 8
)


def _setting(default: Any, help_text: str, *rules: Rule, is_secret: bool = False) -> Any:
    return dataclasses.field(
        default=default,
        repr=not is_secret,
        metadata={"help": help_text, "rules": rules, "is_secret": is_secret},
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
    port: int = _setting(8080, "Port the API listens on.", between(1, 65535))
    metrics_host: str = _setting(
        "127.0.0.1", "Address on which `rasl serve` and `rasl worker` show their metrics; for operators only."
    )
    metrics_port: int = _setting(
        0,
        "Port of the metrics of one server or worker. 0: the first free one from 9464 on, which is told at start.",
        between(0, 65535),
    )
    admin_host: str = _setting(
        "127.0.0.1", "Address on which `rasl serve` answers the operator API, where it has a port of its own."
    )
    admin_port: int = _setting(
        0,
        "Port of the operator API (`docs/operator-api.md`). 0: there is none. The port of the API itself: beside the "
        "API, for whoever has an admin token. Another one: there alone, for operators only.",
        between(0, 65535),
    )
    request_seconds: float = _setting(
        30.0,
        "How long a client may take to send a request, head and body. Whoever showed a token that works has a second "
        "more for every 16 KiB sent, so that large files need not hurry.",
        ABOVE_ZERO,
    )
    stranger_bytes: int = _setting(
        33_554_432,
        "Memory per process for requests of callers not known yet: those without a token that works, and deliveries "
        "of Meta whose signature is not checked. Beyond it the slowest is refused. At least 8 MiB.",
        at_least(8 * 1024 * 1024),
    )
    max_connections: int = _setting(
        4096, "Connections per process; beyond it one that is idle is closed for each new one.", at_least(16)
    )
    drain_seconds: float = _setting(
        5.0,
        "How long after SIGTERM a server still takes requests while `/readyz` says 503, before it stops listening. "
        "Longer than your load balancer takes to notice.",
        Rule("must be a number not below 0", lambda seconds: 0 <= seconds < math.inf),
    )
    public_url: str = _setting(
        "", "Address under which Meta and your clients reach this server; default `http://{host}:{port}`."
    )
    cors_origins: str = _setting(
        "",
        "Origins (`https://{host}`) whose pages may call this server from a browser, separated by commas. Empty: none, "
        "which is right for almost everybody (`docs/operation.md`).",
        Rule(
            "must be origins separated by commas as browsers send them: scheme, host in small letters, the port if it "
            "is not the usual one; no path, no *",
            lambda origins: all(map(is_origin, listed(origins))),
        ),
    )
    trusted_proxies: str = _setting(
        "",
        "Addresses and networks (CIDR) of the proxies in front of this server, separated by commas: of them alone "
        "`X-Forwarded-For` is believed, for the addresses that a token allows. Empty: of nobody.",
        Rule(
            "must be addresses or networks separated by commas, such as 10.0.0.0/8 or 2001:db8::1",
            lambda networks: all(map(is_network, listed(networks))),
        ),
    )
    graph_base_url: str = _setting("https://graph.facebook.com", "Meta's Graph API, without the version.")
    graph_version: str = _setting("v24.0", "Version of the Graph API that every call names.")
    secret_key: str = _setting(
        "",
        "Root of encryption at rest and of every pepper, at least 32 characters. Generated into the data folder "
        "for the embedded database; required with `RASL_DATABASE_URL`.",
        Rule(
            "needs at least 32 characters, for example from `openssl rand -hex 32`",
            lambda key: not key or len(key) >= 32,
        ),
        is_secret=True,
    )
    log_format: str = _setting(
        "console",
        "`console` for people or `json` for machines.",
        Rule("must be console or json", {"console", "json"}.__contains__),
    )
    log_level: str = _setting(
        "info",
        "`debug`, `info`, `warning` or `error`. `debug` logs every request.",
        Rule("must be debug, info, warning or error", {"debug", "info", "warning", "error"}.__contains__),
    )
    pool_size: int = _setting(8, "Database connections for reading and writing, per process.", at_least(2))
    graph_timeout_seconds: float = _setting(
        30.0,
        "Longest wait for one answer of Meta; after it the outcome is `unknown`, never sent again by itself.",
        ABOVE_ZERO,
    )
    lease_seconds: float = _setting(
        10.0,
        "How long a message stays with a process that stopped answering before it is rescued.",
        ABOVE_ZERO,
    )
    unknown_window_seconds: float = _setting(
        120.0,
        "How long an `unknown` message waits for Meta's echo before the tenant's policy applies; at least the Graph "
        "timeout and the lease together.",
        ABOVE_ZERO,
    )
    otp_max_attempts: int = _setting(
        5,
        "Wrong codes that one one-time password takes, 1 to 20, unless the tenant has a number of its own.",
        between(1, 20),
    )
    otp_phone_per_hour: int = _setting(
        10,
        "One-time passwords per tenant to one phone number in an hour. 0: no limit, here and below.",
        _BUDGET,
    )
    otp_phone_per_day: int = _setting(20, "The same in a day.", _BUDGET)
    otp_prefix_digits: int = _setting(
        4,
        "Digits of the national number that count, after the country code, as the prefix of a destination.",
        between(1, 10),
    )
    otp_prefix_per_hour: int = _setting(
        100,
        "One-time passwords per tenant to numbers of one prefix in an hour: what pumping meets first.",
        _BUDGET,
    )
    otp_prefix_per_day: int = _setting(500, "The same in a day.", _BUDGET)
    otp_country_per_hour: int = _setting(
        2000, "One-time passwords per tenant to one country in an hour.", _BUDGET
    )
    otp_country_per_day: int = _setting(10_000, "The same in a day.", _BUDGET)
    otp_tenant_per_hour: int = _setting(3000, "One-time passwords of one tenant in an hour.", _BUDGET)
    otp_tenant_per_day: int = _setting(20_000, "The same in a day.", _BUDGET)
    otp_alarm_sends: int = _setting(
        50,
        "Settled one-time passwords to one prefix in an hour from which the share of entered codes is judged.",
        between(1, 1_000_000),
    )
    otp_alarm_ratio: float = _setting(
        0.2, "Share of entered codes below which `otp.alarm` is raised. 0: never.", between(0, 1)
    )
    template_sync_hours: float = _setting(
        6.0,
        "How often the worker reads each account's templates from Meta, besides Meta's own notices.",
        ABOVE_ZERO,
    )
    retention_days: int = _setting(
        7,
        "Days for which raw webhooks from Meta are kept after they were applied, for reprocessing. "
        "0: forever, here and below (`docs/retention.md`).",
        _DAYS,
    )
    quarantine_days: int = _setting(
        90, "Days for which changes from Meta that could not be applied are kept.", _DAYS
    )
    message_days: int = _setting(
        0,
        "Days for which messages are kept, with all that hangs on them; 8 or more. 0: forever.",
        _DAYS,
        _REPEATED,
    )
    message_body_days: int = _setting(
        0,
        "Days after which what a message says goes, and its state, times, type and template stay; 8 or more. "
        "0: as long as the message.",
        _DAYS,
        _REPEATED,
    )
    attempt_days: int = _setting(90, "Days for which the attempts to send a message are kept.", _DAYS)
    status_days: int = _setting(
        90,
        "Days for which each report of Meta on a message is kept; 8 or more. The message keeps its state.",
        _DAYS,
        _REPEATED,
    )
    parked_status_days: int = _setting(
        7, "Days for which reports wait for a message that is not ours, or not yet.", _DAYS
    )
    media_days: int = _setting(
        0,
        "Days for which files are kept after a message named them last. 0: as long as a message names them.",
        _DAYS,
    )
    unused_media_days: int = _setting(
        90, "Days for which files are kept that no message names, not above `RASL_MEDIA_DAYS`.", _DAYS
    )
    import_days: int = _setting(
        30, "Days for which finished imports and their rejected rows are kept.", _DAYS
    )
    event_days: int = _setting(30, "Days for which events are kept.", _DAYS)
    otp_days: int = _setting(30, "Days for which one-time passwords that are over are kept.", _DAYS)
    webhook_days: int = _setting(
        30, "Days for which webhook deliveries are kept, with their attempts and answers.", _DAYS
    )
    webhook_delivered_days: int = _setting(3, "The same of those that were delivered.", _DAYS)
    webhook_endpoints: int = _setting(20, "Webhooks that one tenant may have.", between(0, 10_000))
    webhook_allow_cidrs: str = _setting(
        "",
        "Private addresses and networks (CIDR) that webhooks may go to, separated by commas, such as that of your own "
        "n8n. Empty: public addresses only.",
        Rule(
            "must be addresses or networks separated by commas, such as 10.0.0.0/8 or 2001:db8::1",
            lambda networks: all(map(is_network, listed(networks))),
        ),
    )
    challenge_days: int = _setting(30, "Days for which challenges that are over are kept.", _DAYS)
    audit_days: int = _setting(
        0, "Days for which the audit, which tells who changed what, is kept. 0: forever.", _DAYS
    )
    idempotency_days: int = _setting(
        1,
        "Days for which Idempotency-Keys are kept; they answer for 24 hours, however long they are kept.",
        _DAYS,
    )
    media_store: str = _setting(
        "folder",
        "Where files lie: `folder` (`media` in the data folder), or a bucket as `s3://name/prefix`.",
        Rule(
            "must be folder or s3://name/prefix",
            lambda store: store == "folder" or re.fullmatch(r"s3://[^/]+(/.*)?", store) is not None,
        ),
    )
    s3_endpoint: str = _setting("", "Address of the bucket's service. Empty: Amazon S3.")
    s3_region: str = _setting("us-east-1", "Region of the bucket.")
    s3_access_key: str = _setting(
        "", "Access key of the bucket. Empty: the machine's own role.", is_secret=True
    )
    s3_secret_key: str = _setting("", "Secret key of the bucket.", is_secret=True)
    media_url_seconds: int = _setting(3600, "How long a signed address of a file works.", at_least(1))
    allow_private_urls: bool = _setting(
        False, "`true`: addresses that callers give may lead into private networks. For development only."
    )
    sandbox_file: str = _setting(
        "",
        "Set by `rasl sandbox` for its own API: where its tokens stand; `/docs` offers one to browsers on this "
        "machine.",
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
    def has_own_admin_port(self) -> bool:
        """Whether the operator API is on a port of its own, and nowhere else."""
        return self.admin_port not in {0, self.port}

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded PostgreSQL is used."""
        return not self.database_url


def stray_variables(environment: Mapping[str, str]) -> list[str]:
    """Name each RASL_ variable that nothing reads, with the variable that was probably meant."""
    return strays(environment, [field.name for field in dataclasses.fields(Settings)])


def _read(env: Mapping[str, str], name: str) -> str | None:
    file_name = env.get(f"{name}_FILE", "").strip()
    if file_name:
        return Path(file_name).read_text(encoding="utf-8").strip()
    return env.get(name, "").strip() or None


def _convert(kind: Any, text: str) -> Any:
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError:
            raise ValueError("must be a whole number" if kind is int else "must be a number") from None
    if kind is Path:
        return Path(text).expanduser()
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise ValueError("must be true or false")
        return text.lower() in {"true", "1"}
    return text


def _contradictions(settings: Settings) -> list[str]:
    """Name each setting that breaks a rule of its own, or that does not go with another one."""
    problems = [
        f"{environment_name(field.name)}: {rule.needs}"
        for field in dataclasses.fields(settings)
        for rule in field.metadata["rules"]
        if not rule.holds(getattr(settings, field.name))
    ]
    if not settings.is_embedded and not settings.secret_key:
        problems.append(
            "RASL_SECRET_KEY: required with RASL_DATABASE_URL, because every server of the database must share it"
        )
    if settings.metrics_port and settings.metrics_port == settings.port:
        problems.append("RASL_METRICS_PORT: must be another port than RASL_PORT, which everybody may call")
    if settings.admin_port and settings.admin_port == settings.metrics_port:
        problems.append(
            "RASL_ADMIN_PORT: must be another port than RASL_METRICS_PORT, which shows metrics alone"
        )
    if settings.media_days > 0 and not 0 < settings.unused_media_days <= settings.media_days:
        problems.append(
            "RASL_UNUSED_MEDIA_DAYS: must be between 1 and RASL_MEDIA_DAYS, or files that nobody uses would be kept "
            "longer than those in use"
        )
    # A process that lost its lease waits for Meta all the same.
    least = settings.graph_timeout_seconds + settings.lease_seconds
    if 0 < settings.unknown_window_seconds < least < math.inf:
        problems.append(
            f"RASL_UNKNOWN_WINDOW_SECONDS: must be at least {least:g}, RASL_GRAPH_TIMEOUT_SECONDS and "
            "RASL_LEASE_SECONDS together, or a message could be sent again while its first attempt is still on its "
            "way to Meta"
        )
    return problems
