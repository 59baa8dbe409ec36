"""All routes of the operator API, and the document that describes them, for operators alone."""

import functools

import msgspec
from litestar import MediaType, Response, Router, get

from rasl import __version__
from rasl.api.admin import audit, numbers, plans, tenants, tokens, usage
from rasl.api.admin.access import operated
from rasl.api.docs.document import Edition, document

_DESCRIPTION = (
    "What whoever runs the installation does with its tenants, for programs: the same as `rasl tenant`, `plan`, "
    "`token`, `whatsapp` and `usage`.\n\n"
    "Send a token that `rasl admin-token create` made as `Authorization: Bearer rasladm_...`; tokens of tenants are "
    "not taken here, nor these where tenants' are.\n\n"
    "Every call may be made again when its answer was lost: it changes nothing that is so already. Every change is in "
    "the audit, of the tenant or of the installation.\n\n"
    "Answers are those of the API: an envelope, lists with `page`, `sort`, `search` and `filter`.\n\n"
    f"Server version {__version__}."
)
# There are no scopes, no limits of requests and no Idempotency-Keys, and an operator is of no account.
_WITHOUT = frozenset(
    {
        "INSUFFICIENT_SCOPE",
        "ACCOUNT_SUSPENDED",
        "RATE_LIMIT_EXCEEDED",
        "IDEMPOTENCY_IN_PROGRESS",
        "IDEMPOTENCY_KEY_REUSED",
    }
)
EDITION = Edition(
    "RASL operator API",
    "1.0.0",
    "Tenants, plans, tokens, numbers and usage of an installation.",
    _DESCRIPTION,
    {"bearer": {"type": "http", "scheme": "bearer", "description": "An admin token."}},
    _WITHOUT,
    has_scopes=False,
)
HANDLERS = (
    *tenants.HANDLERS,
    *plans.HANDLERS,
    *tokens.HANDLERS,
    *numbers.HANDLERS,
    *usage.HANDLERS,
    *audit.HANDLERS,
)


def admin_v1() -> Router:
    """Return every route of the operator API but that of its document."""
    return operated(HANDLERS)


def handlers() -> Router:
    """Return every route of the operator API."""
    encoded = functools.cache(lambda: msgspec.json.encode(document(admin_v1(), EDITION)))

    @get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response[bytes]:
        return Response(encoded(), media_type=MediaType.JSON)

    return operated((*HANDLERS, openapi))
