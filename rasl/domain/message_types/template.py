"""Template messages: bound components, the version they were bound to, and the text people read (cloud-api 2.5)."""

import datetime as dt
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from rasl.domain.message_types.base import Content, present
from rasl.domain.templates import fitting
from rasl.domain.templates.binding import bind
from rasl.domain.templates.definition import Definition
from rasl.domain.templates.values import Values
from rasl.errors import ValidationFailed


class Unbound(msgspec.Struct, frozen=True):
    """What a template was bound from, kept in memory until merge fields are filled."""

    definition: Definition
    values: Values


class Template(Content, frozen=True, kw_only=True):
    """A template message; a one-time code is in it sealed only."""

    name: str
    language: str
    version_id: int
    components: list[dict[str, Any]]
    body: str
    sealed_code: str | None = None  # erased when the message has come to an end
    valid_minutes: int | None = None  # of the code
    is_code_made_here: bool | None = None  # and not given; None where the message has no code
    instead_of: dict[str, Any] | None = None  # the free-form message that the closed service window kept back
    unbound: Unbound | None = None
    code: str | None = None  # opened, for the moment of one call to Graph

    type_name: ClassVar[str] = "template"
    needs_window: ClassVar[bool] = False

    def needs_rendering(self) -> bool:
        """Tell whether any value holds a merge field."""
        return self.unbound is not None and self.unbound.values.has_merge_fields()

    def rendered(self, values: Mapping[str, str | None]) -> Self:
        """Bind again with merge fields filled; raises ValidationFailed when the result breaks a rule."""
        if self.unbound is None:
            return self
        if problems := self.unbound.values.merge_problems(values):
            raise ValidationFailed(problems)
        bound = bind(self.unbound.definition, self.unbound.values.merged(values), is_merged=True)
        return msgspec.structs.replace(self, components=bound.components, body=bound.text, unbound=None)

    def preview(self) -> str:
        """Return the body with its values, codes masked."""
        return self.body

    def extra(self) -> dict[str, Any]:
        """Return everything but the body."""
        return present(
            name=self.name,
            language=self.language,
            version_id=self.version_id,
            components=self.components,
            sealed_code=self.sealed_code,
            valid_minutes=self.valid_minutes,
            is_code_made_here=self.is_code_made_here,
            instead_of=self.instead_of,
        )

    @classmethod
    def load(cls, text: str | None, extra: Any) -> Self:
        """Rebuild from the stored body and extra."""
        return msgspec.convert({**extra, "body": text or ""}, cls)

    def media_ids(self) -> tuple[int, ...]:
        """Return our ids of the files in headers."""
        return fitting.media_ids(self.components)

    def sealed(self) -> bytes | None:
        """Return the sealed code, if there is one."""
        return b64decode(self.sealed_code) if self.sealed_code else None

    def opened(self, secret: str) -> Self:
        """Return the message with its code, for one call to Graph."""
        return msgspec.structs.replace(self, code=secret)

    def valid_for(self) -> dt.timedelta | None:
        """Return how long the code is good."""
        return None if self.valid_minutes is None else dt.timedelta(minutes=self.valid_minutes)

    def with_sealed(self, sealed: bytes) -> Self:
        """Return the message with its code, sealed."""
        return msgspec.structs.replace(self, sealed_code=b64encode(sealed).decode())

    def standing_in_for(self, content: Content) -> Self:
        """Return the message with what it stands in for."""
        asked = {"type": content.type_name, "text": content.preview(), "content": content.extra()}
        return msgspec.structs.replace(self, instead_of=asked)

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the template object; a code that was not opened stays masked."""
        components = fitting.fit(self.components, uploaded, self.code)
        shown = present(name=self.name, language={"code": self.language}, components=components or None)
        return {"type": "template", "template": shown}
