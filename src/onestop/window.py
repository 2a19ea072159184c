"""The hours of a day in which a source may be asked, in the province's local time; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_FORM = re.compile(r"(?P<start>[0-2]\d:[0-5]\d)\s*-\s*(?P<end>[0-2]\d:[0-5]\d)", re.ASCII)
_FIELD = re.compile(r"(?:\*|(?P<first>\d+)(?:-(?P<last>\d+))?)(?:/(?P<step>\d+))?", re.ASCII)


@dataclass(frozen=True)
class Window:
    """From `start`, included, to `end`, excluded; past midnight where the end is the earlier one."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Window:
        """`20:00-05:00`. Raises ValueError for anything else, and for a window of no length."""
        found = _FORM.fullmatch(text.strip())
        try:
            made = cls(time.fromisoformat(found["start"]), time.fromisoformat(found["end"])) if found else None
        except ValueError:  # 29:00
            made = None
        if made is None or made.start == made.end:
            raise ValueError('not two different local times, for example "20:00-05:00"')
        return made

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self.end:%H:%M}"

    def holds(self, clock: time) -> bool:
        """Whether a local time of day lies in it."""
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def is_open(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether a moment (aware) lies in it."""
        return self.holds(moment.astimezone(zone).time())

    def closes(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """When it closes next after a moment."""
        return _next(self.end, moment, zone)

    def allows(self, cron: str) -> bool:
        """Whether at least one time of day of a cron expression of five fields lies in it; True where that is unclear."""
        minutes, hours = (_values(field, most) for field, most in zip(cron.split()[:2], (59, 23), strict=True))
        if minutes is None or hours is None:
            return True
        return any(self.holds(time(hour, minute)) for hour in hours for minute in minutes)


def _next(clock: time, moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    found = datetime.combine(local.date(), clock, zone)
    return found if found > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)


def _values(field: str, most: int) -> set[int] | None:
    """The values of a cron field from 0 to `most`; None where it is of another form."""
    values: set[int] = set()
    for part in field.split(","):
        found = _FIELD.fullmatch(part)
        if not found or found["step"] == "0":
            return None
        first = int(found["first"] or 0)
        last = int(found["last"]) if found["last"] else first if found["first"] and not found["step"] else most
        values.update(range(first, min(last, most) + 1, int(found["step"] or 1)))
    return values
