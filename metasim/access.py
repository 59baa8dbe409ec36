"""Who may touch what: bearer tokens against the objects they were registered for."""

from metasim.errors import GraphError, missing_object, refusal
from metasim.exchange import Request
from metasim.state import State
from metasim.store import Number, Waba


def bearer_token(request: Request) -> str:
    """The token of a request, from the header or the access_token parameter."""
    scheme, _, token = request.header(b"authorization").partition(b" ")
    if scheme.lower() in {b"bearer", b"oauth"}:
        return token.strip().decode("latin-1")
    return request.query.get("access_token", "")


def check_token(state: State, request: Request) -> str:
    """Refuse a request without a token or with one that is no longer good; gives the token."""
    token = bearer_token(request)
    if not token:
        raise GraphError(
            "An access token is required to request this resource.", code=104, http=401, kind="OAuthException"
        )
    known = state.registry.tokens.get(token)
    if known == "expired":
        raise refusal(190)
    if known == "revoked":
        raise GraphError(
            "Error validating access token: The session has been invalidated because the user changed their"
            " password or Facebook has changed the session for security reasons.",
            code=190,
            http=401,
            subcode=460,
        )
    if known == "no_permission":
        raise refusal(10)
    return token


def check_access(
    state: State, request: Request, node: Number | Waba, token: str, asked: str | None = None
) -> None:
    """Refuse a token that is not registered for the object, or what it belongs to, once any token is."""
    registered = state.registry.tokens_of(node)
    if token in registered or not (registered or state.config.require_registered_tokens):
        return
    if token in state.registry.tokens:
        raise missing_object(asked or node.id, request.method)
    raise GraphError("Invalid OAuth access token - Cannot parse access token", code=190, http=401)
