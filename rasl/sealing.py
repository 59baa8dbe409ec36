"""Encryption at rest and keyed digests, all derived from RASL_SECRET_KEY."""

import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_LENGTH = 12
_MAC_LENGTH = 9
_HEX = re.compile(r"[0-9a-f]{1,16}")


class SealError(Exception):
    """A sealed value does not open: the secret key is not the one it was sealed with."""


class Sealer:
    """Seals secrets (AES-256-GCM) and derives keyed digests; every purpose has its own key."""

    def __init__(self, secret_key: str) -> None:
        self._root = hashlib.sha256(b"rasl secret key\x00" + secret_key.encode()).digest()
        self._cipher = AESGCM(self._key("seal"))
        self._opaque_key = self._key("opaque")

    def seal(self, plain: str, purpose: str) -> bytes:
        """Encrypt; the purpose, such as a column name, must be given again to open."""
        nonce = os.urandom(_NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, plain.encode(), purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> str:
        """Decrypt what seal() made; raises SealError."""
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], purpose.encode()
            ).decode()
        except (InvalidTag, ValueError):  # ValueError: too short to have been sealed at all
            raise SealError(
                f"{purpose} cannot be decrypted: RASL_SECRET_KEY is not the key it was stored with"
            ) from None

    def opens(self, sealed: bytes, purpose: str) -> bool:
        """Tell whether unseal() would succeed."""
        try:
            self.unseal(sealed, purpose)
        except SealError:
            return False
        return True

    def digest(self, text: str, purpose: str) -> bytes:
        """Return a keyed digest by which a secret can be recognised but not found."""
        return hmac.digest(self._key(purpose), text.encode(), "sha256")

    @property
    def stop_key(self) -> str:
        """The key by which the database knows the aliases of people who were erased after a STOP."""
        return self._key("erased stops").hex()

    def mint_opaque(self, tenant_id: int, message_id: int) -> str:
        """Return the id Meta echoes on every status of a message; says nothing to anyone but us."""
        return f"rasl1.{message_id:x}.{self._opaque_mac(tenant_id, message_id)}"

    def read_opaque(self, tenant_id: int, opaque: str) -> int | None:
        """Return the message id of an echo of ours for this tenant, None for anything else."""
        parts = opaque.split(".")
        if len(parts) != 3 or parts[0] != "rasl1" or not _HEX.fullmatch(parts[1]) or not parts[2].isascii():
            return None
        message_id = int(parts[1], 16)
        is_ours = message_id < 2**63 and hmac.compare_digest(
            self._opaque_mac(tenant_id, message_id), parts[2]
        )
        return message_id if is_ours else None

    def _opaque_mac(self, tenant_id: int, message_id: int) -> str:
        text = b"%d:%d" % (tenant_id, message_id)
        return hashlib.blake2b(text, key=self._opaque_key, digest_size=_MAC_LENGTH).hexdigest()

    def _key(self, purpose: str) -> bytes:
        return hmac.digest(self._root, purpose.encode(), "sha256")
