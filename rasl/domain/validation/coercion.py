"""What a value means where it came in another type than asked for: nothing is lost, and nothing is guessed.

Form fields are texts, PHP writes an empty object as `[]`, spreadsheets write codes as numbers. What cannot be meant is
returned as it came, for the rules to refuse.
"""

import decimal
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from rasl.domain.validation.bodies import Body
from rasl.domain.validation.fields import Asked, fields_of
from rasl.domain.validation.forms import Several
from rasl.domain.validation.values import plain_type, told_of

# Besides white space: marks that nobody sees, and that copying from a web page or a chat brings along.
_UNSEEN = "\ufeff\u200b\u200e\u200f\u2060"
_IDS = re.compile(r"\s*-?\d{1,20}\s*(,\s*-?\d{1,20}\s*)*")
_TOO_LARGE = 10**19
_TRUE = frozenset({"true", "1", "on", "yes"})
_BOOLEANS = {"on": True, "yes": True, "off": False, "no": False}


def trimmed(text: str) -> str:
    """Return a text without blanks and unseen marks around it."""
    text = text.strip()
    return text if text.isascii() else _without_unseen(text)


def _without_unseen(text: str) -> str:
    while (shorter := text.strip(_UNSEEN).strip()) != text:
        text = shorter
    return text


def coerced(info: inspect.Type, value: Any, told: Mapping[str, Any]) -> Any:
    """Return what a value means as one of this plain type; `told` is what the field says besides its rules.

    `verbatim` keeps blanks around a text, `padded` is how many digits a number has when written as a text.
    """
    if isinstance(info, inspect.AnyType):
        return plain(value)
    if isinstance(value, str) and not told.get("verbatim"):
        value = trimmed(value)
    if isinstance(info, inspect.StrType):
        return _as_text(value, told.get("padded", 0))
    means = _MEANS.get(type(info))
    return means(info, value) if means else value


def _as_text(value: Any, digits: int = 0) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:0{digits}d}"
    if isinstance(value, decimal.Decimal | float):
        written = str(value)
        return value if "E" in written.upper() else written
    return value


def _as_integer(_info: inspect.Type, value: Any) -> Any:
    is_whole = (
        isinstance(value, decimal.Decimal) and value == value.to_integral_value() and abs(value) < _TOO_LARGE
    )
    return int(value) if is_whole else value


def _as_number(_info: inspect.Type, value: Any) -> Any:
    return float(value) if isinstance(value, decimal.Decimal) else value


def _as_boolean(_info: inspect.Type, value: Any) -> Any:
    return _BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value


def _as_choice(info: inspect.LiteralType, value: Any) -> Any:
    """Understand how a form says true, where that is one of the choices."""
    if not isinstance(value, str) or True not in info.values:
        return value
    return True if value.lower() in _TRUE else value


def _as_list(info: inspect.ListType, value: Any) -> Any:
    return _items(info, _list_of(info, value))


def _list_of(info: inspect.ListType, value: Any) -> Any:
    if isinstance(value, Several):
        return list(value)
    if isinstance(value, str):
        if (read := _json(value, "[")) is not None:
            return read
        is_ids = isinstance(plain_type(info.item_type), inspect.IntType) and _IDS.fullmatch(value)
        return value.split(",") if is_ids else value
    if isinstance(value, dict):
        # What PHP makes of a list with gaps.
        numbered = sorted(
            (int(name), item) for name, item in value.items() if name.isdecimal() and len(name) < 10
        )
        return [item for _, item in numbered] if len(numbered) == len(value) > 0 else value
    return value


def _as_object(info: inspect.DictType | inspect.StructType, value: Any) -> Any:
    return _members(info, _object_of(value))


def _object_of(value: Any) -> Any:
    if isinstance(value, str) and (read := _json(value, "{")) is not None:
        return read
    return {} if isinstance(value, list) and not value and not isinstance(value, Several) else value


def _items(info: inspect.ListType, value: Any) -> Any:
    item = plain_type(info.item_type)
    if not isinstance(value, list) or isinstance(item, inspect.StructType):
        return value  # bodies in a list are read one by one
    told = told_of(info.item_type)
    return [coerced(item, one, told) for one in value]


def _members(info: inspect.DictType | inspect.StructType, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if isinstance(info, inspect.DictType):
        member, told = plain_type(info.value_type), told_of(info.value_type)
        return {name: coerced(member, one, told) for name, one in value.items()}
    if issubclass(info.cls, Body):
        return value  # read field by field
    fields = fields_of(info.cls)
    return {
        name: coerced(fields[name].info, one, fields[name].told) if name in fields else plain(one)
        for name, one in value.items()
        if not (one is None and name in fields and _has_default(fields[name]))
    }


def _has_default(field: Asked) -> bool:
    return not (field.is_required or field.is_clearing or field.admits_null)


def _as_one_of(info: inspect.UnionType, value: Any) -> Any:
    if not isinstance(value, decimal.Decimal):
        return plain(value)
    kinds = {type(plain_type(item)) for item in info.types}
    return float(value) if inspect.FloatType in kinds else _as_text(value)


_MEANS: Mapping[type[inspect.Type], Callable[[Any, Any], Any]] = {
    inspect.IntType: _as_integer,
    inspect.FloatType: _as_number,
    inspect.BoolType: _as_boolean,
    inspect.LiteralType: _as_choice,
    inspect.ListType: _as_list,
    inspect.DictType: _as_object,
    inspect.StructType: _as_object,
    inspect.UnionType: _as_one_of,
}


def _json(text: str, opening: str) -> Any:
    """Decode a JSON list or object that came as a text, None when it is none."""
    if not text.startswith(opening):
        return None
    try:
        return decode(text.encode())
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _written(text: str) -> decimal.Decimal:
    """Keep a decimal as it is written; raises ValueError for one that no program can take for a number."""
    if math.isinf(float(text)):
        raise ValueError(f"{text[:20]} is too large a number")
    return decimal.Decimal(text)


_decoder = msgspec.json.Decoder(float_hook=_written)


def decode(raw: bytes) -> Any:
    """Decode JSON, keeping decimals as they are written; raises MsgspecError, RecursionError or ValueError."""
    return _decoder.decode(raw)


def plain(value: Any) -> Any:
    """Return JSON data of any shape with numbers as numbers, and lists as lists."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def is_none(value: Any, told: Mapping[str, Any]) -> bool:
    """Tell whether a value says nothing: null, an empty text, and 0 where that stands for none."""
    if value is None:
        return True
    if isinstance(value, str):
        if told.get("may_be_blank"):
            return not value
        text = trimmed(value)
        return not text or (text == "0" and bool(told.get("zero_is_none")))
    return value == 0 and value is not False and bool(told.get("zero_is_none"))
