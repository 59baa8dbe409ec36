"""Which token a request carries, and in words what is wrong with the headers that should carry one.

A token that has the form of ours is not judged here: whether it is unknown, revoked or expired stays one sentence, as
nobody may find out which tokens there are.
"""

from rasl import ids
from rasl.errors import Unauthorized

_HOW = "send it as Authorization: Bearer <token> or as X-API-Key: <token>"
_MISSING = f"No API token was sent: {_HOW}"
_NO_BEARER = "The Authorization header does not begin with Bearer: write Authorization: Bearer <token>"
_NOTHING_AFTER = "The Authorization header has no token after Bearer"
_EMPTY_KEY = "The X-API-Key header is empty"
_TWO = "Two different API tokens were sent: send one, in Authorization or in X-API-Key"
_TWICE = "The token has Bearer before it once too often: Authorization takes it once, X-API-Key takes the token alone"
_NOT_OURS = (
    "This is no token of this API: one is rasl_ and 54 letters and digits, the last 6 of which are a checksum of the "
    "others; copy it again, whole"
)
_OF_OPERATORS = (
    "This is a token of operators, which begin with rasladm_: it is taken under /api/admin/v1 only; create one of the "
    "account, which begins with rasl_"
)
_OF_TENANTS = (
    "This is a token of an account, which begin with rasl_: the operator API takes those that begin with rasladm_, "
    "which `rasl admin-token create` makes"
)
_NO_ADMIN = (
    "This is no token of operators: one is rasladm_ and 54 letters and digits, the last 6 of which are a checksum of "
    "the others; copy it again, whole"
)
UNKNOWN_ADMIN = "This token is unknown, revoked or expired"
UNKNOWN = "This token is unknown, revoked or expired, or its account is not active"


def read_token(authorization: str | None, api_key: str | None) -> str:
    """Return the token that the two headers carry; raises Unauthorized, saying what is wrong with them."""
    key = None if api_key is None else api_key.strip()
    scheme, _, token = (authorization or "").strip().partition(" ")
    # Authorization may also be for a proxy in front of us that wants a password of its own.
    if key and scheme.lower() in {"", "basic"}:
        return key
    if authorization is None:
        raise Unauthorized(_MISSING if key is None else _EMPTY_KEY)
    if scheme.lower() != "bearer":
        raise Unauthorized(_NO_BEARER if scheme else _MISSING)
    token = token.strip()
    if not token:
        raise Unauthorized(_NOTHING_AFTER)
    if key and key != token:
        raise Unauthorized(_TWO)
    return token


def two_tokens() -> Unauthorized:
    """Return what is wrong when one of the headers is there twice, with different values."""
    return Unauthorized(_TWO)


def no_token_of_ours(text: str) -> Unauthorized:
    """Return what is wrong with a text that is no token by its form."""
    if text.lower().startswith("bearer "):
        return Unauthorized(_TWICE)
    return Unauthorized(_OF_OPERATORS if ids.is_token(text, ids.ADMIN_PREFIX) else _NOT_OURS)


def no_admin_token(text: str) -> Unauthorized:
    """Return what is wrong with a text that is no token of operators by its form."""
    if text.lower().startswith("bearer "):
        return Unauthorized(_TWICE)
    return Unauthorized(_OF_TENANTS if ids.is_token(text, ids.TOKEN_PREFIX) else _NO_ADMIN)
