"""The template that goes out instead of a free-form message where the service window is closed."""

import msgspec

from rasl import log
from rasl.domain.message_types.base import Content
from rasl.domain.message_types.reaction import Reaction
from rasl.domain.message_types.template import Template
from rasl.domain.templates.values import Values
from rasl.domain.tenants import Number, Tenant
from rasl.errors import NotFound, ValidationFailed
from rasl.services.ground.resources import Resources
from rasl.services.templates import composing
from rasl.services.templates.composing import Composed, Wish

_logger = log.get_logger()


async def bind_default(
    resources: Resources, tenant: Tenant, number: Number, content: Content
) -> Template | None:
    """Bind the account's own template for a message that brings none, where its policy is that one goes out instead.

    None where there is none for such a message. One that cannot be sent any more must not keep back messages that
    reach people all the same: it is left out, and who is out of reach is told that the window is closed.
    """
    wanted = tenant.fallback_template
    if wanted is None or tenant.window_policy != "fallback_template":
        return None
    if not content.needs_window or isinstance(content, Reaction):  # no template says what an emoji says
        return None
    wish = Wish(name=wanted.template_name, language=wanted.language, values=Values(fields=wanted.fields()))
    try:
        return (await bind_fallback(resources, tenant.id, number, content, wish)).content
    except (NotFound, ValidationFailed) as error:
        _logger.warning(
            "fallback_template_unfit", tenant_id=tenant.id, reason=str(error), details=error.details
        )
        return None


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
