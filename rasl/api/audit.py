"""Who makes the change that a request asks for, as the audit keeps it."""

from rasl.api.caller import current_caller
from rasl.services.ground.audit import Actor
from rasl.services.operators.admin_tokens import Operator
from rasl.web.addresses import client_address, proxies_of
from rasl.web.request import ApiRequest


def actor_of(request: ApiRequest) -> Actor:
    """Return who asks: the token, a tenant's or an operator's, the address it came from and the id of the request."""
    address = client_address(request.scope, proxies_of(request.resources.settings.trusted_proxies))
    caller = current_caller(request.scope)
    is_operator = isinstance(caller, Operator)
    return Actor(
        "admin_token" if is_operator else "token",
        id=caller.token_id,
        name=caller.name if is_operator else None,
        ip_address=None if address is None else str(address),
        request_id=request.context.request_id,
    )
