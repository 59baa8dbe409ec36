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
    return _read_slowly(body_type, raw)


def _has_blank(body: Body) -> bool:
    """Tell whether a text is blank: HTML forms send "" for what was left out."""
    return any(
        isinstance(value, str) and not value.strip()
        for value in (getattr(body, name) for name in body.__struct_fields__)
    )


def _read_slowly(body_type: type[_BODY], raw: bytes) -> _BODY:
    values = _read_object(raw)
    fields = {field.encode_name: field for field in msgspec.structs.fields(body_type)}
    problems: dict[str, list[str]] = {}
    for name, field in fields.items():
        value = values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            values.pop(name, None)
            if field.required:
                problems[name] = [_text(body_type, name, "required", f"The {name} field is required")]
        elif problem := _problem(body_type, field, value):
            problems[name] = [problem]
    for name in values.keys() - fields.keys():
        problems[name] = [_unknown_field(name, list(fields))]
    problems |= body_type.missing(values.keys())
    if problems:
        raise ValidationFailed(problems)
    return msgspec.convert(values, body_type, strict=False)


def _given(body: Body) -> set[str]:
    return {name for name in body.__struct_fields__ if getattr(body, name) is not None}


def _read_object(raw: bytes) -> dict[str, Any]:
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
    if isinstance(value, str) and "\x00" in value:
        return f"The {name} field must not contain NUL characters"
    rule = _broken_rule(msgspec.inspect.type_info(field.type), value)
    if rule is None:
        return _conversion_problem(name, field.type, value)
    kind, default = rule
    return _text(body_type, name, kind, f"The {name} field {default}")


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


def _conversion_problem(name: str, kind: Any, value: Any) -> str | None:
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        return f"The {name} field is invalid: {error}"
    return None


def _text(body_type: type[Body], name: str, rule: str, default: str) -> str:
    return body_type.messages.get((name, rule), default)
