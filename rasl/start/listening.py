"""Listening sockets, and clear words when an address cannot be had."""

import errno
import socket

from rasl.start.errors import StartError


def bound(host: str, port: int, setting: str = "RASL_PORT") -> socket.socket:
    """Return a socket bound to the address; raises StartError saying what to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise failure(host, port, setting, error) from None
    return listener


def is_free(host: str, port: int) -> bool:
    """Tell whether the port can be listened on."""
    try:
        bound(host, port).close()
    except StartError as error:
        if error.code != "PORT_IN_USE":
            raise
        return False
    return True


def failure(host: str, port: int, setting: str, error: Exception) -> StartError:
    """Say why an address cannot be listened on, and which setting changes it."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return StartError(
            "PORT_IN_USE",
            f"Port {port} on {host} is in use: stop what listens there or choose another with {setting}.",
        )
    if number == errno.EACCES:
        return StartError(
            "PORT_FORBIDDEN",
            f"Port {port} may not be opened by this user: choose one above 1023 with {setting}.",
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StartError(
        "ADDRESS_UNUSABLE", f"{host}:{port} cannot be listened on ({reason}): check the host and {setting}."
    )
