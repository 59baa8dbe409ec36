"""The media host, on a port of its own: bytes behind addresses that expire, and the files of templates."""

import asyncio
import hashlib
import hmac
import itertools
import re
from collections.abc import Iterator

from metasim.access import check_access, check_token
from metasim.blobs import Blob
from metasim.errors import GraphError
from metasim.exchange import Answer, Headers, Request, json_answer
from metasim.faults import BEFORE_ACCEPTANCE, Effect, Target
from metasim.misbehaviour import broken_answer, marred, refused
from metasim.state import State
from metasim.store import Media

PATH = "/whatsapp_business/attachments/"
CDN = "/cdn/"
PATHS = (PATH, CDN)
ENDPOINT = "media_download"
VALID_SECONDS = 300
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_FLIPPED = 0xFF
_PADDING = bytes(64 * 1024)


async def answer_media(state: State, request: Request) -> Answer:
    """Answer one request to the media host and write it down."""
    entry = state.journal.open(request.method, request.path, b"")
    entry.type = ENDPOINT
    try:
        answer = await _answer(state, request)
    except GraphError as error:
        entry.code = error.code
        answer = json_answer(error.envelope(state.mint.trace()), error.http)
    entry.status, entry.wire = answer.status, answer.wire
    state.journal.close(entry)
    return answer


async def _answer(state: State, request: Request) -> Answer:
    if request.method not in {"GET", "HEAD"}:
        return Answer(405, b"", content_type=b"text/plain")
    if request.path.startswith(CDN):
        return _template_file(state, request)
    if not request.path.startswith(PATH):
        return Answer(404, b"", content_type=b"text/plain")
    media = _find(state, request)
    try:
        token = check_token(state, request)
        if media is not None and media.number is not None:
            check_access(state, request, media.number, token)
    except GraphError as error:
        return json_answer(error.envelope(state.mint.trace()), 401)
    if media is None:
        return Answer(404, b"", content_type=b"text/plain")
    return await _download(state, request, media)


def _find(state: State, request: Request) -> Media | None:
    query = request.query
    media = state.registry.find_media(query.get("mid", ""), state.clock.now())
    expires = query.get("ext", "0")
    if media is None or not expires.isdigit() or int(expires) < state.clock.now():
        return None
    is_ours = hmac.compare_digest(_seal(state, media.id, expires), query.get("hash", ""))
    return media if is_ours else None


async def _download(state: State, request: Request, media: Media) -> Answer:
    number_id = media.number.id if media.number else ""
    strike = state.faults.strike(Target(ENDPOINT, number_id, "", media.mime_type, "", request.method))
    if strike.delay_before:
        await asyncio.sleep(strike.delay_before)
    effect = strike.effect or (Effect(media.flaw) if media.flaw else None)
    if effect is not None and effect.kind == "error":
        raise refused(effect)
    if effect is not None and effect.kind in BEFORE_ACCEPTANCE:
        return broken_answer(effect)
    answer = _bytes(request, media.blob, media.mime_type)
    answer.delay = strike.delay_after
    if effect is not None and answer.status < 400:
        _spoil(answer, effect)
    return marred(answer, effect)


def _spoil(answer: Answer, effect: Effect) -> None:
    source = answer.source or ()
    if effect.kind == "corrupt":
        answer.source = _flipped(iter(source))
    elif effect.kind == "oversized":
        answer.source = itertools.chain(source, _padding(effect.extra_bytes))
        answer.length += effect.extra_bytes


def _flipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield bytes((piece[0] ^ _FLIPPED,)) + piece[1:]


def _padding(count: int) -> Iterator[bytes]:
    for at in range(0, count, len(_PADDING)):
        yield _PADDING[: count - at]


def _bytes(request: Request, blob: Blob, mime_type: str) -> Answer:
    """The whole file, or the one range asked for."""
    headers: Headers = [(b"accept-ranges", b"bytes")]
    start, end, status = 0, blob.size, 200
    # What is not one range of bytes is ignored, as RFC 9110 wants it.
    if asked := _RANGE.fullmatch(request.header(b"range").decode("latin-1").strip()):
        found = _range(asked, blob.size)
        if found is None:
            headers.append((b"content-range", b"bytes */%d" % blob.size))
            return Answer(416, b"", content_type=b"text/plain", headers=headers)
        start, end = found
        status = 206
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, blob.size)))
    pieces = () if request.method == "HEAD" else blob.pieces(start, end - start)
    kind = mime_type.encode("latin-1", "replace")
    return Answer(status, b"", content_type=kind, headers=headers, source=pieces, length=end - start)


def _range(match: re.Match[str], size: int) -> tuple[int, int] | None:
    first, last = match[1], match[2]
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
    else:
        start, end = max(0, size - int(last or 0)), size
    return (start, end) if start < end else None


def _template_file(state: State, request: Request) -> Answer:
    upload = state.registry.uploads.get(request.path.removeprefix(CDN).partition("/")[0])
    if upload is None or not upload.is_complete:
        return Answer(404, b"", content_type=b"text/plain")
    return _bytes(request, upload.blob, upload.mime_type)


def address(state: State, media: Media, base: str) -> str:
    """Where the bytes can be fetched for the next five minutes."""
    expires = str(int(state.clock.now()) + VALID_SECONDS)
    return f"{base}{PATH}?mid={media.id}&ext={expires}&hash={_seal(state, media.id, expires)}"


def _seal(state: State, media_id: str, expires: str) -> str:
    key = f"media {state.initial.seed}".encode()
    return hashlib.blake2b(f"{media_id} {expires}".encode(), key=key, digest_size=16).hexdigest()
