"""What can go wrong with the embedded server; every text is written for the person who runs RASL."""


class PostgresError(Exception):
    """The embedded server cannot be used; the text says why and what to do."""


class BinariesNotFoundError(PostgresError):
    """No usable PostgreSQL binaries; the text lists every place that was tried."""


class VersionMismatchError(PostgresError):
    """The data folder was made by another major version of PostgreSQL."""


class StartFailedError(PostgresError):
    """PostgreSQL or initdb ended; the text holds its last log lines and the path of the log."""


class CancelledStartError(PostgresError):
    """`release` was called while the server was still starting."""
