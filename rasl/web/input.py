"""What a request says, whatever way it came: JSON, a form, a form with files, the query, or several of these.

All of it is one input, as clients of this API have always sent it; where body and query both name something, the body
counts. The type of the body decides what is a file, a list, a number or a text.
"""

import contextlib
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from multipart import parse_options_header

from rasl.domain import validation
from rasl.domain.validation import Body, BodyRefused, Unknown
from rasl.domain.validation.bodies import given_fields
from rasl.domain.validation.forms import nested
from rasl.domain.validation.reading import read_object
from rasl.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from rasl.web.context import Context, context_of
from rasl.web.form import Form, FormReader

MAX_BODY_BYTES = 1024 * 1024  # of all but files
METHOD = "_method"  # what a form names that stands for another method: no field of any body
MAX_PAIRS = 10_000
_KEY = "rasl.input"
_NO_GZIP = "The body is not the gzip that Content-Encoding names"
_JSON = "application/json"
_BOM = b"\xef\xbb\xbf"
_BODY = TypeVar("_BODY", bound=Body)


class ClientGoneError(Exception):
    """The client hung up before its request was complete: there is nobody to answer."""


class Input:
    """The input of one request, taken in once; files stay open until the request is over."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._opened: contextlib.ExitStack | None = None
        self._content_type = ""
        self._raw: bytes | None = None
        self._form: Form | None = None
        self._is_taken = False

    def close(self) -> None:
        """Close the files."""
        if self._opened is not None:
            self._opened.close()

    async def identity(self, receive: Receive) -> bytes:
        """Return what tells this body from another."""
        await self._take_in(receive)
        return self._form.digest if self._form else self._raw or b""

    async def read(self, receive: Receive, body_type: type[_BODY]) -> _BODY:
        """Return what the request says; raises BodyRefused naming all that is wrong, or what cannot be read at all."""
        await self._take_in(receive)
        context, query = context_of(self._scope), self._scope["query_string"]
        unknown: Unknown = {}
        try:
            raw = self._raw or b""
            if self._form is None and not query and _is_json(self._content_type, raw):
                return validation.read(body_type, raw, unknown, is_strict=context.is_strict)
            return self._read_values(body_type, context, unknown)
        finally:
            for name, meant in unknown.items():
                context.ignore(name, meant)

    def _read_values(self, body_type: type[_BODY], context: Context, unknown: Unknown) -> _BODY:
        problems = self._form.problems if self._form else {}
        values = self._values()
        try:
            body = validation.read_values(body_type, values, unknown, is_strict=context.is_strict)
        except BodyRefused as error:
            right = {name: value for name, value in error.right.items() if name not in problems}
            raise BodyRefused(error.details | problems, right) from None
        if problems:
            given = ((name, getattr(body, name)) for name in given_fields(body))
            raise BodyRefused(problems, {name: value for name, value in given if name not in problems})
        return body

    def _values(self) -> dict[str, Any]:
        """Return all that was said; what the query says counts where the body does not name it."""
        pairs = _read_pairs(self._scope["query_string"], "query")
        said = nested((name, value) for name, value in pairs if value.strip() and name != METHOD)
        raw = self._raw or b""
        if self._form:
            body = nested(self._form.pairs) | self._form.files
        elif _is_json(self._content_type, raw):
            body = read_object(raw)
        else:
            body = nested(_read_pairs(raw, "body"))
        body.pop(METHOD, None)
        return said | body

    async def _take_in(self, receive: Receive) -> None:
        if self._is_taken:
            return
        self._is_taken = True
        context = context_of(self._scope)
        self._content_type = _content_type(context)
        if self._content_type == "multipart/form-data":
            limits = self._limits()
            chunks = _chunks(receive, context, MAX_BODY_BYTES + sum(limits.values()))
            self._opened = contextlib.ExitStack()
            data_dir = self._scope["litestar_app"].state.resources.settings.data_dir
            self._form = await FormReader(data_dir, limits, self._opened).read(_boundary(context), chunks)
            return
        self._raw = (await _whole(receive, context)).removeprefix(_BOM)

    def _limits(self) -> Mapping[str, int]:
        data_field = self._scope["route_handler"].parsed_data_field
        return validation.uploads_of(data_field.annotation) if data_field else {}


def with_input(app: ASGIApp) -> ASGIApp:
    """Wrap the routes: what reads the input finds the same one, and its files are closed in the end."""

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        given = Input(scope)
        scope[_KEY] = given  # type: ignore[literal-required]
        try:
            await app(scope, receive, send)
        finally:
            given.close()

    return reading


def input_of(scope: Scope) -> Input:
    """Return the input of a request."""
    given: Input = scope[_KEY]  # type: ignore[literal-required]
    return given


def _content_type(context: Context) -> str:
    header = context.asked.get(b"content-type", b"").decode("latin-1")
    return header.partition(";")[0].strip().lower()


def _is_json(content_type: str, raw: bytes) -> bool:
    """Tell whether a body is JSON; raises UnsupportedMediaType for one that is no form either.

    A body without a type is JSON, and so is an object under the type that curl and fetch name when nobody does.
    """
    if content_type == _JSON or not content_type or content_type.endswith("+json") or not raw:
        return True
    if content_type in {"application/x-www-form-urlencoded", "text/plain"} and raw.lstrip().startswith(b"{"):
        return True
    if content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType(
            "Send the body as JSON, application/x-www-form-urlencoded or multipart/form-data",
            {"content_type": content_type[:100]},
        )
    return False


def _boundary(context: Context) -> str:
    header = context.asked.get(b"content-type", b"").decode("latin-1")
    boundary: str | None = parse_options_header(header)[1].get("boundary")
    if not boundary:
        raise BadRequest("The Content-Type names no boundary: leave the header to your HTTP client")
    return boundary


def _read_pairs(encoded: bytes, place: str) -> list[tuple[str, str]]:
    """Decode what is URL-encoded; raises ValidationFailed."""
    if not encoded:
        return []
    try:
        return parse_qsl(
            encoded.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS
        )
    except ValueError:
        problem = f"The {place} is not URL-encoded UTF-8 of at most {MAX_PAIRS:,} fields"
        raise ValidationFailed({place: [problem]}) from None


async def _whole(receive: Receive, context: Context) -> bytes:
    """Take in a whole body that is no form with files; most come in one piece."""
    parts = [chunk async for chunk in _chunks(receive, context, MAX_BODY_BYTES)]
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _chunks(receive: Receive, context: Context, most_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body as it comes, inflated; raises PayloadTooLarge, and ClientGoneError when it does not all come."""
    inflate = _inflating(context)
    declared = context.asked.get(b"content-length", b"0")
    # Said before it is sent: nobody need send what is not wanted.
    if declared.isdigit() and int(declared[:20]) > most_bytes:
        raise PayloadTooLarge(details={"maximum_bytes": most_bytes})
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        chunk = message["body"]
        for part in inflate.parts(chunk) if inflate else (chunk,):
            size += len(part)
            if size > most_bytes:
                raise PayloadTooLarge(details={"maximum_bytes": most_bytes})
            yield part
        if not message["more_body"]:
            break
    if inflate:
        inflate.end()


def _inflating(context: Context) -> "_Inflating | None":
    name = context.asked.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    if name in {"", "identity"}:
        return None
    if name in {"gzip", "x-gzip"}:
        return _Inflating()
    told = {"content_encoding": name[:100], "supported": ["gzip"]}
    raise UnsupportedMediaType("Bodies may be compressed with gzip, or not at all", told)


class _Inflating:
    """Inflates gzip piece by piece, so that a small body never becomes a large one in memory."""

    _PIECE = 65_536

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk holds; raises BadRequest when it is no gzip."""
        while chunk:
            if self._member.eof:  # a file of several members, as `cat a.gz b.gz` makes it
                self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                piece = self._member.decompress(chunk, self._PIECE)
            except zlib.error:
                raise BadRequest(_NO_GZIP) from None
            chunk = self._member.unconsumed_tail or self._member.unused_data
            yield piece

    def end(self) -> None:
        """Raise BadRequest when something is missing."""
        if not self._member.eof:
            raise BadRequest(_NO_GZIP)
