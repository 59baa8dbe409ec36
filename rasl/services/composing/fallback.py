"""The template that goes out instead of a free-form message where the service window is closed."""

import msgspec

from rasl.domain.message_types.base import Content
from rasl.domain.tenants import Number
from rasl.errors import ValidationFailed
from rasl.services.ground.resources import Resources
from rasl.services.templates import composing
from rasl.services.templates.composing import Composed, Wish


async def bind_fallback(
    resources: Resources, tenant_id: int, number: Number, content: Content, wish: Wish
) -> Composed:
    """Bind what stands in for `content`, before anything is accepted: whether it is needed shows only then."""
    composed = await composing.compose(resources, tenant_id, number, wish)
    if composed.content.sealed() is not None:
        # A code is sent because somebody asked for one, and counts as such.
        raise ValidationFailed(
            {f"{wish.prefix}template_name": ["An AUTHENTICATION template cannot stand in for a message"]}
        )
    return msgspec.structs.replace(composed, content=composed.content.standing_in_for(content))
