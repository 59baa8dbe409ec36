"""Reading request bodies: fast when right, naming every wrong field at once when not.

msgspec stops at the first wrong field, so a failed body is read again, field by field (slow path only).
"""

import difflib
import re
from collections.abc import Mapping, Set
from typing import Any, ClassVar, TypeVar

import msgspec

from rasl.errors import InvalidJson, ValidationFailed

MAX_ID = 2**63 - 1
_BODY = TypeVar("_BODY", bound="Body")


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request body; subclasses may give the contract's own texts as `messages[field, rule]`."""

    messages: ClassVar[Mapping[tuple[str, str], str]] = {}

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:  # noqa: ARG003 - most bodies need no such rule
        """Return what is required because of which other fields are given or not."""
        return {}


def read_values(body_type: type[_BODY], values: Any) -> _BODY:
    """Read one object of a list that came in a body; raises ValidationFailed as `read` does."""
    if not isinstance(values, dict):
        raise ValidationFailed({"": ["Expected an object"]})
    try:
        body = msgspec.convert(values, body_type, strict=False)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _read_values_slowly(body_type, dict(values))
    if any(map(_holds_nul, values.values())) or _has_blank(body) or body.missing(_given(body)):
        return _read_values_slowly(body_type, dict(values))
    return body


def read_id(text: str) -> int:
    """Read an id out of a path; what cannot be one becomes 0, which no record has."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return number if number <= MAX_ID else 0


def read(body_type: type[_BODY], raw: bytes) -> _BODY:
    """Decode a JSON body; raises InvalidJson, or ValidationFailed with the messages of every wrong field.

    Numbers may come as strings of digits (`"contact_id": "812"`), as form libraries send them.
    """
    if b"\\u0000" not in raw:
        try:
            body = msgspec.json.decode(raw, type=body_type, strict=False)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            pass
        else:
            if not _has_blank(body) and not body.missing(_given(body)):
                return body
    return _read_values_slowly(body_type, read_object(raw))


def _has_blank(body: Body) -> bool:
    """Tell whether a text is blank: HTML forms send "" for what was left out."""
    return any(
        isinstance(value, str) and not value.strip()
        for value in (getattr(body, name) for name in body.__struct_fields__)
    )


def _read_values_slowly(body_type: type[_BODY], values: dict[str, Any]) -> _BODY:
    fields = {field.encode_name: field for field in msgspec.structs.fields(body_type)}
    problems: dict[str, list[str]] = {}
    for name, field in fields.items():
        value = values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            # A field that may be left unset tells null from absent: null, or a blank, clears it.
            is_clearing = field.default is msgspec.UNSET and name in values
            values.pop(name, None)
            if is_clearing and _admits_null(field):
                values[name] = None
            elif field.required or is_clearing:
                problems[name] = [_text(body_type, name, "required", f"The {name} field is required")]
        elif problem := _problem(body_type, field, value):
            problems[name] = [problem]
    for name in values.keys() - fields.keys():
        problems[name] = [_unknown_field(name, sorted(fields, key=lambda known: not fields[known].required))]
    problems |= body_type.missing(values.keys())
    if problems:
        raise ValidationFailed(problems)
    return msgspec.convert(values, body_type, strict=False)


def _given(body: Body) -> set[str]:
    values = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {name for name, value in values if value is not None and value is not msgspec.UNSET}


def _admits_null(field: msgspec.structs.FieldInfo) -> bool:
    info = msgspec.inspect.type_info(field.type)
    return isinstance(info, msgspec.inspect.UnionType) and info.includes_none


def read_object(raw: bytes) -> dict[str, Any]:
    """Decode a JSON object; raises InvalidJson."""
    try:
        values = msgspec.json.decode(raw or b"{}")
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidJson(details={"reason": str(error) or "not valid UTF-8"}) from None
    if not isinstance(values, dict):
        raise InvalidJson(details={"reason": 'expected an object such as {"phone": "..."}'})
    return values


def _unknown_field(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else f"; this endpoint takes {', '.join(known)}"
    return f"Unknown field{hint}"


def _problem(body_type: type[Body], field: msgspec.structs.FieldInfo, value: Any) -> str | None:
    name = field.encode_name
    if _holds_nul(value):
        return f"The {name} field must not contain NUL characters"
    rule = _broken_rule(msgspec.inspect.type_info(field.type), value)
    if rule is None:
        return _conversion_problem(body_type, field, value)
    kind, default = rule
    return _text(body_type, name, kind, f"The {name} field {default}")


def _holds_nul(value: Any) -> bool:
    """Tell whether a text, or one in it, holds what PostgreSQL cannot; objects in lists have a body of their own."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(item) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(isinstance(item, str) and "\x00" in item for item in value)


def _broken_rule(info: msgspec.inspect.Type, value: Any) -> tuple[str, str] | None:
    """Return (rule, text) of the first rule broken by a text or number, None when fine or not known here."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _broken_rule(info.type, value)
    if isinstance(info, msgspec.inspect.UnionType):
        options = [option for option in info.types if not isinstance(option, msgspec.inspect.NoneType)]
        return _broken_rule(options[0], value) if len(options) == 1 else None
    if isinstance(info, msgspec.inspect.StrType):
        return _broken_text_rule(info, value)
    if isinstance(info, msgspec.inspect.IntType):
        return _broken_number_rule(info, value)
    if isinstance(info, msgspec.inspect.ListType):
        return _broken_list_rule(info, value)
    return None


def _broken_list_rule(info: msgspec.inspect.ListType, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, list):
        return "array", "must be an array"
    if info.min_length and len(value) < info.min_length:
        return "required", f"must have at least {info.min_length} items"
    if info.max_length is not None and len(value) > info.max_length:
        return "max", f"must not have more than {info.max_length} items"
    return None


def _broken_text_rule(info: msgspec.inspect.StrType, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "string", "must be a string"
    if info.pattern and not re.search(info.pattern, value):
        return "pattern", "format is invalid"
    if info.min_length and len(value) < info.min_length:
        return "min", f"must be at least {info.min_length} characters"
    if info.max_length and len(value) > info.max_length:
        return "max", f"must not be greater than {info.max_length} characters"
    return None


def _broken_number_rule(info: msgspec.inspect.IntType, value: Any) -> tuple[str, str] | None:
    # msgspec says what a number is, so that a body means the same on the fast path and on the slow one.
    try:
        number = msgspec.convert(value, int, strict=False)
    except msgspec.ValidationError:
        return "integer", "must be an integer"
    if (info.ge is not None and number < info.ge) or (info.le is not None and number > info.le):
        return "range", f"must be between {info.ge} and {info.le}"
    return None


def _conversion_problem(body_type: type[Body], field: msgspec.structs.FieldInfo, value: Any) -> str | None:
    try:
        msgspec.convert(value, field.type, strict=False)
    except msgspec.ValidationError as error:
        name = field.encode_name
        return _text(body_type, name, "invalid", f"The {name} field is invalid: {error}")
    return None


def _text(body_type: type[Body], name: str, rule: str, default: str) -> str:
    return body_type.messages.get((name, rule), default)
