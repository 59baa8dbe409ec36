"""Every counter and timer, in one place."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("rasl_http_requests_total", "Answered API requests.", ["route", "status"])
REQUEST_SECONDS = Histogram(
    "rasl_http_request_seconds",
    "Time to answer an API request.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ATTEMPTS = Counter(
    "rasl_send_attempts_total", "Attempts to send a message, by outcome and Meta's code.", ["outcome", "code"]
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
BATCH_ROWS = Histogram(
    "rasl_group_commit_rows", "Rows per group commit.", ["kind"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
