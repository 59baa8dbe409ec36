"""Chunks of one import that are written side by side: nobody can tell, but by the clock."""

import asyncio
from typing import Any

import pytest

from rasl.db.jobs import Holding
from rasl.db.pool import Database, Row
from rasl.services.imports import chunks, uploads
from rasl.services.imports.chunks import Chunk
from tests.services.imports.imported import (
    accept,
    apply,
    consistent,
    contacts,
    counts,
    csv,
    errors,
    finish,
    numbers,
)
from tests.serving import Api
from tests.world import World


@pytest.mark.usefixtures("chunks_of_three")
async def test_who_comes_first_in_the_file_has_the_phone_and_the_email(
    database: Database, world: World
) -> None:
    tenant_id = world.acme.tenant_id
    rows = []
    for place in range(40):
        # Every phone comes twice, in neighbouring chunks, and every email under two phones.
        phone = numbers(0, 40)[place - place % 6 + place % 3]
        rows.append(f"{phone},first{place},{'e' if place % 6 < 3 else 'E'}{place % 3}.{place // 6}@x.test")
    row = await apply(database, tenant_id, csv("phone,firstname,email", rows), on_duplicate="fail-row")
    created = {place for place in range(40) if place % 6 < 3}
    assert counts(row) == (40, len(created), 0, 0, 40 - len(created))
    names = {item["firstname"] for item in await contacts(database, tenant_id)}
    assert names == {f"first{place}" for place in created}
    assert {number - 2 for number, _ in await errors(database, row)} == set(range(40)) - created
    await consistent(database, tenant_id)


@pytest.mark.usefixtures("chunks_of_three")
async def test_an_email_of_a_neighbouring_chunk_is_taken(database: Database, world: World) -> None:
    rows = [f"{phone},ana@x.test" for phone in numbers(0, 9)]
    row = await apply(database, world.acme.tenant_id, csv("phone,email", rows))
    assert counts(row) == (9, 1, 0, 0, 8)
    [contact] = await contacts(database, world.acme.tenant_id)
    assert contact["phone"] == numbers(0, 1)[0]


@pytest.mark.usefixtures("chunks_of_three")
async def test_chunks_run_side_by_side_unless_they_want_the_same(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[frozenset[str]] = []
    most = 0
    third_began = asyncio.Event()
    written = chunks._write

    async def write(database: Database, holding: Holding, row: Row, chunk: Chunk) -> Row:
        nonlocal most
        claims = chunks._claims(chunk)
        assert not any(map(claims.intersection, running))
        running.append(claims)
        most = max(most, len(running))
        if chunk.number == 1:  # the next chunk has nothing in common with it: it must not wait
            await asyncio.wait_for(third_began.wait(), 20)
        if chunk.number == 2:
            third_began.set()
        try:
            return await written(database, holding, row, chunk)
        finally:
            running.remove(claims)

    monkeypatch.setattr(chunks, "_write", write)
    twice = [f"{phone}," for phone in numbers(0, 30) for _ in range(2)]
    same_email = [
        f"{phone},Ana@x.test" if place % 3 else f"{phone},ana@x.test"
        for place, phone in enumerate(numbers(50, 80))
    ]
    row = await apply(database, world.acme.tenant_id, csv("phone,email", [*twice, *same_email]))
    assert counts(row) == (90, 31, 0, 30, 29)
    assert most >= 2
    row = await apply(database, world.acme.tenant_id, csv("phone", numbers(0, 30)), on_duplicate="update")
    assert counts(row)[2] == 30


async def test_contacts_created_meanwhile_are_met_once(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody creates and writes to the people of a chunk that is being written: everybody comes to an end."""
    monkeypatch.setattr(uploads, "CHUNK_ROWS", 30)
    tenant_id = api.world.acme.tenant_id
    phones = numbers(0, 60)
    import_id = await accept(database, tenant_id, csv("phone", phones))
    has_begun = asyncio.Event()
    written = chunks._write

    async def write(*arguments: Any) -> Row:
        has_begun.set()
        return await written(*arguments)

    monkeypatch.setattr(chunks, "_write", write)
    importing = asyncio.create_task(finish(database))
    await has_begun.wait()
    creations = [
        api.acme.post(
            "/api/v2/contacts", {"firstname": "Ana", "lastname": "Lopes", "phone": phone, "type": "lead"}
        )
        for phone in phones[::4]
    ]
    answers = await asyncio.gather(*creations, *(api.acme.send(phone) for phone in phones[1::4]))
    await importing
    assert {answer.status for answer in answers} <= {200, 201, 422}
    row, _ = await uploads.get_import(database, tenant_id, import_id)
    assert (row["status"], row["total"]) == ("done", 60)
    assert len(await contacts(database, tenant_id)) == 60
    await consistent(database, tenant_id)
