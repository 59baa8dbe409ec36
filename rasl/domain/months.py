"""Months as a tenant's calendar has them: plans count conversations by them."""

import datetime as dt
import zoneinfo


def month_of(moment: dt.datetime, time_zone: str) -> dt.date:
    """Return the first day of the month that it is there at this moment."""
    local = moment.astimezone(dt.UTC if time_zone == "UTC" else zoneinfo.ZoneInfo(time_zone))
    return local.date().replace(day=1)
