"""Multipart forms with one large file, which goes to disk while it arrives."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from rasl.api.request import ApiRequest
from rasl.errors import UnsupportedMediaType, ValidationFailed

_MAX_FIELD = 65_536
_MAX_PARTS = 50


class Form(msgspec.Struct):
    """What a form held; the digest is of names and contents, however the client divided them."""

    fields: dict[str, str]
    file: BinaryIO
    file_name: str | None = None
    has_file: bool = False
    digest: bytes = b""


@contextlib.asynccontextmanager
async def received(request: ApiRequest, file_field: str) -> AsyncIterator[Form]:
    """Take in a form; its file is open inside of the block.

    Raises UnsupportedMediaType or ValidationFailed.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    if content_type.lower() != "multipart/form-data" or not options.get("boundary"):
        raise UnsupportedMediaType(
            "Send a form with Content-Type: multipart/form-data", {"content_type": content_type[:100]}
        )
    with cast("BinaryIO", tempfile.TemporaryFile(dir=_folder(request.engine.settings.data_dir))) as file:
        form = Form({}, file)
        try:
            await _read(request, options["boundary"], file_field, form)
        except (MultipartError, UnicodeError):
            raise ValidationFailed({file_field: ["The form cannot be read"]}) from None
        yield form


async def _read(request: ApiRequest, boundary: str, file_field: str, form: Form) -> None:
    digest = hashlib.sha256()
    segment: MultipartSegment | None = None
    text = b""
    with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
        async for chunk in request.stream():
            for event in parser.parse(chunk) if chunk else ():
                if isinstance(event, MultipartSegment):
                    segment, text = event, b""
                    _begin(event, file_field, form)
                    digest.update(f"\n{event.name}\n".encode())
                elif event is None:
                    if segment is not None and segment.name != file_field:
                        form.fields[segment.name] = _decoded(segment.name, text)
                    digest.update(b"\n")
                elif segment is not None:
                    digest.update(event)
                    if segment.name == file_field:
                        form.file.write(event)
                    elif len(text) + len(event) > _MAX_FIELD:
                        raise ValidationFailed(
                            {segment.name: [f"must not be greater than {_MAX_FIELD} bytes"]}
                        )
                    else:
                        text += event
    form.digest = digest.digest()


def _begin(segment: MultipartSegment, file_field: str, form: Form) -> None:
    if segment.name in form.fields or (segment.name == file_field and form.has_file):
        raise ValidationFailed({segment.name: ["must be given only once"]})
    if segment.name == file_field:
        form.has_file, form.file_name = True, segment.filename


def _decoded(name: str, text: bytes) -> str:
    value = text.decode("utf-8")
    if "\x00" in value:
        raise ValidationFailed({name: ["must not contain NUL characters"]})
    return value


def _folder(data_dir: Path) -> Path | None:
    """Return where there is room for large files: the system's own folder may be in memory."""
    return data_dir if data_dir.is_dir() and os.access(data_dir, os.W_OK) else None
