"""Records: nouns each of whose fields is told once, with all that anybody has to know of it.

A record is a struct whose annotations carry a `Field` besides the type. Nothing is ever made of it: bodies, items,
examples, lists, columns of files and columns of tables are read off it.

    class Contact(msgspec.Struct, kw_only=True):
        company: Annotated[Name | None, Field("Harbour Books")] = None

    @creates(Contact)
    class CreateContact(Body, frozen=True): ...

A field with a default may be left out. SQL is written by hand: the record only gives it column names.
"""

import datetime as dt
import functools
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from rasl.domain.listing import Kind, ListSpec

ZERO_IS_NONE = "zero_is_none"  # of `msgspec.Meta(extra=…)`
_Kind = TypeVar("_Kind", bound=msgspec.Struct)
_Record = type[msgspec.Struct]


class Field(msgspec.Struct, frozen=True, eq=False):
    """What there is to know of a field besides its type."""

    example: Any
    is_written: bool = True  # by callers; what is not can only be read
    filter: Kind | None = None  # how lists filter by it
    is_sorted: bool = False  # whether lists sort by it
    shown_as: str | None = None  # its name in answers and lists, where it has another one in bodies
    column: str | None = None  # its column in the table, where that has another name
    named: str | None = None  # what it refers to by an id; files have the name of that, under this heading
    headers: str = ""  # what people and programs write above its column in a file, besides its name
    texts: Mapping[str, str] = {}  # the contract's own messages, by the rule that is broken


class Told(msgspec.Struct, frozen=True):
    """A field as its record tells it."""

    name: str
    type: Any
    is_required: bool
    field: Field

    @property
    def shown_as(self) -> str:
        """Return its name in answers and lists."""
        return self.field.shown_as or self.name

    @property
    def heading(self) -> str:
        """Return what stands above its column in our files."""
        return self.field.named or self.name

    @property
    def column(self) -> str:
        """Return its column in the table."""
        return self.field.column or self.name

    @property
    def rules(self) -> msgspec.Meta:
        """Return what a value of it that is not null has to keep to."""
        found = [rule for hint in _members(self.type) for rule in getattr(hint, "__metadata__", ())]
        return next((rule for rule in found if isinstance(rule, msgspec.Meta)), msgspec.Meta())

    @property
    def is_none_when_zero(self) -> bool:
        """Tell whether 0 means that there is none."""
        return bool((self.rules.extra or {}).get(ZERO_IS_NONE))

    @property
    def plain_type(self) -> Any:
        """Return its type without rules, and without null."""
        return functools.reduce(
            operator.or_, (item for item in _members(_plain(self.type)) if item is not types.NoneType)
        )


@functools.cache
def fields_of(record: _Record) -> tuple[Told, ...]:
    """Return the fields of a record, in its order."""
    return tuple(map(_told, msgspec.structs.fields(record)))


def _told(item: msgspec.structs.FieldInfo) -> Told:
    [field] = [about for about in item.type.__metadata__ if isinstance(about, Field)]
    rules = [about for about in item.type.__metadata__ if about is not field]
    bare = item.type.__origin__
    return Told(
        item.name, operator.getitem(Annotated, (bare, *rules)) if rules else bare, item.required, field
    )


def written_fields(record: _Record) -> tuple[Told, ...]:
    """Return the fields that callers may write."""
    return tuple(told for told in fields_of(record) if told.field.is_written)


def creates(record: _Record) -> Callable[[type[_Kind]], type[_Kind]]:
    """Give a body the fields of a new one; what need not be given is null."""
    return _completing(
        [(told.name, told.type, ... if told.is_required else None) for told in written_fields(record)],
        messages_of(record),
    )


def changes(record: _Record) -> Callable[[type[_Kind]], type[_Kind]]:
    """Give a body the same fields, none of which need be given."""
    return _completing(
        [(told.name, told.type | UnsetType, UNSET) for told in written_fields(record)],
        messages_of(record),
    )


def shows(record: _Record) -> Callable[[type[_Kind]], type[_Kind]]:
    """Give an item the fields as answers show them: without rules, and moments as texts."""
    plain = {told.shown_as: _plain(told.type) for told in fields_of(record)}
    return _completing([(name, str if hint is dt.datetime else hint, ...) for name, hint in plain.items()])


def stores(record: _Record) -> Callable[[type[_Kind]], type[_Kind]]:
    """Give a struct the columns of what callers write, as `rasl.db.rows` takes them; one that is not given is null."""
    plain = {told.column: told.plain_type for told in written_fields(record)}
    kinds = {name: str if typing.get_origin(hint) is Literal else hint for name, hint in plain.items()}
    return _completing([(name, hint | None, None) for name, hint in kinds.items()])


def messages_of(record: _Record) -> dict[tuple[str, str], str]:
    """Return the contract's own messages, as bodies have them."""
    return {
        (told.name, rule): text for told in written_fields(record) for rule, text in told.field.texts.items()
    }


def example_of(record: _Record) -> dict[str, Any]:
    """Return one as answers show it."""
    return {told.shown_as: told.field.example for told in fields_of(record)}


def list_of(record: _Record, default_sort: str, includes: tuple[str, ...] = ()) -> ListSpec:
    """Return what the noun's list understands."""
    told = fields_of(record)
    return ListSpec(
        filters={item.shown_as: item.field.filter for item in told if item.field.filter},
        sorts=tuple(item.shown_as for item in told if item.field.is_sorted),
        default_sort=default_sort,
        includes=includes,
        columns={item.shown_as: item.column for item in told if item.column != item.shown_as},
        texts=frozenset(item.shown_as for item in told if item.field.is_sorted and item.plain_type is str),
    )


def _completing(
    fields: Sequence[tuple[str, Any, Any]], messages: Mapping[tuple[str, str], str] | None = None
) -> Callable[[type[_Kind]], type[_Kind]]:
    """Return a decorator that puts fields, given as (name, type, default), in front of those a struct has itself.

    Of two with one name the struct's own is kept. Raises TypeError when it has anything besides fields and a docstring.
    """

    def complete(kind: type[_Kind]) -> type[_Kind]:
        if lost := {name for name in vars(kind) if name[:2] != "__"} - {*kind.__struct_fields__}:
            raise TypeError(f"{kind.__name__} would lose {', '.join(sorted(lost))}")
        own = [item for item in msgspec.structs.fields(kind) if item.name in kind.__annotations__]
        told = {item[0]: item for item in fields}
        told |= {item.name: (item.name, item.type, ... if item.required else item.default) for item in own}
        texts = {name: value for name, value in vars(kind).items() if name in {"__doc__", "__qualname__"}}
        completed = msgspec.defstruct(
            kind.__name__,
            [
                (name, hint) if default is ... else (name, hint, default)
                for name, hint, default in told.values()
            ],
            bases=kind.__bases__,
            namespace=texts | ({"messages": messages} if messages else {}),
            module=kind.__module__,
            frozen=kind.__struct_config__.frozen,
            kw_only=True,
        )
        return cast("type[_Kind]", completed)

    return complete


def _members(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) in {typing.Union, types.UnionType}
    return typing.get_args(hint) if is_union else (hint,)


def _plain(hint: Any) -> Any:
    """Return a type without what is annotated on it and in it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _plain(hint.__origin__)
    if len(_members(hint)) > 1:
        return functools.reduce(operator.or_, map(_plain, arguments))
    return hint if origin is Literal or not arguments else origin[tuple(map(_plain, arguments))]
