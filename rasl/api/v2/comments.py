"""Comments: internal notes on a conversation (api-v2 section 11, enveloped like everything else)."""

from litestar import get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import AnyCaller
from rasl.api.operations import Create, ListComments
from rasl.api.v2 import comment_schemas as schemas
from rasl.api.v2.comment_schemas import AddComment, AddedComment, CommentItem
from rasl.db.pool import Row
from rasl.domain.phone import digits_of
from rasl.services.contacts import comments
from rasl.services.contacts.comments import COMMENT_LIST, DEFAULT_STATUS_MESSAGE, Note
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest


@get(
    "/comments/{mobile:str}",
    summary="List the comments on a conversation",
    description=schemas.LIST,
    operation_class=ListComments,
    responses=schemas.LIST_RESPONSES,
    tags=["Comments"],
)
async def list_comments(mobile: FromPath[str], caller: AnyCaller, request: ApiRequest) -> ASGIApp:
    """Return one page of the comments on a person."""
    query = listing.read_query(request.scope["query_string"], COMMENT_LIST)
    page = await comments.list_comments(request.resources.database, caller.tenant, mobile, query)
    items = [listing.select_fields(_item(row), query.fields) for row in page.rows]
    return success(request, schemas.LISTED, items, listing.read_pagination(query, page))


@post(
    "/comments/{mobile:str}",
    status_code=200,
    summary="Comment on a conversation",
    description=schemas.ADD,
    operation_class=Create,
    responses=schemas.ADD_RESPONSES,
    tags=["Comments"],
)
async def add_comment(
    mobile: FromPath[str], data: JSONBody[AddComment], caller: AnyCaller, request: ApiRequest
) -> ASGIApp:
    """Store a comment."""
    note = Note(
        text=data.comment,
        status_message=data.status_message or DEFAULT_STATUS_MESSAGE,
        media_url=data.media_url,
        message_id=data.message_id,
        ref_message_id=data.ref_message_id,
    )
    noted = await comments.add_comment(request.resources.database, caller, mobile, note)
    request.context.is_stored = True
    answer = AddedComment(
        tenant_id=caller.tenant.id,
        interaction_id=noted.conversation_id,
        sender_id=noted.sender_id,
        status_message=note.status_message,
        url=note.media_url,
        message_id=note.message_id,
        ref_message_id=note.ref_message_id,
        chat_message_id=noted.comment_id,
    )
    return success(request, schemas.ADDED, answer)


HANDLERS = (list_comments, add_comment)


def _item(row: Row) -> CommentItem:
    return CommentItem(
        id=row["id"],
        interaction_id=row["conversation_id"],
        sender_id=digits_of(row["display_phone_number"]),
        type="text",
        message=row["text"],
        status_message=row["status_message"],
        url=row["media_url"],
        message_id=row["message_id"],
        ref_message_id=row["ref_message_id"],
        created_at=iso(row["created_at"]) or "",
    )
