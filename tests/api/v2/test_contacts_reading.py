"""What contacts are given, as clients write it: phones as pasted, zeros, and all that is wrong named at once."""

from typing import Any

import pytest

from tests.api.v2.contact_calls import URL, body, create, patch
from tests.serving import Api


async def test_a_phone_is_read_as_it_is_pasted_and_is_the_same_everywhere(api: Api) -> None:
    created = await create(api, "\u202dtel:+44.20.7946.0011\u202c")
    assert created["phone"] == "+442079460011"
    for spelling in (
        "+44\u00a020 7946 0011",
        "whatsapp:+442079460011",
        "+44 20/79460011",
        "\uff0b\u0664\u0664 2079460011",
    ):
        taken = await api.acme.post(URL, body(api.world.acme, spelling))
        assert (taken.status, taken.details["phone"]) == (422, ["This phone number already exists"])
        assert (await api.acme.send(spelling)).data["contact_id"] == created["id"]
    changed = await patch(api.acme, created["id"], phone="\u200e+44\u00a020 7946 0011")
    assert changed.data["phone"] == "+44 20 7946 0011"
    for spelling in ("+442079460011 / +442079460012", "4915112345678.0", "+442079460011;ext=5"):
        refused = await api.acme.post(URL, body(api.world.acme, spelling))
        assert (refused.status, list(refused.details)) == (422, ["phone"])
        assert (await api.acme.send(spelling)).status == 422


async def test_shape_and_database_are_one_phase(api: Api) -> None:
    owner = await create(api, "+442079460001", email="taken@x.test")
    other = await create(api, "+442079460002")
    wrong = {
        "lastname": ["x"],
        "phone": "+442079460001",
        "email": " TAKEN@x.test ",
        "source_id": "999999",
        "status_id": api.world.globex.status_id,
        "groups": ["1"],
        "type": "vip",
    }
    fields = sorted([*wrong, "contact_id", "email_contact_id"])
    created = await api.acme.post(URL, wrong)
    assert (created.status, sorted(created.details)) == (422, sorted([*fields, "firstname"]))
    assert (created.details["contact_id"], created.details["email_contact_id"]) == (owner["id"], owner["id"])
    changed = await patch(api.acme, other["id"], **wrong)
    assert (changed.status, sorted(changed.details)) == (422, fields)
    # What it has itself speaks against nothing.
    own = await patch(api.acme, owner["id"], **wrong)
    assert sorted(own.details) == ["groups", "lastname", "source_id", "status_id", "type"]
    for match, absent in (("phone", ()), ("email", ())):
        put = await api.acme.call("PUT", URL, json=wrong, params={"match": match})
        assert sorted(put.details) == sorted([*own.details, *absent])
    batch = await api.acme.post(f"{URL}/batch", {"contacts": [wrong]})
    [row] = batch.data["errors"]
    assert sorted(row["errors"]) == sorted([*wrong, "firstname"])
    assert (await patch(api.acme, 999_999_999, **wrong)).status == 404


@pytest.mark.parametrize("zero", [0, "0"])
async def test_zero_is_no_country_and_nobody(api: Api, zero: Any) -> None:
    created = await create(api, country_id=zero, assigned_id=zero)
    assert (created["country_id"], created["assigned_id"]) == (None, None)
    assert (await patch(api.acme, created["id"], country_id=5, assigned_id=4)).data["assigned_id"] == 4
    cleared = await patch(api.acme, created["id"], country_id=zero, assigned_id=zero)
    assert (cleared.data["country_id"], cleared.data["assigned_id"]) == (None, None)
