"""What bodies ask for, read off their types once: reading one that is not plainly right needs it again and again."""

import functools
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from rasl.domain.validation.values import admits_null, plain_type, told_of


class Asked(msgspec.Struct, frozen=True):
    """A field that a body asks for."""

    name: str
    annotation: Any
    info: inspect.Type  # without null and annotations
    told: Mapping[str, Any]  # what it says besides its rules
    is_required: bool
    is_clearing: bool  # tells null from absent: null clears
    admits_null: bool


@functools.cache
def fields_of(body_type: type[msgspec.Struct]) -> Mapping[str, Asked]:
    """Return what a body asks for, by name, what it requires first."""
    asked = [_asked(field) for field in msgspec.structs.fields(body_type)]
    return {field.name: field for field in sorted(asked, key=lambda field: not field.is_required)}


def _asked(field: msgspec.structs.FieldInfo) -> Asked:
    info = inspect.type_info(field.type)
    return Asked(
        field.encode_name,
        field.type,
        plain_type(info),
        told_of(info),
        is_required=field.required,
        is_clearing=field.default is msgspec.UNSET,
        admits_null=admits_null(info),
    )


@functools.cache
def verbatim_of(body_type: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of a body whose texts are kept as they are, blanks around them and all."""
    return frozenset(name for name, asked in fields_of(body_type).items() if _is_verbatim(asked))


@functools.cache
def empty_at_zero(body_type: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of a body in which 0 stands for none."""
    return frozenset(name for name, asked in fields_of(body_type).items() if asked.told.get("zero_is_none"))


def _is_verbatim(asked: Asked) -> bool:
    inside = told_of(asked.info.value_type) if isinstance(asked.info, inspect.DictType) else {}
    return bool(asked.told.get("verbatim") or inside.get("verbatim"))
