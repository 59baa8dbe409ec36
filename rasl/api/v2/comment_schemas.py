"""Bodies and answers of comments, with their part of the OpenAPI document."""

from typing import Annotated, ClassVar

import msgspec

from rasl.domain.validation import Body
from rasl.errors import NotFound, ValidationFailed
from rasl.web.envelope import Success
from rasl.web.responses import EXAMPLE_PAGE, IDEMPOTENT, READS_BODY, raises, response

_URL = r"^[Hh][Tt][Tt][Pp][Ss]?://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#][^\s]*)?$(?!\s)"
_Reference = Annotated[
    str, msgspec.Meta(max_length=255, description="A reference of your own; stored as given.")
]


class AddComment(Body, frozen=True):
    """A note on the conversation with a person."""

    comment: Annotated[
        str, msgspec.Meta(max_length=5000, description="Text or HTML, kept as given and never rendered here.")
    ]
    status_message: (
        Annotated[str, msgspec.Meta(max_length=255, description="`Internal comment` unless given.")] | None
    ) = None
    media_url: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=2048,
                pattern=_URL,
                description="A web address, kept as a link; nothing is downloaded.",
            ),
        ]
        | None
    ) = None
    message_id: _Reference | None = None
    ref_message_id: _Reference | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("comment", "required"): "Comment is required",
        (
            "media_url",
            "pattern",
        ): "The media_url field must be a valid URL (e.g., https://example.com/photo.jpg)",
    }


class CommentItem(msgspec.Struct):
    """A comment in a list."""

    id: int
    interaction_id: int
    sender_id: str | None
    type: str
    message: str
    status_message: str
    url: str | None
    message_id: str | None
    ref_message_id: str | None
    created_at: str


class AddedComment(msgspec.Struct):
    """A comment just stored; `chat_message_id` is its id."""

    tenant_id: int
    interaction_id: int
    sender_id: str | None
    status_message: str
    url: str | None
    message_id: str | None
    ref_message_id: str | None
    chat_message_id: int


LISTED = "Comments retrieved successfully"
ADDED = "Comment added successfully"
_COMMON = {
    "interaction_id": 77,
    "sender_id": "442079460000",
    "status_message": "Internal comment",
    "url": None,
    "message_id": None,
    "ref_message_id": None,
}
LIST = """Newest first, of every conversation with this person. `mobile` is a phone number in any spelling, or the
`sender_id` of somebody who shows none; any valid token will do."""
LIST_RESPONSES = raises(NotFound, ValidationFailed) | {
    200: response(
        Success[list[CommentItem]],
        "One page.",
        LISTED,
        [
            _COMMON
            | {
                "id": 14,
                "type": "text",
                "message": "Prefers to be called after five.",
                "created_at": "2026-03-04T09:15:22+00:00",
            }
        ],
        pagination=EXAMPLE_PAGE,
    )
}
ADD = """An internal note on the latest conversation with this person: it is never sent and never among the messages.
`mobile` is a phone number in any spelling, or the `sender_id` of somebody who shows none; any valid token will do."""
ADD_RESPONSES = raises(NotFound, *READS_BODY, *IDEMPOTENT) | {
    200: response(
        Success[AddedComment], "The comment.", ADDED, _COMMON | {"tenant_id": 1, "chat_message_id": 14}
    )
}
