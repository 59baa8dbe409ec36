"""Contacts from and to files, through HTTP, with a worker's loop beside the server."""

import asyncio
import contextlib
import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from rasl.db.pool import Database
from rasl.dispatch.kinds.importing import Importing
from rasl.services.imports import uploads
from tests.dispatch.looping import loop_on
from tests.serving import Answer, Api, Client
from tests.waiting import until

PATH = "/api/v2/contacts"


@pytest.fixture
async def worker(database: Database) -> AsyncIterator[None]:
    """The import loop of a worker."""
    stop = asyncio.Event()
    loop = asyncio.create_task(loop_on(database, Importing, stop).run(asyncio.Event()))
    yield
    stop.set()
    await loop


async def upload(client: Client, text: str | bytes, key: str | None = None, **fields: str) -> Answer:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    content = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    form.add_field("file", content, filename="people.csv")
    headers = {"idempotency-key": key} if key else {}
    return await client.post(f"{PATH}/import", data=form, headers=headers)


async def imported(client: Client, text: str | bytes, **fields: str) -> Any:
    answer = await upload(client, text, **fields)
    assert answer.status == 202, answer.body
    assert answer.data["status"] == "queued"
    place = f"{PATH}/imports/{answer.data['id']}"

    async def is_done() -> bool:
        return bool((await client.get(place)).data["status"] == "done")

    await until(is_done)
    return (await client.get(place)).data


@pytest.mark.usefixtures("worker")
async def test_a_file_is_imported_and_its_failed_rows_come_back_as_a_file(api: Api) -> None:
    text = 'Phone,Name,Note\n+442079460011,Ana,"=1+1"\nnope,Bo,"two\nlines"\n+442079460011,Cy,\n'
    found = await imported(api.acme, text)
    counts = {
        name: found[name] for name in ("total", "created", "updated", "skipped", "failed", "percentage")
    }
    assert counts == {"total": 3, "created": 1, "updated": 0, "skipped": 1, "failed": 1, "percentage": 100.0}
    (failed,) = found["errors"]
    assert (failed["row"], failed["values"]) == (3, {"Phone": "nope", "Name": "Bo", "Note": "two\nlines"})
    answer = await api.acme.get(f"{PATH}/imports/{found['id']}/errors")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, row = csv.reader(io.StringIO(answer.body))
    assert header == ["row", "error", "Phone", "Name", "Note"]
    assert row == ["3", failed["reasons"][0], "nope", "Bo", "two\nlines"]
    again = await imported(api.acme, answer.body.replace("nope", "+442079460012"))
    assert (again["created"], again["failed"]) == (1, 0)


@pytest.mark.usefixtures("worker")
async def test_imports_are_listed_newest_first(api: Api) -> None:
    first, second = [(await imported(api.acme, f"phone\n+44207946001{n}\n"))["id"] for n in range(2)]
    answer = await api.acme.get(f"{PATH}/imports?per_page=5")
    assert [item["id"] for item in answer.data] == [second, first]
    assert answer.body["meta"]["pagination"]["total"] == 2
    assert (await api.globex.get(f"{PATH}/imports")).data == []


async def test_a_strangers_import_is_missing(api: Api) -> None:
    theirs = (await upload(api.globex, "phone\n+442079460011\n")).data["id"]
    for path in (f"{PATH}/imports/{theirs}", f"{PATH}/imports/{theirs}/errors", f"{PATH}/imports/x"):
        answer = await api.acme.get(path)
        assert (answer.status, answer.body["error"]["message"]) == (404, "Import not found")


@pytest.mark.parametrize(
    ("text", "fields", "field", "message"),
    [
        (b"", {}, "file", "empty"),
        (b"Name\nx\n", {}, "file", "no phone column"),
        (b"phone\n\xff\xfe\xff\n", {}, "file", "neither UTF-8"),
        (b"phone\n+1\n", {"mapping": '{"phone": "tenant_id"}'}, "mapping", "not a field"),
        (b"phone\n+1\n", {"on_duplicate": "merge"}, "on_duplicate", "one of fail-row, skip, update"),
        (b"phone\n+1\n", {"nonsense": "1", "dry_run": "1"}, "nonsense", "Unknown field"),
    ],
)
async def test_a_wrong_file_is_refused_before_anything_is_stored(
    api: Api, database: Database, text: bytes, fields: dict[str, str], field: str, message: str
) -> None:
    answer = await upload(api.acme, text, **fields)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert message in answer.details[field][0]
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from contact_imports") == 0


async def test_what_is_no_form_or_has_no_file_is_refused(api: Api) -> None:
    answer = await api.acme.post(f"{PATH}/import", {"file": "phone"})
    says = "The file field must be a file, sent as multipart/form-data"
    assert (answer.status, answer.details) == (422, {"file": [says]})
    answer = await api.acme.post(
        f"{PATH}/import", data=aiohttp.FormData({"type": "lead"}, default_to_multipart=True)
    )
    assert (answer.status, answer.details) == (422, {"file": ["The file field is required"]})
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await api.acme.post(f"{PATH}/import", data=b"--x\r\nnonsense", headers=headers)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert (await upload(api.reader, "phone\n+1\n")).status == 403


async def test_a_file_over_the_limit_is_refused_and_one_over_the_limit_of_json_is_not(api: Api) -> None:
    rows = "".join(f"+4915{number:09},{'x' * 40}\n" for number in range(40_000))
    assert len(rows) > 1024 * 1024
    assert (await upload(api.acme, f"phone,note\n{rows}")).data["total"] == 40_000
    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(2**30)}
    with contextlib.suppress(aiohttp.ClientError):
        answer = await api.acme.post(f"{PATH}/import", data=b"", headers=headers, expect100=True)
        assert answer.status == 413


async def test_one_key_makes_one_import(api: Api) -> None:
    first = await upload(api.acme, "phone\n+442079460011\n", key="k")
    again = await upload(api.acme, "phone\n+442079460011\n", key="k")
    assert (again.status, again.data["id"]) == (202, first.data["id"])
    assert again.headers["idempotent-replayed"] == "true"
    other = await upload(api.acme, "phone\n+442079460012\n", key="k")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.usefixtures("worker")
async def test_an_export_imported_again_changes_nothing(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute(
            "insert into contact_groups (tenant_id, name) values ($1, 'A; \"b\"'), ($1, '=VIP')",
            api.world.acme.tenant_id,
        )
    text = (
        "phone,firstname,lastname,company,groups,attributes.a,attributes.b,email\n"
        '+442079460011,Ana,"Lo,pes",=1+1,"\'=VIP;""A; """"b""""""",12,"""12""",a@x.test\n'
        "+442079460012,@Bo,-,'+x,,true,1.5,\n"
    )
    found = await imported(api.acme, text)
    assert (found["created"], found["errors"]) == (2, [])
    async with database.connection() as db:
        before = await db.fetch("select * from contacts order by id")
    assert [row["attributes"] for row in before] == [{"a": 12, "b": "12"}, {"a": True, "b": 1.5}]
    exported = (await api.acme.get(f"{PATH}/export")).body
    assert "+442079460011" in exported
    assert not any(cell.startswith(("=", "@")) for line in csv.reader(io.StringIO(exported)) for cell in line)
    again = await imported(api.acme, exported, on_duplicate="update")
    assert (again["updated"], again["failed"]) == (2, 0)
    async with database.connection() as db:
        assert await db.fetch("select * from contacts order by id") == before
    assert (await api.acme.get(f"{PATH}/export")).body == exported


async def test_a_flag_is_true_or_false(api: Api) -> None:
    for text in ("", "true", "1", "FALSE", "0"):
        body = (await api.acme.get(f"{PATH}/export?bom={text}")).body
        assert body.startswith("\ufeff") == (text in {"true", "1"})
    answer = await api.acme.get(f"{PATH}/export?bom=AAA")
    assert (answer.status, answer.details) == (422, {"bom": ["The bom parameter must be true or false"]})


@pytest.mark.usefixtures("worker")
async def test_an_export_is_filtered_and_searched_like_the_list(api: Api) -> None:
    rows = "".join(f"+4915{number:09},Name{number % 3},{number % 2}\n" for number in range(2_500))
    await imported(api.acme, f"phone,name,attributes.odd\n{rows}")

    async def lines(query: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO((await api.acme.get(f"{PATH}/export{query}")).body)))

    everything = await lines("")
    assert len(everything) == 2_501
    assert len({line[0] for line in everything}) == 2_501
    assert len(await lines("?search=Name1")) == 834
    assert len(await lines("?filter[attributes.odd]=1")) == 1_251
    assert len(await lines("?filter[status_id]=0")) == 1
    assert (await lines("?bom=true"))[0][0] == "\ufeffid"
    assert (await api.acme.get(f"{PATH}/export?filter[status_id]=x")).status == 422
    theirs = (await api.globex.get(f"{PATH}/export")).body
    assert len(theirs.splitlines()) == 1


async def test_a_wrong_page_of_imports_is_refused(api: Api) -> None:
    assert (await api.acme.get(f"{PATH}/imports?page=x")).status == 422
    assert uploads.IMPORT_LIST.default_sort == "-id"
