"""Addresses of files that work without a token, for a while."""

import base64
import datetime as dt
import hmac
import re
import struct

from rasl import clock
from rasl.sealing import Sealer
from rasl.services.ground.resources import Resources

PATH = "/media/"
_PAYLOAD = struct.Struct(">QQQ")  # tenant, file, the second at which it ends
_MAC_LENGTH = 18
_TOKEN = re.compile(r"[0-9A-Za-z_-]{56}")
_PURPOSE = "media link"


def signed_url(resources: Resources, tenant_id: int, media_id: int) -> str:
    """Return an address under which anybody can load a file until it expires."""
    settings = resources.settings
    expires_at = clock.now() + dt.timedelta(seconds=settings.media_url_seconds)
    return f"{settings.base_url}{PATH}{mint_token(resources.sealer, tenant_id, media_id, expires_at)}"


def mint_token(sealer: Sealer, tenant_id: int, media_id: int, expires_at: dt.datetime) -> str:
    """Return the signed part of an address."""
    payload = _PAYLOAD.pack(tenant_id, media_id, int(expires_at.timestamp()))
    return base64.urlsafe_b64encode(payload + _mac(sealer, payload)).decode()


def read_token(sealer: Sealer, token: str) -> tuple[int, int, int] | None:
    """Return tenant, file and the seconds it is still good for; None for what is not ours or has expired."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    payload, mac = raw[: _PAYLOAD.size], raw[_PAYLOAD.size :]
    if not hmac.compare_digest(mac, _mac(sealer, payload)):
        return None
    tenant_id, media_id, expires = _PAYLOAD.unpack(payload)
    left = expires - int(clock.now().timestamp())
    return (tenant_id, media_id, left) if left > 0 else None


def _mac(sealer: Sealer, payload: bytes) -> bytes:
    return sealer.digest(payload.hex(), _PURPOSE)[:_MAC_LENGTH]
