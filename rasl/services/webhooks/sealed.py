"""What is sealed of an endpoint: its secrets, and the headers that its owner wants sent along."""

from collections.abc import Mapping, Sequence

import msgspec

from rasl.domain.webhook_signing import Secret
from rasl.sealing import Sealer

_SECRETS, _HEADERS = "webhook_secrets", "webhook_headers"


def seal_secrets(sealer: Sealer, secrets: Sequence[Secret]) -> bytes:
    """Seal the secrets of an endpoint."""
    return sealer.seal(msgspec.json.encode(secrets).decode(), _SECRETS)


def open_secrets(sealer: Sealer, sealed: bytes) -> list[Secret]:
    """Return the secrets of an endpoint, the newest first."""
    return msgspec.json.decode(sealer.unseal(sealed, _SECRETS), type=list[Secret])


def seal_headers(sealer: Sealer, headers: Mapping[str, str]) -> bytes | None:
    """Seal the headers of an endpoint; none are nothing."""
    return sealer.seal(msgspec.json.encode(headers).decode(), _HEADERS) if headers else None


def open_headers(sealer: Sealer, sealed: bytes | None) -> dict[str, str]:
    """Return the headers of an endpoint."""
    return {} if sealed is None else msgspec.json.decode(sealer.unseal(sealed, _HEADERS), type=dict[str, str])
