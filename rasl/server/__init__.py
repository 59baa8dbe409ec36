"""The HTTP server: connections with limits, an end that cuts nobody off, and several processes behind one port."""

from rasl.server.limits import Limits
from rasl.server.serving import Server

__all__ = ["Limits", "Server"]
