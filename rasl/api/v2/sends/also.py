"""What else is wrong with a send whose body is refused: who gets it, from which number, in answer to what."""

from collections.abc import Mapping
from typing import Any

from rasl.domain.tenants import Caller
from rasl.services.composing.addressing import To, problems_of
from rasl.web.request import ApiRequest, Problems


async def recipient_problems(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Problems:
    """Look at what every send says besides its content, as far as it says it in the right shape."""
    context = right.get("context") or {}
    to = To(
        phone=right.get("phone"),
        reply_to=str(context["message_id"]) if "message_id" in context else None,
        from_phone_number_id=right.get("from_phone_number_id"),
    )
    return await problems_of(request.resources, caller.tenant, to)
