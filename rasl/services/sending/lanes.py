"""Lanes: what goes before what while messages wait, and what is sent again."""

from rasl.domain.message_types.base import Content

LANE_OTP = 0  # whoever waits for a code is waiting in front of a screen
LANE_SERVICE = 1


def lane_of(content: Content) -> int:
    """Return in which lane a message waits: the lower goes first."""
    return LANE_OTP if content.sealed() is not None else LANE_SERVICE


def is_resent(unknown_policy: str, lane: int) -> bool:
    """Tell whether a message is sent again when nobody knows whether Meta took it: the tenant's policy says.

    A code always is. Whoever gets it twice gets the same one twice, and whoever gets none cannot go on.
    """
    return unknown_policy == "resend" or lane == LANE_OTP
