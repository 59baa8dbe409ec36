"""Decoding bodies: one pass of msgspec when they are right, field by field when they are not."""

import functools
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from rasl.domain.validation.bodies import Body, given_fields
from rasl.domain.validation.coercion import decode, trimmed
from rasl.domain.validation.fields import empty_at_zero, verbatim_of
from rasl.domain.validation.problems import Unknown, broken_rules, read_slowly, refuse_unknown_kind
from rasl.domain.validation.values import holds_nul
from rasl.errors import InvalidJson, ValidationFailed

MAX_ID = 2**63 - 1
_BODY = TypeVar("_BODY", bound=Body)


def read_id(text: str) -> int:
    """Read an id out of a path; what cannot be one becomes 0, which no record has."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return number if number <= MAX_ID else 0


def read(
    body_type: type[_BODY], raw: bytes, unknown: Unknown | None = None, *, is_strict: bool = False
) -> _BODY:
    """Decode a JSON body; raises InvalidJson, or BodyRefused with the messages of every wrong field.

    Names that mean nothing are put into `unknown`, or refused for a strict caller. A union of bodies with tags is read
    as the kind whose tag it names.
    """
    if b"\\u0000" not in raw:
        try:
            body: _BODY = _decoder(body_type).decode(raw)
            if not _needs_another_look(body):
                return body
        except (msgspec.MsgspecError, RecursionError, ValueError):
            pass
    return _read_slowly(body_type, read_object(raw), unknown, is_strict=is_strict)


def read_values(
    body_type: type[_BODY], values: Any, unknown: Unknown | None = None, *, is_strict: bool = False
) -> _BODY:
    """Read what a form said, or an object in a list that came in a body; as `read` does."""
    if not isinstance(values, dict):
        raise ValidationFailed({"": ["Expected an object"]})
    try:
        body = msgspec.convert(values, body_type, strict=False)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _read_slowly(body_type, values, unknown, is_strict=is_strict)
    if any(map(holds_nul, values.values())) or _needs_another_look(body):
        return _read_slowly(body_type, values, unknown, is_strict=is_strict)
    return body


def _read_slowly(
    body_type: type[_BODY], values: Mapping[str, Any], unknown: Unknown | None, *, is_strict: bool
) -> _BODY:
    kind = _kind_of(body_type, values)
    return read_slowly(kind, values, {} if unknown is None else unknown, is_strict=is_strict)


@functools.cache
def _decoder(body_type: type[_BODY]) -> msgspec.json.Decoder[_BODY]:
    return msgspec.json.Decoder(body_type, strict=False)


def _needs_another_look(body: Body) -> bool:
    """Tell whether something is wrong that decoding does not see, in the body or in an object inside it."""
    if _looks_odd(body):
        return True
    if not body.rules:
        return False
    values = msgspec.to_builtins(body, enc_hook=repr)  # no rule looks at files, which are no JSON
    return any(True for _ in broken_rules(body.rules, values))


def _looks_odd(body: msgspec.Struct) -> bool:
    """Tell whether a value in a body does not mean what it says, or something given asks for what is not."""
    for index, value in enumerate(msgspec.structs.astuple(body)):
        if value is not None and _is_odd(body, index, value):
            return True
    return isinstance(body, Body) and bool(body.missing(given_fields(body)))


def _is_odd(body: msgspec.Struct, index: int, value: object) -> bool:
    """Tell whether a text is blank or has blanks around it, in lists and objects too, or a 0 stands for none."""
    if isinstance(value, str):
        return _is_odd_text(value) and not (trimmed(value) and _is_verbatim(body, index))
    if type(value) is int:
        return value == 0 and body.__struct_fields__[index] in empty_at_zero(type(body))
    if isinstance(value, list):
        # The items of a list are all of one type, except that numbers may stand beside texts.
        has_texts = bool(value) and isinstance(value[0], int | str | msgspec.Struct)
        return has_texts and any(map(_is_odd_item, value))
    if isinstance(value, dict):
        return any(map(_is_odd_member, value.values())) and not _is_verbatim(body, index)
    return isinstance(value, msgspec.Struct) and _looks_odd(value)


def _is_verbatim(body: msgspec.Struct, index: int) -> bool:
    return body.__struct_fields__[index] in verbatim_of(type(body))


def _is_odd_text(text: str) -> bool:
    return not text or (not (text[0].isalnum() and text[-1].isalnum()) and trimmed(text) != text)


def _is_odd_item(item: str | int | msgspec.Struct) -> bool:
    return _looks_odd(item) if isinstance(item, msgspec.Struct) else _is_odd_member(item)


def _is_odd_member(value: object) -> bool:
    return isinstance(value, str) and _is_odd_text(value)


def _kind_of(body_type: type[_BODY], values: Mapping[str, Any]) -> type[_BODY]:
    """Return the body that is meant, which its tag says where there are several kinds."""
    kinds: tuple[type[_BODY], ...] = typing.get_args(body_type) or (body_type,)
    if len(kinds) == 1:
        return kinds[0]
    field = str(kinds[0].__struct_config__.tag_field)
    given = values.get(field)
    tag = trimmed(given) if isinstance(given, str) else given
    for kind in kinds:
        if kind.__struct_config__.tag == tag:
            return kind
    raise refuse_unknown_kind(kinds, field, values)


def read_object(raw: bytes) -> dict[str, Any]:
    """Decode a JSON object; raises InvalidJson."""
    try:
        values = decode(raw or b"{}")
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidJson(details={"reason": str(error) or "not valid UTF-8"}) from None
    if not isinstance(values, dict):
        raise InvalidJson(details={"reason": 'expected an object such as {"phone": "..."}'})
    return values
