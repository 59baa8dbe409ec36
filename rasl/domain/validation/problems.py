"""What a body means that is not plainly right, and what is wrong with it: every field of every object in it.

A field is named by its path such as `buttons.0.title`.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeGuard, TypeVar, cast

import msgspec
from msgspec import inspect

from rasl.domain.validation.bodies import Body
from rasl.domain.validation.coercion import coerced, is_none, trimmed
from rasl.domain.validation.fields import Asked, fields_of
from rasl.domain.validation.forms import Several
from rasl.domain.validation.names import nearest, suggestion
from rasl.domain.validation.rules import Rule
from rasl.domain.validation.values import broken_rule, conversion_problem, holds_nul, plain_type, told_of
from rasl.errors import ValidationFailed

Problems = dict[str, list[str]]
Unknown = dict[str, str | None]
"""Names that mean nothing in a body, by path, each with the one that was perhaps meant."""
_BODY = TypeVar("_BODY", bound=Body)
_NUL = "must not contain NUL characters"


class BodyRefused(ValidationFailed):
    """A body with something wrong; `right` has the fields that are not, so that they can be looked at as well."""

    def __init__(self, problems: Problems, right: Mapping[str, Any]) -> None:
        super().__init__(problems)
        self.right = right


def read_slowly(
    body_type: type[_BODY], values: Mapping[str, Any], unknown: Unknown, *, is_strict: bool = False
) -> _BODY:
    """Read a body field by field; raises BodyRefused with the messages of every wrong one.

    What means nothing goes to `unknown`, and is wrong when the caller is strict or only tries (`dry_run`).
    """
    problems: Problems = {}
    cleaner = _Cleaner(problems, unknown)
    cleaned = cleaner.clean(body_type, values, "")
    for path, problem in broken_rules(body_type.rules, cleaned):
        # Whoever has to mend a field anyway need not be told twice.
        problems.setdefault(path, [problem])
    if is_strict or is_true(cleaned.get("dry_run")):
        problems |= cleaner.unknown_fields
    if problems:
        wrong = {path.partition(".")[0] for path in problems}
        raise BodyRefused(problems, _typed(body_type, cleaned, wrong))
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
    if is_none(given, {}):
        problems[field] = [f"The {field} field is required: {one_of}"]
    else:
        meant = nearest(str(given), tuple(names))
        hint = f'; did you mean "{meant}"?' if meant else ""
        problems[field] = [f"The {field} field must be {one_of}{hint}"]
    shared = set.intersection(*(set(kind.__struct_fields__) for kind in kinds))
    found: Problems = {}
    cleaned = _Cleaner(found, {}).clean(kinds[0], values, "")
    problems |= {path: texts for path, texts in found.items() if path.partition(".")[0] in shared}
    wrong = {path.partition(".")[0] for path in found} | {name for name in cleaned if name not in shared}
    return BodyRefused(problems, _typed(kinds[0], cleaned, wrong))


def _typed(body_type: type[Body], cleaned: Mapping[str, Any], wrong: Set[str]) -> dict[str, Any]:
    """Return what is right as the types that the body asks for: ids as numbers, whatever way they came."""
    fields = fields_of(body_type)
    return {
        name: msgspec.convert(value, fields[name].annotation, strict=False)
        if isinstance(value, str)
        or (isinstance(value, list) and not any(isinstance(it, dict) for it in value))
        else value
        for name, value in cleaned.items()
        if name not in wrong
    }


def broken_rules(rules: Iterable[Rule], values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Return everything that is wrong between several values."""
    return (broken for rule in rules for broken in rule(values))


class _Place:
    """A field of a body, or an item of it, where something may be wrong."""

    def __init__(self, body_type: type[Body], field: Asked, path: str, problems: Problems) -> None:
        self.body_type, self.field, self.path, self.problems = body_type, field, path, problems

    def item(self, index: int) -> "_Place":
        """Return the place of one item of a list."""
        return _Place(self.body_type, self.field, f"{self.path}.{index}", self.problems)

    def complain(self, rule: str, says: str) -> None:
        """Say what is wrong here, in the contract's own words if it has any."""
        own = self.body_type.messages.get((self.field.name, rule))
        self.problems[self.path] = [own or f"The {self.path} field {says}"]


class _Cleaner:
    """Turns what was given into what is meant, and takes down what is wrong and what means nothing."""

    def __init__(self, problems: Problems, unknown: Unknown) -> None:
        self._problems, self._unknown = problems, unknown
        self.unknown_fields: Problems = {}  # as problems, for those to whom they are

    def clean(self, body_type: type[Body], given: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Return the values that say something, as they are meant; wrong ones as they came."""
        fields = fields_of(body_type)
        cleaned: dict[str, Any] = {}
        for name, field in fields.items():
            value = given.get(name)
            if isinstance(value, Several) and not isinstance(field.info, inspect.ListType):
                value = value.the_one()
            if not is_none(value, field.told):
                cleaned[name] = self._checked(_Place(body_type, field, path + name, self._problems), value)
                continue
            is_clearing = field.is_clearing and name in given
            if is_clearing and field.admits_null:
                cleaned[name] = None
            elif field.is_required or is_clearing:
                problem = f"The {path + name} field is required"
                self._problems[path + name] = [body_type.messages.get((name, "required"), problem)]
        known = {*fields, body_type.__struct_config__.tag_field}
        for name in (name for name in given if name not in known):
            meant = self._unknown[path + name] = suggestion(name, fields)
            taker = "object" if path else "endpoint"
            hint = f'; did you mean "{meant}"?' if meant else f"; this {taker} takes {', '.join(fields)}"
            self.unknown_fields[path + name] = [f"Unknown field{hint}"]
        for name, texts in body_type.missing(cleaned.keys()).items():
            self._problems[path + name] = texts
        return cleaned

    def _checked(self, place: _Place, value: Any) -> Any:
        """Return a value that is there, as it is meant."""
        return self._checked_as(place, place.field.info, place.field.told, place.field.annotation, value)

    def _checked_as(
        self, place: _Place, info: inspect.Type, told: Mapping[str, Any], annotation: Any, value: Any
    ) -> Any:
        try:
            value = coerced(info, value, told)
        except RecursionError:
            place.complain("invalid", "is invalid: it is nested too deeply")
            return None
        if isinstance(value, Several):
            place.complain("once", "must be given only once")
        elif _is_body(info):
            return self._checked_object(place, info, value)
        elif isinstance(info, inspect.ListType):
            return self._checked_list(place, info, annotation, value)
        else:
            self._complain(place, info, annotation, value)
        return value

    def _complain(self, place: _Place, info: inspect.Type, annotation: Any, value: Any) -> None:
        """Say what is wrong with a value; `annotation` is None where its rules say all there is."""
        if holds_nul(value):
            place.complain("nul", _NUL)
        elif rule := broken_rule(info, value):
            place.complain(*rule)
        elif annotation is not None and (reason := conversion_problem(annotation, value)):
            place.complain("invalid", f"is invalid: {reason}")

    def _checked_object(self, place: _Place, info: inspect.StructType, value: Any) -> Any:
        if not isinstance(value, dict):
            place.complain("object", "must be an object")
            return value
        return self.clean(cast("type[Body]", info.cls), value, f"{place.path}.")

    def _checked_list(self, place: _Place, info: inspect.ListType, annotation: Any, values: Any) -> Any:
        if rule := broken_rule(info, values):
            place.complain(*rule)
        if not isinstance(values, list):
            return values
        # A list that is far too long is not gone through: its length is all there is to say.
        shown = values if info.max_length is None else values[: info.max_length]
        item, told = plain_type(info.item_type), told_of(info.item_type)
        if not (_is_body(item) or isinstance(item, inspect.StrType)):
            if place.path not in place.problems:
                self._complain(place, info, annotation, values)
            return values
        return [self._checked_item(place.item(index), item, told, value) for index, value in enumerate(shown)]

    def _checked_item(self, place: _Place, info: inspect.Type, told: Mapping[str, Any], value: Any) -> Any:
        if is_none(value, told):
            place.complain("required", "is required")
            return value
        return self._checked_as(place, info, told, None, value)


def _is_body(info: inspect.Type) -> TypeGuard[inspect.StructType]:
    return isinstance(info, inspect.StructType) and issubclass(info.cls, Body)


def is_true(value: Any) -> bool:
    """Tell whether a value means yes, in whatever way it is written."""
    return value in (True, 1) or (isinstance(value, str) and trimmed(value).lower() in {"true", "1"})
