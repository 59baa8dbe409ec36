"""The page at `/`: a phone in the browser. It asks nobody but the simulator for anything."""

from functools import cache
from pathlib import Path

from metasim.exchange import Answer, Headers, Request, json_answer
from metasim.state import State

_FILES = {
    "/": ("page.html", b"text/html; charset=utf-8"),
    "/_phone/page.css": ("page.css", b"text/css; charset=utf-8"),
    "/_phone/page.js": ("page.js", b"text/javascript; charset=utf-8"),
}
_MEDIA = "/_phone/media/"
_SHOWN = (b"image/png", b"image/jpeg", b"image/webp", b"video/", b"audio/")
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
    b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_GUARD: Headers = [
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


def is_page(request: Request) -> bool:
    """Tell whether a request is for the page or for what it shows."""
    if request.method not in {"GET", "HEAD"}:
        return False
    return request.path in _FILES or request.path.startswith(_MEDIA)


def answer_page(state: State, request: Request) -> Answer:
    """Answer with a part of the page, or with a file of a message."""
    if request.path.startswith(_MEDIA):
        return _media(state, request.path.removeprefix(_MEDIA))
    name, content_type = _FILES[request.path]
    return Answer(200, _read(name), content_type=content_type, headers=[*_GUARD])


def _media(state: State, media_id: str) -> Answer:
    media = state.registry.find_media(media_id, state.clock.now())
    if media is None:
        return json_answer({"error": f"no such media: {media_id}"}, 404)
    kind = media.mime_type.encode("latin-1", "replace")
    # What people could send as a page of their own is saved and not shown.
    held = [] if kind.startswith(_SHOWN) else [(b"content-disposition", b"attachment")]
    return Answer(
        200,
        b"",
        content_type=kind,
        headers=[*_GUARD, *held],
        source=media.blob.pieces(),
        length=media.blob.size,
    )


@cache
def _read(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()
