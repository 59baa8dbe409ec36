"""The form in which Meta takes files, written by hand so that its length is known while the file streams."""

import secrets
from collections.abc import AsyncIterator


class UploadForm:
    """One upload: `messaging_product`, `type`, and the file last."""

    def __init__(self, mime_type: str, filename: str) -> None:
        self._boundary = f"rasl-{secrets.token_hex(16)}"
        self._head = (
            self._field("messaging_product", "whatsapp")
            + self._field("type", mime_type)
            + (
                f'--{self._boundary}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{_quotable(filename)}"\r\nContent-Type: {mime_type}\r\n\r\n'
            ).encode()
        )
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        """Return the header that names the boundary."""
        return f"multipart/form-data; boundary={self._boundary}"

    def length(self, size: int) -> int:
        """Return how long the body is around a file of this size."""
        return len(self._head) + size + len(self._tail)

    async def body(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the form around a file."""
        yield self._head
        async for chunk in chunks:
            yield chunk
        yield self._tail

    def _field(self, name: str, value: str) -> bytes:
        return (
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        ).encode()


def _quotable(name: str) -> str:
    """Write a name as browsers do: what would end the quotes or the line is percent-encoded."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
