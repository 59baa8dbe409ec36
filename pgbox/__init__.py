"""The embedded PostgreSQL: started by the first process of a data folder, shared by the others."""

from pgbox.errors import (
    BinariesNotFoundError,
    CancelledStartError,
    PostgresError,
    StartFailedError,
    VersionMismatchError,
)
from pgbox.supervisor import EmbeddedPostgres, embedded_postgres, throwaway_postgres

__all__ = [
    "BinariesNotFoundError",
    "CancelledStartError",
    "EmbeddedPostgres",
    "PostgresError",
    "StartFailedError",
    "VersionMismatchError",
    "embedded_postgres",
    "throwaway_postgres",
]
