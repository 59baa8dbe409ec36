"""What is wrong with a body: every field of every object in it, named by its path such as `buttons.0.title`."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard, TypeVar, cast

import msgspec
from msgspec import inspect
from msgspec.structs import FieldInfo

from rasl.domain.validation.bodies import Body, is_blank
from rasl.domain.validation.rules import Rule
from rasl.domain.validation.values import (
    admits_null,
    broken_rule,
    conversion_problem,
    holds_nul,
    plain_type,
)
from rasl.errors import ValidationFailed

Problems = dict[str, list[str]]
_BODY = TypeVar("_BODY", bound=Body)


def read_slowly(body_type: type[_BODY], values: Mapping[str, Any]) -> _BODY:
    """Read a body field by field; raises ValidationFailed with the messages of every wrong one."""
    problems: Problems = {}
    cleaned = _clean(body_type, values, "", problems)
    for path, problem in broken_rules(body_type.rules, values):
        # Whoever has to mend a field anyway need not be told twice.
        problems.setdefault(path, [problem])
    if problems:
        raise ValidationFailed(problems)
    return msgspec.convert(cleaned, body_type, strict=False)


def refuse_unknown_kind(
    body_types: Iterable[type[Body]], field: str, values: Mapping[str, Any]
) -> ValidationFailed:
    """Return what is wrong with a body that does not say which of several kinds it is.

    Fields that every kind has are looked at all the same.
    """
    kinds = list(body_types)
    names = [str(kind.__struct_config__.tag) for kind in kinds]
    given = values.get(field)
    one_of = f"one of {', '.join(names)}"
    problems: Problems = {}
    if is_blank(given):
        problems[field] = [f"The {field} field is required: {one_of}"]
    else:
        close = difflib.get_close_matches(str(given), names, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        problems[field] = [f"The {field} field must be {one_of}{hint}"]
    shared = set.intersection(*(set(kind.__struct_fields__) for kind in kinds))
    found: Problems = {}
    _clean(kinds[0], values, "", found)
    problems |= {path: texts for path, texts in found.items() if path.partition(".")[0] in shared}
    return ValidationFailed(problems)


def broken_rules(rules: Iterable[Rule], values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Return everything that is wrong between several values."""
    return (broken for rule in rules for broken in rule(values))


def _clean(body_type: type[Body], given: Mapping[str, Any], path: str, problems: Problems) -> dict[str, Any]:
    """Return the values without those that are blank; what is wrong goes to the problems."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(body_type)}
    tag_field = body_type.__struct_config__.tag_field
    cleaned: dict[str, Any] = {}
    for name, field in fields.items():
        value = given.get(name)
        if not is_blank(value):
            cleaned[name] = _checked(_Place(body_type, field, path + name, problems), value)
            continue
        # A field that may be left unset tells null from absent: null, or a blank, clears it.
        is_clearing = field.default is msgspec.UNSET and name in given
        if is_clearing and admits_null(inspect.type_info(field.type)):
            cleaned[name] = None
        elif field.required or is_clearing:
            problem = f"The {path + name} field is required"
            problems[path + name] = [body_type.messages.get((name, "required"), problem)]
    for name in given.keys() - fields.keys() - {tag_field}:
        known = sorted(fields, key=lambda known: not fields[known].required)
        problems[path + name] = [_unknown_field(name, known, "object" if path else "endpoint")]
    for name, texts in body_type.missing(cleaned.keys()).items():
        problems[path + name] = texts
    return cleaned


class _Place:
    """A field of a body, or an item of it, where something may be wrong."""

    def __init__(self, body_type: type[Body], field: FieldInfo, path: str, problems: Problems) -> None:
        self.body_type, self.field, self.path, self.problems = body_type, field, path, problems

    def item(self, index: int) -> "_Place":
        """Return the place of one item of a list."""
        return _Place(self.body_type, self.field, f"{self.path}.{index}", self.problems)

    def complain(self, rule: str, says: str) -> None:
        """Say what is wrong here, in the contract's own words if it has any."""
        own = self.body_type.messages.get((self.field.encode_name, rule))
        self.problems[self.path] = [own or f"The {self.path} field {says}"]


def _checked(place: _Place, value: Any) -> Any:
    """Return a value that is there, cleaned."""
    info = plain_type(inspect.type_info(place.field.type))
    if _is_body(info):
        return _checked_object(place, info, value)
    if isinstance(info, inspect.ListType):
        item = plain_type(info.item_type)
        if _is_body(item) or isinstance(item, inspect.StrType):
            return _checked_list(place, info, item, value)
    if holds_nul(value):
        place.complain("nul", "must not contain NUL characters")
    elif rule := broken_rule(info, value):
        place.complain(*rule)
    elif reason := conversion_problem(place.field.type, value):
        place.complain("invalid", f"is invalid: {reason}")
    return value


def _is_body(info: inspect.Type) -> TypeGuard[inspect.StructType]:
    return isinstance(info, inspect.StructType) and issubclass(info.cls, Body)


def _checked_object(place: _Place, info: inspect.StructType, value: Any) -> Any:
    if not isinstance(value, dict):
        place.complain("object", "must be an object")
        return value
    return _clean(cast("type[Body]", info.cls), value, f"{place.path}.", place.problems)


def _checked_list(place: _Place, info: inspect.ListType, item: inspect.Type, values: Any) -> Any:
    if rule := broken_rule(info, values):
        place.complain(*rule)
    if not isinstance(values, list):
        return values
    # A list that is far too long is not gone through: its length is all there is to say.
    shown = values if info.max_length is None else values[: info.max_length]
    return [_checked_item(place.item(index), item, value) for index, value in enumerate(shown)]


def _checked_item(place: _Place, info: inspect.Type, value: Any) -> Any:
    if is_blank(value):
        place.complain("required", "is required")
    elif isinstance(info, inspect.StructType):
        return _checked_object(place, info, value)
    elif holds_nul(value):
        place.complain("nul", "must not contain NUL characters")
    elif rule := broken_rule(info, value):
        place.complain(*rule)
    return value


def _unknown_field(name: str, known: list[str], taker: str) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else f"; this {taker} takes {', '.join(known)}"
    return f"Unknown field{hint}"
