"""The webhook field `messages` applied: each message and status goes to the number of ours that it names."""

import datetime as dt
from collections.abc import Sequence

from rasl import metrics
from rasl.db import ingests
from rasl.db.events import ORIGINALS
from rasl.db.pool import Db, Row
from rasl.db.statuses import Report
from rasl.graph.changes import Arrived, Change, InboundMessage, Refused, StatusChange
from rasl.sealing import Sealer
from rasl.services.inbound import letters
from rasl.services.inbound.letters import Letter
from rasl.services.inbound.numbers import hear
from rasl.services.inbound.others import tell
from rasl.services.sending import statuses
from rasl.services.sending.statuses import Originals

_OF_NUMBERS = (InboundMessage, StatusChange)


async def apply(db: Db, sealer: Sealer, arrived: Sequence[Arrived[Change]]) -> list[Refused]:
    """Apply messages first, then statuses: nobody's words wait for ticks. Returns what was not applied."""
    wanted = {item.change.phone_number_id for item in arrived if isinstance(item.change, _OF_NUMBERS)}
    numbers = await ingests.route(db, sorted(wanted)) if wanted else {}
    written: list[Letter] = []
    reports: list[Report] = []
    others: list[Arrived[Change]] = []
    originals: Originals = {}
    refused: list[Refused] = []
    heard: dict[int, tuple[Row, dt.datetime]] = {}
    for item in arrived:
        change = item.change
        if not isinstance(change, _OF_NUMBERS):
            metrics.APPLIED.labels("other").inc()
            others.append(item)
            continue
        number = _number(change, item.app_id, numbers)
        try:
            if isinstance(number, str):
                refused.append(Refused(item, number))
                continue
            heard[number["id"]] = number, item.received_at
            original = item.part.original() if item.part and ORIGINALS in number["webhook_events"] else None
            if isinstance(change, InboundMessage):
                written.append(letters.letter_of(change, number, item.received_at, original))
            else:
                report = _report(sealer, change, number, item)
                reports.append(report)
                if original is not None:
                    originals[report.tenant_id, report.wamid, report.status] = original
        except Exception as error:  # noqa: BLE001 - one delivery's oddity is not the others'
            refused.append(Refused(item, error))
    await hear(db, heard)
    if written:
        await letters.store(db, sealer, written)
    if reports:
        await statuses.apply(db, reports, originals)
    if others:
        await tell(db, others)
    return refused


def _number(change: InboundMessage | StatusChange, app_id: int, numbers: dict[str, Row]) -> Row | str:
    """Return the number of ours that a change is about, or why it must not be applied."""
    number = numbers.get(change.phone_number_id)
    if number is None:
        return "no connected number has this phone_number_id"
    if number["app_id"] != app_id:
        # One customer's app must not be able to speak for another customer's number.
        return "the number is connected through another Meta app"
    if isinstance(change, InboundMessage) and change.group_id is not None:
        return "group messages are not supported yet"
    return number


def _report(sealer: Sealer, change: StatusChange, number: Row, arrived: Arrived[Change]) -> Report:
    tenant_id = number["tenant_id"]
    failure = change.errors[0] if change.errors else None
    return Report(
        tenant_id=tenant_id,
        wamid=change.wamid,
        status=change.status.value,
        occurred_at=change.timestamp or arrived.received_at,
        message_id=sealer.read_opaque(tenant_id, change.opaque) if change.opaque else None,
        wa_id=change.recipient_wa_id,
        code=failure.code if failure else None,
        title=failure.title if failure else None,
        details=(failure.details or failure.message) if failure else None,
        pricing=change.pricing,
    )
