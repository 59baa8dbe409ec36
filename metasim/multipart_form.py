"""A multipart form as it arrives: fields in memory, the file straight into a blob."""

from typing import NamedTuple

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from metasim.blobs import Blob
from metasim.errors import invalid
from metasim.exchange import Request

_MOST_FIELD_BYTES = 64 * 1024


class FormFile(NamedTuple):
    """The file of a form; `size` counts what was sent, the blob keeps no more than allowed."""

    blob: Blob
    size: int
    mime_type: str
    filename: str


class Form(NamedTuple):
    """What was sent."""

    fields: dict[str, str]
    file: FormFile | None


class _Collector:
    def __init__(self, most: int) -> None:
        self.fields: dict[str, str] = {}
        self.file: FormFile | None = None
        self._most = most
        self._segment: MultipartSegment | None = None
        self._field = bytearray()
        self._blob = Blob()
        self._size = 0

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if event is None:
            self._finish()
        elif isinstance(event, MultipartSegment):
            self._segment = event
            self._field.clear()
        elif self._is_file():
            self._size += len(event)
            if self._size <= self._most:
                self._blob.write(event)
        elif len(self._field) + len(event) <= _MOST_FIELD_BYTES:
            self._field += event

    def drop(self) -> None:
        self._blob.close()

    def _is_file(self) -> bool:
        return self._segment is not None and self._segment.name == "file" and self.file is None

    def _finish(self) -> None:
        segment = self._segment
        if segment is None:
            return
        if self._is_file():
            # The library's own default says nothing about what the caller wrote.
            given = segment.header("Content-Type", "") or ""
            self.file = FormFile(self._blob, self._size, given, segment.filename or "")
        else:
            self.fields[segment.name] = self._field.decode("utf-8", "replace")


async def read_form(request: Request, most: int) -> Form:
    """Read a form whose file keeps at most `most` bytes; the rest is counted and dropped."""
    boundary = _boundary(request)
    collector = _Collector(most)
    try:
        with PushMultipartParser(boundary) as parser:
            async for chunk in request.chunks():
                if parser.closed:
                    continue
                for event in parser.parse(chunk):
                    collector.take(event)
    except MultipartError:
        collector.drop()
        raise invalid("Invalid parameter", "The request body is not a valid multipart form.") from None
    except BaseException:
        collector.drop()
        raise
    return Form(collector.fields, collector.file)


def _boundary(request: Request) -> str:
    kind, _, options = request.header(b"content-type").decode("latin-1").partition(";")
    if kind.strip().lower() == "multipart/form-data":
        for option in options.split(";"):
            name, _, value = option.strip().partition("=")
            if name.lower() == "boundary" and value:
                return value.strip('"')
    raise invalid("The parameter messaging_product is required.")
