"""The objects the simulated Meta knows: accounts, numbers, tokens, callbacks, templates and media."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from metasim.blobs import Blob
from metasim.config import Window
from metasim.faults import Flaw
from metasim.templates.book import Template, TemplateBook

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
    number: "Number | None"
    mime_type: str
    blob: Blob
    expires_at: float
    filename: str = ""
    flaw: Flaw | None = None


@dataclass(slots=True)
class Upload:
    """A resumable upload."""

    token: str
    signature: str
    app_id: str
    length: int
    mime_type: str
    filename: str
    blob: Blob
    handle: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every byte is there."""
        return self.blob.size == self.length


@dataclass(slots=True)
class Waba:
    """A WhatsApp Business account."""

    id: str
    name: str
    app_secret: str
    subscribed: bool = True
    callback: Callback | None = None
    templates: TemplateBook = field(default_factory=TemplateBook)
    numbers: dict[str, "Number"] = field(default_factory=dict)


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
        self.uploads: dict[str, Upload] = {}
        self.handles: dict[str, Upload] = {}
        self.tokens: dict[str, TokenState] = {}
        self.callback: Callback | None = None
        self.fields: list[str] = []  # of webhooks that the app subscribed to by itself

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

    def find_template(self, template_id: str) -> tuple[Waba, Template] | None:
        """A template and its account by the template's id."""
        for waba in self.wabas.values():
            template = waba.templates.by_id.get(template_id)
            if template is not None:
                return waba, template
        return None

    def find_media(self, media_id: str, now: float) -> Media | None:
        """A file that has not expired."""
        media = self.media.get(media_id)
        if media is not None and media.expires_at <= now:
            self.drop_media(media)
            return None
        return media

    def drop_media(self, media: Media) -> None:
        """Forget a file and give its space back."""
        del self.media[media.id]
        media.blob.close()

    def close(self) -> None:
        """Give the space of every file back."""
        for media in self.media.values():
            media.blob.close()
        for upload in self.uploads.values():
            upload.blob.close()

    def callbacks(self) -> Iterator[Callback]:
        """Every callback that is set."""
        owners: list[Number | Waba] = [*self.numbers.values(), *self.wabas.values()]
        yield from (owner.callback for owner in owners if owner.callback is not None)
        if self.callback is not None:
            yield self.callback
