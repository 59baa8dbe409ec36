"""What a worker does now and then. Each act stands for itself: none waits for another, or fails with it."""

from collections.abc import Sequence

from rasl.dispatch.guard import Act
from rasl.dispatch.loop import Loop
from rasl.services.imports import uploads
from rasl.services.operators import deleting, purging
from rasl.services.otp import guard, passwords
from rasl.services.sending.outbox import Outbox
from rasl.services.templates import sync
from rasl.services.webhooks import waking

_MINUTE = 60.0


def acts(outbox: Outbox, loops: Sequence[Loop]) -> tuple[Act, ...]:
    """Return everything that is done now and then, with its rhythm in seconds."""
    resources = outbox.resources
    database, settings = resources.database, resources.settings
    ground = purging.Ground(database, resources.media_store)
    return (
        *(
            Act(f"keep leases of {loop.kind.name} jobs", settings.lease_seconds / 3, loop.extend_leases)
            for loop in loops
        ),
        Act("erase expired codes", _MINUTE, lambda: passwords.sweep(database)),
        Act("watch for pumping", _MINUTE, lambda: guard.raise_alarms(database, settings)),
        # Notices get lost, and some changes have none. A reading may be cut off: what it has written is right.
        Act("read templates from Meta", 10.0, lambda: sync.reconcile_all(resources)),
        Act("wake webhooks that waited", 1.0, lambda: waking.wake_all(database)),
        Act("give up imports", 5 * _MINUTE, lambda: uploads.give_up_old(database)),
        Act("delete tenants", _MINUTE, lambda: deleting.finish_all(database, resources.media_store)),
        Act("drop what is past its time", 5 * _MINUTE, lambda: purging.run_beside(ground, settings)),
    )
