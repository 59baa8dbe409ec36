"""Files in bodies: only a form can bring them, so a field of this type is there in forms alone."""

import functools
import typing
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec
from msgspec import inspect

from rasl.domain.validation.values import plain_type, told_of


class Upload:
    """A file that came with a form, open as long as its request; `name` is what the client calls it."""

    def __init__(self, file: BinaryIO, name: str | None) -> None:
        self.file, self.name, self.size = file, name, 0


def of_bytes(most: int, description: str) -> msgspec.Meta:
    """Return the rules of an `Upload` of at most so many bytes."""
    return msgspec.Meta(description=description, extra={"most_bytes": most})


@functools.cache
def uploads_of(body_type: Any) -> Mapping[str, int]:
    """Return the fields of a body that take files, each with the bytes it may have."""
    kinds: tuple[Any, ...] = typing.get_args(body_type) or (body_type,)
    return {
        field.encode_name: told_of(info)["most_bytes"]
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        for field in msgspec.structs.fields(kind)
        if isinstance(plain_type(info := inspect.type_info(field.type)), inspect.CustomType)
    }
