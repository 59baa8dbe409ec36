"""What is exported is imported as it was: the same file comes out again, in the same account and in another one."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.db.pool import Database
from rasl.domain.contact_csv import ContactRow, Lookups, RowReader, Rules, find_targets
from rasl.domain.csv_files import CsvFile, write_row
from rasl.domain.list_reading import parse
from rasl.domain.listing import ListQuery
from rasl.domain.records import fields_of
from rasl.domain.records.contact import CONTACT_LIST, Contact
from rasl.services.contacts import exports
from rasl.services.contacts.exports import COLUMNS, cells_of
from rasl.services.imports import uploads
from tests.api.v2.contact_calls import body
from tests.domain.test_contact_csv import ANY_TEXT, NAMES
from tests.services.imports.imported import apply
from tests.serving import Api, Client

OWN = {"id", "created_at", "updated_at"}  # an account gives these itself
_EMPTY = {told.column: None for told in fields_of(Contact)}
EVERYTHING: ListQuery = parse([], CONTACT_LIST)
GROUPS = ["VIP", "vip; and more", '"quoted"', "=1+1", "two\nlines", "Zoë 🎈", "a, b"]
PEOPLE: list[dict[str, Any]] = [
    {"firstname": "Priya", "lastname": "Nair", "email": "nair,priya@harbour.test"},
    {"firstname": "=cmd|' /C calc'!A0", "lastname": "+49", "email": "=a@b.test", "company": "@home", "city": "-"},
    {"firstname": "'quoted'", "lastname": "''=x", "company": 'The "Harbour", Ltd; & Co', "address": "1\r\nPier Road\n"},
    {"firstname": "Zoë 🎈", "lastname": "محمد", "state": "\u2028odd\u200b", "zip": "00123", "city": " Leeds "},
    {"firstname": "12", "lastname": "1e5", "company": "true", "description": "x" * 200_000, "email": "<a;b>@c.test"},
    {"firstname": "sep=;", "lastname": "\ufeffmark", "description": "\tline one\n\n\n'line' \"four\"\r\n", "zip": "=0"},
    {"firstname": "442079460006", "lastname": "-", "type": "guest", "country_id": 44, "assigned_id": 7},
]  # fmt: skip
ATTRIBUTES: list[dict[str, Any]] = [
    {
        "text": "12",
        "number": 12,
        "flag": True,
        "word": "true",
        "empty": "",
        "blank": " ",
        "quote": '"',
        "sign": "-5",
    },
    {"text": "=1", "number": -1.5, "flag": False, "large": 2**63 - 1, "small": 1e-300, "huge": "9" * 40},
    {f"k{n}": n for n in range(50)},
    {f"l{n}": str(n) for n in range(50)},
]


async def _file(database: Database, tenant_id: int, *, has_bom: bool = False) -> bytes:
    export = await exports.begin(database, tenant_id, EVERYTHING, has_bom=has_bom)
    return b"".join([line async for line in exports.lines(database, export)])


def _rows(file: bytes) -> list[dict[str, str]]:
    """Read a file by the standard library, without what an account gives itself, in order of phones."""
    rows = csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""))
    found = [{name: cell for name, cell in row.items() if name not in OWN} for row in rows]
    return sorted(found, key=lambda row: row["phone"])


@pytest.fixture
async def people(api: Api) -> int:
    """Contacts with everything that is awkward in a file, made through the API; acme's id."""
    group_ids = await _groups(api.acme)
    for place, person in enumerate(PEOPLE):
        own = ATTRIBUTES[place] if place < len(ATTRIBUTES) else None
        fields = {"groups": group_ids[: place + 1], "attributes": own, **person}
        answer = await api.acme.post(
            "/api/v2/contacts", body(api.world.acme, f"+44 20 7946 {place:04}", **fields)
        )
        assert answer.status == 201, answer.body
    return api.world.acme.tenant_id


async def _groups(client: Client) -> list[int]:
    answers = [await client.post("/api/v2/groups", {"name": name}) for name in GROUPS]
    return [int(answer.data["id"]) for answer in answers]


@pytest.mark.parametrize("has_bom", [False, True])
@pytest.mark.parametrize("mode", ["update", "skip"])
async def test_importing_an_export_again_changes_not_one_byte(
    people: int, database: Database, mode: str, has_bom: bool
) -> None:
    before = await _file(database, people, has_bom=has_bom)
    row = await apply(database, people, before.decode(), on_duplicate=mode)
    assert (row["total"], row["failed"], row["created"]) == (len(PEOPLE), 0, 0)
    assert await _file(database, people, has_bom=has_bom) == before


async def test_another_account_exports_what_it_imported(api: Api, people: int, database: Database) -> None:
    await _groups(api.globex)
    before = await _file(database, people)
    row = await apply(database, api.world.globex.tenant_id, before.decode())
    assert (row["created"], row["failed"]) == (len(PEOPLE), 0)
    after = await _file(database, api.world.globex.tenant_id)
    assert _rows(after) == _rows(before)
    assert after.splitlines()[0] == before.splitlines()[0]


async def test_rows_that_failed_mean_the_same_when_they_are_imported_again(
    api: Api, people: int, database: Database
) -> None:
    before = await _file(database, people)
    tenant_id = api.world.globex.tenant_id
    failed = await apply(database, tenant_id, before.decode())
    assert failed["failed"] == len(PEOPLE)  # the groups are not there yet

    async def errors() -> str:
        parts = [part async for part in uploads.read_error_file(database, tenant_id, failed)]
        return b"".join(parts).decode()

    await _groups(api.globex)
    row = await apply(database, tenant_id, await errors())
    assert (row["created"], row["failed"]) == (len(PEOPLE), 0)
    assert _rows(await _file(database, tenant_id)) == _rows(before)


MOMENT = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
SCALARS = ANY_TEXT | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-1e15, 1e15)
EMAILS = st.from_regex(r"[^@\s\x00]{1,20}@[^@\s.\x00]{1,20}(\.[^@\s.\x00]{1,9}){1,3}", fullmatch=True)
CONTACTS = st.fixed_dictionaries(
    {
        "firstname": ANY_TEXT.filter(bool),
        "lastname": ANY_TEXT,
        "company": st.none() | ANY_TEXT,
        "description": st.none() | ANY_TEXT,
        "city": st.none() | ANY_TEXT,
        "state": st.none() | ANY_TEXT,
        "zip": st.none() | ANY_TEXT.map(lambda text: text[:20]),
        "address": st.none() | ANY_TEXT,
        "email": st.none() | EMAILS,
        "type": st.sampled_from(["lead", "customer", "guest"]),
        "country_id": st.none() | st.integers(1, 2**63 - 1),
        "assigned_id": st.none() | st.integers(1, 2**63 - 1),
        "attributes": st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), SCALARS, max_size=5),
    }
)  # fmt: skip
_FIXED = {
    "id": 7,
    "phone": "+44 20 7946 0011",
    "is_opted_out": False,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}


@given(CONTACTS, st.lists(NAMES, max_size=4, unique_by=str.lower), NAMES, NAMES)
def test_any_contact_is_read_from_its_line_as_it_was(
    contact: dict[str, Any], groups: list[str], source: str, status: str
) -> None:
    names = {5: source}, {2: status}, dict(enumerate(groups, 10))
    row = {**_EMPTY, **contact, **_FIXED, "source_id": 5, "status_id": 2, "group_ids": list(names[2])}
    keys = sorted(contact["attributes"])
    header = [*COLUMNS, *(f"attributes.{key}" for key in keys)]
    line = cells_of(row, names, keys)
    file = CsvFile(io.BytesIO((write_row(header) + write_row(line)).encode()))
    ((number, cells),) = file.rows()
    lookups = Lookups({source: 5}, {status: 2}, {name: group_id for group_id, name in names[2].items()})
    found = RowReader(Rules(find_targets(file.headers, {}), "lead", None, None, None, lookups)).read(
        number, cells
    )
    assert isinstance(found, ContactRow), found
    again = {**_EMPTY, "lastname": "", "attributes": {}, **_FIXED, **found.values}
    again["group_ids"] = again.pop("groups", [])
    assert cells_of(again, names, keys) == line
