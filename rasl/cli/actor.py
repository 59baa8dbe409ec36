"""Who gives a command, as the audit keeps it."""

import getpass
import socket

from rasl.services.ground.audit import Actor


def command_actor() -> Actor:
    """Return the operator: the user of this machine, who may have no name in a container."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unnamed"
    return Actor("operator", name=f"{user}@{socket.gethostname()}")
