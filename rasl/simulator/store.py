"""The objects the simulated Meta knows: accounts, numbers, tokens, callbacks, templates and media."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from rasl.simulator.config import Window

TokenState = Literal["valid", "expired", "revoked", "no_permission"]
ACCOUNT_FIELD = "messages"


class Callback(msgspec.Struct, frozen=True):
    """Where webhooks go and the secret that signs them."""

    url: str
    verify_token: str
    app_secret: str


@dataclass(slots=True)
class Media:
    """An uploaded or received file."""

    id: str
    mime_type: str
    content: bytes
    sha256: str
    filename: str = ""
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Waba:
    """A WhatsApp Business account."""

    id: str
    name: str
    app_secret: str
    subscribed: bool = True
    callback: Callback | None = None
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, "Number"] = field(default_factory=dict)

    def template(self, name: str, language: str) -> dict[str, Any] | None:
        """The template of that name and language, if there is one."""
        for template in self.templates.values():
            if template["name"] == name and template["language"] == language:
                return template
        return None


@dataclass(slots=True)
class Number:
    """A business phone number."""

    id: str
    waba: Waba
    display_phone_number: str
    verified_name: str
    throughput: int
    window: Window | None = None
    callback: Callback | None = None
    tokens: set[str] = field(default_factory=set)

    @property
    def digits(self) -> str:
        """The number as a wa_id."""
        return "".join(filter(str.isdigit, self.display_phone_number))

    def metadata(self) -> dict[str, str]:
        """How webhooks name this number."""
        return {"display_phone_number": self.digits, "phone_number_id": self.id}


class Registry:
    """Every object by its id."""

    def __init__(self) -> None:
        self.wabas: dict[str, Waba] = {}
        self.numbers: dict[str, Number] = {}
        self.media: dict[str, Media] = {}
        self.tokens: dict[str, TokenState] = {}
        self.callback: Callback | None = None

    def callback_for(self, waba: Waba, number: Number | None, field_name: str) -> Callback | None:
        """The callback a change goes to: number, then account, then app; overrides are for messages only."""
        if not waba.subscribed:
            return None
        if field_name == ACCOUNT_FIELD:
            if number is not None and number.callback is not None:
                return number.callback
            return waba.callback or self.callback
        return self.callback or waba.callback

    def tokens_of(self, node: "Waba | Number") -> set[str]:
        """The tokens registered for an object; empty when any will do."""
        if isinstance(node, Number):
            return node.tokens
        return set().union(*(number.tokens for number in node.numbers.values()))

    def find_template(self, template_id: str) -> tuple[Waba, dict[str, Any]] | None:
        """A template and its account by the template's id."""
        for waba in self.wabas.values():
            if template_id in waba.templates:
                return waba, waba.templates[template_id]
        return None

    def callbacks(self) -> Iterator[Callback]:
        """Every callback that is set."""
        owners: list[Number | Waba] = [*self.numbers.values(), *self.wabas.values()]
        yield from (owner.callback for owner in owners if owner.callback is not None)
        if self.callback is not None:
            yield self.callback
