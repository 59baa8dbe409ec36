"""One small class per public error code; whoever raises one decides the answer the client sees."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ApiError(Exception):
    """An answer with `success: false`; subclasses fix code, HTTP status and the default message."""

    code: ClassVar[str]
    status: ClassVar[int]
    text: ClassVar[str]
    example_details: ClassVar[Mapping[str, Any] | None] = None
    retry_after: int | None = None  # seconds until it is worth coming back

    def __init__(self, message: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        self.message = message or self.text
        self.details = dict(details or {})
        self.retry_after = self.details.get("retry_after", self.retry_after)
        super().__init__(self.message)

    @property
    def headers(self) -> dict[str, str]:
        """Return headers that belong to this answer besides the envelope."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


class BadRequest(ApiError):
    """What came is no HTTP request, or one of which no part can be trusted."""

    code, status, text = "BAD_REQUEST", 400, "This is not an HTTP request that can be understood"


class RequestTimeout(ApiError):
    """The request did not arrive whole in time."""

    code, status, text = "REQUEST_TIMEOUT", 408, "The request did not arrive completely in time"


class UriTooLong(ApiError):
    """The path is over the limit."""

    code, status, text = "URI_TOO_LONG", 414, "The path of the request is too long"
    example_details = {"maximum_bytes": 8192}


class HeadTooLarge(ApiError):
    """Request line and headers together are over the limit, or the headers are too many."""

    code, status, text = "HEADERS_TOO_LARGE", 431, "The request line and headers are too large"
    example_details = {"maximum_bytes": 65536, "maximum_headers": 100}


class InvalidJson(ApiError):
    """The body is no JSON object at all."""

    code, status, text = "INVALID_JSON", 400, "The request body is not a JSON object"


class Unauthorized(ApiError):
    """Token missing, malformed, unknown, revoked or expired."""

    code, status, text = "UNAUTHORIZED", 401, "Missing or invalid API token"

    @property
    def headers(self) -> dict[str, str]:
        """Name the scheme, as RFC 6750 asks."""
        return {"www-authenticate": "Bearer"}


class InsufficientScope(ApiError):
    """The token is good but lacks the scope of this route."""

    code, status, text = "INSUFFICIENT_SCOPE", 403, "The token lacks the required scope"
    example_details = {"required_scope": "messages:send"}

    @classmethod
    def of(cls, *scopes: str) -> "InsufficientScope":
        """Name the scope that is missing, or all of those of which one would do."""
        details: dict[str, Any] = {"required_scope": scopes[0]}
        if len(scopes) > 1:
            details["any_of_scopes"] = list(scopes)
        return cls(f"The token lacks the required scope: {' or '.join(scopes)}", details)


class AccountSuspended(ApiError):
    """The token is good, but whoever runs the installation has suspended its tenant."""

    code, status, text = "ACCOUNT_SUSPENDED", 403, "This account is suspended"


class AddressNotAllowed(ApiError):
    """The token is good but may not be used from where the request comes."""

    code, status, text = "ADDRESS_NOT_ALLOWED", 403, "The token may not be used from this address"
    example_details = {"address": "203.0.113.7"}

    @classmethod
    def of(cls, address: str | None) -> "AddressNotAllowed":
        """Name the address, None where it is not known."""
        return cls(f"The token may not be used from {address or 'an unknown address'}", {"address": address})


class FeatureLimitExceeded(ApiError):
    """A limit of the tenant's plan is reached."""

    code, status, text = "FEATURE_LIMIT_EXCEEDED", 403, "Limit reached for the current plan"
    example_details = {"feature": "contacts", "current": 500, "maximum": 500}
    nouns = {
        "contacts": "Contact",
        "conversations": "Monthly conversation",
        "campaigns": "Active campaign",
        "staff": "Team member",
        "api_calls_per_minute": "API call",
        "webhooks": "Webhook",
    }

    @classmethod
    def of(cls, feature: str, current: int, maximum: int) -> "FeatureLimitExceeded":
        """Name the feature, e.g. contacts, with the use and the limit."""
        return cls(
            f"{cls.nouns[feature]} limit reached for the current plan",
            {"feature": feature, "current": current, "maximum": maximum},
        )


class FeatureNotAvailable(ApiError):
    """The plan does not include the feature, or the subscription has ended and with it all sending."""

    code, status, text = "FEATURE_NOT_AVAILABLE", 403, "This feature is not available in the current plan"
    example_details = {"feature": "whatsapp_templates"}

    @classmethod
    def of(cls, feature: str) -> "FeatureNotAvailable":
        """Name the switch of the plan that is off."""
        return cls(None, {"feature": feature})

    @classmethod
    def ended(cls, status: str | None, ended_at: str | None) -> "FeatureNotAvailable":
        """Say that nothing is sent since the subscription ended."""
        details = {"feature": "sending", "subscription_status": status, "expires_at": ended_at}
        return cls(f"The subscription is {status}: messages can be read, but not sent", details)


class ContactOptedOut(ApiError):
    """The recipient asked not to be written to."""

    code, status, text = "CONTACT_OPTED_OUT", 403, "The contact has opted out of messages"
    example_details = {"contact_id": 812}


class OtpBlocked(ApiError):
    """A budget against pumping is used up; details say which, and when it is filled again."""

    code, status, text = "OTP_BLOCKED", 403, "A budget for one-time passwords is used up"
    example_details = {
        "reason": "prefix_budget_per_hour",
        "subject": "+447911",
        "budget": 100,
        "period": "hour",
        "retry_after": 1260,
    }


class NotFound(ApiError):
    """Absent, or of another tenant: nobody can tell the two apart."""

    code, status, text = "NOT_FOUND", 404, "Not found"


class MethodNotAllowed(ApiError):
    """The path exists, the method does not."""

    code, status, text = "METHOD_NOT_ALLOWED", 405, "Method not allowed"
    example_details = {"allowed_methods": ["GET", "HEAD", "OPTIONS"]}

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        asked_for = [name for name in allowed if name not in {"HEAD", "OPTIONS"}]
        use = f"use {' or '.join(asked_for or allowed)}"
        if method == "PUT" and "PATCH" in allowed:
            use = "use PATCH, which changes what is given and leaves the rest"
        super().__init__(f"{method} is not allowed here: {use}", {"allowed_methods": list(allowed)})

    @property
    def headers(self) -> dict[str, str]:
        """Name the methods that there are (RFC 9110, section 15.5.6)."""
        return {"allow": ", ".join(self.details["allowed_methods"])}


class IdempotencyInProgress(ApiError):
    """The first request with this Idempotency-Key is still running."""

    code, status = "IDEMPOTENCY_IN_PROGRESS", 409
    text = "A request with this Idempotency-Key is still running"
    retry_after = 1

    @classmethod
    def until(cls, seconds: float) -> "IdempotencyInProgress":
        """Name the time after which the key is free if whoever holds it is dead."""
        error = cls()
        error.retry_after = max(1, math.ceil(seconds))
        return error


class ResourceConflict(ApiError):
    """A deletion is refused because something refers to the record; the message says what."""

    code, status, text = "RESOURCE_CONFLICT", 409, "Something in use cannot be deleted"
    example_details = {"contacts_count": 3}


class PayloadTooLarge(ApiError):
    """The body is over the limit."""

    code, status, text = "PAYLOAD_TOO_LARGE", 413, "The request body is too large"
    example_details = {"maximum_bytes": 1048576}


class UnsupportedMediaType(ApiError):
    """The body is declared as something this route does not read."""

    code, status = "UNSUPPORTED_MEDIA_TYPE", 415
    text = "Send the body as JSON with Content-Type: application/json"


class ValidationFailed(ApiError):
    """One or more fields are wrong; details map each field to its messages.

    The id of a contact that has what a field wants stands beside them, under a name of its own.
    """

    code, status, text = "VALIDATION_ERROR", 422, "Validation failed"
    example_details = {"phone": ["Phone number is required"]}

    def __init__(self, fields: Mapping[str, Sequence[str] | int]) -> None:
        details = {field: told if isinstance(told, int) else list(told) for field, told in fields.items()}
        super().__init__(None, details)


class OtpRejected(ValidationFailed):
    """A code is not accepted; `details.error_code` says why (api-v2 section 4.2)."""

    def __init__(self, error_code: str, message: str, attempts_remaining: int | None = None) -> None:
        remaining = {} if attempts_remaining is None else {"attempts_remaining": attempts_remaining}
        ApiError.__init__(self, message, {"error_code": error_code, **remaining})


class WhatsAppNotConfigured(ApiError):
    """The tenant has no connected WhatsApp number."""

    code, status, text = "WHATSAPP_NOT_CONFIGURED", 422, "WhatsApp is not configured for this account"


class IdempotencyKeyReused(ApiError):
    """The Idempotency-Key was used with another request."""

    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    text = "This Idempotency-Key was used with a different request"


class WindowClosed(ApiError):
    """The tenant's policy refuses free-form messages outside the 24-hour service window."""

    code, status = "SERVICE_WINDOW_CLOSED", 422
    text = "The 24-hour service window of this contact is closed; send a template message instead"
    example_details = {"window_expires_at": "2026-03-04T09:15:22+00:00"}


class RateLimitExceeded(ApiError):
    """Too many requests for this token."""

    code, status, text = "RATE_LIMIT_EXCEEDED", 429, "Too many requests"
    example_details = {"retry_after": 12}
    retry_after: int

    def __init__(self, retry_after: int) -> None:
        super().__init__(None, {"retry_after": retry_after})


class InternalError(ApiError):
    """An unexpected failure; the request id leads to the one log line with the trace."""

    code, status, text = "INTERNAL_ERROR", 500, "Something went wrong on our side"


class MessageSendFailed(ApiError):
    """Meta refused the message; details carry Meta's code, title and the cure."""

    code, status, text = "MESSAGE_SEND_FAILED", 500, "WhatsApp refused the message"
    example_details = {
        "meta_code": 131026,
        "meta_title": "Message undeliverable",
        "fbtrace_id": "A7yfOqTUnmxHZ00UNJE9z7H",
        "cure": "Check that the number is on WhatsApp and has accepted the current terms.",
        "chat_message_id": 9031,
    }


class WhatsAppFailed(ApiError):
    """Meta refused or did not answer something other than a message; details carry Meta's code and the cure."""

    code, status, text = "WHATSAPP_REQUEST_FAILED", 502, "WhatsApp refused the request"
    example_details = {
        "meta_code": 100,
        "meta_title": "Invalid parameter",
        "fbtrace_id": "A7yfOqTUnmxHZ00UNJE9z7H",
        "cure": "Correct what Meta names in the details, then try again.",
    }


class ServiceUnavailable(ApiError):
    """We cannot store anything right now; nothing was accepted."""

    code, status, text = "SERVICE_UNAVAILABLE", 503, "The service cannot accept requests right now"
    retry_after = 2


ALL_ERRORS: tuple[type[ApiError], ...] = tuple(ApiError.__subclasses__())
