"""What happens right now, as lines that are told once: messages, what Meta posts, errors."""

from rasl.services.operators.following.errors import Errors
from rasl.services.operators.following.lines import Feed, Line
from rasl.services.operators.following.messages import Messages
from rasl.services.operators.following.webhooks import Webhooks

__all__ = ["Errors", "Feed", "Line", "Messages", "Webhooks"]
