"""Meta's signature over the raw bytes of a webhook (`X-Hub-Signature-256`)."""

import hashlib
import hmac


def is_signed(raw: bytes, header: str | None, app_secret: str) -> bool:
    """Tell whether the header is the signature of exactly these bytes under the app's secret."""
    if not header or not app_secret:
        return False
    # Bytes, because comparing texts outside ASCII raises instead of answering no.
    return hmac.compare_digest(header.encode(errors="replace"), sign(raw, app_secret).encode())


def sign(raw: bytes, app_secret: str) -> str:
    """Return the header value that Meta would send with these bytes."""
    return f"sha256={hmac.digest(app_secret.encode(), raw, hashlib.sha256).hex()}"
