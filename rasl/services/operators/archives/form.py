"""What an archive looks like, so that its writer and its reader cannot disagree.

about.json              what it is, of which schema and program; first, so that a look at the beginning tells
tables/NAME/000001.gz   rows in PostgreSQL's COPY text, compressed, in parts that end anywhere
deliveries/ID.jsonl     of one tenant: what Meta posted for it, a line each
files/KEY               files of the store, as they are
secret.key              only when it was asked for
manifest.json           size and SHA-256 of every member above; last, so that what was cut off has none
"""

import msgspec

from rasl.services.operators.tenants import OperatorError

ABOUT, MANIFEST, SECRET_KEY = "about.json", "manifest.json", "secret.key"
TABLES, FILES = "tables/", "files/"
FORMAT = 1
DELIVERIES = "deliveries/"
INSTALLATION, PERSON, TENANT = "installation", "person", "tenant"


class ArchiveError(OperatorError):
    """An archive that cannot be written, or read; `code` is for scripts."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive says of itself before anything else."""

    format: int
    kind: str
    program: str
    taken_at: str
    migrations: dict[str, str]  # by name, in order: their checksums
    key_check: str | None  # tells the secret key without being it
    has_secret_key: bool
    media: str  # what of the files is in it: "all", or why they are not

    @property
    def schema(self) -> str:
        """The last migration."""
        return max(self.migrations, default="")


class Member(msgspec.Struct, frozen=True):
    """A member with what tells whether it is whole."""

    name: str
    size: int
    sha256: str


class TableNote(msgspec.Struct, frozen=True):
    """What is in the archive of a table: its columns in order, its rows, and the parts they are in."""

    columns: list[str]
    rows: int
    parts: int


class Manifest(msgspec.Struct, kw_only=True):
    """The last member: everything above it, counted."""

    tables: dict[str, TableNote]
    sequences: dict[str, int]
    files: int
    file_bytes: int
    missing_files: list[str]  # dropped by a purge between the snapshot of the rows and their turn
    members: list[Member]


def part_name(table: str, number: int) -> str:
    """Return the name of a part of a table, the first is 1."""
    return f"{TABLES}{table}/{number:06}.gz"
