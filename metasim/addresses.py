"""Where the simulator is reached from the outside, the Graph side and the media host."""

from urllib.parse import urlsplit

from metasim.exchange import Request
from metasim.state import State


def graph_base(state: State, request: Request) -> str:
    """The address of the Graph side."""
    given = state.config.public_url or f"http://{request.header(b'host').decode('latin-1')}"
    return given.rstrip("/")


def media_base(state: State, request: Request) -> str:
    """The address of the media host: what the settings say, or the Graph side's host with the other port."""
    if state.config.public_media_url:
        return state.config.public_media_url.rstrip("/")
    base = graph_base(state, request)
    if state.media_port is None:
        return base
    parts = urlsplit(base)
    host = parts.hostname or "127.0.0.1"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{state.media_port}"
