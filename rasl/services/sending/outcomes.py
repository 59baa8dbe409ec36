"""What Meta made of an attempt, in the words of the rules and of the tables."""

from typing import Any

from rasl.domain.backoff import Trouble
from rasl.errors import MessageSendFailed
from rasl.graph.client import Ambiguous, NotSent, Refused, SendOutcome, Taken
from rasl.graph.errors import FailureKind, GraphFailure

_TROUBLE = {
    FailureKind.RETRY: Trouble.RETRY,
    FailureKind.THROTTLED: Trouble.THROTTLED,
    FailureKind.PAIR_THROTTLED: Trouble.PAIR_THROTTLED,
    FailureKind.TOKEN: Trouble.CREDENTIALS,
}


def trouble(outcome: SendOutcome) -> Trouble | None:
    """Return what went wrong, None when Meta took the message."""
    match outcome:
        case Taken():
            return None
        case Refused(failure=failure):
            return _TROUBLE.get(failure.kind, Trouble.REFUSED)
        case NotSent():
            return Trouble.NOT_SENT
        case Ambiguous():
            return Trouble.AMBIGUOUS


def findings(outcome: SendOutcome) -> dict[str, Any]:
    """Return the fields of a Result that come from Meta."""
    match outcome:
        case Taken(wamid=wamid):
            return {"outcome": "accepted", "wamid": wamid}
        case Refused(failure=failure):
            return {
                "outcome": "refused",
                "code": failure.code,
                "subcode": failure.subcode,
                "title": failure.title,
                "details": failure.details or failure.message,
                "cure": failure.cure,
                "fbtrace_id": failure.fbtrace_id,
            }
        case NotSent(reason=reason):
            return {"outcome": "not_sent", "title": "Meta was not reached", "details": reason}
        case Ambiguous(reason=reason):
            return {"outcome": "unknown", "title": "Meta did not answer", "details": reason}


def send_failed(says: str, failure: GraphFailure, message_id: int) -> MessageSendFailed:
    """Tell a caller why Meta refused, as Meta said it; `says` is what was refused."""
    return MessageSendFailed(
        f"{says}: {failure.details or failure.message or failure.title}",
        {
            "meta_code": failure.code,
            "meta_title": failure.title,
            "fbtrace_id": failure.fbtrace_id,
            "cure": failure.cure,
            "chat_message_id": message_id,
        },
    )
