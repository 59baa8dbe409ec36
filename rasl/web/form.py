"""Bodies with files: multipart forms whose files go to disk while they arrive, or the same fields as JSON."""

import contextlib
import hashlib
import io
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from rasl.domain import validation
from rasl.domain.media_formats import in_words
from rasl.errors import ServiceUnavailable, UnsupportedMediaType, ValidationFailed
from rasl.services.ground.scratch import scratch_file
from rasl.web.request import ApiRequest

FORM_BYTES = 1024 * 1024  # what a form may hold besides its files
_MAX_FIELD = 65_536
_MAX_PARTS = 100
_NESTED = re.compile(r"(\w+)(?:\[(\w+)\]|\.(\w+))")


class FormFile(msgspec.Struct):
    """A file of a form, open as long as the form is."""

    file: BinaryIO
    name: str | None
    size: int = 0


class Form(msgspec.Struct):
    """What a body held; the digest is of names and contents, however the client divided them.

    `problems` names the files that were over their limit; what is over it was not kept.
    """

    fields: dict[str, Any]
    files: dict[str, FormFile]
    digest: bytes = b""
    problems: dict[str, list[str]] = {}


@contextlib.asynccontextmanager
async def received(request: ApiRequest, limits: Mapping[str, int]) -> AsyncIterator[Form]:
    """Take in a form; its files are open inside of the block. `limits` are the bytes that each file field may have.

    Raises UnsupportedMediaType, ValidationFailed, or ServiceUnavailable when the files cannot be kept.
    """
    boundary = _boundary(request)
    if boundary is None:
        raise UnsupportedMediaType(
            "Send a form with Content-Type: multipart/form-data",
            {"content_type": _content_type(request)[:100]},
        )
    with contextlib.ExitStack() as opened:
        form = Form({}, {}, problems={})
        try:
            await _Reader(request, limits, form, opened).read(boundary)
        except (MultipartError, UnicodeError):
            raise ValidationFailed({next(iter(limits)): ["The form cannot be read"]}) from None
        yield form


@contextlib.asynccontextmanager
async def received_values(request: ApiRequest, limits: Mapping[str, int]) -> AsyncIterator[Form]:
    """Take in a form or a JSON object; `contact[email]` and `contact.email` are the email of the object contact.

    Raises UnsupportedMediaType, InvalidJson, PayloadTooLarge or ValidationFailed.
    """
    if is_form(request):
        async with received(request, limits) as form:
            form.fields = _nested(form.fields)
            yield form
        return
    raw = await read_json_body(request)
    yield Form(validation.read_object(raw), {}, hashlib.sha256(raw).digest(), {})


def is_form(request: ApiRequest) -> bool:
    """Tell whether the body is a multipart form."""
    return _boundary(request) is not None


async def read_json_body(request: ApiRequest) -> bytes:
    """Take in a body that is not a form; raises UnsupportedMediaType unless it is JSON."""
    content_type = (_content_type(request) or "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise UnsupportedMediaType(
            "Send the body as JSON or as multipart/form-data", {"content_type": content_type[:100]}
        )
    return await request.body()


def _boundary(request: ApiRequest) -> str | None:
    header = _content_type(request)
    if not header.lower().startswith("multipart/form-data"):
        return None
    boundary: str | None = parse_options_header(header)[1].get("boundary")
    return boundary


def _content_type(request: ApiRequest) -> str:
    return request.context.asked.get(b"content-type", b"").decode("latin-1")


class _Reader:
    """Reads one form to its end, also when a file is too large or the disk full: else the answer would not be heard."""

    def __init__(
        self, request: ApiRequest, limits: Mapping[str, int], form: Form, opened: contextlib.ExitStack
    ) -> None:
        self._request = request
        self._limits = limits
        self._form = form
        self._opened = opened
        self._name = ""
        self._text = b""
        self._file: FormFile | None = None
        self._failure: ServiceUnavailable | None = None  # of the disk; nothing is written any more

    async def read(self, boundary: str) -> None:
        """Read the body to its end."""
        digest = hashlib.sha256()
        with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
            async for chunk in self._request.stream():
                for event in parser.parse(chunk) if chunk else ():
                    if isinstance(event, MultipartSegment):
                        self._begin(event)
                        digest.update(f"\n{event.name}\n".encode())
                    elif event is None:
                        self._end()
                        digest.update(b"\n")
                    else:
                        self._take(event)
                        digest.update(event)
        if self._failure is not None:
            raise self._failure
        self._form.digest = digest.digest()

    def _begin(self, segment: MultipartSegment) -> None:
        self._name, self._text, self._file = segment.name, b"", None
        if self._name in self._form.fields or self._name in self._form.files:
            raise ValidationFailed({self._name: ["must be given only once"]})
        if self._name in self._limits:
            self._file = self._form.files[self._name] = FormFile(self._scratch(), segment.filename)

    def _scratch(self) -> BinaryIO:
        try:
            return self._opened.enter_context(scratch_file(self._request.resources.settings.data_dir))
        except ServiceUnavailable as error:
            self._failure = error
            return io.BytesIO()

    def _take(self, chunk: bytearray) -> None:
        if self._file is None:
            if len(self._text) + len(chunk) > _MAX_FIELD:
                raise ValidationFailed({self._name: [f"must not be greater than {_MAX_FIELD} bytes"]})
            self._text += chunk
            return
        self._file.size += len(chunk)
        limit = self._limits[self._name]
        if self._file.size <= limit:
            self._write(self._file.file, chunk)
        else:
            problem = f"The {self._name} field must not be larger than {in_words(limit)}"
            self._form.problems[self._name] = [problem]

    def _write(self, file: BinaryIO, chunk: bytearray) -> None:
        if self._failure is None:
            try:
                file.write(chunk)
            except ServiceUnavailable as error:
                self._failure = error

    def _end(self) -> None:
        if self._file is None:
            self._form.fields[self._name] = _decoded(self._name, self._text)
        elif not self._file.size and not self._file.name:
            # What a browser sends for a file nobody chose.
            del self._form.files[self._name]


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in fields.items():
        match = _NESTED.fullmatch(name)
        if match is None:
            values[name] = value
            continue
        inner = values.setdefault(match[1], {})
        if not isinstance(inner, dict):
            raise ValidationFailed({match[1]: ["must be given only once"]})
        inner[match[2] or match[3]] = value
    return values


def _decoded(name: str, text: bytes) -> str:
    value = text.decode("utf-8")
    if "\x00" in value:
        raise ValidationFailed({name: ["must not contain NUL characters"]})
    return value
