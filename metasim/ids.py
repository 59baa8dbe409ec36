"""Identifiers in the shapes Meta uses, from one seeded source."""

import hashlib
import itertools
from base64 import b64encode, urlsafe_b64encode
from random import Random

_COUNTRIES = {
    "1": "US", "7": "RU", "20": "EG", "27": "ZA", "31": "NL", "33": "FR", "34": "ES", "39": "IT", "44": "GB",
    "49": "DE", "52": "MX", "54": "AR", "55": "BR", "57": "CO", "61": "AU", "62": "ID", "90": "TR",
    "91": "IN", "234": "NG", "254": "KE", "351": "PT", "966": "SA", "971": "AE", "972": "IL",
}  # fmt: skip

_TO_BUSINESS, _FROM_BUSINESS = 0x12, 0x11


class Mint:
    """Makes every id; the same seed gives the same ids in the same order."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self._requests = itertools.count(self.random.getrandbits(40))

    def outbound_wamid(self, recipient: str) -> str:
        """An id for a message from the business to a user."""
        return _wamid(recipient, _FROM_BUSINESS, b"%018X" % self.random.getrandbits(72))

    def inbound_wamid(self, sender: str) -> str:
        """An id for a message from a user to the business."""
        return _wamid(sender, _TO_BUSINESS, b"%020X" % self.random.getrandbits(80))

    def digits(self) -> str:
        """A fifteen-digit object id."""
        return str(self.random.randrange(10**14, 10**15))

    def hex32(self) -> str:
        """Thirty-two lower-case hexadecimal digits."""
        return f"{self.random.getrandbits(128):032x}"

    def trace(self) -> str:
        """An fbtrace_id."""
        return "A" + urlsafe_b64encode(self.random.randbytes(16))[:22].decode()

    def request_id(self) -> bytes:
        """The value of x-fb-request-id."""
        return b"A%021x" % next(self._requests)


def _wamid(phone: str, direction: int, tail: bytes) -> str:
    digits = phone.encode()[:255]
    raw = b"\x1c\x18%c%b\x15\x02\x00%c\x18%c%b\x00" % (len(digits), digits, direction, len(tail), tail)
    return "wamid." + b64encode(raw).decode()


def user_id(phone: str) -> str:
    """The business-scoped user id that belongs to a phone number, always the same one."""
    country = next((_COUNTRIES[phone[:n]] for n in (3, 2, 1) if phone[:n] in _COUNTRIES), "ZZ")
    return f"{country}.{int.from_bytes(hashlib.blake2b(phone.encode(), digest_size=8).digest())}"
