"""Imports row by row: what a file comes to, whoever applies it and however often somebody dies."""

import io

import pytest

from rasl.db import labels
from rasl.db.pool import Database
from rasl.errors import IdempotencyKeyReused, NotFound, ValidationFailed
from rasl.services.imports import uploads
from rasl.services.imports.uploads import Upload
from tests.services.imports.imported import (
    MODES,
    accept,
    apply,
    consistent,
    contacts,
    count,
    counts,
    csv,
    errors,
    finish,
    numbers,
)
from tests.world import World


async def test_rows_become_contacts(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id
    async with database.connection() as db:
        group = await db.fetchval(
            "insert into contact_groups (tenant_id, name) values ($1, 'VIP') returning id", tenant_id
        )
    text = csv(
        "Phone,First name,Last name,Email,City,attributes.tier,Groups,country_id",
        ["+49 151 23456789,Ana,Lopes,Ana@x.test,Porto,3,vip,9", "+4915123456780,,,,,,,", "nonsense,B,,,,,,"],
    )
    row = await apply(database, tenant_id, text, type="guest")
    assert counts(row) == (3, 2, 0, 0, 1)
    first, second = await contacts(database, tenant_id)
    names = (
        "firstname",
        "lastname",
        "email",
        "city",
        "attributes",
        "group_ids",
        "country_id",
        "type",
        "phone",
    )
    assert [first[name] for name in names] == [
        "Ana", "Lopes", "Ana@x.test", "Porto", {"tier": 3}, [group], 9, "guest", "+49 151 23456789",
    ]  # fmt: skip
    assert [second[name] for name in names] == [
        "4915123456780", "", None, None, {}, [], None, "guest", "+4915123456780",
    ]  # fmt: skip
    assert (first["status_id"], first["source_id"]) == (world.acme.status_id, world.acme.source_id)
    assert await errors(database, row) == [
        (4, "phone: A phone number may only contain digits, +, -, dots, spaces and parentheses.")
    ]
    await consistent(database, tenant_id)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("skip", (5, 2, 0, 3, 0)), ("update", (5, 2, 3, 0, 0)), ("fail-row", (5, 2, 0, 0, 3))],
)
@pytest.mark.parametrize("is_dry", [False, True])
@pytest.mark.usefixtures("chunks_of_three")
async def test_duplicates_of_the_account_and_of_the_file_are_one_kind(
    database: Database,
    world: World,
    mode: str,
    expected: tuple[int, ...],
    is_dry: bool,
) -> None:
    await apply(database, world.acme.tenant_id, "phone,name\n+4915112345670,Old Name\n")
    before = [dict(row) for row in await contacts(database, world.acme.tenant_id)]
    rows = [
        "+4915112345670,New Name,a@x.test", "+4915112345671,B,b@x.test", "0049 151 12345671,C,",
        "+4915112345672,D,", "+4915112345672,E,e@x.test",
    ]  # fmt: skip
    text = csv("phone,name,email", rows)
    row = await apply(database, world.acme.tenant_id, text, on_duplicate=mode, dry_run=str(is_dry).lower())
    assert counts(row) == expected
    found = await contacts(database, world.acme.tenant_id)
    if is_dry:
        assert [dict(item) for item in found] == before
    else:
        names = [item["firstname"] for item in found]
        assert names == (["New", "C", "E"] if mode == "update" else ["Old", "B", "D"])
    await consistent(database, world.acme.tenant_id)


@MODES
@pytest.mark.parametrize("is_dry", [False, True])
@pytest.mark.usefixtures("chunks_of_three")
async def test_an_email_belongs_to_one_contact(
    database: Database, world: World, mode: str, is_dry: bool
) -> None:
    await apply(database, world.acme.tenant_id, "phone,email\n+4915112345670,a@x.test\n")
    rows = [
        "+4915112345671,A@X.test", "+4915112345672,b@x.test", "+4915112345673,B@x.test",
        "+4915112345674,b@x.test", "+4915112345671,c@x.test", "+4915112345675,c@x.test",
    ]  # fmt: skip
    text = csv("phone,email", rows)
    row = await apply(database, world.acme.tenant_id, text, on_duplicate=mode, dry_run=str(is_dry).lower())
    assert counts(row) == (6, 2, 0, 0, 4)
    assert await errors(database, row) == [(n, "This email address already exists") for n in (2, 4, 5, 7)]
    await consistent(database, world.acme.tenant_id)


@MODES
@pytest.mark.parametrize("is_dry", [False, True])
@pytest.mark.usefixtures("chunks_of_three")
async def test_the_plan_limit_is_exact(database: Database, world: World, mode: str, is_dry: bool) -> None:
    tenant_id = world.acme.tenant_id
    await apply(database, tenant_id, csv("phone", numbers(0, 3)))
    async with database.connection() as db:
        await db.execute("update plans set max_contacts = 10 where name = 'unlimited'")
    text = csv("phone", [*numbers(0, 2), "bad", *numbers(3, 14)])
    row = await apply(database, tenant_id, text, on_duplicate=mode, dry_run=str(is_dry).lower())
    assert (row["created"], row["total"]) == (7, 14)
    assert [number for number, _ in await errors(database, row) if number > 4] == [12, 13, 14, 15]
    assert (await errors(database, row))[-1][1].startswith("FEATURE_LIMIT_EXCEEDED")
    assert await count(database, "contacts") == (3 if is_dry else 10)
    await consistent(database, tenant_id)


async def test_an_update_changes_what_the_row_gives_and_no_more(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id
    await apply(
        database, tenant_id, "phone,name,city,attributes.a,attributes.b\n+4915112345670,Ana Lopes,Porto,1,x\n"
    )
    await apply(
        database,
        tenant_id,
        "phone,firstname,city,attributes.b,attributes.c\n4915112345670,,Leeds,,true\n",
        on_duplicate="update",
    )
    (row,) = await contacts(database, tenant_id)
    assert (row["firstname"], row["lastname"], row["city"]) == ("Ana", "Lopes", "Leeds")
    assert (row["phone"], row["attributes"]) == ("+4915112345670", {"a": 1, "b": "x", "c": True})


async def test_groups_of_the_import_are_added_to_new_and_old(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id
    async with database.connection() as db:
        first, second = [
            await db.fetchval(
                "insert into contact_groups (tenant_id, name) values ($1, $2) returning id", tenant_id, name
            )
            for name in ("One", "Two")
        ]
    await apply(database, tenant_id, "phone,groups\n+4915112345670,One\n")
    text = "phone\n+4915112345670\n+4915112345671\n"
    await apply(database, tenant_id, text, groups=f"{second},{first}", on_duplicate="update")
    assert [row["group_ids"] for row in await contacts(database, tenant_id)] == [
        [first, second],
        [second, first],
    ]


async def test_a_contact_with_two_phones_is_updated_row_by_row(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id
    await apply(database, tenant_id, "phone,name\n+4915112345670,A\n")
    async with database.connection() as db:
        await db.execute(
            """
            insert into contact_aliases (tenant_id, kind, value, contact_id)
            select tenant_id, 'phone', '4915112345671', id from contacts
            """
        )
    text = "phone,name\n+4915112345671,B\n+4915112345670,C\n"
    assert counts(await apply(database, tenant_id, text, on_duplicate="update")) == (2, 0, 2, 0, 0)
    assert [row["firstname"] for row in await contacts(database, tenant_id)] == ["C"]


async def test_a_contact_never_gets_too_many_attributes(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id
    for first, mode in ((0, "skip"), (25, "update"), (50, "update")):
        header = ",".join(f"attributes.k{number}" for number in range(first, first + 25))
        text = f"phone,{header}\n+4915112345670,{','.join('1' * 25)}\n"
        row = await apply(database, tenant_id, text, on_duplicate=mode)
    assert await errors(database, row) == [(2, "A contact can have at most 50 attributes")]
    assert len((await contacts(database, tenant_id))[0]["attributes"]) == 50


async def test_a_status_deleted_on_the_way_fails_rows_and_not_the_import(
    database: Database, world: World
) -> None:
    tenant_id = world.acme.tenant_id
    async with database.connection() as db:
        label = await labels.create_label(db, labels.STATUSES, tenant_id, "Extra", "#000000")
    assert label is not None
    extra = label["id"]
    import_id = await accept(database, tenant_id, csv("phone", numbers(0, 2)), default_status_id=str(extra))
    async with database.connection() as db:
        await db.execute("delete from contact_statuses where id = $1", extra)
    await finish(database)
    row, found = await uploads.get_import(database, tenant_id, import_id)
    assert (row["status"], *counts(row)) == ("done", 2, 0, 0, 0, 2)
    assert "no default status" in found[0]["reasons"][0]


@pytest.mark.parametrize(
    ("text", "fields", "field"),
    [
        ("", {}, "file"),
        ("phone\n", {}, "file"),
        ("name\nx\n", {}, "file"),
        ("phone\n+1\n", {"mapping": "[]"}, "mapping"),
        ("phone\n+1\n", {"mapping": '{"x": "phone"}'}, "mapping"),
        ("phone\n+1\n", {"dry_run": "perhaps"}, "dry_run"),
        ("phone\n+1\n", {"on_duplicate": "replace"}, "on_duplicate"),
        ("phone\n+1\n", {"default_source_id": "999999"}, "default_source_id"),
        ("phone\n+1\n", {"default_status_id": "x"}, "default_status_id"),
        ("phone\n+1\n", {"type": "vip"}, "type"),
        ("phone\n+1\n", {"groups": "1,2"}, "groups"),
        ("phone\n+1\n", {"groups": "1,,2"}, "groups"),
        ("phone\n+1\n", {"delimiter": "x"}, "delimiter"),
    ],
)
async def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    database: Database, world: World, text: str, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await accept(database, world.acme.tenant_id, text, **fields)
    assert list(caught.value.details) == [field]
    assert await count(database, "contact_imports") == await count(database, "import_chunks") == 0


@pytest.mark.usefixtures("chunks_of_three")
async def test_too_many_rows_are_refused_and_leave_nothing(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_ROWS", 7)
    with pytest.raises(ValidationFailed):
        await accept(database, world.acme.tenant_id, csv("phone", numbers(0, 8)))
    assert await count(database, "contact_imports") == await count(database, "import_chunks") == 0


async def test_strangers_have_no_sources_groups_or_imports_here(database: Database, world: World) -> None:
    with pytest.raises(ValidationFailed):
        await accept(
            database, world.acme.tenant_id, "phone\n+1\n", default_source_id=str(world.globex.source_id)
        )
    import_id = await accept(database, world.globex.tenant_id, "phone\n+4915112345670\n")
    with pytest.raises(NotFound):
        await uploads.get_import(database, world.acme.tenant_id, import_id)


async def test_one_key_makes_one_import(database: Database, world: World) -> None:
    tenant_id = world.acme.tenant_id

    async def once(fingerprint: bytes) -> uploads.Begun:
        upload = Upload(io.BytesIO(b"phone\n+4915112345670\n"), "x", "key", fingerprint)
        return await uploads.accept(database, tenant_id, upload, uploads.Options())

    first, again = await once(b"a"), await once(b"a")
    assert (again.id, again.is_replayed) == (first.id, True)
    with pytest.raises(IdempotencyKeyReused):
        await once(b"b")
    assert await count(database, "contact_imports") == 1


async def test_a_hundred_thousand_rows(database: Database, world: World) -> None:
    rows = [f"{phone},First{n % 97},Last{n % 89},p{n}@x.test" for n, phone in enumerate(numbers(0, 100_000))]
    row = await apply(database, world.acme.tenant_id, csv("phone,firstname,lastname,email", rows))
    assert counts(row) == (100_000, 100_000, 0, 0, 0)
    await consistent(database, world.acme.tenant_id)


async def test_zero_is_no_country_and_nobody(database: Database, world: World) -> None:
    rows = ["Ana,+442079460001,lead,0,0", "Rui,+442079460002,lead,44, 0 ", "Bo,+442079460003,lead,0,7"]
    row = await apply(
        database, world.acme.tenant_id, csv("firstname,phone,type,country_id,assigned_id", rows)
    )
    assert counts(row) == (3, 3, 0, 0, 0)
    found = await contacts(database, world.acme.tenant_id)
    assert [(item["country_id"], item["assigned_id"]) for item in found] == [
        (None, None),
        (44, None),
        (None, 7),
    ]
