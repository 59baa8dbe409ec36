"""Who makes the change that a request asks for, as the audit keeps it."""

from rasl.api.caller import current_caller
from rasl.services.ground.audit import Actor
from rasl.web.addresses import client_address, proxies_of
from rasl.web.request import ApiRequest


def actor_of(request: ApiRequest) -> Actor:
    """Return the caller of a request: its token, the address it came from and the id of the request."""
    address = client_address(request.scope, proxies_of(request.resources.settings.trusted_proxies))
    return Actor(
        "token",
        id=current_caller(request.scope).token_id,
        ip_address=None if address is None else str(address),
        request_id=request.context.request_id,
    )
