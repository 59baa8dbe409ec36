"""What settings are called in the environment, and which variables are called nearly so."""

import difflib
import re
from collections.abc import Iterable, Mapping


def environment_name(field_name: str) -> str:
    """Return the environment variable of a setting."""
    return f"RASL_{field_name.upper()}"


_NO_SETTINGS = (
    "RASL_POSTGRES_USER",
    "RASL_CONNECT_ACCESS_TOKEN",
    "RASL_CONNECT_APP_SECRET",
    "RASL_CONNECT_VERIFY_TOKEN",
    "RASL_SUPERVISED",
    "RASL_TOKEN",
    "RASL_TOKEN_FILE",
    "RASL_URL",
)
# What Kubernetes sets in every pod beside a service named rasl or rasl-something.
_OF_KUBERNETES = re.compile(r"RASL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)")
_ADDRESS_OF_KUBERNETES = re.compile(r"(tcp|udp|sctp)://")


def strays(environment: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Name each RASL_ variable that is of none of these settings, with the variable that was probably meant."""
    settings = [environment_name(name) for name in names]
    known = [*settings, *(f"{name}_FILE" for name in settings), *_NO_SETTINGS]
    lines = []
    for name, value in sorted(environment.items()):
        if (
            not name.upper().startswith("RASL_")
            or name in known
            or _OF_KUBERNETES.fullmatch(name)
            or _ADDRESS_OF_KUBERNETES.match(value)
        ):
            continue
        # Every address of something is near RASL_URL, which nobody would have meant.
        near = difflib.get_close_matches(
            name[5:].upper(), [item[5:] for item in known if item != "RASL_URL"], n=1
        )
        hint = f"did you mean RASL_{near[0]}?" if near else "docs/settings.md lists all that RASL reads"
        lines.append(f"{name} is no setting and has no effect: {hint}")
    return lines
