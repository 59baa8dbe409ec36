"""Multipart forms, whose files go to disk while they arrive."""

import contextlib
import hashlib
import io
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from rasl.domain.media_formats import in_words
from rasl.domain.validation import Upload
from rasl.errors import BadRequest, ServiceUnavailable, ValidationFailed
from rasl.services.ground.scratch import scratch_file

MAX_FIELD = 65_536
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*utf-8'[\w-]*'([^\s;]+)", re.IGNORECASE)
MAX_PARTS = 10_000


class Form(msgspec.Struct):
    """What a form held: its fields in order, and its files; `problems` names files over their limit.

    The digest is of names and contents, however the client divided them.
    """

    pairs: list[tuple[str, str]]
    files: dict[str, Upload]
    problems: dict[str, list[str]]
    digest: bytes = b""


class FormReader:
    """Reads one form to its end, also when a file is too large or the disk full: else the answer would not be heard.

    `limits` are the bytes that each field with a file may have. What is over them is not kept, nor are files of other
    fields, which are texts if they can be.
    """

    def __init__(self, data_dir: Path, limits: Mapping[str, int], opened: contextlib.ExitStack) -> None:
        self._data_dir = data_dir
        self._limits = limits
        self._opened = opened
        self._form = Form([], {}, {})
        self._name = ""
        self._text = b""
        self._file: Upload | None = None
        self._failure: ServiceUnavailable | None = None  # of the disk; nothing is written any more

    async def read(self, boundary: str, chunks: AsyncIterator[bytes]) -> Form:
        """Read the body to its end; raises BadRequest, ValidationFailed, or ServiceUnavailable for a full disk."""
        digest = hashlib.sha256()
        try:
            with PushMultipartParser(boundary, max_segment_count=MAX_PARTS) as parser:
                async for chunk in chunks:
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
        except MultipartError as error:
            raise BadRequest("The form cannot be read", {"reason": str(error)}) from None
        if self._failure is not None:
            raise self._failure
        self._form.digest = digest.digest()
        return self._form

    def _begin(self, segment: MultipartSegment) -> None:
        self._name, self._text, self._file = segment.name, b"", None
        if self._name in self._form.files:
            raise ValidationFailed({self._name: [f"The {self._name} field must be given only once"]})
        if self._name in self._limits:
            self._file = self._form.files[self._name] = Upload(self._scratch(), _filename(segment))

    def _scratch(self) -> BinaryIO:
        try:
            return self._opened.enter_context(scratch_file(self._data_dir))
        except ServiceUnavailable as error:
            self._failure = error
            return io.BytesIO()

    def _take(self, chunk: bytearray) -> None:
        if self._file is None:
            if len(self._text) + len(chunk) > MAX_FIELD:
                raise ValidationFailed({self._name: [f"must not be greater than {MAX_FIELD} bytes"]})
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
            self._form.pairs.append((self._name, _decoded(self._name, self._text)))
        elif not self._file.size and not self._file.name:
            # What a browser sends for a file nobody chose.
            del self._form.files[self._name]


def _filename(segment: MultipartSegment) -> str | None:
    """Return what a file is called; .NET says it encoded for mails, and then plainly as `filename*` (RFC 5987)."""
    extended = _EXTENDED.search(segment.header("Content-Disposition", ""))
    return unquote(extended[1], errors="replace") if extended else segment.filename


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise ValidationFailed({name: [f"The {name} field must be UTF-8 text"]}) from None
