"""Every counter and timer of a process, in one place; docs/metrics.md says what each one means.

What the database knows better than any process is counted there when somebody asks (`rasl.db.figures`).
"""

import functools

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody reads

REQUESTS = Counter("rasl_http_requests_total", "Answered API requests.", ["route", "status"])
REQUEST_SECONDS = Histogram(
    "rasl_http_request_seconds",
    "Time to answer an API request.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RATE_LIMITED = Counter(
    "rasl_rate_limited_requests_total", "API requests refused because their token's rate limit was used up."
)
ATTEMPTS = Counter(
    "rasl_send_attempts_total", "Attempts to send a message, by outcome and Meta's code.", ["outcome", "code"]
)
MESSAGES = Counter(
    "rasl_messages_total",
    "Outbound messages that came to a status by our own doing, by lane and Meta's code.",
    ["status", "lane", "code"],
)
REPORTED = Counter(
    "rasl_reported_statuses_total",
    "Statuses that Meta reported of our messages, by its code.",
    ["status", "code"],
)
GRAPH_SECONDS = Histogram(
    "rasl_graph_seconds",
    "Time Meta took to answer a send.",
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 15, 30),
)
RESCUED = Counter("rasl_rescued_messages_total", "Messages taken over from a process that stopped answering.")
OTP_BLOCKED = Counter("rasl_otp_blocked_total", "Codes that were not sent because a budget was used up.")
OTP_ALARMS = Counter("rasl_otp_alarms_total", "Prefixes to which suspiciously few of the codes were entered.")
INGESTED = Counter("rasl_ingest_deliveries_total", "Deliveries from Meta, by answer.", ["result"])
APPLIED = Counter("rasl_ingest_changes_total", "Changes applied, by kind.", ["kind"])
APPLY_SECONDS = Histogram(
    "rasl_ingest_apply_seconds",
    "Time from the receipt of a delivery of Meta to its being applied.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)
BATCH_ROWS = Histogram(
    "rasl_group_commit_rows", "Rows per group commit.", ["kind"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
LOOP_LAG = Histogram(
    "rasl_event_loop_lag_seconds",
    "How much later than asked for the event loop came back, looked at four times a second.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
POOL_SIZE = Gauge(
    "rasl_pool_size",
    "Connections that a pool may have, of all processes.",
    ["pool"],
    multiprocess_mode="livesum",
)
POOL_CONNECTIONS = Gauge(
    "rasl_pool_connections", "Open connections of a pool.", ["pool", "state"], multiprocess_mode="livesum"
)
POOL_WAITING = Gauge(
    "rasl_pool_waiting", "Who waits for a connection at this moment.", ["pool"], multiprocess_mode="livesum"
)
POOL_LENT = Counter("rasl_pool_lent_total", "Connections lent.", ["pool"])
POOL_WAIT_SECONDS = Counter("rasl_pool_wait_seconds_total", "Time spent waiting for a connection.", ["pool"])
POOL_TIMEOUTS = Counter("rasl_pool_timeouts_total", "Waits for a connection that were in vain.", ["pool"])

# Lanes are numbers in the tables; no more codes than these are told apart, whatever Meta answers.
_LANES = {0: "otp", 1: "service"}
_MOST_CODES = 300
_codes: set[str] = set()


def count_attempt(outcome: str, status: str, lane: int, code: int | None) -> None:
    """Count an attempt, and the status that it brought its message to."""
    _attempts(outcome, code).inc()
    if status != "sending":  # it is tried again at once
        _messages(status, lane, code).inc()


def count_queued(lane: int) -> None:
    """Count a message that has to wait its turn from the beginning."""
    _messages("queued", lane, None).inc()


def count_reported(status: str, code: int | None) -> None:
    """Count a status that Meta reported for the first time."""
    _reported(status, code).inc()


@functools.lru_cache(maxsize=4096)
def _attempts(outcome: str, code: int | None) -> Counter:
    return ATTEMPTS.labels(outcome, _code(code))


@functools.lru_cache(maxsize=4096)
def _messages(status: str, lane: int, code: int | None) -> Counter:
    return MESSAGES.labels(status, _LANES.get(lane, str(lane)), _code(code))


@functools.lru_cache(maxsize=4096)
def _reported(status: str, code: int | None) -> Counter:
    return REPORTED.labels(status, _code(code))


def _code(code: int | None) -> str:
    if code is None:
        return ""
    label = str(code)
    if label not in _codes:
        if len(_codes) >= _MOST_CODES:
            return "other"
        _codes.add(label)
    return label
