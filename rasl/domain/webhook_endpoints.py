"""What an endpoint may be: its address, and the headers that its owner wants sent along."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from rasl.domain import addresses
from rasl.domain.events.catalogue import CATALOGUE, NOUNS, is_pattern
from rasl.domain.networks import Network, holds, read_address

LONGEST_URL = 2048
MOST_HEADERS = 20
HIDDEN = "(hidden)"
_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
# What says how the request is to be read, or comes from us.
_OURS = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect",
        "forwarded", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
    }
)  # fmt: skip
_OUR_STARTS = ("webhook-", "x-webhook-", "proxy-", "x-forwarded-", "sec-")
# Values of headers that are called like this are shown to nobody.
_SECRET = re.compile(r"auth|cookie|credential|key|pass|secret|signature|token", re.IGNORECASE)


def url_problem(text: str, allowed: Sequence[Network] = (), *, allow_private: bool = False) -> str | None:
    """Return what is wrong with the address of an endpoint, as far as it can be told without asking anybody."""
    try:
        url = urlsplit(text)
        port = url.port if url.port is not None else 80
    except ValueError:
        return "is not a valid URL"
    problems = {
        "must not hold spaces, backslashes or invisible characters": not text.isprintable()
        or " " in text
        or "\\" in text,
        "must be an http or https URL, such as https://n8n.example.com/webhook/abc": url.scheme
        not in {"http", "https"}
        or not url.hostname,
        "must not hold a user name or password: put them into a header": "@" in url.netloc,
        "must not have a fragment (#…): it would never be sent": bool(url.fragment),
        f"must lead to port 80, 443 or one from {_FIRST_FREE_PORT} on": port not in _PORTS
        and port < _FIRST_FREE_PORT,
        "must not lead into a private network": not allow_private and is_private(url.hostname or "", allowed),
    }
    return next((says for says, is_so in problems.items() if is_so), None)


def is_private(host: str, allowed: Sequence[Network] = ()) -> bool:
    """Tell of an address as numbers, or of a name that always means this machine, whether it is no public one."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return not allowed
    return addresses.is_numeric(host) and not may_be_reached(host, allowed)


def may_be_reached(number: str, allowed: Sequence[Network]) -> bool:
    """Tell whether an address, as numbers, is public or in a network that the operator allows."""
    return addresses.is_public(number) or holds(allowed, read_address(number))


def known_patterns(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuse names of events that there are none of, with the one that was perhaps meant: a rule of bodies."""
    given = data.get("events")
    named = [(f"events.{place}", text) for place, text in enumerate(given if isinstance(given, list) else ())]
    for path, text in (*named, ("event", data.get("event"))):
        if isinstance(text, str) and not is_pattern(text):
            likely = difflib.get_close_matches(text, [*CATALOGUE, *(f"{noun}.*" for noun in NOUNS)], n=1)
            hint = f'; did you mean "{likely[0]}"?' if likely else ": GET /webhooks/events lists them"
            yield path, f"The {path} field must name an event{hint}"


def header_problems(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuse headers that cannot be sent, or that are ours: a rule of bodies."""
    given = data.get("headers")
    if not isinstance(given, dict):
        return
    if len(given) > MOST_HEADERS:
        yield "headers", f"The headers field must not have more than {MOST_HEADERS} headers"
    for name, value in given.items():
        path = f"headers.{name}"
        if not _NAME.fullmatch(name):
            yield path, f"The {path} field must have the name of a header"
        elif name.lower() in _OURS or name.lower().startswith(_OUR_STARTS):
            yield path, f"The {path} field is a header that RASL sets itself"
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            yield path, f"The {path} field must be at most 1000 visible characters of ASCII"


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as answers show them: what may be a secret is hidden."""
    return {name: HIDDEN if _SECRET.search(name) else value for name, value in headers.items()}


def changed_headers(given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are kept: what comes back as it was shown stays what it was."""
    return {
        name: known[name] if value == HIDDEN and name in known else value for name, value in given.items()
    }
