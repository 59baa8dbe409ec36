"""What requests for interactive messages say: the fields of their kinds, which the domain has, and to whom they go."""

import functools
import operator
from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import msgspec

from rasl.api.v2.sends.recipient import Recipient, joined
from rasl.domain.message_types.interactive import KINDS, Interactive


class SendInteractive(Recipient, frozen=True, kw_only=True, tag_field="type"):
    """An interactive message to a phone number or to a known contact."""

    content_type: ClassVar[type[Interactive]]

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient, and what the kind requires."""
        return super().missing(given) | cls.content_type.missing(given)

    def media(self) -> dict[str, int]:
        """Return the ids of files, by the path of the field that names them."""
        places = _places(msgspec.to_builtins(self))
        return {f"{path}header_media_id": named["header_media_id"] for path, _, named in places}

    def content(self, kinds: Mapping[int, str]) -> Interactive:
        """Return what the message says, given what kind each of its files is."""
        values = msgspec.to_builtins(self)
        for _, field, named in _places(values):
            media_id = named["header_media_id"]
            named[field] = {"id": media_id, "kind": kinds[media_id]}
        return msgspec.convert({**values, "kind": values["type"]}, self.content_type)


def _places(values: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what names a file of ours: its path, the field of the content that has the file, and its values."""
    cards = ((f"cards.{index}.", "file", card) for index, card in enumerate(values.get("cards", ())))
    for path, field, named in (("", "header_file", values), *cards):
        if named.get("header_media_id") is not None:
            yield path, field, named


def _body_of(kind: type[Interactive]) -> type[SendInteractive]:
    own = {
        "__doc__": kind.__doc__,
        "content_type": kind,
        "messages": {**Recipient.messages, **kind.messages},
        "rules": kind.rules,
    }
    name, tag = f"Send{kind.__name__}", str(kind.__struct_config__.tag)
    return joined(name, SendInteractive, kind, kind.asked, own, tag)


if TYPE_CHECKING:
    AnyInteractive: TypeAlias = SendInteractive
else:
    AnyInteractive = functools.reduce(operator.or_, map(_body_of, KINDS))
