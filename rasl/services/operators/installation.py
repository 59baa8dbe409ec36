"""The installation's secret key: one for all processes and for ever, as nothing that is stored opens with another."""

import hmac

from rasl.db import installation as rows
from rasl.db.installation import Connection
from rasl.sealing import Sealer

WRONG_KEY_CURE = (
    "Set RASL_SECRET_KEY (or the data folder's secret.key) to the key they were stored with; if it is lost for good, "
    "run rasl migrate --adopt-key and store them again with rasl whatsapp connect."
)


class WrongKeyError(Exception):
    """The secret key is not the one of this installation; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            f"The secret key is not the one that this database's secrets are stored with: {WRONG_KEY_CURE}"
        )


async def check_key(db: Connection, sealer: Sealer) -> None:
    """Raise WrongKeyError when the installation is known to have another key; changes nothing."""
    known = await rows.find_key_check(db)
    if known is not None and not hmac.compare_digest(known, key_check(sealer)):
        raise WrongKeyError


async def claim_key(db: Connection, sealer: Sealer) -> None:
    """Make the key the installation's if it has none yet; raises WrongKeyError when another one is it.

    An installation older than this check is known by its secrets: a key that opens one of them is the right one, one
    that opens none is not. Of several processes that come first, one decides; call it outside of a transaction.
    """
    known = await rows.find_key_check(db)
    if known is None:
        secrets = await rows.list_secrets(db)
        if secrets and not any(sealer.opens(row["sealed"], row["purpose"]) for row in secrets):
            raise WrongKeyError
        known = await rows.keep_key_check(db, key_check(sealer))
    if not hmac.compare_digest(known, key_check(sealer)):
        raise WrongKeyError


async def adopt_key(db: Connection, sealer: Sealer) -> None:
    """Make the key the installation's although another one was: what is stored with that one stays closed."""
    await rows.replace_key_check(db, key_check(sealer))


def key_check(sealer: Sealer) -> bytes:
    """Return the digest by which an installation knows its secret key."""
    return sealer.digest("installation", "key check")
