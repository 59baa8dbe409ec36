"""Every kind of job, one file each; a new kind is a new file here and one line in KINDS."""

from rasl.dispatch.kind import Kind
from rasl.dispatch.kinds.fanning import Fanning
from rasl.dispatch.kinds.importing import Importing
from rasl.dispatch.kinds.media import ReceivingMedia
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.kinds.telling import Telling
from rasl.dispatch.kinds.ungrouping import Ungrouping
from rasl.dispatch.kinds.webhooks import Delivering

KINDS: tuple[type[Kind], ...] = (
    Sending,
    ReceivingMedia,
    Importing,
    Ungrouping,
    Telling,
    Fanning,
    Delivering,
)
