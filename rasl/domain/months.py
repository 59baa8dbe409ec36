"""Months as a tenant's calendar has them: plans count conversations by them."""

import datetime as dt
import zoneinfo

# No zone is a day away from UTC: on these days it is the same month everywhere, and looking into a zone takes longer
# than all other rules of a send together.
_FIRST_SURE, _LAST_SURE = 2, 27


def month_of(moment: dt.datetime, time_zone: str) -> dt.date:
    """Return the first day of the month that it is there at this moment."""
    local = moment.astimezone(dt.UTC)
    if not (_FIRST_SURE <= local.day <= _LAST_SURE or time_zone == "UTC"):
        local = moment.astimezone(zoneinfo.ZoneInfo(time_zone))
    return dt.date(local.year, local.month, 1)
