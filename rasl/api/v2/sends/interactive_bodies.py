"""What requests for interactive messages say: the fields of their kinds, which the domain has, and to whom they go."""

import functools
import operator
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

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
        return self.content_type.named_media(self._asked())

    def content(self, kinds: Mapping[int, str]) -> Interactive:
        """Return what the message says, given what kind each of its files is."""
        return self.content_type.of_request(self._asked(), kinds)

    def _asked(self) -> dict[str, Any]:
        names = self.__struct_fields__[len(Recipient.__struct_fields__) :]
        return {name: getattr(self, name) for name in names}


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
