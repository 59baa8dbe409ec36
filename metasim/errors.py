"""Graph API errors: the envelope, and a table of the codes the simulator can answer with."""

from typing import Any, Literal, NamedTuple

Via = Literal["sync", "async"]

HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
GRAPH_HELP = "https://developers.facebook.com/docs/graph-api"


class Preset(NamedTuple):
    """One row of Meta's error table."""

    http: int
    title: str
    details: str = ""
    via: Via = "sync"
    subcode: int | None = None
    is_transient: bool | None = None


PRESETS: dict[int, Preset] = {
    0: Preset(401, "AuthException", "The app user could not be authenticated."),
    1: Preset(400, "API Unknown", "Invalid request or possible server error.", is_transient=True),
    2: Preset(503, "API Service", "Temporary due to downtime or due to being overloaded.", is_transient=True),
    3: Preset(500, "API Method", "Capability or permissions issue."),
    4: Preset(400, "Application request limit reached", is_transient=True),
    10: Preset(403, "Application does not have permission for this action"),
    33: Preset(400, "Parameter value is not valid", "The business phone number has been deleted."),
    100: Preset(400, "Invalid parameter", "One or more parameters are invalid."),
    190: Preset(401, "Error validating access token: Session has expired", subcode=463),
    200: Preset(403, "API Permission", "Permission is either not granted or has been removed."),
    368: Preset(403, "Temporarily blocked for policies violations"),
    613: Preset(400, "Calls to this api have exceeded the rate limit.", is_transient=True),
    80007: Preset(400, "There have been too many calls to this WhatsApp Business account."),
    130429: Preset(400, "Rate limit hit", "Cloud API message throughput has been reached.", subcode=2494055),
    130472: Preset(
        400,
        "User's number is part of an experiment",
        "Failed to send message because this user's phone number is part of an experiment",
        "async",
    ),
    130497: Preset(403, "Business account is restricted from messaging users in this country"),
    131000: Preset(500, "Something went wrong", "Message failed to send due to an unknown error."),
    131005: Preset(403, "Access denied", "Permission is either not granted or has been removed."),
    131008: Preset(400, "Required parameter is missing"),
    131009: Preset(400, "Parameter value is not valid"),
    131016: Preset(500, "Service unavailable", "A service is temporarily unavailable."),
    131021: Preset(400, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    131026: Preset(400, "Message undeliverable", "Message Undeliverable.", "async"),
    131030: Preset(
        400,
        "Recipient phone number not in allowed list",
        "Recipient phone number not in allowed list: Add recipient phone number to recipient list"
        " and try again.",
    ),
    131031: Preset(403, "Account has been locked"),
    131037: Preset(400, "Display name approval needed", "Display name approval is needed.", "async"),
    131042: Preset(400, "Business eligibility payment issue", "There was an error with payment.", "async"),
    131045: Preset(500, "Incorrect certificate", "Phone number registration error."),
    131047: Preset(
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last replied"
        " to this number.",
        "async",
    ),
    131048: Preset(
        400,
        "Spam rate limit hit",
        "Message failed to send because there are restrictions on how many messages can be sent from"
        " this phone number.",
        "async",
    ),
    131049: Preset(
        400,
        "This message was not delivered to maintain healthy ecosystem engagement.",
        "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
        "async",
    ),
    131050: Preset(
        400,
        "User has stopped receiving marketing messages",
        "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages.",
        "async",
    ),
    131051: Preset(400, "Unsupported message type", "Message type is not currently supported."),
    131052: Preset(400, "Media download error", "Unable to download the media.", "async"),
    131053: Preset(400, "Media upload error", "Unable to upload the media used in the message.", "async"),
    131056: Preset(
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number to"
        " the same phone number in a short period of time.",
    ),
    131057: Preset(500, "Account in maintenance mode", "Business account is in maintenance mode."),
    131059: Preset(400, "Invalid cursor", "The paging cursor is not valid."),
    131062: Preset(400, "Business-scoped user ID recipients are not supported for this message"),
    132000: Preset(400, "Number of parameters does not match the expected number of params"),
    132001: Preset(404, "Template name does not exist in the translation"),
    132005: Preset(400, "Translated text too long"),
    132012: Preset(400, "Parameter format does not match format in the created template"),
    132015: Preset(400, "Template is Paused", "Template is paused due to low quality."),
    132016: Preset(400, "Template is Disabled", "Template is disabled due to low quality."),
    132018: Preset(400, "There's an issue with the parameters in your template"),
    133004: Preset(503, "Server Temporarily Unavailable", is_transient=True),
    133010: Preset(400, "Account not registered"),
    135000: Preset(400, "Generic user error"),
    137000: Preset(
        400,
        "Recipient identity key mismatch",
        "The recipient's identity key hash does not match the hash stored by WhatsApp.",
        "async",
    ),
}

# Graph platform errors carry neither the "(#code)" prefix nor WhatsApp's error_data.
_BARE = frozenset({190})
_WITHOUT_DATA = frozenset({4, 10, 190, 613, 80007})


class GraphError(Exception):
    """A refusal in Meta's error envelope."""

    def __init__(
        self,
        message: str,
        *,
        code: int,
        http: int = 400,
        kind: str = "OAuthException",
        details: str | None = None,
        subcode: int | None = None,
        is_transient: bool | None = None,
        user_title: str | None = None,
        user_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.http = http
        self.kind = kind
        self.details = details
        self.subcode = subcode
        self.is_transient = is_transient
        self.user_title = user_title
        self.user_message = user_message

    def envelope(self, fbtrace_id: str) -> dict[str, Any]:
        """The answer's body."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.is_transient is not None:
            error["is_transient"] = self.is_transient
        if self.user_title is not None:
            error["error_user_title"] = self.user_title
            error["error_user_msg"] = self.user_message
        error["fbtrace_id"] = fbtrace_id
        return {"error": error}


def refusal(code: int, details: str | None = None, *, http: int | None = None) -> GraphError:
    """The table's error for a code, with the details of this case."""
    preset = PRESETS.get(code, Preset(400, "Unknown error"))
    text = preset.details if details is None else details
    return GraphError(
        preset.title if code in _BARE else f"(#{code}) {preset.title}",
        code=code,
        http=http or preset.http,
        details=None if code in _WITHOUT_DATA else text or preset.title,
        subcode=preset.subcode,
        is_transient=preset.is_transient,
    )


def invalid(message: str, details: str | None = None) -> GraphError:
    """Code 100: a parameter of the request is missing or wrong."""
    return GraphError(f"(#100) {message}", code=100, details=details)


def template_refusal(title: str, message: str, subcode: int | None = None) -> GraphError:
    """How Meta refuses what it is told about a template: code 100 and a text for people."""
    return GraphError(
        "Invalid parameter",
        code=100,
        subcode=subcode,
        is_transient=False,
        user_title=title,
        user_message=message,
    )


def missing_object(object_id: str, method: str) -> GraphError:
    """What Graph says about an id it does not know or may not show."""
    return GraphError(
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded"
        " due to missing permissions, or does not support this operation. Please read the Graph API"
        f" documentation at {GRAPH_HELP}",
        code=100,
        kind="GraphMethodException",
        subcode=33,
    )


def failure(code: int, details: str | None = None) -> dict[str, Any]:
    """The same error as it appears inside a failed status."""
    preset = PRESETS.get(code, Preset(400, "Unknown error"))
    return {
        "code": code,
        "title": preset.title,
        "message": preset.title,
        "error_data": {"details": details or preset.details or preset.title},
        "href": HELP,
    }
