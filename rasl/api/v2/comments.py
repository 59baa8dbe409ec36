"""Comments: internal notes on a conversation (api-v2 section 11, enveloped like everything else)."""

from typing import Annotated, ClassVar

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody

from rasl.api.caller import AnyCaller
from rasl.api.nouns import Noun, from_row
from rasl.db.comments import Note
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.phone import digits_of
from rasl.domain.validation import Body
from rasl.errors import NotFound
from rasl.services.contacts import comments
from rasl.services.contacts.comments import COMMENT_LIST, DEFAULT_STATUS_MESSAGE
from rasl.web.request import ApiRequest

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


_STORED = {
    "interaction_id": 77,
    "sender_id": "442079460000",
    "status_message": "Internal comment",
    "url": None,
    "message_id": None,
    "ref_message_id": None,
}
_TEXT = "Prefers to be called after five."
_EXAMPLE = _STORED | {"id": 14, "type": "text", "message": _TEXT, "created_at": "2026-03-04T09:15:22+00:00"}


def _item(row: Row) -> CommentItem:
    return from_row(
        CommentItem,
        row,
        interaction_id=row["conversation_id"],
        sender_id=digits_of(row["display_phone_number"]),
        type="text",
        message=row["text"],
        url=row["media_url"],
    )


COMMENTS = Noun(
    "/comments/{mobile:str}",
    Tag("Comments", "Internal notes on the conversation with a person."),
    "comment",
    CommentItem,
    _EXAMPLE,
    _item,
)


@COMMENTS.get_list(COMMENT_LIST, NotFound)
async def list_comments(
    mobile: FromPath[str], caller: AnyCaller, request: ApiRequest, query: ListQuery
) -> Page:
    """List the comments on a conversation.

    Newest first, of every conversation with this person. `mobile` is a phone number in any spelling, or the
    `sender_id` of somebody who shows none; any valid token will do.
    """
    return await comments.list_comments(request.resources.database, caller.tenant, mobile, query)


@COMMENTS.post(
    "",
    200,
    NotFound,
    says="Comment added successfully",
    tells="The comment.",
    example=_STORED | {"tenant_id": 1, "chat_message_id": 14},
    asks={
        "note": {"comment": _TEXT},
        "with_a_link": {"comment": _TEXT, "media_url": "https://harbour.test/a.png"},
    },
)
async def add_comment(
    mobile: FromPath[str], data: JSONBody[AddComment], caller: AnyCaller, request: ApiRequest
) -> AddedComment:
    """Comment on a conversation.

    An internal note on the latest conversation with this person: it is never sent and never among the messages.
    `mobile` is a phone number in any spelling, or the `sender_id` of somebody who shows none; any valid token will do.
    """
    note = Note(
        text=data.comment,
        status_message=data.status_message or DEFAULT_STATUS_MESSAGE,
        media_url=data.media_url,
        message_id=data.message_id,
        ref_message_id=data.ref_message_id,
    )
    noted = await comments.add_comment(request.resources.database, caller, mobile, note)
    return from_row(
        AddedComment,
        msgspec.structs.asdict(note),
        tenant_id=caller.tenant.id,
        interaction_id=noted.conversation_id,
        sender_id=noted.sender_id,
        url=note.media_url,
        chat_message_id=noted.comment_id,
    )


HANDLERS = (list_comments, add_comment)
