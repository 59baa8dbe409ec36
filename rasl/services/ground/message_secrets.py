"""One-time codes in messages: sealed while they wait, open for one call to Graph, masked wherever they are quoted."""

import secrets

import msgspec

from rasl.domain.message_types.base import Content
from rasl.domain.templates.fitting import MASK
from rasl.graph.client import Ambiguous, NotSent, Refused, SendOutcome
from rasl.sealing import Sealer


def purpose(tenant_id: int) -> str:
    """Return what the secret of a message is sealed for: no other tenant's message can open it."""
    return f"message_secret:{tenant_id}"


def make_code(length: int) -> str:
    """Return random digits."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def open_secret(sealer: Sealer, tenant_id: int, content: Content) -> tuple[Content, str | None]:
    """Return the content with its secret in the clear, and the secret, if it has one."""
    sealed = content.sealed()
    if sealed is None:
        return content, None
    secret = sealer.unseal(sealed, purpose(tenant_id))
    return content.opened(secret), secret


def masked(outcome: SendOutcome, secret: str | None) -> SendOutcome:
    """Mask the secret where Meta quotes it: what Meta says is kept and shown."""
    if secret is None:
        return outcome
    match outcome:
        case Refused(failure=failure, retry_after=retry_after):
            texts = {name: getattr(failure, name) for name in ("title", "message", "details", "cure")}
            clean = {name: text and text.replace(secret, MASK) for name, text in texts.items()}
            return Refused(msgspec.structs.replace(failure, **clean), retry_after)
        case NotSent(reason=reason):
            return NotSent(reason.replace(secret, MASK))
        case Ambiguous(reason=reason):
            return Ambiguous(reason.replace(secret, MASK))
    return outcome
