"""The color of a status; the rest of /statuses is in test_labels.py."""

from typing import Any

import pytest

from tests.serving import Api

STATUSES = "/api/v2/statuses"
NO_COLOR = "Color must be a valid hex color code (e.g., #FF5733)"


@pytest.mark.parametrize("color", ["#FF5733", "#abcdef", "#000000", None])
async def test_a_status_has_a_color_or_none(api: Api, color: str | None) -> None:
    made = await api.acme.post(STATUSES, {"name": "Hot", "color": color})
    assert (made.status, made.data["color"]) == (201, color)
    assert (await api.acme.get(f"{STATUSES}?filter[name]=Hot")).data == [made.data]
    assert (await api.acme.get(f"{STATUSES}?filter[name]=Hot&fields=color")).data == [
        {"id": made.data["id"], "color": color}
    ]


@pytest.mark.parametrize(
    "color",
    ["FF5733", "#FF573", "#FF57333", "#GG5733", "#FF57\n33", "red", 7, ["#FF5733"], "# FF573"],
)
async def test_a_wrong_color_is_refused(api: Api, color: Any) -> None:
    made = await api.acme.post(STATUSES, {"name": "Hot", "color": "#FF5733"})
    for method, url in (("POST", STATUSES), ("PATCH", f"{STATUSES}/{made.data['id']}")):
        answer = await api.acme.call(method, url, json={"name": "Cold", "color": color})
        assert (answer.status, answer.details) == (422, {"color": [NO_COLOR]})
    assert (await api.acme.get(f"{STATUSES}/{made.data['id']}")).data == made.data


async def test_name_and_color_are_refused_together(api: Api) -> None:
    answer = await api.acme.post(STATUSES, {"color": "red", "size": 1})
    assert answer.details == {
        "name": ["Status name is required"],
        "color": [NO_COLOR],
    }
    assert answer.body["meta"]["ignored"] == [{"field": "size"}]


@pytest.mark.parametrize(
    ("change", "color"),
    [({}, "#FF5733"), ({"color": "#00FF00"}, "#00FF00"), ({"color": None}, None)],
)
async def test_a_color_that_is_left_out_stays_and_null_takes_it_away(
    api: Api, change: dict[str, Any], color: str | None
) -> None:
    made = (await api.acme.post(STATUSES, {"name": "Hot", "color": "#FF5733"})).data
    one = f"{STATUSES}/{made['id']}"
    changed = await api.acme.call("PATCH", one, json={"name": "Warm", **change})
    assert (changed.status, changed.data["name"], changed.data["color"]) == (200, "Warm", color)
    assert (await api.acme.get(one)).data == changed.data


async def test_the_color_alone_is_no_change(api: Api) -> None:
    made = (await api.acme.post(STATUSES, {"name": "Hot"})).data
    answer = await api.acme.call("PATCH", f"{STATUSES}/{made['id']}", json={"color": "#FF5733"})
    assert (answer.status, answer.details) == (422, {"name": ["Status name is required"]})
