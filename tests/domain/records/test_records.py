"""What is read off a record: bodies, items, examples, lists and columns."""

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
import pytest

from rasl.db import rows
from rasl.domain.listing import Kind
from rasl.domain.records import (
    Field,
    changes,
    creates,
    example_of,
    fields_of,
    list_of,
    shows,
    stores,
)
from rasl.domain.validation import Body, read_values
from rasl.errors import ValidationFailed

Name = Annotated[str, msgspec.Meta(max_length=3)]


class Plant(msgspec.Struct, kw_only=True):
    """A plant."""

    id: Annotated[int, Field(7, is_written=False, is_sorted=True)]
    name: Annotated[Name, Field("Ivy", texts={"required": "A plant has a name"})]
    kind: Annotated[Literal["tree", "herb"] | None, Field("tree", filter=Kind.TEXT)] = None
    beds: Annotated[list[int] | None, Field([1], filter=Kind.ARRAY, shown_as="bed_id", column="bed_ids")] = (
        None
    )
    tags: Annotated[dict[str, str] | None, Field({})] = None
    sown_at: Annotated[dt.datetime, Field("2026-02-11T08:00:00+00:00", is_written=False, filter=Kind.MOMENT)]


@creates(Plant)
class CreatePlant(Body, frozen=True):
    """A new plant."""


@changes(Plant)
class ChangePlant(Body, frozen=True):
    """A change of a plant."""


@shows(Plant)
class PlantItem(msgspec.Struct):
    """A plant as it is shown."""

    tags: dict[str, str]
    bed: str | msgspec.UnsetType = msgspec.UNSET


@stores(Plant)
class PlantColumns(msgspec.Struct, frozen=True):
    """A plant as it is stored."""

    tenant_id: int


def hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize(
    ("body", "given", "problems"),
    [
        (CreatePlant, {}, {"name": ["A plant has a name"]}),
        (CreatePlant, {"name": "Oaks"}, {"name": ["The name field must not be greater than 3 characters"]}),
        (ChangePlant, {"name": None}, {"name": ["A plant has a name"]}),
        (
            ChangePlant,
            {"sown_at": "2026"},
            {"sown_at": ["Unknown field; this endpoint takes name, kind, beds, tags"]},
        ),
    ],
)
def test_bodies_have_the_rules_and_the_texts_of_the_record(
    body: type[Body], given: dict[str, Any], problems: dict[str, list[str]]
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_values(body, given, is_strict=True)
    assert caught.value.details == problems


def test_a_new_one_has_null_where_nothing_is_given_and_a_change_has_nothing() -> None:
    new, change = read_values(CreatePlant, {"name": "Ivy"}), read_values(ChangePlant, {"kind": None})
    assert msgspec.to_builtins(new) == {"name": "Ivy", "kind": None, "beds": None, "tags": None}
    assert msgspec.to_builtins(change) == {"kind": None}


def test_an_item_shows_every_field_without_rules_and_then_its_own() -> None:
    shown = hints(PlantItem)
    assert list(shown) == ["id", "name", "kind", "bed_id", "tags", "sown_at", "bed"]
    assert (shown["name"], shown["sown_at"], shown["tags"]) == (str, str, dict[str, str])
    assert list(shown) == [*example_of(Plant), "bed"]


def test_columns_are_those_of_what_is_written() -> None:
    assert (
        rows.columns(PlantColumns) == "name text, kind text, bed_ids bigint[], tags jsonb, tenant_id bigint"
    )


def test_a_list_knows_what_it_filters_and_sorts_by_and_where_it_is() -> None:
    spec = list_of(Plant, "-id", ("bed",))
    assert spec.filters == {"kind": Kind.TEXT, "bed_id": Kind.ARRAY, "sown_at": Kind.MOMENT}
    assert spec.sorts == ("id",)
    assert spec.columns == {"bed_id": "bed_ids"}


def test_a_field_has_its_rules_and_its_plain_type() -> None:
    told = {field.name: field for field in fields_of(Plant)}
    assert told["name"].rules.max_length == 3
    assert told["beds"].plain_type == list[int]


def test_a_method_of_its_own_is_not_dropped_silently() -> None:
    class Watered(Body, frozen=True):
        """A plant with something to do."""

        def water(self) -> None:
            raise NotImplementedError

    with pytest.raises(TypeError, match="Watered would lose water"):
        creates(Plant)(Watered)
