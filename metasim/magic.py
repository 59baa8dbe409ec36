"""Recipients whose fate is known beforehand, for demos that need no set-up."""

from typing import NamedTuple

from metasim.faults import Effect

Ladder = tuple[str, ...]

NORMAL: Ladder = ("sent", "delivered", "read")


class Magic(NamedTuple):
    """What happens to a message for one of the numbers."""

    outcome: str
    ladder: Ladder = NORMAL
    effect: Effect | None = None
    is_alternating: bool = False
    delay_after: float = 0.0


MAGIC: dict[str, Magic] = {
    "15550100001": Magic("sent, delivered, read"),
    "15550100002": Magic("sent and delivered, never read", ("sent", "delivered")),
    "15550100003": Magic("accepted, then failed with 131026", effect=Effect("error", 131026)),
    "15550100004": Magic("accepted, then failed with 131047", effect=Effect("error", 131047)),
    "15550100005": Magic("accepted, then failed with 131049", effect=Effect("error", 131049)),
    "15550100006": Magic(
        "refused with 131056 the first time, fine the next",
        effect=Effect("error", 131056),
        is_alternating=True,
    ),
    "15550100007": Magic(
        "refused with 130429 the first time, fine the next",
        effect=Effect("error", 130429),
        is_alternating=True,
    ),
    "15550100008": Magic("accepted at once, answered after 5 seconds", delay_after=5.0),
    "15550100009": Magic(
        "accepted, the connection closes without an answer, statuses arrive",
        effect=Effect("drop_after_accept"),
    ),
    "15550100010": Magic("not accepted, an HTML 502 instead of an answer", effect=Effect("html_502")),
    "15550100011": Magic("every status twice", ("sent", "sent", "delivered", "delivered", "read", "read")),
    "15550100012": Magic("statuses out of order: read, delivered, sent", ("read", "delivered", "sent")),
    "15550100013": Magic("sent, never delivered", ("sent",)),
    "15550100014": Magic("not accepted, the connection is reset", effect=Effect("reset")),
    "15550100015": Magic("read without delivered", ("sent", "read")),
    "15550100016": Magic("failed with 131026, yet delivered afterwards", ("failed:131026", "delivered")),
}


class MagicBook:
    """Remembers whose turn it is at the alternating numbers."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, str], bool] = {}

    def find(self, phone_number_id: str, wa_id: str) -> Magic | None:
        """The fate of a message to this recipient, or nothing special."""
        magic = MAGIC.get(wa_id)
        if magic is None or not magic.is_alternating:
            return magic
        key = (phone_number_id, wa_id)
        refuses = self._turns.get(key, True)
        self._turns[key] = not refuses
        return magic if refuses else magic._replace(effect=None)
