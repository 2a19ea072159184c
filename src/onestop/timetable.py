"""When runs are due: the crons that stand in no province.yml, and the last time that one was due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from onestop.window import Window

REFERENCE_EVERY = "30 1 * * *"
TRANSFORM_EVERY = "30 4 * * *"
MAINTENANCE_EVERY = "0 21 * * *"
WATCH_EVERY = "7 * * * *"
_MOST_LOOKS = 2000  # times of a cron looked at for one inside of the window


def last_due(cron: str, at: datetime, zone: ZoneInfo, window: Window | None = None) -> datetime | None:
    """The last time at or before a moment at which a cron was due, inside of the window; None: never.

    A time of the wall clock that a change of the zone's clock leaves out is due when the clock has passed it.
    """
    from croniter import CroniterBadDateError, croniter

    # On the wall clock, without the zone: the library's own handling of zones moves a night's run by an hour.
    wall = at.astimezone(zone).replace(tzinfo=None)
    times = croniter(cron, wall + timedelta(seconds=1))
    try:
        for _ in range(_MOST_LOOKS):
            due = cast(datetime, times.get_prev(datetime)).replace(tzinfo=zone)
            if window is None or window.is_open(due, zone):
                return due
    except CroniterBadDateError:
        return None
    return None
