"""What a request may say: a class per body, and per object inside one."""

from collections.abc import Mapping, Set
from typing import ClassVar

import msgspec

from rasl.domain.validation.rules import Rule


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request body, or an object in one; subclasses may give the contract's own texts as `messages[field, rule]`.

    `rules` hold between several values and are those of a whole body: objects in it leave them to it.
    """

    messages: ClassVar[Mapping[tuple[str, str], str]] = {}
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:  # noqa: ARG003 - most bodies need no such rule
        """Return what is wrong because of which other fields are given or not."""
        return {}


def given_fields(body: Body) -> set[str]:
    """Return the names of the fields that say something."""
    pairs = zip(body.__struct_fields__, msgspec.structs.astuple(body), strict=True)
    return {name for name, value in pairs if value is not None and value is not msgspec.UNSET}
