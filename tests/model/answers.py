"""What a tenant has, and what the server should answer."""

import dataclasses
from typing import Any

from tests.model.rules import PHONES


@dataclasses.dataclass(frozen=True, order=True)
class Moment:
    """When something was written: the how manieth write of the tenant it was."""

    number: int


@dataclasses.dataclass
class Expected:
    """What the server should answer."""

    status: int
    data: Any = None
    code: str | None = None
    details: Any = None
    pagination: dict[str, Any] | None = None


@dataclasses.dataclass
class Label:
    """A group, a source or a status."""

    id: int
    name: str
    color: str | None
    created: Moment
    updated: Moment


@dataclasses.dataclass
class Contact:
    """A contact; `fields` are those that are kept as they come."""

    id: int
    fields: dict[str, Any]
    groups: list[int]
    attributes: dict[str, Any]
    created: Moment
    updated: Moment

    @property
    def key(self) -> str:
        """The number its phone means."""
        return PHONES[self.fields["phone"]][1]

    @property
    def email(self) -> str | None:
        """Its email in the form that is unique."""
        return folded(self.fields["email"])


def folded(text: str | None) -> str | None:
    return None if text is None else text.lower()


def invalid(details: Any) -> Expected:
    return Expected(422, code="VALIDATION_ERROR", details=details)


def missing() -> Expected:
    return Expected(404, code="NOT_FOUND", details={})
