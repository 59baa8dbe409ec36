"""Decoding bodies: one pass of msgspec when they are right, field by field when they are not."""

import functools
import typing
from typing import Any, TypeVar

import msgspec

from rasl.domain.validation.bodies import Body, given_fields
from rasl.domain.validation.problems import broken_rules, read_slowly, refuse_unknown_kind
from rasl.domain.validation.values import holds_nul
from rasl.errors import InvalidJson, ValidationFailed

MAX_ID = 2**63 - 1
_BODY = TypeVar("_BODY", bound=Body)


def read_values(body_type: type[_BODY], values: Any) -> _BODY:
    """Read one object of a list that came in a body; raises ValidationFailed as `read` does."""
    if not isinstance(values, dict):
        raise ValidationFailed({"": ["Expected an object"]})
    try:
        body = msgspec.convert(values, body_type, strict=False)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return read_slowly(body_type, values)
    if any(map(holds_nul, values.values())) or _needs_another_look(body):
        return read_slowly(body_type, values)
    return body


def read_id(text: str) -> int:
    """Read an id out of a path; what cannot be one becomes 0, which no record has."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return number if number <= MAX_ID else 0


def read(body_type: type[_BODY], raw: bytes) -> _BODY:
    """Decode a JSON body; raises InvalidJson, or ValidationFailed with the messages of every wrong field.

    Numbers may come as strings of digits (`"contact_id": "812"`), as form libraries send them. A union of bodies with
    tags is read as the kind whose tag it names.
    """
    if b"\\u0000" not in raw:
        try:
            body: _BODY = _decoder(body_type).decode(raw)
            if not _needs_another_look(body):
                return body
        except (msgspec.MsgspecError, RecursionError, ValueError):
            pass
    return _read_what_is_wrong(body_type, read_object(raw))


@functools.cache
def _decoder(body_type: type[_BODY]) -> msgspec.json.Decoder[_BODY]:
    return msgspec.json.Decoder(body_type, strict=False)


def _needs_another_look(body: Body) -> bool:
    """Tell whether something is wrong that decoding does not see, in the body or in an object inside it."""
    if _looks_odd(body):
        return True
    return bool(body.rules) and any(True for _ in broken_rules(body.rules, msgspec.to_builtins(body)))


def _looks_odd(body: Body) -> bool:
    """Tell whether a text is blank, or something given asks for what is not."""
    for value in msgspec.structs.astuple(body):
        if value is None:
            continue
        if isinstance(value, str):
            if not value.strip():
                return True
        elif isinstance(value, list):
            # The items of a list are all of one type, except that numbers may stand beside texts.
            if value and isinstance(value[0], int | str | Body) and any(map(_is_odd_item, value)):
                return True
        elif isinstance(value, Body) and _looks_odd(value):
            return True
    return bool(body.missing(given_fields(body)))


def _is_odd_item(item: str | int | Body) -> bool:
    if isinstance(item, Body):
        return _looks_odd(item)
    return isinstance(item, str) and not item.strip()


def _read_what_is_wrong(body_type: type[_BODY], values: dict[str, Any]) -> _BODY:
    """Read it field by field, after finding out which kind it is if there are several."""
    kinds: tuple[type[_BODY], ...] = typing.get_args(body_type) or (body_type,)
    if len(kinds) == 1:
        return read_slowly(body_type, values)
    field = str(kinds[0].__struct_config__.tag_field)
    for kind in kinds:
        if kind.__struct_config__.tag == values.get(field):
            return read_slowly(kind, values)
    raise refuse_unknown_kind(kinds, field, values)


def read_object(raw: bytes) -> dict[str, Any]:
    """Decode a JSON object; raises InvalidJson."""
    try:
        values = msgspec.json.decode(raw or b"{}")
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidJson(details={"reason": str(error) or "not valid UTF-8"}) from None
    if not isinstance(values, dict):
        raise InvalidJson(details={"reason": 'expected an object such as {"phone": "..."}'})
    return values
