"""Listening sockets, and clear words when an address cannot be had."""

import contextlib
import ctypes
import errno
import socket
import struct
import sys

from rasl.settings import Settings
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


def admin_url(settings: Settings) -> str:
    """Return the address of the port that the operator API has to itself."""
    host = f"[{settings.admin_host}]" if ":" in settings.admin_host else settings.admin_host
    return f"http://{host}:{settings.admin_port}"


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


# Of the socket options in <asm-generic/socket.h>, which the standard library does not name.
_SO_ATTACH_FILTER = 26
# Reads the TCP flags (byte 13); SYN without ACK: drop, anything else: pass whole. In the kernel's classic BPF.
_DROP_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0x40000),
)


def stop_arrivals(listener: socket.socket) -> None:
    """Let no new connection reach the listening socket, though those that have can still be accepted.

    Closing a listening socket resets every connection in its backlog, and there is no call that stops the kernel
    from adding more. So new ones are ignored first, and the socket is closed when its backlog is empty. A client that
    is ignored asks again after a second, when it is told at once that nobody listens, or meets our successor.
    Linux only; elsewhere a connection that comes in the instant of closing is reset.
    """
    if sys.platform != "linux":
        return
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_NEW_CONNECTIONS))
    program = struct.pack("HL", len(_DROP_NEW_CONNECTIONS), ctypes.addressof(code))
    with contextlib.suppress(OSError):  # a kernel that does not take it leaves us where other systems are
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
