"""Data rights: everything about one person of a tenant, handed out in one archive or erased everywhere."""

import re
from pathlib import Path
from typing import Any

import msgspec

from rasl import __version__, clock
from rasl.db import contacts, media_purging
from rasl.db.pool import Database
from rasl.db.whole import dumping, tables
from rasl.db.whole import people as rows
from rasl.db.whole.people import PERSONAL, Person
from rasl.db.whole.tables import Connection
from rasl.domain import phone
from rasl.domain.deliveries import split
from rasl.media_store.base import MediaStore
from rasl.services.operators.archives import contents
from rasl.services.operators.archives.form import ABOUT, FILES, FORMAT, PERSON, About, Manifest
from rasl.services.operators.archives.writing import written
from rasl.services.operators.tenants import NotThereError, OperatorError

_LARGEST_ID = 2**63 - 1
_LONGEST_ID = 6  # digits without a plus: more of them are a phone unless there is such a contact
_DOCUMENT = "person.json"


class WaitingImportError(OperatorError):
    """Rows wait to be applied, and one of them may be the person's."""

    code = "IMPORT_WAITING"


class Exported(msgspec.Struct, frozen=True):
    """What an export holds, by table."""

    counts: dict[str, int]
    files: int


class Erased(msgspec.Struct, frozen=True):
    """What was erased, by table; `stops` counts the digests that keep the person opted out."""

    counts: dict[str, int]
    files: int
    stops: int


class _Found(msgspec.Struct, frozen=True):
    """A person with what the program reads itself: whose deliveries to look at, which rows of imports, which files."""

    person: Person
    app_ids: list[int]
    numbers: list[str]
    import_errors: list[dict[str, Any]]
    store_keys: dict[str, str]  # by key, the names they have in an archive

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds the person in a text."""
        return re.compile(self.person.pattern)


async def export(
    dsn: str, store: MediaStore, tenant_id: int, reference: str, country: str | None, path: Path
) -> Exported:
    """Write everything about one person into an archive, as of one moment; raises NotThereError."""
    async with dumping.snapshot(dsn) as (connection, _):
        found = await _find(connection, tenant_id, reference, country)
        document: dict[str, list[Any]] = {}
        for table in PERSONAL:
            document[table] = [
                _without_codes(row) for row in await rows.export(connection, found.person, table)
            ]
        document["import_errors"] = found.import_errors
        deliveries = await rows.list_deliveries(connection, found.app_ids, found.person.peers)
        document["ingests"] = [
            {"id": row["id"], "content": taken}
            for row in deliveries
            if (taken := split(row["body"], found.numbers, found.pattern).taken)
        ]
        document["quarantined_changes"] = await rows.list_quarantined(
            connection, found.app_ids, found.numbers, found.person.pattern
        )
        migrations = await tables.list_migrations(connection)
    about = About(
        format=FORMAT,
        kind=PERSON,
        program=__version__,
        taken_at=clock.now().isoformat(),
        migrations=migrations,
        key_check=None,
        has_secret_key=False,
        media="all",
    )
    with written(path) as writer:
        writer.add(ABOUT, msgspec.json.encode(about))
        writer.add(_DOCUMENT, msgspec.json.format(msgspec.json.encode(document), indent=2))
        files, size, missing = await contents.add_files(writer, store, found.store_keys, lambda _size: None)
        manifest = Manifest(
            tables={}, sequences={}, files=files, file_bytes=size, missing_files=missing, members=[]
        )
        writer.finish(manifest)
    return Exported({name: len(items) for name, items in document.items() if items}, files)


async def erase(
    database: Database, store: MediaStore, tenant_id: int, reference: str, country: str | None, stop_key: str
) -> Erased:
    """Erase one person everywhere, all of it or nothing; who said STOP stays out. Raises NotThereError.

    Locks are taken in the order of `db/contacts.py`.
    """
    async with database.listing() as db, db.transaction():
        await rows.take_time(db)
        if await rows.count_waiting_imports(db, tenant_id):
            raise WaitingImportError(
                "An import has rows that are still to be applied, and one of them may be this person: wait until it is "
                "done, then erase."
            )
        found = await _find(db, tenant_id, reference, country)
        person = found.person
        await contacts.lock_conversations(db, tenant_id, person.contacts)
        await contacts.lock_count(db, tenant_id)
        stops = await rows.keep_stops(db, person, stop_key)
        counts: dict[str, int] = {"ingests": 0}
        for row in await rows.list_deliveries(db, found.app_ids, person.peers):
            parts = split(row["body"], found.numbers, found.pattern)
            if parts.taken:
                await rows.rewrite_delivery(db, row["id"], parts.rest)
                counts["ingests"] += 1
        counts["quarantined_changes"] = await rows.drop_quarantined(
            db, found.app_ids, found.numbers, person.pattern
        )
        keys = [(row["import_id"], row["row_number"]) for row in found.import_errors]
        await rows.drop_import_errors(db, tenant_id, keys)
        counts["import_errors"] = len(keys)
        for table in PERSONAL:
            counts[table] = await rows.erase(db, person, table)
        await contacts.change_count(db, tenant_id, -counts["contacts"])
        kept = await media_purging.find_kept(db, [(tenant_id, key) for key in found.store_keys])
    # Their rows are gone for good: what cannot be dropped now is found as a stray file.
    gone = [key for key in found.store_keys if key not in kept]
    for key in gone:
        await store.delete(key)
    return Erased({name: count for name, count in counts.items() if count}, len(gone), stops)


async def _find(db: Connection, tenant_id: int, reference: str, country: str | None) -> _Found:
    contact_id, peers = _read(reference, country)
    known = await rows.find_contacts(db, tenant_id, contact_id, peers)
    if any(row["id"] == contact_id for row in known) and len(known) > 1:
        raise OperatorError(
            f"{reference} is the id of one contact and the phone of another: write the phone with +, or the other's id."
        )
    contact_ids = [row["id"] for row in known]
    aliases = await rows.list_aliases(db, tenant_id, contact_ids)
    phones = {row["value"] for row in aliases if row["kind"] == "phone"}
    phones |= {key for key in peers[:1] if key.isdecimal()}
    all_peers = {item for row in aliases for item in (row["value"], row["wa_id"]) if item} | set(peers)
    all_peers |= {spelling for key in phones for spelling in phone.spellings(key)}
    conversations = await rows.list_conversations(db, tenant_id, contact_ids, sorted(all_peers))
    if not known and not conversations:
        raise NotThereError(f"the tenant knows nobody by {reference}: write a phone with + or a contact's id")
    files = await rows.list_files(db, tenant_id, conversations)
    person = Person(
        tenant_id,
        tuple(contact_ids),
        tuple(sorted(phones)),
        tuple(sorted(all_peers)),
        tuple(sorted({row["email"].lower() for row in known if row["email"]})),
        tuple(conversations),
        tuple(row["id"] for row in files if row["is_only_theirs"]),
        f"(^|[^0-9])({'|'.join(map(re.escape, sorted(all_peers)))})([^0-9]|$)",
    )
    numbers = await rows.list_numbers(db, tenant_id)
    return _Found(
        person,
        sorted({row["app_id"] for row in numbers}),
        sorted(row["phone_number_id"] for row in numbers),
        [
            _import_error(row)
            for row in await rows.list_import_errors(db, tenant_id)
            if _is_of(row, person, country)
        ],
        {row["store_key"]: f"{FILES}{row['id']}-{_file_name(row['filename'])}" for row in files},
    )


def _read(reference: str, country: str | None) -> tuple[int, list[str]]:
    """Return the id and the spellings that a reference may mean; 0 is no id."""
    text = reference.strip()
    if phone.is_bsuid(text):
        return 0, [text]
    contact_id = int(text) if text.isascii() and text.isdecimal() and int(text) <= _LARGEST_ID else 0
    understood = phone.understand(text, country)
    if (contact_id and len(text) <= _LONGEST_ID) or not isinstance(understood, phone.Phone):
        return contact_id, []
    return contact_id, [*phone.spellings(understood.match_key), understood.digits]


def _is_of(row: Any, person: Person, country: str | None) -> bool:
    """Tell whether a row of a file has the person's phone or email, however it is spelled there."""
    return any(_cell_is_of(str(cell), person, country) for cell in msgspec.json.decode(row["cells"]))


def _cell_is_of(cell: str, person: Person, country: str | None) -> bool:
    if cell.strip().lower() in person.emails:
        return True
    understood = phone.understand(cell, country) if any(map(str.isdigit, cell)) else None
    return isinstance(understood, phone.Phone) and understood.match_key in person.phones


def _import_error(row: Any) -> dict[str, Any]:
    return {**dict(row), "cells": msgspec.json.decode(row["cells"])}


def _file_name(name: str | None) -> str:
    return re.sub(r"[^\w. -]", "_", name or "file")[-100:]


def _without_codes(value: Any) -> Any:
    """Return a row without the code that a message may hold encrypted."""
    if isinstance(value, dict):
        return {name: _without_codes(item) for name, item in value.items() if name != "sealed_code"}
    return [_without_codes(item) for item in value] if isinstance(value, list) else value
